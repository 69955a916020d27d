/**
 * A model's folder in Hugging Face's layout, read: its shape, its weights as float32, its tokenizer.
 * It is read from a disk, never fetched; writing one is `Export`.
 */
import type { Parameters } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import { type Config, type ConfigError, checked } from "./Config.ts"
import * as Files from "./Files.ts"
import type { FolderError } from "./FolderError.ts"
import * as FolderWeights from "./FolderWeights.ts"
import * as HubConfig from "./HubConfig.ts"

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
export type LoadError = ConfigError | FolderWeights.WeightsError

/**
 * Reads a folder. Weights come from the first that there is of `model.safetensors`, its shards,
 * `onnx/model.onnx`, `model.onnx`.
 */
export const load = Effect.fn("Folder.load")(function* (
  directory: string,
  options: LoadOptions = {}
): Effect.fn.Return<Contents, LoadError, FileSystem.FileSystem> {
  const config = yield* configOf(directory, options)
  const parameters = yield* FolderWeights.load(directory, config)
  const tokenizer = yield* tokenizerOf(directory)
  return { config, parameters, ...(tokenizer === undefined ? {} : { tokenizer }) }
})

/** The configuration alone, with the ids that `generation_config.json` says end a text. */
export const configOf = Effect.fn("Folder.configOf")(function* (
  directory: string,
  options: LoadOptions = {}
): Effect.fn.Return<Config, FolderError | ConfigError, FileSystem.FileSystem> {
  const file = `${directory}/config.json`
  const json = yield* Files.json(file, Schema.Unknown)
  const config = yield* Effect.fromResult(HubConfig.decode(json, file))
  const generation = `${directory}/generation_config.json`
  const said = (yield* Files.exists(generation)) ? yield* Files.json(generation, Generation) : {}
  const eos = [said.eos_token_id ?? config.specialIds.eos].flat()
  return yield* Effect.fromResult(
    checked(
      {
        ...config,
        hasValue: config.hasValue || options.hasValue === true,
        specialIds: { ...config.specialIds, eos }
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

const Fields = Schema.Record(Schema.String, Schema.Unknown)

const tokenizerOf = Effect.fnUntraced(function* (directory: string) {
  const file = `${directory}/tokenizer.json`
  if (!(yield* Files.exists(file))) return undefined
  const tokenizer = yield* Files.json(file, Schema.Unknown)
  const beside = `${directory}/tokenizer_config.json`
  const config = (yield* Files.exists(beside)) ? yield* Files.json(beside, Fields) : {}
  const template = `${directory}/chat_template.jinja`
  const files: TokenizerFiles = (yield* Files.exists(template))
    ? { tokenizer, config: { ...config, chat_template: yield* Files.text(template) } }
    : { tokenizer, config }
  return files
})
