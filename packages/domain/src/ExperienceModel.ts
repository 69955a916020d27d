/**
 * The contract of the experience model (paper, Eq. 4): it reasons, then says what the action brings.
 * It is not an environment: `SyntheticEnvironment` drives it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Ending } from "./Ending.ts"
import type { History } from "./History.ts"
import type { Demonstration } from "./ReplayBuffer.ts"
import type { Task } from "./Task.ts"

/** `Malformed`: the reply does not parse; it ends the episode as a fault, never as a reward. */
export class PredictionError extends Schema.TaggedError<PredictionError>()("PredictionError", {
  reason: Schema.Literals(["Malformed", "Unavailable", "Timeout"]),
  model: Schema.String,
  message: Schema.String,
  reply: Schema.optionalKey(Schema.String),
  cause: Schema.optionalKey(Schema.Defect())
}) {}

export interface PredictionRequest {
  readonly task: Task
  readonly history: History
  readonly action: string
  readonly demonstrations: ReadonlyArray<Demonstration>
  readonly key: number
}

/**
 * `reward` is 1 only at the last step of a task that is done, else 0. `tokens` counts prompt and completion, of which the prompt has
 * `promptTokens`; `promptHash` is its SHA-256 (hex). Both are absent where no prompt was read.
 */
export interface Prediction {
  readonly reasoning: string
  readonly observation: string
  readonly reward: number
  readonly ending?: Ending
  readonly tokens: number
  readonly promptTokens?: number
  readonly promptHash?: string
  readonly scores: Readonly<Record<string, number>>
}

export class ExperienceModel extends Context.Service<
  ExperienceModel,
  {
    readonly name: string
    readonly version: Effect.Effect<number>
    readonly predict: (request: PredictionRequest) => Effect.Effect<Prediction, PredictionError>
  }
>()("@dreamgym/domain/ExperienceModel") {}
