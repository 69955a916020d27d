/**
 * What a buffer holds, counted and read back.
 * It changes nothing, and neither finds nor draws.
 */
import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Entry, Kept } from "./Kept.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** `duplicates` since the buffer was opened. */
export const statsOf = (
  entries: ReadonlyArray<Entry>,
  duplicates: number
): ReplayBuffer.BufferStats => {
  const judged = entries.filter(({ isRejected }) => !isRejected)
  return {
    trajectories: entries.length,
    realTransitions: judged.reduce((sum, { realSteps }) => sum + realSteps, 0),
    syntheticTransitions: judged.reduce((sum, { syntheticSteps }) => sum + syntheticSteps, 0),
    duplicates,
    successes: judged.filter(({ isSuccess }) => isSuccess).length,
    rejected: entries.length - judged.length
  }
}

/** Trajectories in memory at once. */
const pageSize = 128

/** Those that pass now, oldest first; what goes before it is read is left out. */
export const trajectories = (
  kept: Kept,
  filter: ReplayBuffer.TrajectoryFilter
): Stream.Stream<Trajectory.Trajectory, Failed> => {
  const entries = kept.entries().filter((entry) => passes(filter, entry))
  return Stream.paginate(0, (from) => {
    const next = from + pageSize
    return Effect.map(page(kept, entries.slice(from, next)), (some) => [
      some,
      next < entries.length ? Option.some(next) : Option.none()
    ])
  })
}

/** Where one of them went meanwhile, they are read one by one. */
const page = Effect.fnUntraced(function* (
  { read }: Kept,
  entries: ReadonlyArray<Entry>
): Effect.fn.Return<ReadonlyArray<Trajectory.Trajectory>, Failed> {
  const whole = yield* read(entries)
  if (whole !== undefined) return whole
  const found = yield* Effect.forEach(entries, (entry) => read([entry]))
  return found.flatMap((list) => list ?? [])
})

const passes = (filter: ReplayBuffer.TrajectoryFilter, entry: Entry): boolean =>
  isOr(filter.source, entry.isReal ? "Real" : "Synthetic") &&
  isOr(filter.environment, entry.environment) &&
  isOr(filter.task, entry.task) &&
  isOr(filter.isSuccess, entry.isSuccess) &&
  isOr(filter.isRejected, entry.isRejected) &&
  entry.quality >= (filter.leastQuality ?? Number.NEGATIVE_INFINITY) &&
  entry.version >= (filter.leastVersion ?? Number.NEGATIVE_INFINITY)

const isOr = <A>(wanted: A | undefined, value: A): boolean =>
  wanted === undefined || wanted === value
