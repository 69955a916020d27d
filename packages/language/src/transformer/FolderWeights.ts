/**
 * The weights of a model's folder on their way into a network's memory, each held against its shape.
 * Which folder and which network is decided in `Folder`.
 */
import { OnnxFile, OnnxTensor, Parameters, type Safetensors, Shape } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import type { Config } from "./Config.ts"
import * as Files from "./Files.ts"
import { type FolderError, make as problem } from "./FolderError.ts"
import { shapes } from "./Network.ts"
import * as OnnxNames from "./OnnxNames.ts"

/** Why weights cannot be read. */
export type WeightsError = FolderError | Safetensors.SafetensorsError | OnnxFile.OnnxFileError

/** A network's memory, and what of it has been filled. */
interface Intake {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  readonly taken: Set<string>
  /** A head beside a tied embedding, to be compared with it. */
  readonly heads: Array<{ readonly file: string; readonly data: Float32Array }>
}

const whole = "model.safetensors"
const index = "model.safetensors.index.json"
const exports = ["onnx/model.onnx", "model.onnx"] as const

/** Reads the weights from whichever files there are, one tensor after another. */
export const load = Effect.fn("FolderWeights.load")(function* (
  directory: string,
  config: Config
): Effect.fn.Return<Parameters.Parameters, WeightsError, FileSystem.FileSystem> {
  const parameters = yield* Effect.try({
    try: () => Parameters.zeros(shapes(config)),
    catch: (cause) =>
      problem("TooLarge", {
        file: `${directory}/config.json`,
        expected: "a network that fits into memory",
        found: String(cause)
      })
  })
  const intake: Intake = { config, parameters, taken: new Set(), heads: [] }
  yield* complete(intake, yield* takeAll(intake, directory))
  return parameters
})

/** Answers the file to name if some weights were missing. */
const takeAll = Effect.fnUntraced(function* (intake: Intake, directory: string) {
  const file = `${directory}/${whole}`
  if (yield* Files.exists(file)) {
    yield* takeFile(intake, file)
    return file
  }
  if (yield* Files.exists(`${directory}/${index}`)) return yield* takeShards(intake, directory)
  for (const name of exports)
    if (yield* Files.exists(`${directory}/${name}`)) return yield* takeOnnx(intake, directory, name)
  return yield* problem("Absent", {
    file: directory,
    expected: [whole, index, ...exports].join(" or "),
    found: "none of them"
  })
})

const takeFile = Effect.fnUntraced(function* (intake: Intake, file: string) {
  const { start, tensors } = yield* Files.safetensors(file)
  for (const [name, { begin, end, shape, type }] of Object.entries(tensors)) {
    const place = yield* placeOf(intake, { file, name, shape })
    if (place === undefined) continue
    const bytes = yield* Files.part(file, start + begin, end - begin)
    if (bytes.length < end - begin)
      return yield* problem("Malformed", {
        file,
        tensor: name,
        expected: `${end - begin} bytes`,
        found: `${bytes.length}`
      })
    place.set(OnnxTensor.floats({ shape, type, bytes }))
  }
  return tensors
})

const Index = Schema.Struct({ weight_map: Schema.Record(Schema.String, Schema.String) })

const takeShards = Effect.fnUntraced(function* (intake: Intake, directory: string) {
  const file = `${directory}/${index}`
  const { weight_map } = yield* Files.json(file, Index)
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

const takeOnnx = Effect.fnUntraced(function* (intake: Intake, directory: string, path: string) {
  const file = `${directory}/${path}`
  const beside = file.slice(0, file.lastIndexOf("/"))
  const read = yield* OnnxFile.read(yield* Files.bytes(file), file)
  const graph = yield* OnnxFile.withExternal(read, file, ({ length = 0, location, offset }) =>
    Files.part(`${beside}/${location}`, offset, length)
  )
  const packed = OnnxNames.quantised(graph)
  if (packed !== undefined)
    return yield* problem("Unsupported", {
      file,
      expected: "weights as numbers",
      found: `packed ones in node ${packed.name}`
    })
  const tensors = OnnxNames.tensorsOf(graph, intake.config, intake.parameters.shapes)
  for (const [name, { data, shape }] of Object.entries(tensors))
    (yield* placeOf(intake, { file, name, shape }))?.set(data)
  return file
})

const headName = "lm_head.weight"
const embeddingName = "model.embed_tokens.weight"

/** Tables that old files hold beside the weights and that follow from the configuration. */
const isDerived = (name: string) => name.endsWith("rotary_emb.inv_freq")

const textOf = (shape: Shape.Shape) => `[${shape.join(", ")}]`

interface Arriving {
  readonly file: string
  readonly name: string
  readonly shape: Shape.Shape
}

/** Where a tensor's numbers belong; nowhere if they are not needed. */
const placeOf = Effect.fnUntraced(function* (
  { config, heads, parameters, taken }: Intake,
  { file, name, shape }: Arriving
): Effect.fn.Return<Float32Array | undefined, FolderError> {
  if (isDerived(name)) return undefined
  const isHead = name === headName && config.tieEmbeddings
  const wanted = isHead ? embeddingName : name
  const [array, expected] = [parameters.arrays[wanted], parameters.shapes[wanted]]
  const at = { file, tensor: name, found: textOf(shape) }
  if (array === undefined || expected === undefined)
    return yield* problem("UnknownTensor", { ...at, expected: "no such tensor" })
  if (!Shape.equals(shape, expected))
    return yield* problem("MisshapenTensor", { ...at, expected: textOf(expected) })
  if (!isHead) {
    taken.add(name)
    return array
  }
  const data = new Float32Array(array.length)
  heads.push({ file, data })
  return data
})

/** Every parameter was there, and a head beside a tied embedding is that embedding. */
const complete = Effect.fnUntraced(function* (
  { heads, parameters, taken }: Intake,
  file: string
): Effect.fn.Return<void, FolderError> {
  for (const [name, shape] of Object.entries(parameters.shapes))
    if (!taken.has(name) && !name.startsWith("value_head."))
      return yield* problem("MissingTensor", {
        file,
        tensor: name,
        expected: textOf(shape),
        found: "nothing"
      })
  const embedding = parameters.arrays[embeddingName] ?? new Float32Array(0)
  const other = heads.find(({ data }) => data.some((x, at) => !Object.is(x, embedding[at])))
  if (other !== undefined)
    return yield* problem("Contradiction", {
      file: other.file,
      tensor: headName,
      expected: "the embedding, since config.json says tie_word_embeddings",
      found: "other numbers"
    })
})
