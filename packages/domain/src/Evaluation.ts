/**
 * The report of an evaluation: success in one environment, with its interval.
 * It is arithmetic on outcomes; who ran the episodes is the evaluator's business.
 */
import * as Schema from "effect/Schema"

/** `low` and `high` bound the Wilson 95 % interval of `rate`. Failed episodes are counted apart, in neither part of the rate. */
export const Evaluation = Schema.Struct({
  policy: Schema.String,
  environment: Schema.String,
  episodes: Schema.Int,
  successes: Schema.Int,
  faults: Schema.Int,
  rate: Schema.Number,
  low: Schema.Number,
  high: Schema.Number,
  meanSteps: Schema.Number,
  byKind: Schema.Record(
    Schema.String,
    Schema.Struct({ episodes: Schema.Int, successes: Schema.Int })
  )
})
export interface Evaluation extends Schema.Schema.Type<typeof Evaluation> {}

/** Wilson's score interval for a proportion (E. B. Wilson, 1927); `z` 1.96 for 95 %. No trials: [0, 1]. */
export const wilson = (
  successes: number,
  trials: number,
  z = 1.959963984540054
): { readonly low: number; readonly high: number } => {
  if (trials === 0) return { low: 0, high: 1 }
  const rate = successes / trials
  const centre = (rate + (z * z) / (2 * trials)) / (1 + (z * z) / trials)
  const half =
    (z * Math.sqrt((rate * (1 - rate)) / trials + (z * z) / (4 * trials * trials))) /
    (1 + (z * z) / trials)
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}
