import { assert, describe, it } from "@effect/vitest"
import { type Embedder, Seed } from "@dreamgym/domain"
import { Interpreter, Op, Parameters, Session } from "@dreamgym/graph"
import { EmbedderLaws, Law } from "@dreamgym/laws"
import { Effect, Layer, type Scope } from "effect"
import * as vitest from "vitest"
import { Decoder, DecoderModel, Embedding, Tokenizer, Transformer } from "../../src/index.ts"
import { networkOf, textOf, trainableOf } from "../network.ts"
import { tokenizer as files } from "../transformer/disk.ts"
import { configOf, difference, noisy, relatives } from "../transformer/small.ts"

const { HiddenState, Reader } = Embedding

type Options = Omit<Embedding.HiddenState.Options, "reader">

const random = Seed.generator(3)
const texts = Array.from({ length: 21 }, (_, at) => textOf(random, 1 + ((at * 7) % 40)))

const decoder = (options: Options = {}, trainable = trainableOf(1)) =>
  HiddenState.make({ reader: Reader.ofDecoder("small", trainable), ...options })

const transformerOf = Effect.fnUntraced(function* (
  config: Transformer.Config.Config,
  options: Options = {},
  parameters = noisy(config)
) {
  const tokenizer = yield* Effect.orDie(Transformer.HubTokenizer.make(files))
  const reader = Reader.ofTransformer("tiny", { config, parameters }, tokenizer)
  return yield* HiddenState.make({ reader, ...options })
})

const inline = Effect.provide(Session.layerInline)

const poolings = ["mean", "last"] as const

const lawsOf = (
  name: string,
  embedder: Effect.Effect<Embedder.Embedder, unknown, Session.SessionPool | Scope.Scope>,
  pool: Layer.Layer<Session.SessionPool>
) =>
  Law.describeLaws(
    vitest,
    EmbedderLaws.embedderLaws({
      name,
      embedder: Effect.flatMap(Layer.build(pool), (context) => Effect.provide(embedder, context)),
      texts,
      tolerance: 1e-5
    })
  )

for (const pooling of poolings) {
  lawsOf(`a decoder's hidden state (${pooling})`, decoder({ pooling }), Session.layerInline)
  lawsOf(
    `a transformer's hidden state (${pooling})`,
    transformerOf(configOf(), { pooling }),
    Session.layerInline
  )
}
lawsOf(
  "a decoder's hidden state in two threads",
  decoder({ shards: 2 }),
  Session.layer({ workers: 2 })
)

/** Hidden states [T, D] as one vector of length 1, in float64. */
const pooledOf = (
  states: Float64Array,
  dimension: number,
  pooling: Embedding.HiddenState.Pooling
): Array<number> => {
  const length = states.length / dimension
  const places = pooling === "mean" ? [...Array(length).keys()] : [length - 1]
  const sum = Array.from({ length: dimension }, (_, d) =>
    places.reduce((all, t) => all + (states[t * dimension + d] ?? Number.NaN), 0)
  )
  const size = Math.hypot(...sum)
  return sum.map((x) => x / size)
}

const numbersOf = ({ arrays }: Parameters.Parameters): Interpreter.Feeds => arrays

describe("the hidden state of a decoder", () => {
  for (const pooling of poolings) {
    it.effect(`is what the network makes of the text alone (${pooling})`, () =>
      Effect.gen(function* () {
        const trainable = trainableOf(1)
        const { embed } = yield* decoder({ pooling }, trainable)
        const vectors = yield* embed(texts)
        for (const [place, text] of texts.entries()) {
          const ids = trainable.network.tokenizer.encode(text)
          const sizes = { batch: 1, prompt: 1, read: ids.length }
          const weights = DecoderModel.weightsOf(trainable.parameters)
          const { states } = Interpreter.evaluate(
            { states: Decoder.hidden(trainable.network, weights, sizes) },
            {
              ...numbersOf(trainable.parameters),
              ids,
              previous: [Tokenizer.padId, ...ids.slice(0, -1)],
              valid: ids.map(() => 1),
              features: ids.flatMap(() => [0, 0])
            }
          )
          const expected = pooledOf(states, 16, pooling)
          assert.isBelow(difference(vectors[place] ?? [], expected), 1e-5)
        }
      }).pipe(Effect.scoped, inline)
    )
  }
})

