import { Seed } from "@dreamgym/domain"
import { Interpreter, Session, Value } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import { Decoder, DecoderModel, Rows, Trainable } from "../src/index.ts"
import { featureNames, inline, networkOf, textOf, tokenizer, trainableOf } from "./network.ts"

type Numbers = Readonly<Record<string, Float32Array | BigInt64Array>>
type Values = Readonly<Record<string, Value.Value>>

const rowsOf = (
  lengths: ReadonlyArray<readonly [number, number]>,
  key = 5
): ReadonlyArray<Rows.Row> => {
  const random = Seed.generator(key)
  return lengths.map(([prompt, read]) => ({
    promptIds: tokenizer.encode(textOf(random, prompt)).slice(0, prompt),
    targetIds: tokenizer.encode(textOf(random, read)).slice(0, read),
    weights: Array.from({ length: read }, () => random()),
    features: Rows.sparseFeatures(tokenizer, featureNames, {
      goal: ["mug"],
      seen: ["shelf 1", textOf(random, 1)]
    })
  }))
}

/** By ONNX Runtime, from the feeds that the graph wants. */
const run = Effect.fn(function* (
  values: Values,
  { parameters }: Trainable.Trainable,
  feeds: Numbers
) {
  const pool = yield* Session.SessionPool
  const names = new Set(Value.inputsOf(Object.values(values)).map((node) => node.attributes.name))
  const bind = Record.filter(parameters.arrays, (_: Float32Array, name) => names.has(name))
  const session = yield* pool.compile(values, { bind })
  return yield* session.run(Record.filter(feeds, (_, name) => name in session.inputs))
})

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.strictEqual(a.length, b.length)
  return Array.from(a).reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? Number.NaN))), 0)
}

/**
 * Asserts that the runtime and the float64 interpreter agree on every output, and gives it. Not on
 * whole caches: a place that sees only padding weighs it by rounding. What is read of caches shows
 * in the next logits.
 */
const agreed = Effect.fn(function* (
  values: Values,
  trainable: Trainable.Trainable,
  feeds: Numbers
) {
  const fast = yield* run(values, trainable, feeds)
  const exact = Interpreter.evaluate(values, { ...trainable.parameters.arrays, ...feeds })
  for (const [name, array] of Object.entries(fast)) {
    if (/^(keys|values)/.test(name)) continue
    assert.isBelow(distance(array, exact[name] ?? []), 2e-5, name)
  }
  return fast
})

/** The feeds of `Decoder.prefill`. */
const promptFeeds = (
  network: Decoder.Network,
  rows: ReadonlyArray<Rows.Row>,
  batch: number,
  prompt: number
) => {
  const feeds = Rows.emptyFeeds(network, batch, prompt)
  for (const [b, row] of rows.entries()) {
    const at = { b, length: prompt, from: prompt - row.promptIds.length }
    Rows.placeRow(feeds, network, row.features, row.promptIds, at)
  }
  return feeds
}

/**
 * Feeds the targets one by one through `Decoder.step`, keeping the caches by hand, and shows the
 * logits after each.
 */
const stepThrough = Effect.fn(function* (
  trainable: Trainable.Trainable,
  rows: ReadonlyArray<Rows.Row>,
  sizes: { readonly batch: number; readonly prompt: number; readonly cache: number },
  prefilled: Readonly<Record<string, Float32Array>>,
  feeds: Rows.PromptFeeds,
  onLogits: (logits: Float32Array, b: number, k: number) => void
) {
  const { network } = trainable
  const { batch, cache, prompt } = sizes
  const { config } = network
  const [size, width] = [network.tokenizer.vocabulary.length, config.dimension / config.heads]
  const graph = Decoder.step(network, DecoderModel.weightsOf(trainable.parameters), sizes)
  const cached = new Float32Array(batch * cache)
  for (let b = 0; b < batch; b++) {
    cached.set(feeds.valid.subarray(b * prompt, (b + 1) * prompt), b * cache)
  }
  const caches = Record.map(
    Record.filter(prefilled, (_, name) => /^(keys|values)/.test(name)),
    (array) => {
      const wide = new Float32Array((array.length / prompt) * cache)
      const [from, to] = [prompt * width, cache * width]
      for (let row = 0; row < batch * config.heads; row++) {
        wide.set(array.subarray(row * from, (row + 1) * from), row * to)
      }
      return wide
    }
  )
  for (let k = 1; k < 4; k++) {
    const ids = new BigInt64Array(batch)
    const previous = new BigInt64Array(batch)
    const features = new Float32Array(batch * config.features)
    for (const [b, row] of rows.entries()) {
      const seen = [...row.promptIds, ...row.targetIds.slice(0, k)]
      ids[b] = BigInt(seen.at(-1) ?? 0)
      previous[b] = BigInt(seen.at(-2) ?? 0)
      for (let f = 0; f < config.features; f++) {
        const place = (b * size + Number(ids[b])) * config.features + f
        features[b * config.features + f] = feeds.vocabularyFeatures[place] ?? 0
      }
    }
    const place = prompt + k - 1
    const turn = Decoder.angles(config, place)
    const { logits = new Float32Array(0), ...slices } = yield* agreed(graph, trainable, {
      ids,
      previous,
      features,
      cached,
      ...caches,
      vocabularyFeatures: feeds.vocabularyFeatures,
      cos: Float32Array.from(turn, Math.cos),
      sin: Float32Array.from(turn, Math.sin)
    })
    for (const [name, slice] of Object.entries(slices)) {
      const into = caches[name.replace("new ", "")]
      for (let row = 0; row < batch * config.heads; row++) {
        into?.set(slice.subarray(row * width, (row + 1) * width), (row * cache + place) * width)
      }
    }
    for (let b = 0; b < batch; b++) cached[b * cache + place] = 1
    for (const [b, row] of rows.entries()) if (k < row.targetIds.length) onLogits(logits, b, k)
  }
})

