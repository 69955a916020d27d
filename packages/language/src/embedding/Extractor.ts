/**
 * A model that transformers.js has loaded: ids in, last hidden states out.
 * It neither batches nor pools (`TransformersJs`).
 *
 * B texts, T tokens of the longest, D hidden size.
 */
import { Embedder } from "@dreamgym/domain"
import type { PreTrainedModel, PreTrainedTokenizer, Tensor } from "@huggingface/transformers"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { join, resolve } from "node:path"
import type { Dtype } from "./ModelFiles.ts"

/** Texts as the model reads them, and what it makes of them. */
export interface Extractor {
  /** The longest text that the tokenizer and the configuration allow. */
  readonly mostTokens: number
  /** The id of padding. */
  readonly padding: number
  readonly encode: (text: string, hasSpecials: boolean) => ReadonlyArray<number>
  /** The states of rows of ids, of which one at least is not empty; rows are padded on the right. */
  readonly states: (
    rows: ReadonlyArray<ReadonlyArray<number>>,
    embedder: string
  ) => Effect.Effect<States, Embedder.EmbedderError>
}

/** Row-major, [B, length, dimension]. */
export interface States {
  readonly data: Float32Array
  readonly length: number
  readonly dimension: number
}

/** What runs the model; `cpu` is always there. */
export type Device = "cpu" | "cuda" | "webgpu" | "dml" | "coreml"

/** A folder in Hugging Face's layout (`config.json`, `tokenizer.json`, `onnx/model.onnx`), or the hub. */
export type Source =
  | { readonly folder: string }
  | {
      /** `owner/name`. */
      readonly hub: string
      /** A commit: a branch moves, and the embedder's name would not tell. */
      readonly revision: string
      /** Where fetched files are kept; default: the library's own folder in `node_modules`. */
      readonly cacheFolder?: string
      /** Whether what is not in that folder may be fetched; default false. */
      readonly allowRemote?: boolean
    }

/** What is loaded; errors call it `model`. */
export interface Options {
  readonly model: string
  readonly source: Source
  readonly dtype: Dtype
  readonly device: Device
  readonly threads: number
}

type Shape = [rows: number, length: number]
type MakeTensor = (ids: BigInt64Array, shape: Shape) => Tensor

/** Loads a model, which goes with the scope. The library takes seconds to load, so it is loaded here and not before. */
export const make = Effect.fn("Extractor.make")(function* (
  options: Options
): Effect.fn.Return<Extractor, Embedder.EmbedderError, Scope.Scope> {
  const { device, dtype, source, threads } = options
  const library = yield* Effect.tryPromise({
    try: () => import("@huggingface/transformers"),
    catch: (cause) =>
      problem("Refused", options, "@huggingface/transformers cannot be loaded; install it", cause)
  })
  const { files, path } = placeOf(source, library.env.cacheDir ?? "")
  const words = yield* Effect.tryPromise({
    try: () => library.AutoTokenizer.from_pretrained(path, files),
    catch: (cause) => unloaded(options, cause)
  })
  const session_options = { intraOpNumThreads: threads, interOpNumThreads: 1 }
  const load = Effect.tryPromise({
    try: () =>
      library.AutoModel.from_pretrained(path, { ...files, device, dtype, session_options }),
    catch: (cause) => unloaded(options, cause)
  })
  const network = yield* Effect.acquireRelease(load, (model) =>
    Effect.ignore(Effect.tryPromise(() => model.dispose()))
  )
  return working((ids, shape) => new library.Tensor("int64", ids, shape), words, network)
})

/**
 * Where the files are. A model of the hub that may not be fetched is read from its folder in the cache as any other folder:
 * told only `local_files_only`, the library (4.3.1) asks the hub all the same whether there is a tokenizer.
 */
const placeOf = (source: Source, libraryCache: string) => {
  if ("folder" in source) return { path: resolve(source.folder), files: isLocal }
  const { allowRemote = false, cacheFolder = libraryCache, hub, revision } = source
  const ofRevision = revision === "main" ? "" : revision
  return allowRemote
    ? { path: hub, files: { local_files_only: false, revision, cache_dir: resolve(cacheFolder) } }
    : { path: join(resolve(cacheFolder), hub, ofRevision), files: isLocal }
}

