/**
 * A model's folder in Hugging Face's layout, read: its shape, its weights as float32, its tokenizer.
 * It is read from a disk, never fetched; writing one is `Export`.
 */
import { OnnxFile, type OnnxTensor, Parameters, Safetensors, Shape } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type Config, type ConfigError, checked } from "./Config.ts"
import { type FolderError, make as problem } from "./FolderError.ts"
import * as HubConfig from "./HubConfig.ts"
import { shapes } from "./Network.ts"
import * as OnnxNames from "./OnnxNames.ts"

export { FolderError } from "./FolderError.ts"

/** The tokenizer's own files, parsed; `HubTokenizer` makes them work. */
export interface TokenizerFiles {
  /** `tokenizer.json`. */
  readonly tokenizer: unknown
  /** `tokenizer_config.json`, `{}` if there is none; a `chat_template.jinja` beside it is put in. */
  readonly config: { readonly [field: string]: unknown }
}

/** All that a folder holds for us. */
export interface Contents {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  /** Absent if the folder has no `tokenizer.json`. */
  readonly tokenizer?: TokenizerFiles
}

/** What the network gets beyond what the folder says. */
export interface LoadOptions {
  /** Adds a critic; where the weights have none it begins at zero. */
  readonly hasValue?: boolean
}

/** Why a folder cannot be loaded. */
export type LoadError =
  | FolderError
  | ConfigError
  | Safetensors.SafetensorsError
  | OnnxFile.OnnxFileError

/**
 * Reads a folder. Weights come from the first that there is of `model.safetensors`, its shards,
 * `onnx/model.onnx`, `model.onnx`.
 */
export const load = Effect.fn("Folder.load")(function* (
  directory: string,
  options: LoadOptions = {}
): Effect.fn.Return<Contents, LoadError, FileSystem.FileSystem> {
  const config = yield* configOf(directory, options)
  const intake: Intake = {
    config,
    parameters: Parameters.zeros(shapes(config)),
    taken: new Set(),
    head: []
  }
  const file = yield* takeAll(intake, directory)
  yield* complete(intake, file)
  const tokenizer = yield* tokenizerOf(directory)
  return {
    config,
    parameters: intake.parameters,
    ...(tokenizer === undefined ? {} : { tokenizer })
  }
})

/** The configuration alone, with the ids that `generation_config.json` says end a text. */
export const configOf = Effect.fn("Folder.configOf")(function* (
  directory: string,
  options: LoadOptions = {}
): Effect.fn.Return<Config, FolderError | ConfigError, FileSystem.FileSystem> {
  const file = `${directory}/config.json`
  const config = yield* Effect.fromResult(HubConfig.decode(yield* jsonOf(file), file))
  const generation = `${directory}/generation_config.json`
  const eos = (yield* exists(generation))
    ? yield* decoded(Generation, yield* jsonOf(generation), generation)
    : {}
  const ids = [eos.eos_token_id ?? config.specialIds.eos].flat()
  return yield* Effect.fromResult(
    checked(
      {
        ...config,
        hasValue: config.hasValue || options.hasValue === true,
        specialIds: { ...config.specialIds, eos: ids }
      },
      generation
    )
  )
})

const Generation = Schema.Struct({
  eos_token_id: Schema.optionalKey(
    Schema.NullOr(Schema.Union([Schema.Natural, Schema.Array(Schema.Natural)]))
  )
})

/** Weights on their way into the network's memory. */
interface Intake {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  readonly taken: Set<string>
  /** A head beside a tied embedding, to be compared with it. */
  readonly head: Array<Tensor>
}

interface Tensor extends Safetensors.Tensor {
  readonly file: string
}

const whole = "model.safetensors"
const index = "model.safetensors.index.json"
const exports = ["onnx/model.onnx", "model.onnx"] as const

/** Takes the weights from whichever files there are; answers the file to name if some are missing. */
const takeAll = Effect.fnUntraced(function* (intake: Intake, directory: string) {
  if (yield* exists(`${directory}/${whole}`)) {
    const file = `${directory}/${whole}`
    yield* takeFile(intake, file)
    return file
  }
  if (yield* exists(`${directory}/${index}`)) return yield* takeShards(intake, directory)
  for (const name of exports)
    if (yield* exists(`${directory}/${name}`)) return yield* takeOnnx(intake, directory, name)
  return yield* problem("Absent", {
    file: directory,
    expected: [whole, index, ...exports].join(" or "),
    found: "none of them"
  })
})

const takeOnnx = Effect.fnUntraced(function* (intake: Intake, directory: string, name: string) {
  const file = `${directory}/${name}`
  const beside = file.slice(0, file.lastIndexOf("/"))
  const read = yield* OnnxFile.read(yield* bytesOf(file), file)
  const graph = yield* OnnxFile.withExternal(read, file, (part) => partOf(beside, part))
  const packed = OnnxNames.quantised(graph)
  if (packed !== undefined)
    return yield* problem("Unsupported", {
      file,
      expected: "weights as numbers",
      found: `packed ones in node ${packed.name}`
    })
  yield* take(intake, OnnxNames.tensorsOf(graph, intake.config, intake.parameters.shapes), file)
  return file
})

