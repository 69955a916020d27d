/**
 * The contract of the learner: trajectory groups in, a new policy version out. The trainer never sees a token.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { TrajectoryGroup } from "./Trajectory.ts"

/**
 * `NotFinite`: loss or gradient is no number; the parameters are as they were before the update. `BadOptions`: settings that
 * contradict one another or the model, refused before anything is computed.
 */
export class LearnerError extends Schema.TaggedError<LearnerError>()("LearnerError", {
  reason: Schema.Literals(["NotFinite", "NoTokens", "Engine", "BadState", "BadOptions"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** `metrics` use the field's names: `losses/policy_loss`, `losses/approx_kl`, `losses/clipfrac`, `charts/episodic_return`. */
export interface UpdateStats {
  readonly policyVersion: number
  readonly trajectories: number
  readonly decisions: number
  readonly metrics: Readonly<Record<string, number>>
}

/** `state` and `restore` carry parameters, optimizer moments and the version: an update after `restore` is bit for bit the same. */
export class Learner extends Context.Service<
  Learner,
  {
    readonly update: (
      groups: ReadonlyArray<TrajectoryGroup>
    ) => Effect.Effect<UpdateStats, LearnerError>
    readonly state: Effect.Effect<Readonly<Record<string, Uint8Array>>, LearnerError>
    readonly restore: (
      state: Readonly<Record<string, Uint8Array>>
    ) => Effect.Effect<void, LearnerError>
  }
>()("@dreamgym/domain/Learner") {}
