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

export const constant = (value: number): Annealing => ({ from: value, to: value, over: 0 })

export const at = ({ from, over, to }: Annealing, step: number): number =>
  over <= 0 ? to : from + (to - from) * Math.max(0, Math.min(1, step / over))
