/**
 * A transformer that is being trained: its shape, its numbers, and the version that grows with every update.
 * Models that generate read it, learners write it; how it learns is neither's nor its own business.
 */
import { Seed } from "@dreamgym/domain"
import { Parameters, type Safetensors } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as Weights from "../Weights.ts"
import type { Config } from "./Config.ts"
import { specifications } from "./Network.ts"

export interface Model {
  readonly config: Config
  readonly parameters: Parameters.Parameters
  version: number
}

/** Fresh numbers, drawn from `key`: the same key gives the same network. */
export const make = (config: Config, key: Seed.Key): Model =>
  of(config, Parameters.make(specifications(config), Seed.generator(key)))

/** A network with numbers that are there already, as `Folder.load` gives them. */
export const of = (config: Config, parameters: Parameters.Parameters): Model => ({
  config,
  parameters,
  version: 0
})

/** The same numbers and version in memory of their own. */
export const copy = ({ config, parameters, version }: Model): Model => ({
  config,
  parameters: Parameters.copy(parameters),
  version
})

const versionKey = "version"

/** A checkpoint: the numbers and the version as safetensors. The configuration is kept beside it. */
export const encode = ({ parameters, version }: Model): Uint8Array =>
  Weights.encode(parameters, { format: "pt", [versionKey]: String(version) })

/**
 * Overwrites a model in place with a checkpoint once every name and shape fits; on failure it is as
 * before. Sessions that are bound to its memory see the new numbers.
 */
export const decodeInto = Effect.fn("Model.decodeInto")(function* (
  model: Model,
  bytes: Uint8Array,
  file: string
): Effect.fn.Return<void, Safetensors.SafetensorsError | Parameters.ParametersError> {
  const metadata = yield* Weights.decodeInto(model.parameters, bytes, file)
  const version = Number(metadata[versionKey] ?? 0)
  model.version = Number.isSafeInteger(version) ? version : 0
})
