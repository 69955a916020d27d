/**
 * The contract of the quality filter: which synthetic trajectories may teach.
 * A rejection carries its reason; it is not a punishment: a rejected trajectory is dropped, not given reward 0.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Trajectory } from "./Trajectory.ts"

/**
 * Fault: the episode failed. Empty: no transition. Malformed: a reply that does not follow from its action.
 * Contradiction: the text contradicts itself. UnearnedReward: a reward that the text does not support.
 * MissedReward: the text shows success, no reward was given. Duplicate: already in the buffer. TooLong: over the bound on text size.
 */
export const Rejection = Schema.Literals([
  "Fault",
  "Empty",
  "Malformed",
  "Contradiction",
  "UnearnedReward",
  "MissedReward",
  "Duplicate",
  "TooLong"
])
export type Rejection = typeof Rejection.Type

export const Verdict = Schema.TaggedUnion({
  Accepted: { scores: Schema.Record(Schema.String, Schema.Number) },
  Rejected: {
    reason: Rejection,
    message: Schema.String,
    scores: Schema.Record(Schema.String, Schema.Number)
  }
})
export type Verdict = typeof Verdict.Type

export class QualityFilter extends Context.Service<
  QualityFilter,
  {
    readonly judge: (trajectory: Trajectory) => Effect.Effect<Verdict>
  }
>()("@dreamgym/domain/QualityFilter") {}
