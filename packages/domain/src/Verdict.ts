/**
 * What the quality filter said of a trajectory: accepted or rejected, why, and by what scores.
 * A rejection is no punishment: what is rejected does not teach, and no reward is changed.
 */
import * as Schema from "effect/Schema"

/**
 * Fault: the episode failed. Empty: no transition. Malformed: a reply that does not follow from its action.
 * Contradiction: the text contradicts itself. UnearnedReward: a reward that the text does not support.
 * MissedReward: the text shows success, no reward was given. Duplicate: already in the buffer. TooLong: over the bound on text size.
 * Unlikely: the experience model itself gave its words too little probability. Unstable: asked again, it answered otherwise.
 * ImplausibleReward: a verifier contradicts the reward. Judged: a judge model scored it too low. NoContrast: all of its group got
 * the same return. AllFailed: none of its group succeeded. SmallGroup: too few of its group are left to compare.
 */
export const Rejection = Schema.Literals([
  "Fault",
  "Empty",
  "Malformed",
  "Contradiction",
  "UnearnedReward",
  "MissedReward",
  "Duplicate",
  "TooLong",
  "Unlikely",
  "Unstable",
  "ImplausibleReward",
  "Judged",
  "NoContrast",
  "AllFailed",
  "SmallGroup"
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
