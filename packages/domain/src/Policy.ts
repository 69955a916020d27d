/**
 * The contract of what acts. Callers are plain per-episode programs; batching happens inside (`Lockstep`).
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { History } from "./History.ts"
import type { Task } from "./Task.ts"
import type { Action } from "./Trajectory.ts"

/** The policy could not act; the episode ends as `Failed{ Policy }`. */
export class PolicyError extends Schema.TaggedError<PolicyError>()("PolicyError", {
  reason: Schema.Literals(["NoAdmissibleAction", "Malformed", "Unavailable"]),
  policy: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** `key` is this decision's random key: the same key, state and version give the same action. */
export interface Decision {
  readonly task: Task
  readonly history: History
  readonly key: number
}

export class Policy extends Context.Service<
  Policy,
  {
    readonly name: string
    readonly version: Effect.Effect<number>
    readonly act: (decision: Decision) => Effect.Effect<Action, PolicyError>
  }
>()("@dreamgym/domain/Policy") {}
