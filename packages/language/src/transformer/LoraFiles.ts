/**
 * Adapters as PEFT keeps them: `adapter_config.json` and `adapter_model.safetensors`.
 * A setting that we would not honour is refused by name; training and merging are `Lora`.
 * Source: peft, `tuners/lora/config.py` and `utils/save_and_load.py`.
 */
import { Parameters, Safetensors } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Record from "effect/Record"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Config } from "./Config.ts"
import * as Files from "./Files.ts"
import type { FolderError } from "./FolderError.ts"
import { type Lora, LoraError, checked, everyLayer, specifications } from "./Lora.ts"

const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Adapter = Schema.Struct({
  peft_type: Schema.String,
  r: Schema.Natural,
  lora_alpha: Schema.Finite,
  target_modules: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  bias: maybe(Schema.String),
  use_rslora: maybe(Schema.Boolean),
  use_dora: maybe(Schema.Boolean),
  fan_in_fan_out: maybe(Schema.Boolean),
  lora_bias: maybe(Schema.Boolean),
  modules_to_save: maybe(Schema.Array(Schema.String)),
  layers_to_transform: maybe(Schema.Unknown),
  exclude_modules: maybe(Schema.Unknown),
  target_parameters: maybe(Schema.Unknown),
  trainable_token_indices: maybe(Schema.Unknown),
  rank_pattern: maybe(Schema.Record(Schema.String, Schema.Unknown)),
  alpha_pattern: maybe(Schema.Record(Schema.String, Schema.Unknown)),
  init_lora_weights: maybe(Schema.Union([Schema.Boolean, Schema.String]))
})
type Adapter = typeof Adapter.Type

/** Settings and numbers of adapters. */
export interface Adapters {
  readonly lora: Lora
  readonly parameters: Parameters.Parameters
}

const configFile = "adapter_config.json"
const weightsFile = "adapter_model.safetensors"
const prefix = "base_model.model."

/** Writes both files; `base` is where the frozen weights are to be found. */
export const write = Effect.fn("LoraFiles.write")(function* (
  directory: string,
  { lora, parameters }: Adapters,
  options: { readonly base?: string } = {}
): Effect.fn.Return<void, FolderError, FileSystem.FileSystem> {
  const tensors = Record.mapKeys(tensorsOf(parameters), (name) => prefix + name)
  yield* Files.makeFolder(directory)
  yield* Files.writeJson(`${directory}/${configFile}`, jsonOf(lora, options.base))
  const bytes = Safetensors.encode(tensors, { format: "pt" })
  yield* Files.write(`${directory}/${weightsFile}`, bytes)
})

const tensorsOf = ({ arrays, shapes }: Parameters.Parameters) =>
  Record.map(arrays, (data, name) => ({ shape: shapes[name] ?? [], data }))

const jsonOf = (lora: Lora, base: string | undefined) => ({
  peft_type: "LORA",
  task_type: "CAUSAL_LM",
  base_model_name_or_path: base ?? null,
  r: lora.rank,
  lora_alpha: lora.alpha,
  lora_dropout: 0,
  target_modules: lora.targets,
  bias: "none",
  use_rslora: lora.isRankStabilised === true,
  use_dora: false,
  fan_in_fan_out: false,
  modules_to_save: null,
  layers_to_transform: null,
  rank_pattern: {},
  alpha_pattern: {},
  init_lora_weights: true,
  inference_mode: true
})

/** Reads adapters for a network. */
export const load = Effect.fn("LoraFiles.load")(function* (
  directory: string,
  config: Config
): Effect.fn.Return<
  Adapters,
  FolderError | LoraError | Safetensors.SafetensorsError | Parameters.ParametersError,
  FileSystem.FileSystem
> {
  const json = yield* Files.json(`${directory}/${configFile}`, Adapter)
  const lora = yield* Effect.fromResult(loraOf(json, config))
  const file = `${directory}/${weightsFile}`
  const { tensors } = yield* Safetensors.decode(yield* Files.bytes(file), file)
  const named = Record.mapKeys(tensors, (name) =>
    name.startsWith(prefix) ? name.slice(prefix.length) : name
  )
  const shapes = Record.map(specifications(config, lora), ({ shape }) => shape)
  const parameters = yield* Effect.fromResult(Parameters.fromTensors(shapes, named))
  return { lora, parameters }
})

const isOff = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  (typeof value === "object" && Object.keys(value).length === 0)

/** Whether a setting is one that `Lora` honours. */
const honoured: { readonly [field in keyof Adapter]?: (value: unknown) => boolean } = {
  peft_type: (value) => value === "LORA",
  target_modules: (value) => typeof value !== "string" || value === "all-linear",
  bias: (value) => isOff(value) || value === "none",
  use_dora: isOff,
  fan_in_fan_out: isOff,
  lora_bias: isOff,
  modules_to_save: isOff,
  layers_to_transform: isOff,
  exclude_modules: isOff,
  target_parameters: isOff,
  trainable_token_indices: isOff,
  rank_pattern: isOff,
  alpha_pattern: isOff,
  // Others change the base too, when they begin.
  init_lora_weights: (value) => typeof value !== "string" || value === "gaussian"
}

const loraOf = (json: Adapter, config: Config): Result.Result<Lora, LoraError> => {
  const strange = Object.entries(json).find(([field, value]) => !isHonoured(field, value))
  if (strange !== undefined)
    return Result.fail(
      new LoraError({
        reason: "Unsupported",
        field: strange[0],
        message:
          `${configFile}: ${strange[0]} is ${JSON.stringify(strange[1])}, which is not computed ` +
          "here: merge these adapters where they were made"
      })
    )
  const { target_modules: targets } = json
  return checked(config, {
    rank: json.r,
    alpha: json.lora_alpha,
    targets: typeof targets === "string" ? everyLayer(config) : targets,
    ...(json.use_rslora === true ? { isRankStabilised: true } : {})
  })
}

const checks = new Map(Object.entries(honoured))

const isHonoured = (field: string, value: unknown): boolean => checks.get(field)?.(value) ?? true
