/**
 * A trained model as a folder in Hugging Face's layout: for transformers, transformers.js, and others.
 * It writes what is; merging adapters first is `Lora`, reading a folder `Folder`.
 */
import { type Parameters, Safetensors, Shape } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Config, ConfigError } from "./Config.ts"
import * as Files from "./Files.ts"
import type { TokenizerFiles } from "./Folder.ts"
import { type FolderError, make as problem } from "./FolderError.ts"
import * as HubConfig from "./HubConfig.ts"
import { shapes } from "./Network.ts"
import * as OnnxDecoder from "./OnnxDecoder.ts"

/** What a folder is made of. */
export interface Model {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  /** Without one the folder has weights only. */
  readonly tokenizer?: TokenizerFiles
}

/** What is written. */
export interface WriteOptions {
  /** Whether `onnx/model.onnx` is written too, which transformers.js needs; default true. */
  readonly hasOnnx?: boolean
}

/** What one ONNX file can hold; protocol buffers count in 31 bits. */
const mostBytes = 2 ** 31 - 2 ** 20

/**
 * Writes the folder; files of the same names are replaced. The critic is only in the safetensors. A
 * model that one ONNX file cannot hold is refused before anything is written.
 */
export const write = Effect.fn("Export.write")(function* (
  directory: string,
  { config, parameters, tokenizer }: Model,
  { hasOnnx = true }: WriteOptions = {}
): Effect.fn.Return<void, FolderError | ConfigError, FileSystem.FileSystem> {
  const json = yield* Effect.fromResult(HubConfig.encode(config))
  yield* fits(config, parameters, directory)
  const onnx = `${directory}/onnx/model.onnx`
  if (hasOnnx && config.headDimension % 16 !== 0)
    return yield* problem("Unsupported", {
      file: onnx,
      expected: "a head dimension that the kernel of cached attention takes, a multiple of 16",
      found: `${config.headDimension}`
    })
  const angleBytes = config.maxPositions * config.headDimension * 4
  const bytes = parameters.memory.byteLength + angleBytes
  if (hasOnnx && bytes > mostBytes)
    return yield* problem("TooLarge", {
      file: onnx,
      expected: `at most ${mostBytes} bytes of weights and angles`,
      found: `${bytes}`
    })
  yield* Files.makeFolder(hasOnnx ? `${directory}/onnx` : directory)
  yield* Files.writeJson(`${directory}/config.json`, json)
  yield* Files.writeJson(`${directory}/generation_config.json`, generationOf(config))
  if (tokenizer !== undefined) {
    yield* Files.writeJson(`${directory}/tokenizer.json`, tokenizer.tokenizer)
    yield* Files.writeJson(`${directory}/tokenizer_config.json`, tokenizer.config)
  }
  yield* Files.write(`${directory}/model.safetensors`, safetensorsOf(parameters))
  if (hasOnnx) yield* Files.write(onnx, OnnxDecoder.encode(config, parameters))
})

/** The weights as `model.safetensors`; transformers refuses a file without the format. */
const safetensorsOf = ({ arrays, shapes: of }: Parameters.Parameters): Uint8Array =>
  Safetensors.encode(
    Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, { shape: of[name] ?? [], data }])
    ),
    { format: "pt" }
  )

const generationOf = ({ specialIds: { bos, eos, pad } }: Config) => ({
  ...(bos === undefined ? {} : { bos_token_id: bos }),
  ...(eos.length === 0 ? {} : { eos_token_id: eos.length === 1 ? eos[0] : eos }),
  ...(pad === undefined ? {} : { pad_token_id: pad }),
  do_sample: false
})

/** The parameters are those of the configuration, no fewer and no others. */
const fits = Effect.fnUntraced(function* (
  config: Config,
  parameters: Parameters.Parameters,
  file: string
): Effect.fn.Return<void, FolderError> {
  const expected = shapes(config)
  const textOf = (shape: Shape.Shape | undefined) =>
    shape === undefined ? "nothing" : `[${shape.join(", ")}]`
  for (const tensor of new Set([...Object.keys(expected), ...Object.keys(parameters.shapes)])) {
    const [want, have] = [expected[tensor], parameters.shapes[tensor]]
    if (want === undefined || have === undefined || !Shape.equals(want, have))
      return yield* problem("MisshapenTensor", {
        file,
        tensor,
        expected: textOf(want),
        found: textOf(have)
      })
  }
})