/** A part of a file that holds weights beside a model. */
const partOf = Effect.fnUntraced(function* (directory: string, part: OnnxTensor.External) {
  const files = yield* FileSystem.FileSystem
  const file = `${directory}/${part.location}`
  const pieces = yield* files
    .stream(file, { offset: part.offset, bytesToRead: part.length ?? 0 })
    .pipe(
      Stream.runCollect,
      Effect.mapError((cause) => unread(file, cause.message))
    )
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
})

const takeFile = Effect.fnUntraced(function* (intake: Intake, file: string) {
  const { tensors } = yield* Safetensors.decode(yield* bytesOf(file), file)
  yield* take(intake, tensors, file)
  return tensors
})

const Index = Schema.Struct({ weight_map: Schema.Record(Schema.String, Schema.String) })

const takeShards = Effect.fnUntraced(function* (intake: Intake, directory: string) {
  const file = `${directory}/${index}`
  const { weight_map } = yield* decoded(Index, yield* jsonOf(file), file)
  for (const shard of new Set(Object.values(weight_map))) {
    if (shard.includes("/") || shard.includes("\\"))
      return yield* problem("Malformed", { file, expected: "shards beside it", found: shard })
    const tensors = yield* takeFile(intake, `${directory}/${shard}`)
    const promised = Object.keys(weight_map).find(
      (name) => weight_map[name] === shard && !(name in tensors)
    )
    if (promised !== undefined)
      return yield* problem("MissingTensor", {
        file: `${directory}/${shard}`,
        tensor: promised,
        expected: `the tensor that ${file} says is here`,
        found: "nothing"
      })
  }
  return file
})

const headName = "lm_head.weight"
const embeddingName = "model.embed_tokens.weight"

/** Tables that old files hold beside the weights and that follow from the configuration. */
const isDerived = (name: string) => name.endsWith("rotary_emb.inv_freq")

const shapeOf = (shape: Shape.Shape) => `[${shape.join(", ")}]`

const take = Effect.fnUntraced(function* (
  { config, head, parameters, taken }: Intake,
  tensors: { readonly [name: string]: Safetensors.Tensor },
  file: string
) {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (isDerived(name)) continue
    if (name === headName && config.tieEmbeddings) {
      head.push({ ...tensor, file })
      continue
    }
    const [array, shape] = [parameters.arrays[name], parameters.shapes[name]]
    const found = shapeOf(tensor.shape)
    if (array === undefined || shape === undefined)
      return yield* problem("UnknownTensor", {
        file,
        tensor: name,
        expected: "no such tensor",
        found
      })
    if (!Shape.equals(tensor.shape, shape))
      return yield* problem("MisshapenTensor", {
        file,
        tensor: name,
        expected: shapeOf(shape),
        found
      })
    array.set(tensor.data)
    taken.add(name)
  }
})

/** Every parameter was there, and a head beside a tied embedding is that embedding. */
const complete = Effect.fnUntraced(function* (
  { head, parameters, taken }: Intake,
  file: string
): Effect.fn.Return<void, FolderError> {
  for (const [name, shape] of Object.entries(parameters.shapes))
    if (!taken.has(name) && !name.startsWith("value_head."))
      return yield* problem("MissingTensor", {
        file,
        tensor: name,
        expected: shapeOf(shape),
        found: "nothing"
      })
  const embedding = parameters.arrays[embeddingName] ?? new Float32Array(0)
  const [other] = head.filter(
    ({ data }) =>
      data.length !== embedding.length || data.some((x, at) => !Object.is(x, embedding[at]))
  )
  if (other !== undefined)
    return yield* problem("Contradiction", {
      file: other.file,
      tensor: headName,
      expected: "the embedding, since config.json says tie_word_embeddings",
      found: "other numbers"
    })
})

const tokenizerOf = Effect.fnUntraced(function* (directory: string) {
  const file = `${directory}/tokenizer.json`
  if (!(yield* exists(file))) return undefined
  const tokenizer = yield* jsonOf(file)
  const beside = `${directory}/tokenizer_config.json`
  const fields = Schema.Record(Schema.String, Schema.Unknown)
  const config = (yield* exists(beside))
    ? yield* decoded(fields, yield* jsonOf(beside), beside)
    : {}
  const template = `${directory}/chat_template.jinja`
  const files: TokenizerFiles = (yield* exists(template))
    ? { tokenizer, config: { ...config, chat_template: yield* textOf(template) } }
    : { tokenizer, config }
  return files
})

const exists = Effect.fnUntraced(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(files.exists(file), (cause) => unread(file, cause.message))
})

const unread = (file: string, found: string) =>
  problem("Unreadable", { file, expected: "a file that can be read", found })

const bytesOf = Effect.fnUntraced(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(files.readFile(file), (cause) =>
    cause.reason._tag === "NotFound"
      ? problem("Absent", { file, expected: "a file", found: "nothing" })
      : unread(file, cause.message)
  )
})

const textOf = (file: string) =>
  Effect.map(bytesOf(file), (bytes) => new TextDecoder().decode(bytes))

const jsonOf = Effect.fnUntraced(function* (file: string) {
  const text = yield* textOf(file)
  return yield* decoded(Schema.fromJsonString(Schema.Unknown), text, file)
})

const decoded = <A>(schema: Schema.ConstraintDecoder<A>, input: unknown, file: string) =>
  Effect.mapError(Schema.decodeUnknownEffect(schema)(input), (cause) =>
    problem("Malformed", {
      file,
      expected: "the JSON of such a file",
      found: cause.message.replaceAll(/\s+/g, " ")
    })
  )
