/**
 * The trajectories of a store that were used last, by their numbers.
 * It is no truth: what is not in it is in the database.
 */
import type { Trajectory } from "@dreamgym/domain"

export interface StoreCache {
  readonly get: (seq: number) => Trajectory.Trajectory | undefined
  readonly put: (seq: number, trajectory: Trajectory.Trajectory) => void
  readonly remove: (seq: number) => void
  readonly clear: () => void
}

/** Of more than `capacity` the one that was used longest ago goes. */
export const make = (capacity: number): StoreCache => {
  const bySeq = new Map<number, Trajectory.Trajectory>()
  const put = (seq: number, trajectory: Trajectory.Trajectory): void => {
    bySeq.delete(seq)
    bySeq.set(seq, trajectory)
    for (const oldest of bySeq.keys()) {
      if (bySeq.size <= capacity) return
      bySeq.delete(oldest)
    }
  }
  return {
    get: (seq) => {
      const found = bySeq.get(seq)
      if (found !== undefined) put(seq, found)
      return found
    },
    put,
    remove: (seq) => void bySeq.delete(seq),
    clear: () => bySeq.clear()
  }
}
