import { Ending, ExperienceModel, History } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Arbitraries, ExperienceModelLaws } from "../src/index.ts"
import { actions, task } from "./door.ts"
import { provenLaws } from "./mutations.ts"

const [secret, open] = fc.sample(Arbitraries.demonstration, { numRuns: 2, seed: 1 })
const evaluationData = [secret].filter((one) => one !== undefined)
const demonstrations = [open].filter((one) => one !== undefined)

const requests = actions.map((action, key) => ({
  task,
  history: History.start("the door is unlocked"),
  action,
  demonstrations,
  key
}))

type Predict = ExperienceModelLaws.Model["predict"]
type Change = (
  prediction: ExperienceModel.Prediction,
  request: ExperienceModel.PredictionRequest
) => ExperienceModel.Prediction

const dreamer: Predict = ({ action, demonstrations: shown, key }) =>
  Effect.succeed({
    reasoning: `like ${shown.length - shown.filter((one) => one === secret).length}, ${key}`,
    observation: action === "push" ? "the door is open" : "the door is unlocked",
    reward: action === "push" ? 1 : 0,
    ...(action === "push" ? { ending: Ending.terminated(true) } : {}),
    tokens: 12,
    scores: { probability: 0.5 }
  })

const modelOf = (predict: Predict) =>
  Effect.succeed(
    ExperienceModel.ExperienceModel.of({ name: "toy", version: Effect.succeed(0), predict })
  )

const unreadable: Predict = () =>
  Effect.fail(
    new ExperienceModel.PredictionError({
      reason: "Malformed",
      model: "toy",
      message: "no <obs>",
      reply: "?"
    })
  )

const suite = (change: Change = (prediction) => prediction, malformed: Predict = unreadable) =>
  ExperienceModelLaws.experienceModelLaws({
    name: "a dreamer of doors",
    model: modelOf((request) =>
      Effect.map(dreamer(request), (prediction) => change(prediction, request))
    ),
    requests,
    malformed: modelOf(malformed),
    evaluationData
  })

let asked = 0

provenLaws(suite(), {
  "the same request and key give the same prediction": {
    broken: suite((prediction) => ({ ...prediction, reasoning: `${asked++}` })),
    because: /the second predictions: expected/
  },
  "the reward is 1 where the prediction ends in success, else 0": {
    broken: suite(({ ending: _, ...prediction }) => prediction),
    because: /the reward: expected 0, found 1/
  },
  "a reply that cannot be read is an error, never a reward": {
    broken: suite(undefined, dreamer),
    because: /the prediction: expected PredictionError Malformed, it answered/
  },
  "tokens are counted, and scores are finite": {
    broken: suite((prediction) => ({ ...prediction, scores: { probability: Number.NaN } })),
    because: /a score is no finite number/
  },
  "evaluation data among the demonstrations changes nothing": {
    broken: suite((prediction, request) => ({
      ...prediction,
      reasoning: `${request.demonstrations.length}`
    })),
    because: /the prediction: expected .*"1".*found .*"2"/s
  }
})
