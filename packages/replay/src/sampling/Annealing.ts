/**
 * A number that changes over a run in a straight line and then stays.
 * It counts nothing; the caller says how far the run has come.
 */

/** `from` at step 0, `to` at step `over` and after; `over` 0 or less: always `to`. */
export interface Annealing {
  readonly from: number
  readonly to: number
  readonly over: number
}

/** A number that stays, or one that changes. */
export type Annealed = number | Annealing

export const at = (annealed: Annealed, step: number): number => {
  if (typeof annealed === "number") return annealed
  const { from, over, to } = annealed
  return over <= 0 ? to : from + (to - from) * Math.max(0, Math.min(1, step / over))
}
