import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Constraint, Transformer } from "../../src/index.ts"
import { configOf, inline, parametersOf } from "./transformer.ts"

const { Decoding } = Transformer

describe("Decoding", () => {
  it.effect.each([
    ["EmptyPrompt", "no token", { prompt: [] }],
    [
      "TooLong",
      "the prompt has 64 tokens, but the cache holds 64",
      { prompt: new Array(64).fill(1) }
    ],
    ["UnknownToken", "token id 40 is not in the vocabulary of 40", { prompt: [1, 40] }],
    ["UnknownToken", "token id -1", { prompt: [1, -1] }],
    ["UnknownToken", "token id 1.5", { stops: [1.5] }],
    ["UnknownToken", "allowed token id 77", { allowed: Constraint.fromSequences([[1, 77]], 0) }],
    [
      "NothingAllowed",
      "tree of allowed texts is empty",
      { allowed: Constraint.fromSequences([], 0) }
    ],
    ["BadSampling", "maxTokens 0", { maxTokens: 0 }],
    ["BadSampling", "temperature -1", { sampling: { temperature: -1 } }],
    ["BadSampling", "topP 0", { sampling: { topP: 0 } }]
  ] as const)("refuses a request that it cannot honour: %s, %s", ([reason, words, overrides]) =>
    Effect.gen(function* () {
      const config = configOf()
      const decoding = yield* Decoding.make({
        config,
        parameters: parametersOf(config, 9),
        capacity: 64
      })
      const ask = { prompt: [1], key: 1, maxTokens: 3 }
      const error = yield* Effect.flip(decoding.generate({ ...ask, ...overrides }))
      assert.instanceOf(error, Decoding.DecodingError)
      assert.strictEqual(error.reason, reason)
      assert.include(error.message, words)
      assert.lengthOf((yield* decoding.generate(ask)).ids, 3)
    }).pipe(inline)
  )

  it.effect.each([
    ["BadWeights", "lm_head.weight should be [40, 16] but is absent", { tieEmbeddings: false }, {}],
    [
      "BadWeights",
      "model.embed_tokens.weight should be [40, 16] but is [40, 32]",
      {},
      { hiddenSize: 32 }
    ],
    ["BadSize", "capacity is 300", {}, {}]
  ] as const)("is not made of what does not fit: %s, %s", ([reason, words, asked, given]) =>
    Effect.gen(function* () {
      const parameters = parametersOf(configOf(given), 1)
      const capacity = reason === "BadSize" ? { capacity: 300 } : {}
      const error = yield* Effect.flip(
        Effect.scoped(Decoding.make({ config: configOf(asked), parameters, ...capacity }))
      )
      assert.strictEqual(error.reason, reason)
      assert.include(error.message, words)
    }).pipe(inline)
  )

  it.effect("fails only the text whose own function breaks, and all in hand where ours does", () =>
    Effect.gen(function* () {
      const config = configOf()
      let isBroken = false
      const version = Effect.sync(() => {
        if (isBroken) throw new Error("no version")
        return 0
      })
      const decoding = yield* Decoding.make({
        config,
        parameters: parametersOf(config, 9),
        version
      })
      const ask = { prompt: [1], key: 1, maxTokens: 3 }
      const isOver = () => {
        throw new Error("no end")
      }
      const [broken, fine] = yield* Effect.all(
        [Effect.flip(decoding.generate({ ...ask, isOver })), decoding.generate(ask)],
        { concurrency: "unbounded" }
      )
      assert.include(broken.message, "no end")
      assert.lengthOf(fine.ids, 3)
      isBroken = true
      const error = yield* Effect.flip(decoding.generate(ask))
      assert.deepInclude({ ...error }, { reason: "EngineFailed" })
      assert.include(error.message, "no version")
      isBroken = false
      assert.deepStrictEqual(yield* decoding.generate(ask), fine)
    }).pipe(inline)
  )
})
