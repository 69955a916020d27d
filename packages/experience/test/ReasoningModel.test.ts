import { assert, describe, it } from "@effect/vitest"
import { Ending, History, Lockstep } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { Format, ReasoningModel } from "../src/index.ts"
import {
  boxTask,
  broken,
  demonstrationOf,
  knownWorlds,
  listing,
  scripted,
  trajectoryOf
} from "./boxes.ts"

const task = boxTask("a", "key")
const history = History.fromTurns("You see box 1, box 2.", [
  { action: "open box 1", observation: listing("box 1", "pen 1") }
])
const request = { task, history, action: "open box 2", demonstrations: [], key: 11 }
const shown = trajectoryOf("t1", task, [
  ["open box 1", listing("box 1", "pen 1")],
  ["open box 2", listing("box 2", "")]
])

describe("ReasoningModel", () => {
  it.effect("asks with the abstract state and rules out what would contradict it", () =>
    Effect.gen(function* () {
      const { batches, model } = scripted(() => "works. progress 1 <obs> You see a key 1. <win>")
      const experience = ReasoningModel.make(model, { knowledge: knownWorlds, maxTokens: 40 })
      assert.deepStrictEqual(yield* experience.predict(request), {
        reasoning: "works. progress 1",
        observation: "You see a key 1.",
        reward: 1,
        ending: Ending.terminated(true),
        tokens: 23,
        promptTokens: 13,
        promptHash: "eaee66bcb8c9a0a141fcbbb47006e3523cce38728866b8ce358a5a18ebb81f75",
        scores: { meanLogProbability: -0.75, minLogProbability: -1, tokens: 23 }
      })
      assert.deepStrictEqual(batches, [
        [
          {
            text: "key pen 1 box 1 unseen box 2 <act> open box 2 <think>",
            key: 11,
            maxTokens: 40,
            temperature: 1,
            minP: 0.03,
            stop: ["<act>", "<win>"],
            forbidden: ["pen 1"],
            once: ["key 1"],
            matches: { goal: ["key"] }
          }
        ]
      ])
      assert.strictEqual(experience.name, "script")
      assert.strictEqual(yield* experience.version, 3)
    })
  )

  it.effect(
    "asks a model that knows nothing of the world in plain words, without constraints",
    () =>
      Effect.gen(function* () {
        const { batches, model } = scripted(() => "It opens. <obs> You see nothing. <act>")
        const experience = ReasoningModel.make(model, {
          knowledge: () => undefined,
          temperature: 0,
          minP: 0,
          name: "large"
        })
        const { ending, observation, reward } = yield* experience.predict(request)
        assert.deepStrictEqual(
          { ending, observation, reward },
          {
            ending: undefined,
            observation: "You see nothing.",
            reward: 0
          }
        )
        assert.deepStrictEqual(batches, [
          [
            {
              text: Format.plainPredictionPrompt(task, history, "open box 2", []),
              key: 11,
              maxTokens: 128,
              temperature: 0,
              minP: 0,
              stop: ["<act>", "<win>"]
            }
          ]
        ])
      })
  )

  it.effect("shows no more demonstrations than it was told", () =>
    Effect.gen(function* () {
      const demonstrations = [demonstrationOf(shown, 0), demonstrationOf(shown, 1)]
      const options = { knowledge: knownWorlds, demonstrations: 1 }
      assert.strictEqual(
        ReasoningModel.promptOf(options, { ...request, demonstrations }).text,
        "<demo> open box 1 <obs> In the box 1 you see a pen 1. key pen 1 box 1 unseen box 2 <act> open box 2 <think>"
      )
    })
  )

  it.effect("answers a wave with one batch, and each request by itself", () =>
    Effect.gen(function* () {
      const { batches, model } = scripted((prompt) =>
        prompt.key === 2 ? "nonsense" : `works. <obs> Answer ${prompt.key}. <act>`
      )
      const experience = ReasoningModel.make(model, { knowledge: knownWorlds })
      const answers = yield* Lockstep.wave(
        [1, 2, 3].map((key) =>
          experience.predict({ ...request, key }).pipe(
            Effect.match({
              onFailure: (error) => error.reason,
              onSuccess: (prediction) => prediction.observation
            })
          )
        )
      )
      assert.deepStrictEqual(answers, ["Answer 1.", "Malformed", "Answer 3."])
      assert.deepStrictEqual(
        batches.map((batch) => batch.map((prompt) => prompt.key)),
        [[1, 2, 3]]
      )
    })
  )

  it.effect("scores no likelihood where the language model tells none: it would seem certain", () =>
    Effect.gen(function* () {
      const { model } = scripted(() => "works. <obs> You see nothing. <act>")
      const silent: typeof model = {
        ...model,
        generate: (prompts) =>
          Effect.map(model.generate(prompts), (completions) =>
            completions.map((completion) => ({ ...completion, logProbabilities: [] }))
          )
      }
      const { scores } = yield* ReasoningModel.make(silent, { knowledge: knownWorlds }).predict(
        request
      )
      assert.deepStrictEqual(scores, { tokens: 19 })
    })
  )

  it.effect("keeps a bounded part of a malformed reply and says what is wrong with it", () =>
    Effect.gen(function* () {
      const { model } = scripted(() => `works. ${"x".repeat(600)} <act>`)
      const error = yield* Effect.flip(
        ReasoningModel.make(model, { knowledge: knownWorlds }).predict(request)
      )
      assert.deepStrictEqual(
        { reason: error.reason, model: error.model, message: error.message, reply: error.reply },
        {
          reason: "Malformed",
          model: "script",
          message:
            "the reply of script does not follow the format: it holds <obs> 0 times instead of once",
          reply: `works. ${"x".repeat(493)}`
        }
      )
    })
  )

  it.effect("names a cut reply and its remedy", () =>
    Effect.gen(function* () {
      const { model } = scripted(() => "works. <obs> You")
      const cut: typeof model = {
        ...model,
        generate: (prompts) =>
          Effect.map(model.generate(prompts), (completions) =>
            completions.map((completion) => ({ ...completion, finish: "Length" as const }))
          )
      }
      const error = yield* Effect.flip(
        ReasoningModel.make(cut, { knowledge: knownWorlds }).predict(request)
      )
      assert.strictEqual(
        error.message,
        "the reply of script does not follow the format: it does not end with <act> or <win>; it was cut at 3 tokens: raise maxTokens if that is common"
      )
    })
  )

  it.effect("gives each failure of the language model its own reason", () =>
    Effect.gen(function* () {
      const reasons = ["Unavailable", "Timeout", "Refused", "BadRequest", "BadResponse"] as const
      const seen = yield* Effect.forEach(reasons, (reason) =>
        Effect.flip(
          ReasoningModel.make(scripted(() => broken(reason)).model, {
            knowledge: knownWorlds
          }).predict(request)
        )
      )
      assert.deepStrictEqual(
        seen.map((error) => error.reason),
        ["Unavailable", "Timeout", "Malformed", "Unavailable", "Malformed"]
      )
    })
  )
})
