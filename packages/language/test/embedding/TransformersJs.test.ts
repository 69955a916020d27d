import { assert, describe, it } from "@effect/vitest"
import type { Embedder } from "@dreamgym/domain"
import { EmbedderLaws, Law } from "@dreamgym/laws"
import { env, pipeline } from "@huggingface/transformers"
import { Effect } from "effect"
import * as vitest from "vitest"
import { Embedding } from "../../src/index.ts"
import { difference } from "../transformer/small.ts"
import * as Bert from "./bert.ts"

const { TransformersJs } = Embedding

type Options = Omit<Embedding.TransformersJs.Options, "source">

const weights = Bert.weightsOf(1)
const texts = ["take the mug from shelf 1 .", "go", "", "go go 2 2 the mug unknown a b c d", "a b"]

const embedderOf = (options: Options = {}, files = Bert.files(Bert.onnxOf(weights))) =>
  Bert.folderOf(files).pipe(
    Effect.flatMap((folder) => TransformersJs.make({ source: { folder }, ...options })),
    Effect.provide(Bert.disk)
  )

for (const pooling of ["mean", "first", "last"] as const)
  Law.describeLaws(
    vitest,
    EmbedderLaws.embedderLaws({
      name: `transformers.js (${pooling})`,
      embedder: embedderOf({ pooling }),
      texts,
      tolerance: 1e-5
    })
  )

Law.describeLaws(
  vitest,
  EmbedderLaws.embedderLaws({
    name: "transformers.js, where a model rounds by the range of all that it reads",
    embedder: embedderOf(
      { dtype: "q8", normalizes: false },
      Bert.files(Bert.onnxOfRange(), "_quantized")
    ),
    texts
  })
)

/** A vector of some rows of states [T, D]: their mean, at length 1 if asked for. */
const vectorOf = (
  states: Float64Array,
  pooling: Embedding.TransformersJs.Pooling,
  isUnit = true
): Array<number> => {
  const length = states.length / Bert.dimension
  const rows = { mean: [...Array(length).keys()], first: [0], last: [length - 1] }[pooling]
  const mean = Array.from({ length: Bert.dimension }, (_, d) =>
    rows.reduce((sum, t) => sum + (states[t * Bert.dimension + d] ?? Number.NaN) / rows.length, 0)
  )
  const size = isUnit ? Math.hypot(...mean) : 1
  return mean.map((x) => x / size)
}

const around = (ids: ReadonlyArray<number>) => [Bert.cls, ...ids, Bert.sep]

describe("transformers.js as an embedder", () => {
  for (const pooling of ["mean", "first", "last"] as const)
    for (const normalizes of [true, false])
      it.effect(`pools what the model says of each text alone (${pooling}, ${normalizes})`, () =>
        Effect.gen(function* () {
          const { dimension, embed } = yield* embedderOf({ pooling, normalizes })
          const vectors = yield* embed(texts)
          assert.strictEqual(dimension, Bert.dimension)
          for (const [place, text] of texts.entries()) {
            const states = Bert.statesOf(weights, around(Bert.idsOf(text)))
            const expected = vectorOf(states, pooling, normalizes)
            assert.isBelow(difference(vectors[place] ?? [], expected), 1e-5)
          }
        }).pipe(Effect.scoped)
      )

  it.effect("gives what the library's own pipeline gives for one text", () =>
    Effect.gen(function* () {
      const folder = yield* Bert.folderOf(Bert.files(Bert.onnxOf(weights)))
      const extract = yield* Effect.promise(() =>
        pipeline("feature-extraction", folder, { dtype: "fp32", local_files_only: true })
      )
      for (const [ours, pooling] of [
        ["mean", "mean"],
        ["first", "cls"],
        ["last", "last_token"]
      ] as const) {
        const { embed } = yield* TransformersJs.make({ source: { folder }, pooling: ours })
        for (const text of texts) {
          const theirs = yield* Effect.promise(() => extract(text, { pooling, normalize: true }))
          const [vector = []] = yield* embed([text])
          assert.isBelow(difference(vector, Float32Array.from(theirs.data, Number)), 1e-5)
        }
      }
    }).pipe(Effect.scoped, Effect.provide(Bert.disk))
  )

  it.effect("reads the end of a long text, between the tokens that stand around it", () =>
    Effect.gen(function* () {
      const text = "go take the mug from shelf 1 ."
      const cut = yield* embedderOf({ maxTokens: 5, pooling: "last" })
      const [vector = []] = yield* cut.embed([text])
      const states = Bert.statesOf(weights, around(Bert.idsOf("shelf 1 .")))
      assert.isBelow(difference(vector, vectorOf(states, "last")), 1e-5)
      const { embed } = yield* embedderOf()
      const long = "a b c d ".repeat(40)
      const [most = []] = yield* embed([long])
      const kept = Bert.idsOf(long).slice(-(Bert.maxPositions - 2))
      const expected = vectorOf(Bert.statesOf(weights, around(kept)), "mean")
      assert.isBelow(difference(most, expected), 1e-5)
    }).pipe(Effect.scoped)
  )

  it.effect("is called otherwise where its files or its settings are other", () =>
    Effect.gen(function* () {
      const files = Bert.files(Bert.onnxOf(weights))
      const other = Bert.files(Bert.onnxOf(Bert.weightsOf(2)))
      const config = { ...files, "config.json": `${files["config.json"]} ` }
      const beside = { ...files, "onnx/model.onnx_data": "weights" }
      const made = yield* Effect.all([
        embedderOf(),
        embedderOf({}, other),
        embedderOf({}, config),
        embedderOf({}, beside),
        embedderOf({}, { ...files, "tokenizer_config.json": "{}" }),
        embedderOf({ pooling: "first" }),
        embedderOf({ normalizes: false }),
        embedderOf({ maxTokens: 12 }),
        embedderOf({ dtype: "q4" }, Bert.files(Bert.onnxOf(weights), "_q4"))
      ])
      const names = made.map(({ name }) => name)
      assert.strictEqual(new Set(names).size, names.length)
      assert.match(names[0] ?? "", /^transformers-js-tiny-[0-9a-f]{16}-fp32-mean-unit-20$/)
      assert.strictEqual((yield* embedderOf({ threads: 2 })).name, names[0])
    }).pipe(Effect.scoped)
  )
})