describe("the hidden state of a transformer", () => {
  for (const [name, config] of Object.entries(relatives)) {
    it.effect(`is what ${name} makes of the text alone`, () =>
      Effect.gen(function* () {
        const tokenizer = yield* Transformer.HubTokenizer.make(files)
        const parameters = noisy(config)
        const asked = ["take the mug from shelf 1 .", "go", "go go 2 2 shelf the the mug a b c d"]
        for (const pooling of poolings) {
          const { embed } = yield* transformerOf(config, { pooling }, parameters)
          const vectors = yield* embed(asked)
          for (const [place, text] of asked.entries()) {
            const ids = tokenizer.encode(text)
            const weights = Parameters.inputs(Transformer.Network.specifications(config))
            const input = Op.input("ids", [1, ids.length], "int64")
            const { states } = Interpreter.evaluate(
              { states: Transformer.Network.hidden(config, weights, { ids: input }) },
              { ...numbersOf(parameters), ids }
            )
            const expected = pooledOf(states, config.hiddenSize, pooling)
            assert.isBelow(difference(vectors[place] ?? [], expected), 1e-5)
          }
        }
      }).pipe(Effect.scoped, inline)
    )
  }
})

describe("an embedder of a network", () => {
  it.effect("reads the last tokens of a text that is too long", () =>
    Effect.gen(function* () {
      const { embed } = yield* decoder({ maxTokens: 3 })
      const [long, short] = yield* embed(["look look put mug 2 on shelf 1", "mug 2 on shelf 1"])
      const { embed: embedAll } = yield* decoder()
      const [whole] = yield* embedAll(["look look put mug 2 on shelf 1"])
      assert.isBelow(difference(long ?? [], short ?? []), 1e-6)
      assert.isAbove(difference(long ?? [], whole ?? []), 1e-2)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("gives vectors as they are where they need not have length 1", () =>
    Effect.gen(function* () {
      const unit = yield* decoder()
      const plain = yield* decoder({ normalizes: false })
      const [short] = yield* unit.embed(["go"])
      const [long = new Float32Array()] = yield* plain.embed(["go"])
      const size = Math.hypot(...long)
      assert.isAbove(Math.abs(size - 1), 0.1)
      assert.isBelow(
        difference(
          long.map((x) => x / size),
          short ?? []
        ),
        1e-6
      )
    }).pipe(Effect.scoped, inline)
  )

  it.effect("gives zeros for a text without a token", () =>
    Effect.gen(function* () {
      const { embed } = yield* decoder()
      const [empty, go] = yield* embed(["  \n", "go"])
      assert.deepStrictEqual(empty, new Float32Array(16))
      assert.notDeepEqual(go, new Float32Array(16))
    }).pipe(Effect.scoped, inline)
  )

  it.effect("is called otherwise where anything is other that decides about its numbers", () =>
    Effect.gen(function* () {
      const trained = trainableOf(1)
      for (const array of Object.values(trained.parameters.arrays))
        array[0] = (array[0] ?? 0) + 1e-3
      const [go = "", take = "", ...rest] = networkOf().tokenizer.vocabulary.slice(
        Tokenizer.specialWords.length
      )
      const words = { ...networkOf(), tokenizer: Tokenizer.make([take, go, ...rest]) }
      const same = trainableOf(1)
      const made = yield* Effect.all([
        decoder(),
        decoder({}, trained),
        decoder({}, trainableOf(2)),
        decoder({}, { ...same, network: words }),
        decoder({}, { ...same, network: networkOf({ heads: 4 }) }),
        decoder({ pooling: "last" }),
        decoder({ normalizes: false }),
        decoder({ maxTokens: 32 }),
        transformerOf(configOf()),
        transformerOf(configOf({ ropeTheta: 500 }))
      ])
      const names = made.map(({ name }) => name)
      assert.strictEqual(new Set(names).size, names.length)
      assert.strictEqual((yield* decoder({ shards: 2 })).name, names[0])
      assert.match(names[0] ?? "", /^hidden-state-small-[0-9a-f]{16}-mean-unit-256$/)
      assert.match(names[8] ?? "", /^hidden-state-tiny-[0-9a-f]{16}-mean-unit-64$/)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("keeps its name and its vectors while a learner goes on writing", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      const before = yield* decoder({}, trainable)
      const old = yield* before.embed(texts)
      for (const array of Object.values(trainable.parameters.arrays)) array.fill(0.1)
      assert.deepStrictEqual(yield* before.embed(texts), old)
      const after = yield* decoder({ ownsParameters: true }, trainable)
      assert.notStrictEqual(after.name, before.name)
      const fresh = yield* after.embed(texts)
      assert.isAbove(difference(fresh[0] ?? [], old[0] ?? []), 1e-2)
    }).pipe(Effect.scoped, inline)
  )
})

const refusalOf = <A, R>(made: Effect.Effect<A, Embedder.EmbedderError, R>) =>
  Effect.map(Effect.flip(made), ({ message, reason }) => ({ message, reason }))

describe("an embedder of a network refuses", () => {
  it.effect("parameters of another network, by the name of what is missing", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      const { "norm.gain": _, ...shapes } = trainable.parameters.shapes
      const parameters = { ...trainable.parameters, shapes }
      const { message, reason } = yield* refusalOf(decoder({}, { ...trainable, parameters }))
      assert.strictEqual(reason, "Refused")
      assert.match(message, /small: the parameters are not those of the network: .*"norm.gain"/)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("counts that are none", () =>
    Effect.gen(function* () {
      const { message } = yield* refusalOf(transformerOf(configOf(), { maxTokens: 65 }))
      assert.strictEqual(message, "tiny: maxTokens is 65; give a whole number from 1 to 64")
      for (const maxTokens of [0, -1, 1.5, Number.NaN])
        assert.match((yield* refusalOf(decoder({ maxTokens }))).message, /maxTokens is/)
      const { message: shards } = yield* refusalOf(decoder({ shards: 0 }))
      assert.strictEqual(shards, "small: shards is 0; give a whole number above 0")
    }).pipe(Effect.scoped, inline)
  )

  it.effect("numbers that are not finite, where they show", () =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      trainable.parameters.arrays["norm.gain"]?.fill(Number.NaN)
      const { embed, name } = yield* decoder({}, trainable)
      assert.deepStrictEqual(yield* refusalOf(embed(["go"])), {
        reason: "Refused",
        message: `${name}: number 0 of a vector is NaN; the network gives no numbers; look at its parameters`
      })
    }).pipe(Effect.scoped, inline)
  )

  it.effect("a tokenizer with more words than the network", () =>
    Effect.gen(function* () {
      const { embed } = yield* transformerOf(configOf({ vocabularySize: 9 }))
      const { message, reason } = yield* refusalOf(embed(["go", "a b c"]))
      assert.strictEqual(reason, "Refused")
      assert.match(message, /ids are 0 to 8/)
    }).pipe(Effect.scoped, inline)
  )

  it.effect("nothing for ever where the engine fails: that is to be tried again", () =>
    Effect.gen(function* () {
      const cause = new Session.SessionError({ reason: "WorkerDied", message: "the thread ended" })
      const pool = yield* Session.SessionPool
      const dead = { ...pool, compile: () => Effect.fail(cause) }
      const { embed, name } = yield* decoder().pipe(
        Effect.provideService(Session.SessionPool, dead)
      )
      assert.deepStrictEqual(yield* refusalOf(embed(["go"])), {
        reason: "Unavailable",
        message: `${name}: the engine failed: the thread ended`
      })
    }).pipe(Effect.scoped, inline)
  )
})
