import { Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Transformer } from "../../src/index.ts"
import {
  configOf,
  idsOf,
  inline,
  logProbabilityOf,
  parametersOf,
  recomputed
} from "./transformer.ts"

const { Decoding } = Transformer
type Generated = Transformer.Decoding.Generated
type Config = Transformer.Config.Config

const variants: ReadonlyArray<readonly [string, Partial<Config>]> = [
  ["shared heads", {}],
  [
    "a head of its own for each query, a separate vocabulary head",
    { keyValueHeads: 4, tieEmbeddings: false }
  ],
  ["biases and a critic", { family: "qwen2", attentionBias: "queryKeyValue", hasValue: true }],
  ["normed queries and keys", { family: "qwen3", queryKeyNorm: true, headDimension: 8 }],
  [
    "LayerNorm, GELU and biases",
    { family: "starcoder2", norm: "layer", mlp: "geluTanh", attentionBias: "all", mlpBias: true }
  ],
  [
    "exact GELU and stretched positions",
    {
      mlp: "gelu",
      ropeScaling: {
        factor: 8,
        lowFrequencyFactor: 1,
        highFrequencyFactor: 4,
        originalPositions: 64
      }
    }
  ]
]

/** Requests of every kind after ragged prompts. */
const requestsOf = (count: number, key: number, size = 40) => {
  const random = Seed.generator(key)
  return Array.from({ length: count }, (_, i) => ({
    prompt: idsOf(random, 1 + Seed.below(random, 30), size),
    key: Seed.key(key, "request", i),
    maxTokens: 1 + Seed.below(random, 20),
    sampling: { temperature: [1, 0.7, 1.6, 0][i % 4] ?? 1 },
    ...(i % 3 === 0 ? { stops: idsOf(random, 3, size) } : {})
  }))
}

/** Each token's log-probability must be what the training graph says of it. */
const checkAgainst = Effect.fn(function* (
  config: Config,
  parameters: ReturnType<typeof parametersOf>,
  before: ReadonlyArray<number>,
  said: Generated,
  temperature: number
) {
  const { logits, values } = yield* recomputed(config, parameters, [...before, ...said.ids])
  const size = config.vocabularySize
  for (const [k, id] of said.ids.entries()) {
    const row = (logits ?? []).slice((before.length + k - 1) * size, (before.length + k) * size)
    const wanted = logProbabilityOf(row, id, temperature)
    assert.closeTo(said.logProbabilities[k] ?? Number.NaN, wanted, 1e-4, `token ${k}`)
    if (temperature === 0) assert.strictEqual(id, row.indexOf(Math.max(...row)))
  }
  if (config.hasValue)
    assert.closeTo(said.value ?? Number.NaN, values?.[before.length - 1] ?? Number.NaN, 1e-4)
})

const idsAndEnds = (all: ReadonlyArray<Generated>) =>
  all.map(({ finish, ids }) => ({ finish, ids }))

describe("Decoding", () => {
  it.effect.each(variants)(
    "tells the log-probabilities that the training graph computes: %s",
    ([, overrides]) =>
      Effect.gen(function* () {
        const config = configOf(overrides)
        const parameters = parametersOf(config, 1)
        const decoding = yield* Decoding.make({ config, parameters })
        const requests = requestsOf(12, 5)
        const answers = yield* Effect.forEach(requests, decoding.generate, {
          concurrency: "unbounded"
        })
        for (const [i, said] of answers.entries()) {
          const { maxTokens, prompt, sampling, stops = [] } = requests[i] ?? requests[0]!
          yield* checkAgainst(config, parameters, prompt, said, sampling.temperature)
          const isStop = stops.includes(said.ids.at(-1) ?? -1)
          assert.strictEqual(said.finish, isStop ? "Stop" : "Length")
          if (!isStop) assert.lengthOf(said.ids, maxTokens)
          assert.isFalse(said.ids.slice(0, -1).some((id) => stops.includes(id)))
        }
      }).pipe(inline)
  )

  it.effect(
    "says the same, token for token, whatever is decoded beside and however long a run",
    () =>
      Effect.gen(function* () {
        const config = configOf()
        const parameters = parametersOf(config, 2)
        const requests = requestsOf(20, 7)
        const alone = yield* Decoding.make({ config, parameters, slots: 1, chunk: 1 })
        const wanted = idsAndEnds(yield* Effect.forEach(requests, alone.generate))
        for (const sizes of [
          { slots: 20, chunk: 16 },
          { slots: 3, chunk: 5 },
          { slots: 7, chunk: 1 }
        ]) {
          const decoding = yield* Decoding.make({ config, parameters, ...sizes })
          const answers = yield* Effect.forEach(requests, decoding.generate, {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(idsAndEnds(answers), wanted)
        }
      }).pipe(inline)
  )
})