const refusalOf = <A, R>(made: Effect.Effect<A, Embedder.EmbedderError, R>) =>
  Effect.map(Effect.flip(made), ({ message, reason }) => `${reason}: ${message}`)

describe("transformers.js as an embedder refuses", () => {
  it.effect("a folder that is not there, or has not all files, by the file", () =>
    Effect.gen(function* () {
      const files = Bert.files(Bert.onnxOf(weights))
      const { "tokenizer.json": _, ...wordless } = files
      const remedy = "check the path and `dtype`, and that the whole folder was fetched"
      const without = yield* refusalOf(embedderOf({}, wordless))
      assert.match(without, /^Refused: .*\/tiny\/tokenizer\.json: there is no such file/)
      assert.include(without, remedy)
      const other = yield* refusalOf(embedderOf({ dtype: "fp16" }))
      assert.match(other, /\/tiny\/onnx\/model_fp16\.onnx: there is no such file/)
      const nowhere = TransformersJs.make({ source: { folder: "/nowhere/at/all" } })
      assert.match(yield* refusalOf(nowhere), /^Refused: \/nowhere\/at\/all\/onnx: there is no/)
    }).pipe(Effect.scoped, Effect.provide(Bert.disk))
  )

  it.effect("files that are none", () =>
    Effect.gen(function* () {
      const onnx = Bert.onnxOf(weights)
      const torn = yield* refusalOf(embedderOf({}, Bert.files(onnx.subarray(0, 500))))
      assert.match(torn, /^Refused: tiny-[0-9a-f]{16}: cannot be loaded from this machine; check/)
      const wordless = { ...Bert.files(onnx), "tokenizer.json": "{" }
      assert.match(yield* refusalOf(embedderOf({}, wordless)), /^Refused: tiny-.*cannot be loaded/)
    }).pipe(Effect.scoped)
  )

  it.effect("a model that gives no hidden states, with what it gives instead", () =>
    Effect.gen(function* () {
      const files = Bert.files(Bert.onnxOf(weights, "logits"))
      assert.match(
        yield* refusalOf(embedderOf({}, files)),
        /^Refused: .*expected last_hidden_state or token_embeddings, .*found logits \(float32 \[1, 3, 8\]\)/
      )
      const called = Bert.files(Bert.onnxOf(weights, "token_embeddings"))
      assert.strictEqual((yield* embedderOf({}, called)).dimension, Bert.dimension)
    }).pipe(Effect.scoped)
  )

  it.effect("numbers that are not finite", () =>
    Effect.gen(function* () {
      const { gain, ...rest } = weights
      const broken = { ...rest, gain: { shape: [8], data: new Float32Array(8).fill(Number.NaN) } }
      const { embed } = yield* embedderOf({}, Bert.files(Bert.onnxOf(broken)))
      assert.match(yield* refusalOf(embed(["go"])), /^Refused: .*number 0 of a vector is NaN/)
      assert.isDefined(gain)
    }).pipe(Effect.scoped)
  )

  it.effect("more tokens than the model has places, or fewer than stand around a text", () =>
    Effect.gen(function* () {
      for (const maxTokens of [21, 2, 0, 4.5, Number.NaN])
        assert.match(
          yield* refusalOf(embedderOf({ maxTokens })),
          /^Refused: tiny-.* maxTokens is .*; give a whole number from 3 to 20$/
        )
    }).pipe(Effect.scoped)
  )
})

