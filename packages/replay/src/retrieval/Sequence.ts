/**
 * The numbers by which transitions are known to an index: transition i of entry `seq` is seq x 2^20 + i.
 * Of a trajectory of more than 2^20 transitions only the first 2^20 have one, so only those are found.
 */
import type { Entry } from "../Kept.ts"
import type * as VectorIndex from "./VectorIndex.ts"

const stride = 2 ** 20

export const lengthOf = ({ realSteps, syntheticSteps }: Entry): number =>
  Math.min(stride, realSteps + syntheticSteps)

/** In the order of the transitions. */
export const all = (entry: Entry): ReadonlyArray<number> =>
  Array.from({ length: lengthOf(entry) }, (_, i) => of(entry.seq, i))

/** The number of transition `index` of entry `seq`. */
export const of = (seq: number, index: number): number => seq * stride + index

/** The entry's `seq` and the transition's place. */
export const parts = (sequence: number): readonly [number, number] => [
  Math.floor(sequence / stride),
  sequence % stride
]

/** The greatest of all, 0 where there is none. */
export const greatestOf = (entries: Iterable<Entry>): number => {
  let greatest = 0
  for (const entry of entries) {
    const length = lengthOf(entry)
    if (length > 0) greatest = Math.max(greatest, entry.seq * stride + length - 1)
  }
  return greatest
}

/** What an index knows of a transition. A quality that is not finite counts as the greatest or least number. */
export const row = (
  { environment, id, quality, task, version }: Entry,
  sequence: number,
  isReal: boolean,
  vector: Float32Array
): VectorIndex.Entry => ({
  sequence,
  isReal,
  vector,
  task,
  environment,
  trajectory: id,
  version,
  quality: Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, quality))
})
