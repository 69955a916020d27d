/**
 * The laws of an experience model: what a synthetic environment relies on when it makes an episode of predictions.
 * They do not say whether a prediction is true; fidelity is measured, not proved.
 */
import { Ending, type ExperienceModel, type ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { failsWith, holds, law, same, type Suite } from "./Law.ts"

export type Model = ExperienceModel.ExperienceModel["Service"]

/**
 * `requests` are questions that `model` can answer. `malformed`: the same kind of model over a language model whose replies
 * cannot be read. `evaluationData`: demonstrations from tasks that `model` was told to be for evaluation, where it can be told.
 */
export interface Options {
  readonly name: string
  readonly model: Effect.Effect<Model, unknown, Scope.Scope>
  readonly requests: ReadonlyArray<ExperienceModel.PredictionRequest>
  readonly malformed: Effect.Effect<Model, unknown, Scope.Scope>
  readonly evaluationData?: ReadonlyArray<ReplayBuffer.Demonstration>
}

export const experienceModelLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the experience model laws`,
  laws: [
    isRepeatable(options),
    rewardsOnlySuccess(options),
    neverRewardsTheUnreadable(options),
    countsItsTokens(options),
    ...(options.evaluationData === undefined
      ? []
      : [isBlindToEvaluationData(options, options.evaluationData)])
  ]
})

const isRepeatable = ({ model, requests }: Options) =>
  law(
    "the same request and key give the same prediction",
    Effect.gen(function* () {
      const { predict } = yield* model
      const once = yield* Effect.forEach(requests, predict)
      const again = yield* Effect.forEach(requests.toReversed(), predict)
      yield* same("the second predictions", again.toReversed(), once)
    })
  )

const rewardsOnlySuccess = ({ model, requests }: Options) =>
  law(
    "the reward is 1 where the prediction ends in success, else 0",
    Effect.gen(function* () {
      const { predict } = yield* model
      for (const { ending, reward } of yield* Effect.forEach(requests, predict)) {
        const isDone = ending !== undefined && Ending.isSuccess(ending)
        yield* same("the reward", reward, isDone ? 1 : 0)
        yield* holds(ending?._tag !== "Failed", "a fault is an error, not a prediction")
      }
    })
  )

const neverRewardsTheUnreadable = ({ malformed, requests }: Options) =>
  law(
    "a reply that cannot be read is an error, never a reward",
    Effect.gen(function* () {
      const { predict } = yield* malformed
      yield* Effect.forEach(requests, (request) =>
        failsWith("the prediction", predict(request), "PredictionError", "Malformed")
      )
    })
  )

const countsItsTokens = ({ model, requests }: Options) =>
  law(
    "tokens are counted, and scores are finite",
    Effect.gen(function* () {
      const { predict } = yield* model
      for (const { scores, tokens } of yield* Effect.forEach(requests, predict)) {
        yield* holds(Number.isInteger(tokens) && tokens >= 0, `it counts ${tokens} tokens`)
        yield* holds(
          Object.values(scores).every(Number.isFinite),
          `a score is no finite number: ${JSON.stringify(scores)}`
        )
      }
    })
  )

const isBlindToEvaluationData = (
  { model, requests }: Options,
  evaluationData: ReadonlyArray<ReplayBuffer.Demonstration>
) =>
  law(
    "evaluation data among the demonstrations changes nothing",
    Effect.gen(function* () {
      const { predict } = yield* model
      for (const request of requests) {
        const demonstrations = [...evaluationData, ...request.demonstrations]
        const shown = yield* Effect.exit(predict({ ...request, demonstrations }))
        if (shown._tag === "Success") {
          yield* same("the prediction", shown.value, yield* predict(request))
        }
      }
    })
  )