describe("a model of the hub", () => {
  const asked: Array<string> = []
  const hub = { hub: "owner/tiny", revision: "abc123" }

  /** A hub that has some files, in place of the real one. */
  const hubOf = (files: { readonly [name: string]: string | Uint8Array }) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const before = env.fetch
        asked.length = 0
        env.fetch = (url, init) => {
          // The library asks the main branch whether there is a tokenizer; what it reads is no part of the model.
          const isQuestion = new Headers(init?.headers).has("Range")
          asked.push(isQuestion ? "whether there is a tokenizer" : String(url))
          const file = Object.entries(files).find(([name]) => String(url).endsWith(`/${name}`))
          return Promise.resolve(
            new Response(file?.[1], { status: file === undefined ? 404 : 200 })
          )
        }
        return before
      }),
      (before) => Effect.sync(() => (env.fetch = before))
    )

  it.effect("is not fetched unless that is allowed", () =>
    Effect.gen(function* () {
      yield* hubOf(Bert.files(Bert.onnxOf(weights)))
      const cacheFolder = yield* Bert.folderOf({})
      const message = yield* refusalOf(TransformersJs.make({ source: { ...hub, cacheFolder } }))
      assert.match(
        message,
        /^Refused: owner\/tiny@abc123: cannot be loaded from this machine; .*set `allowRemote`/
      )
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.scoped, Effect.provide(Bert.disk))
  )

  it.effect("is fetched once at the revision that was asked for, and then found", () =>
    Effect.gen(function* () {
      yield* hubOf(Bert.files(Bert.onnxOf(weights)))
      const cacheFolder = yield* Bert.folderOf({})
      const source = { ...hub, cacheFolder, allowRemote: true }
      const { embed, name } = yield* TransformersJs.make({ source })
      assert.strictEqual(name, "transformers-js-owner/tiny@abc123-fp32-mean-unit-20")
      const read = asked.filter((url) => url !== "whether there is a tokenizer")
      assert.sameMembers(
        [...new Set(read)],
        Object.keys(Bert.files(new Uint8Array())).map(
          (file) => `https://huggingface.co/owner/tiny/resolve/abc123/${file}`
        )
      )
      const [vector] = yield* embed(["go"])
      asked.length = 0
      const offline = yield* TransformersJs.make({ source: { ...hub, cacheFolder } })
      assert.deepStrictEqual(yield* offline.embed(["go"]), [vector ?? new Float32Array()])
      assert.deepStrictEqual(asked, [])
    }).pipe(Effect.scoped, Effect.provide(Bert.disk))
  )

  it.effect("is no path", () =>
    Effect.gen(function* () {
      for (const wrong of [{ hub: "../etc/passwd" }, { hub: "/tmp/a" }, { revision: "../.." }]) {
        const message = yield* refusalOf(TransformersJs.make({ source: { ...hub, ...wrong } }))
        assert.match(message, /^Refused: .* is no model of the hub; `hub` is owner\/name/)
      }
    }).pipe(Effect.scoped, Effect.provide(Bert.disk))
  )

  it.effect("that cannot be fetched is to be tried again", () =>
    Effect.gen(function* () {
      yield* hubOf({})
      const cacheFolder = yield* Bert.folderOf({})
      const source = { ...hub, cacheFolder, allowRemote: true }
      const message = yield* refusalOf(TransformersJs.make({ source }))
      assert.match(message, /^Unavailable: owner\/tiny@abc123: cannot be loaded or fetched/)
    }).pipe(Effect.scoped, Effect.provide(Bert.disk))
  )
})
