/**
 * The contract of the quality filter: which synthetic trajectories may teach.
 * A rejection carries its reason; it is not a punishment: a rejected trajectory is dropped, not given reward 0.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Trajectory } from "./Trajectory.ts"
import type { Verdict } from "./Verdict.ts"

export { Rejection, Verdict } from "./Verdict.ts"

/**
 * The filter could not judge, which says nothing of the trajectory. `Unavailable`: whom the rule asks (a judge model, the experience
 * model, the buffer) did not answer. `BadAnswer`: the answer is none (a probability of 7, a score that is not on the scale).
 * `rule` is the name of the rule, `message` says who failed and what helps.
 */
export class QualityFilterError extends Schema.TaggedError<QualityFilterError>()(
  "QualityFilterError",
  {
    reason: Schema.Literals(["Unavailable", "BadAnswer"]),
    rule: Schema.String,
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

export class QualityFilter extends Context.Service<
  QualityFilter,
  {
    readonly judge: (trajectory: Trajectory) => Effect.Effect<Verdict, QualityFilterError>
  }
>()("@dreamgym/domain/QualityFilter") {}
