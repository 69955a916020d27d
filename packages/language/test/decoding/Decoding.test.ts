import { Seed } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Constraint, Transformer } from "../../src/index.ts"
import {
  checkAgainst,
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

const nobody: {
  prompt: Array<number>
  stops?: Array<number>
  maxTokens: number
  sampling: { temperature: number }
} = { maxTokens: 0, prompt: [], sampling: { temperature: 1 }, stops: [] }

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

/** All at once, as episodes ask. */
const together = <A, E>(
  requests: ReadonlyArray<Asked>,
  generate: (request: Asked) => Effect.Effect<A, E>
) => Effect.forEach(requests, generate, { concurrency: "unbounded" })

type Asked = Parameters<Transformer.Decoding.Decoding["generate"]>[0]

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
        const answers = yield* together(requests, decoding.generate)
        for (const [i, said] of answers.entries()) {
          const { maxTokens, prompt, sampling, stops = [] } = requests[i] ?? nobody
          yield* checkAgainst(config, parameters, prompt, said, sampling.temperature)
          const isStop = stops.some((id) => id === said.ids.at(-1))
          assert.strictEqual(said.finish, isStop ? "Stop" : "Length")
          if (!isStop) assert.lengthOf(said.ids, maxTokens)
          assert.isFalse(said.ids.slice(0, -1).some((id) => stops.some((stop) => stop === id)))
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

  it.effect("with filters says only what they leave, and tells its log-probability there", () =>
    Effect.gen(function* () {
      const config = configOf()
      const parameters = parametersOf(config, 3)
      const decoding = yield* Decoding.make({ config, parameters })
      const random = Seed.generator(9)
      const filters = [{ topK: 3 }, { topP: 0.6 }, { minP: 0.3 }, { topK: 5, topP: 0.8, minP: 0.1 }]
      const prompts = filters.map((_, i) => idsOf(random, 4 + i))
      const requests = filters.flatMap((filter, i) =>
        [false, true].map((withChoices) => ({
          prompt: prompts[i] ?? [],
          key: i,
          maxTokens: 6,
          sampling: { ...filter, temperature: 0.9 },
          withChoices
        }))
      )
      const answers = yield* together(requests, decoding.generate)
      for (const [i, said] of answers.entries()) {
        const other = answers[i ^ 1]
        assert.deepStrictEqual(said.ids, other?.ids)
        const { choices } = said.choices === undefined ? { ...other } : said
        const prompt = requests[i]?.prompt ?? []
        const { logits = new Float32Array() } = yield* recomputed(config, parameters, [
          ...prompt,
          ...said.ids
        ])
        for (const [k, id] of said.ids.entries()) {
          const row = logits.subarray((prompt.length + k - 1) * 40, (prompt.length + k) * 40)
          const wanted = logProbabilityOf(row, id, 0.9, choices?.[k])
          assert.closeTo(said.logProbabilities[k] ?? Number.NaN, wanted, 1e-4)
          assert.isBelow(choices?.[k]?.length ?? 40, 40)
        }
      }
    }).pipe(inline)
  )

  it.effect(
    "says one of the allowed texts, and asks the network only where there is a choice",
    () =>
      Effect.gen(function* () {
        const config = configOf()
        const parameters = parametersOf(config, 4)
        const decoding = yield* Decoding.make({ config, parameters })
        const allowed = [
          [1, 2, 3, 4],
          [1, 2, 5],
          [1, 2],
          [7, 7]
        ]
        const tree = Constraint.fromSequences(allowed, 39)
        const prompt = [11, 12, 13]
        const ask = (key: number) => ({
          prompt,
          key,
          maxTokens: 9,
          allowed: tree,
          sampling: { temperature: 2 }
        })
        const answers = yield* together(
          Array.from({ length: 60 }, (_, key) => ask(key)),
          decoding.generate
        )
        const said = new Set(answers.map(({ ids }) => ids.join()))
        assert.deepStrictEqual([...said].toSorted(), ["1,2,3,4", "1,2,39", "1,2,5", "7,7"])
        for (const { choices = [], finish, ids, logProbabilities, read } of answers) {
          assert.strictEqual(finish, "Stop")
          const { logits = new Float32Array() } = yield* recomputed(config, parameters, [
            ...prompt,
            ...ids
          ])
          for (const [k, id] of ids.entries()) {
            const row = logits.subarray((2 + k) * 40, (3 + k) * 40)
            const wanted = logProbabilityOf(row, id, 2, choices[k])
            assert.closeTo(logProbabilities[k] ?? Number.NaN, wanted, 1e-4)
          }
          // 3 of the prompt; after "1" only "2" can follow, and the network reads both to choose again.
          assert.strictEqual(read, ids[0] === 7 ? 3 : 5)
        }
        const forced = yield* decoding.generate({
          ...ask(1),
          allowed: Constraint.fromSequences([[3, 1]], 39)
        })
        assert.deepStrictEqual(forced, {
          ids: [3, 1],
          logProbabilities: [0, 0],
          choices: [[3], [1]],
          finish: "Stop",
          read: 0
        })
      }).pipe(inline)
  )

  it.effect("reads prompts longer than one piece, and ends where its cache does", () =>
    Effect.gen(function* () {
      const config = configOf({ maxPositions: 600 })
      const parameters = parametersOf(config, 5)
      const decoding = yield* Decoding.make({ config, parameters, capacity: 400 })
      const random = Seed.generator(4)
      const requests = [390, 1, 131, 260].map((length, key) => ({
        prompt: idsOf(random, length),
        key,
        maxTokens: 20
      }))
      const answers = yield* together(requests, decoding.generate)
      assert.deepStrictEqual(
        answers.map(({ finish, ids }) => [finish, ids.length]),
        [
          ["Length", 10],
          ["Length", 20],
          ["Length", 20],
          ["Length", 20]
        ]
      )
      for (const [i, said] of answers.entries())
        yield* checkAgainst(config, parameters, requests[i]?.prompt ?? [], said, 1)
    }).pipe(inline)
  )

  it.effect("ends where the caller says so, though the run had gone further", () =>
    Effect.gen(function* () {
      const config = configOf()
      const decoding = yield* Decoding.make({ config, parameters: parametersOf(config, 6) })
      const ask = { prompt: [1, 2], key: 3, maxTokens: 20 }
      const whole = yield* decoding.generate(ask)
      const cut = yield* decoding.generate({ ...ask, isOver: (said) => said.length === 5 })
      assert.deepStrictEqual(cut, {
        ...whole,
        ids: whole.ids.slice(0, 5),
        logProbabilities: whole.logProbabilities.slice(0, 5),
        finish: "Stop",
        read: 6
      })
    }).pipe(inline)
  )

  it.live("lets a text that is on its way end before it takes changed parameters", () =>
    Effect.gen(function* () {
      const config = configOf()
      const [parameters, others] = [parametersOf(config, 12), parametersOf(config, 13)]
      const [long, short] = [
        { prompt: [1], key: 1, maxTokens: 200 },
        { prompt: [2], key: 2, maxTokens: 20 }
      ]
      const before = yield* (yield* Decoding.make({ config, parameters })).generate(long)
      const after = yield* (yield* Decoding.make({ config, parameters: others })).generate(short)
      let version = 0
      const decoding = yield* Decoding.make({
        config,
        parameters,
        version: Effect.sync(() => version)
      })
      const isOver = () => {
        if (version > 0) return false
        version = 1
        for (const [name, array] of Object.entries(parameters.arrays))
          array.set(others.arrays[name] ?? [])
        return false
      }
      const answers = yield* Effect.all(
        [
          decoding.generate({ ...long, isOver }),
          Effect.andThen(Effect.sleep("30 millis"), decoding.generate(short))
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(idsAndEnds(answers), idsAndEnds([before, after]))
    }).pipe(Effect.scoped, inline)
  )

  it.effect("takes changed parameters between answers, and never within one", () =>
    Effect.gen(function* () {
      const config = configOf()
      const [parameters, others] = [parametersOf(config, 7), parametersOf(config, 8)]
      let version = 0
      const decoding = yield* Decoding.make({
        config,
        parameters,
        version: Effect.sync(() => version)
      })
      const ask = { prompt: [1, 2, 3], key: 1, maxTokens: 8 }
      const { generate, ids } = yield* decoding.conversation
      const before = yield* generate({ ...ask, append: ask.prompt })
      for (const [name, array] of Object.entries(parameters.arrays))
        array.set(others.arrays[name] ?? [])
      assert.deepStrictEqual((yield* decoding.generate(ask)).ids, before.ids)
      version++
      const after = yield* decoding.generate(ask)
      assert.notDeepEqual(after.ids, before.ids)
      const history = [...ids(), 5]
      const turn = yield* generate({ ...ask, append: [5] })
      assert.strictEqual(turn.read, history.length + 7)
      yield* checkAgainst(config, others, history, turn, 1)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("fails only the texts whose logits are no numbers, and forgets what they cached", () =>
    Effect.gen(function* () {
      const config = configOf({ tieEmbeddings: false })
      const parameters = parametersOf(config, 10)
      parameters.arrays["model.embed_tokens.weight"]?.fill(Number.NaN, 7 * 16, 8 * 16)
      const decoding = yield* Decoding.make({ config, parameters, slots: 2 })
      const ask = (id: number) => ({ prompt: [1, id, 2], key: 1, maxTokens: 2, stops: [7] })
      const wanted = yield* decoding.generate(ask(3))
      const answers = yield* Effect.forEach(
        [7, 3, 7, 3, 3],
        (id) => Effect.result(decoding.generate(ask(id))),
        {
          concurrency: "unbounded"
        }
      )
      assert.deepStrictEqual(
        answers.map((one) =>
          Result.isFailure(one) ? one.failure.reason : idsAndEnds([one.success])
        ),
        ["NotFinite", idsAndEnds([wanted]), "NotFinite", idsAndEnds([wanted]), idsAndEnds([wanted])]
      )
    }).pipe(inline)
  )

  it.effect("gives a ratio of 1 on the first minibatch of a policy gradient", () =>
    Effect.gen(function* () {
      const config = configOf()
      const parameters = parametersOf(config, 11)
      const decoding = yield* Decoding.make({ config, parameters })
      const requests = requestsOf(8, 12).map((one) => ({ ...one, sampling: { temperature: 1 } }))
      const answers = yield* together(requests, decoding.generate)
      for (const [i, { ids, logProbabilities }] of answers.entries()) {
        const prompt = requests[i]?.prompt ?? []
        const { logits = new Float32Array() } = yield* recomputed(config, parameters, [
          ...prompt,
          ...ids
        ])
        for (const [k, id] of ids.entries()) {
          const at = (prompt.length + k - 1) * 40
          const now = logProbabilityOf(logits.subarray(at, at + 40), id, 1)
          assert.closeTo(Math.exp(now - (logProbabilities[k] ?? Number.NaN)), 1, 1e-4)
        }
      }
    }).pipe(inline)
  )
})
