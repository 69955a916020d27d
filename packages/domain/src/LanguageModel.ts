/**
 * The contract of a language model, ours or a served one: prompts in, completions with their exact tokens out.
 * It knows nothing of tasks or environments.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export class LanguageModelError extends Schema.TaggedError<LanguageModelError>()(
  "LanguageModelError",
  {
    reason: Schema.Literals(["Unavailable", "Timeout", "Refused", "BadRequest", "BadResponse"]),
    model: Schema.String,
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/**
 * One prompt. `key` alone decides its random numbers, whatever else is in the batch.
 * `allowed`: the completion must be one of these texts (admissible decoding); `forbidden` and `once` are words that may not
 * stand, or stand at most once, in the completion (in each of its parts, where special words part it). `matches` are exact-match features (`Knowledge`). A model that cannot honour
 * `allowed`, `forbidden`, `once` or `matches` fails with `BadRequest` rather than ignore it.
 * `temperature` 0 is greedy; `minP` drops tokens less probable than `minP` times the most probable one.
 */
export interface Prompt {
  readonly text: string
  readonly key: number
  readonly maxTokens: number
  readonly temperature: number
  readonly minP?: number
  readonly stop?: ReadonlyArray<string>
  readonly allowed?: ReadonlyArray<string>
  readonly forbidden?: ReadonlyArray<string>
  readonly once?: ReadonlyArray<string>
  readonly matches?: Readonly<Record<string, ReadonlyArray<string>>>
}

/**
 * A tokens: `ids`[A], `logProbabilities`[A] under the distribution that was sampled (after temperature and masks),
 * `choices`[A][*] where decoding was constrained. `text` includes the stop word. `value` where the model has a value head.
 */
export interface Completion {
  readonly text: string
  readonly finish: "Stop" | "Length"
  readonly promptIds: ReadonlyArray<number>
  readonly ids: ReadonlyArray<number>
  readonly logProbabilities: ReadonlyArray<number>
  readonly choices?: ReadonlyArray<ReadonlyArray<number>>
  readonly features?: ReadonlyArray<number>
  readonly value?: number
}

export interface Model {
  readonly name: string
  readonly version: Effect.Effect<number>
  readonly generate: (
    prompts: ReadonlyArray<Prompt>
  ) => Effect.Effect<ReadonlyArray<Completion>, LanguageModelError>
}

export class LanguageModel extends Context.Service<LanguageModel, Model>()(
  "@dreamgym/domain/LanguageModel"
) {}
