/**
 * Other people's models as embedders, run by transformers.js: what its `feature-extraction` computes, from a folder or the hub.
 * It fetches nothing unless it may. A batch blocks the thread that asks; where that matters, ask in a thread of its own.
 *
 * Padding and length are decided here and not by the library, whose pipeline takes padding for the last token and drops the
 * end of a long text, closing token included.
 *
 * B texts, T tokens of the longest, D hidden size.
 */
import { Embedder } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import { basename, resolve } from "node:path"
import * as Batches from "./Batches.ts"
import * as Extractor from "./Extractor.ts"
import * as ModelFiles from "./ModelFiles.ts"
import * as Vectors from "./Vectors.ts"

/** Which hidden states become the vector: the mean of all, the first (`[CLS]`) or the last. The model's card says which. */
export type Pooling = "mean" | "first" | "last"

/** The model and how it is asked. */
export interface Options {
  readonly source: Extractor.Source
  /** Which file of the model; default "fp32". */
  readonly dtype?: ModelFiles.Dtype
  readonly device?: Extractor.Device
  readonly pooling?: Pooling
  /** Whether vectors have length 1; default true. */
  readonly normalizes?: boolean
  /**
   * Of a longer text the last so many tokens are read, with those that the tokenizer puts around a text, since the action is
   * the last line of a transition's text. Default: what the tokenizer says, 512 at most.
   */
  readonly maxTokens?: number
  /** Threads inside a kernel; default 1. */
  readonly threads?: number
}

/**
 * An embedder whose name says the model, its file, the pooling and the most tokens: of a folder the hash of its files, of the
 * hub the revision. A text without a token is zeros. The model goes with the scope.
 * Fails as `Refused` where the model is not there or gives no hidden states, as `Unavailable` where it cannot be fetched.
 */
export const make = Effect.fn("TransformersJs.make")(function* (
  options: Options
): Effect.fn.Return<
  Embedder.Embedder,
  Embedder.EmbedderError,
  FileSystem.FileSystem | Scope.Scope
> {
  const { dtype = "fp32", normalizes = true, pooling = "mean", source } = options
  const model = yield* modelName(source, dtype)
  const engine = yield* Extractor.make({ device: "cpu", threads: 1, ...options, dtype, model })
  const { maxTokens = Math.min(512, engine.mostTokens) } = options
  const around = engine.encode("", true).length
  if (!(Number.isSafeInteger(maxTokens) && maxTokens > around && maxTokens <= engine.mostTokens))
    return yield* refused(
      model,
      `maxTokens is ${maxTokens}; give a whole number from ${around + 1} to ${engine.mostTokens}`
    )
  const shape = normalizes ? `${pooling}-unit` : pooling
  const name = `transformers-js-${model}-${dtype}-${shape}-${maxTokens}`
  const probe = engine.encode("a", true)
  const { dimension } = yield* engine.states([probe.length === 0 ? [engine.padding] : probe], name)
  const asked = { ...options, dimension, dtype, engine, maxTokens, name, normalizes, pooling }
  return { name, dimension, embed: (texts) => embed(asked, texts) }
})

interface Asked {
  readonly name: string
  readonly dimension: number
  readonly dtype: ModelFiles.Dtype
  readonly engine: Extractor.Extractor
  readonly maxTokens: number
  readonly normalizes: boolean
  readonly pooling: Pooling
}

const embed = Effect.fn("TransformersJs.embed")(function* (
  asked: Asked,
  texts: ReadonlyArray<string>
): Effect.fn.Return<ReadonlyArray<Float32Array>, Embedder.EmbedderError> {
  const { dimension, dtype, engine, maxTokens, name } = asked
  const ids = yield* Effect.try({
    try: () => texts.map((text) => shortened(engine, text, maxTokens)),
    catch: (cause) => refused(name, `a text has no tokens: ${String(cause)}`, cause)
  })
  const vectors = texts.map(() => new Float32Array(dimension))
  const together = Batches.of(ids.map(({ length }) => length)).map(({ places }) => places)
  const groups = ModelFiles.readsAlone[dtype] ? together.flat().map((place) => [place]) : together
  for (const places of groups) yield* read(asked, ids, places, vectors)
  return vectors
})

/** Reads some texts together and puts their vectors where they belong. */
const read = Effect.fnUntraced(function* (
  asked: Asked,
  ids: ReadonlyArray<ReadonlyArray<number>>,
  places: ReadonlyArray<number>,
  vectors: Array<Float32Array>
): Effect.fn.Return<void, Embedder.EmbedderError> {
  const { dimension, engine, name, normalizes, pooling } = asked
  const rows = places.map((place) => ids[place] ?? [])
  const states = yield* engine.states(rows, name)
  const remedy = "take another file of the model (`dtype`)"
  for (const [row, place] of places.entries()) {
    const length = rows[row]?.length ?? 0
    const [from, to] = spans[pooling](length)
    const start = row * states.length * states.dimension
    const part = states.data.subarray(
      start + from * states.dimension,
      start + to * states.dimension
    )
    const expected = { embedder: name, dimension, normalizes, remedy }
    vectors[place] = yield* Effect.fromResult(Vectors.of(meanOf(part, dimension), expected))
  }
})

/** The tokens that are pooled, of a text of `length`. */
const spans: { readonly [pooling in Pooling]: (length: number) => readonly [number, number] } = {
  mean: (length) => [0, length],
  first: () => [0, 1],
  last: (length) => [length - 1, length]
}

/** The mean of rows of `dimension` numbers. */
const meanOf = (states: Float32Array, dimension: number): Float64Array => {
  const mean = new Float64Array(dimension)
  const rows = states.length / dimension
  for (const [at, x] of states.entries())
    mean[at % dimension] = (mean[at % dimension] ?? 0) + x / rows
  return mean
}

/** The ids of a text with what the tokenizer puts around it, which stays where the text itself is cut. */
const shortened = (
  { encode }: Extractor.Extractor,
  text: string,
  maxTokens: number
): ReadonlyArray<number> => {
  const whole = encode(text, true)
  if (whole.length <= maxTokens) return whole
  const bare = encode(text, false)
  const around = whole.length - bare.length
  const begins = Array.from({ length: around + 1 }, (_, at) => at)
  const isAt = (at: number) => bare.every((id, t) => whole[at + t] === id)
  const start = begins.find(isAt) ?? 0
  const cut = bare.length - Math.max(1, maxTokens - around)
  return [...whole.slice(0, start), ...whole.slice(start + cut)]
}

const modelName = Effect.fnUntraced(function* (
  source: Extractor.Source,
  dtype: ModelFiles.Dtype
): Effect.fn.Return<string, Embedder.EmbedderError, FileSystem.FileSystem> {
  if ("folder" in source) {
    const folder = resolve(source.folder)
    return `${basename(folder)}-${yield* ModelFiles.fingerprint(folder, dtype)}`
  }
  const name = `${source.hub}@${source.revision}`
  if (hubName.test(name) && !name.includes("..")) return name
  return yield* refused(name, "is no model of the hub; `hub` is owner/name, `revision` a commit")
})

const hubName = /^[\w-][\w.-]*\/[\w-][\w.-]*@[\w-][\w./-]*$/

const refused = (embedder: string, said: string, cause?: unknown) =>
  new Embedder.EmbedderError({
    reason: "Refused",
    embedder,
    message: `${embedder}: ${said}`,
    ...(cause === undefined ? {} : { cause })
  })