const isLocal = { local_files_only: true }

const working = (
  tensor: MakeTensor,
  words: PreTrainedTokenizer,
  network: PreTrainedModel
): Extractor => {
  const padding = Number(words.pad_token_id ?? 0)
  return {
    mostTokens: mostTokensOf(words, network),
    padding,
    encode: (text, hasSpecials) => words.encode(text, { add_special_tokens: hasSpecials }),
    states: Effect.fnUntraced(function* (rows, embedder) {
      const { ids, mask, shape } = padded(rows, padding)
      const output: unknown = yield* Effect.tryPromise({
        try: () =>
          network.forward({
            input_ids: tensor(ids, shape),
            attention_mask: tensor(mask, shape)
          }),
        catch: (cause) => problem("Unavailable", { model: embedder }, "the run failed", cause)
      })
      return yield* statesOf(output, shape, embedder)
    })
  }
}

/** [B, T] ids and which of them count. */
const padded = (rows: ReadonlyArray<ReadonlyArray<number>>, padding: number) => {
  const length = Math.max(...rows.map((row) => row.length))
  const shape: Shape = [rows.length, length]
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(padding))
  const mask = new BigInt64Array(rows.length * length)
  for (const [row, all] of rows.entries()) {
    for (const [t, id] of all.entries()) ids[row * length + t] = BigInt(id)
    mask.fill(1n, row * length, row * length + all.length)
  }
  return { ids, mask, shape }
}

/** Sentence transformers call their states token embeddings. */
const names = ["last_hidden_state", "token_embeddings"]

const statesOf = (
  output: unknown,
  [rows, length]: Readonly<Shape>,
  embedder: string
): Effect.Effect<States, Embedder.EmbedderError> => {
  const found = Predicate.isObject(output) ? Object.entries(output) : []
  const [, tensor] = found.find(([name]) => names.includes(name)) ?? []
  if (isFloats(tensor) && tensor.dims.length === 3 && tensor.data instanceof Float32Array) {
    const dimension = tensor.dims[2] ?? 0
    if (tensor.data.length === rows * length * dimension && dimension > 0)
      return Effect.succeed({ data: tensor.data, length, dimension })
  }
  const outputs = found.map(([name, one]) =>
    isFloats(one) ? `${name} (${one.type} [${one.dims.join(", ")}])` : name
  )
  return Effect.fail(
    problem(
      "Refused",
      { model: embedder },
      `expected ${names.join(" or ")}, float32 [${rows}, ${length}, hidden size], found ` +
        `${outputs.join(", ") || "nothing"}; take a model that was exported for feature extraction`
    )
  )
}

const isFloats = (value: unknown): value is Pick<Tensor, "type" | "dims" | "data"> =>
  Predicate.hasProperty(value, "data") &&
  Predicate.hasProperty(value, "dims") &&
  Array.isArray(value.dims)

/** A tokenizer without a limit says so by an enormous one. */
const mostTokensOf = (words: PreTrainedTokenizer, { config }: PreTrainedModel): number => {
  const limits = [words.model_max_length, Reflect.get(config, "max_position_embeddings")]
  return limits.reduce<number>(
    (least, limit: unknown) =>
      Predicate.isNumber(limit) && limit > 0 ? Math.min(least, limit) : least,
    Number.MAX_SAFE_INTEGER
  )
}

/** What is not on this machine will not come by itself; what could not be fetched may. */
const unloaded = (options: Options, cause: unknown) =>
  "hub" in options.source && options.source.allowRemote === true
    ? problem("Unavailable", options, "cannot be loaded or fetched", cause)
    : problem(
        "Refused",
        options,
        "cannot be loaded from this machine; check the folder and `dtype`, or set `allowRemote`",
        cause
      )

const problem = (
  reason: Embedder.EmbedderError["reason"],
  { model }: Pick<Options, "model">,
  said: string,
  cause?: unknown
) =>
  new Embedder.EmbedderError({
    reason,
    embedder: model,
    message: `${model}: ${said}${cause === undefined ? "" : `: ${String(cause)}`}`,
    ...(cause === undefined ? {} : { cause })
  })