const logitsIn = (outputs: Readonly<Record<string, Float32Array>>): Float32Array =>
  outputs["logits"] ?? new Float32Array(0)

const lengths = [
  [3, 2],
  [7, 4],
  [1, 1],
  [5, 4]
] as const

describe("The decoder", () => {
  it.effect.each([
    ["as it is", {}],
    ["with one layer and no critic", { layers: 1, hasValue: false }],
    ["with three layers and four heads", { layers: 3, heads: 4 }]
  ] as const)("means the same to the runtime and the interpreter: %s", ([, overrides]) =>
    Effect.gen(function* () {
      const trainable = trainableOf(1, overrides)
      const { network, parameters } = trainable
      const weights = DecoderModel.weightsOf(parameters)
      const sizes = { batch: 5, prompt: 8, read: 4 }
      const { logitsBKV, valueB } = Decoder.forward(network, weights, sizes)
      const values = { logitsBKV, ...(valueB === undefined ? {} : { valueB }) }
      assert.strictEqual(valueB === undefined, trainable.network.config.hasValue === false)
      yield* agreed(values, trainable, Rows.collate(network, rowsOf(lengths), sizes))
    }).pipe(inline, Effect.scoped)
  )

  it.effect("gives one token after another what the whole sequence gives at once", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(2)
      const { network } = trainable
      const weights = DecoderModel.weightsOf(trainable.parameters)
      const rows = rowsOf(lengths)
      const [batch, prompt, read, cache] = [5, 8, 4, 12] as const
      const feeds = Rows.collate(network, rows, { batch, prompt, read })
      const whole = Decoder.forward(network, weights, { batch, prompt, read })
      const { logits: wanted, value } = yield* run(
        { logits: whole.logitsBKV, ...(whole.valueB === undefined ? {} : { value: whole.valueB }) },
        trainable,
        feeds
      )
      const first = promptFeeds(network, rows, batch, prompt)
      const read0 = yield* agreed(
        Decoder.prefill(network, weights, { batch, prompt }),
        trainable,
        first
      )
      const size = network.tokenizer.vocabulary.length
      const at = (logits: Float32Array | undefined, b: number, k: number, of: number) =>
        logits?.subarray((b * of + k) * size, (b * of + k + 1) * size) ?? []
      for (const b of rows.keys()) {
        assert.isBelow(distance(at(read0["logits"], b, 0, 1), at(wanted, b, 0, read)), 2e-5)
      }
      assert.isBelow(distance(read0["value"] ?? [], value ?? []), 2e-5)
      yield* stepThrough(trainable, rows, { batch, prompt, cache }, read0, first, (logits, b, k) =>
        assert.isBelow(distance(at(logits, b, 0, 1), at(wanted, b, k, read)), 5e-5, `${b} ${k}`)
      )
    }).pipe(inline, Effect.scoped)
  )

  it.effect("does not see how much padding there is, nor what else is in the batch", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(3)
      const { network } = trainable
      const weights = DecoderModel.weightsOf(trainable.parameters)
      const logitsOf = (rows: ReadonlyArray<Rows.Row>, sizes: Decoder.Sizes) =>
        run(
          { logits: Decoder.forward(network, weights, sizes).logitsBKV },
          trainable,
          Rows.collate(network, rows, sizes)
        )
      const rows = rowsOf(lengths)
      const together = yield* logitsOf(rows, { batch: 7, prompt: 17, read: 6 })
      const size = network.tokenizer.vocabulary.length
      for (const [b, row] of rows.entries()) {
        const [prompt, read] = [row.promptIds.length, row.targetIds.length]
        const alone = yield* logitsOf([row], { batch: 1, prompt, read })
        const among = logitsIn(together).subarray(b * 6 * size, (b * 6 + read) * size)
        assert.isBelow(distance(logitsIn(alone), among), 2e-5)
      }
    }).pipe(inline, Effect.scoped)
  )

  it("starts with queries equal to keys on every second head, and only there", () => {
    const { arrays } = Trainable.make(networkOf(), 4).parameters
    const half = 16 * 8
    const [query, key] = [arrays["layers.1.query"], arrays["layers.1.key"]]
    assert.deepStrictEqual(query?.slice(0, half), key?.slice(0, half))
    assert.notDeepEqual(query?.slice(half), key?.slice(half))
  })
})
