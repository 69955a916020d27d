/**
 * Where a model lies and what its files hold: a folder in Hugging Face's layout, a run, a checkpoint,
 * or one file. Only heads are read; what the numbers are good for is not looked at.
 */
import * as OnnxFile from "@dreamgym/graph/OnnxFile"
import type * as OnnxTensor from "@dreamgym/graph/OnnxTensor"
import * as Safetensors from "@dreamgym/graph/Safetensors"
import type * as Shape from "@dreamgym/graph/Shape"
import * as Checkpoint from "@dreamgym/pipeline/Checkpoint"
import type * as RunError from "@dreamgym/pipeline/RunError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"

/** One tensor of a file. */
export interface Tensor {
  readonly name: string
  readonly type: OnnxTensor.TensorType
  readonly shape: Shape.Shape
}

/** A file of weights; `operators` counts the nodes of an ONNX graph by operator. */
export interface Weights {
  readonly file: string
  readonly tensors: ReadonlyArray<Tensor>
  readonly operators?: Readonly<Record<string, number>>
}

/** A model where it was found. `transformer` is a folder with a `config.json` of Hugging Face's kind. */
export interface Located {
  readonly kind: "transformer" | "run" | "checkpoint" | "file"
  /** The folder or file that was asked for, absolute. */
  readonly path: string
  /** What `config.json` says of the networks, if there is one. */
  readonly config?: Schema.Json
  readonly files: ReadonlyArray<string>
}

/** No model where one was asked for, or none that can be given away. */
export class ModelError extends Schema.TaggedError<ModelError>()("ModelError", {
  reason: Schema.Literals(["Absent", "NoWeights", "Unreadable", "NotExportable"]),
  path: Schema.String,
  message: Schema.String
}) {}

/** Why no model was found. */
export type LocateError = ModelError | RunError.RunError

const expected =
  "give a folder with a Hugging Face config.json, a run, a checkpoint, or a .safetensors or .onnx file"

/** Finds the model that a path, or the name of a run in `directory`, means. */
export const locate = Effect.fn("ModelFiles.locate")(function* (
  name: string,
  directory: string
): Effect.fn.Return<Located, LocateError, FileSystem.FileSystem | Path.Path> {
  const fileSystem = yield* FileSystem.FileSystem
  const { resolve } = yield* Path.Path
  for (const path of [resolve(name), resolve(directory, name)]) {
    const info = yield* Effect.option(fileSystem.stat(path))
    if (Option.isNone(info)) continue
    if (info.value.type === "Directory") return yield* inFolder(path)
    return { kind: "file", path, files: [path] }
  }
  return yield* new ModelError({
    reason: "Absent",
    path: name,
    message: `there is no model ${name}, nor a run of that name in ${directory}; ${expected}`
  })
})

const Hub = Schema.Struct({ model_type: Schema.String })
const Run = Schema.Struct({
  config: Schema.Struct({ clone: Schema.Json, experience: Schema.Json })
})

const inFolder = Effect.fnUntraced(function* (
  path: string
): Effect.fn.Return<Located, LocateError, FileSystem.FileSystem | Path.Path> {
  const { join } = yield* Path.Path
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* Effect.option(fileSystem.readFileString(join(path, "config.json")))
  const json = Option.flatMap(text, Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json)))
  const config = Option.getOrUndefined(json)
  if (Schema.is(Hub)(config)) {
    const files = yield* weightsIn(path)
    return { kind: "transformer", path, config, files }
  }
  if (Schema.is(Run)(config)) {
    const { clone, experience } = config.config
    const files = yield* weightsIn((yield* Checkpoint.loadLatest(path)).path)
    return { kind: "run", path, config: { clone, experience }, files }
  }
  return { kind: "checkpoint", path, files: yield* weightsIn(path) }
})

/** The safetensors of a folder; without any, its ONNX files, also those in `onnx/`. */
const weightsIn = Effect.fnUntraced(function* (folder: string) {
  const { join } = yield* Path.Path
  const fileSystem = yield* FileSystem.FileSystem
  const list = (of: string, ending: string) =>
    fileSystem.readDirectory(of).pipe(
      Effect.orElseSucceed(() => []),
      Effect.map((names) => names.filter((name) => name.endsWith(ending)).toSorted()),
      Effect.map((names) => names.map((name) => join(of, name)))
    )
  const files = yield* list(folder, ".safetensors")
  if (files.length > 0) return files
  const graphs = [
    ...(yield* list(folder, ".onnx")),
    ...(yield* list(join(folder, "onnx"), ".onnx"))
  ]
  if (graphs.length > 0) return graphs
  const message = `${folder} holds no .safetensors and no .onnx file; ${expected}`
  return yield* new ModelError({ reason: "NoWeights", path: folder, message })
})

/** What a file holds, by its ending. */
export const read = Effect.fn("ModelFiles.read")(function* (
  file: string
): Effect.fn.Return<
  Weights,
  ModelError | OnnxFile.OnnxFileError | Safetensors.SafetensorsError,
  FileSystem.FileSystem
> {
  const weights: Effect.Effect<Weights, ReadError, FileSystem.FileSystem> = file.endsWith(".onnx")
    ? onnx(file)
    : safetensors(file)
  return yield* Effect.catchTag(weights, "PlatformError", ({ message }) =>
    Effect.fail(
      new ModelError({ reason: "Unreadable", path: file, message: `${file}: ${message}` })
    )
  )
})

type ReadError = PlatformError.PlatformError | OnnxFile.OnnxFileError | Safetensors.SafetensorsError

const onnx = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const { initializers, nodes } = yield* OnnxFile.read(yield* fileSystem.readFile(file), file)
  const operators: Record<string, number> = {}
  for (const { op } of nodes) operators[op] = (operators[op] ?? 0) + 1
  const tensors = Object.values(initializers).map(({ name, shape, type }) => ({
    name,
    shape,
    type
  }))
  return { file, tensors, operators }
})

/** The largest head that other readers of the format take. */
const largestHead = 100_000_000

const safetensors = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const handle = yield* fileSystem.open(file)
  const size = Number((yield* handle.stat).size)
  const first = Option.getOrElse(yield* handle.readAlloc(8), () => new Uint8Array(0))
  const length = Math.min(Safetensors.headSize(first) ?? 0, size, largestHead)
  const bytes = new Uint8Array(Math.max(first.length, length))
  bytes.set(first)
  for (let at = first.length; at < bytes.length;) {
    const count = Number(yield* handle.read(bytes.subarray(at)))
    if (count === 0) break
    at += count
  }
  const { tensors } = yield* Safetensors.head(bytes, size, file)
  return {
    file,
    tensors: Object.entries(tensors).map(([name, { shape, type }]) => ({ name, shape, type }))
  }
}, Effect.scoped)
