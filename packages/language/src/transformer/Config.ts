/**
 * The shape of a decoder-only transformer as people use them: Llama and its relatives.
 * It holds sizes and choices, no numbers that are learnt; Hugging Face's `config.json` is `HubConfig`.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/**
 * The relatives that differ only in the choices below, under Hugging Face's `model_type`.
 * "starcoder2" is the one with LayerNorm, GELU and biases (the layers of GPT-2, with rotary positions).
 */
export type Family = "llama" | "mistral" | "qwen2" | "qwen3" | "starcoder2"

/** Positions stretched as Llama 3.1 does (transformers, `_compute_llama3_parameters`). */
export interface RopeScaling {
  readonly factor: number
  readonly lowFrequencyFactor: number
  readonly highFrequencyFactor: number
  /** The positions that the model was first trained for. */
  readonly originalPositions: number
}

/** Ids that mean something to whoever generates text; the network does not know them. */
export interface SpecialIds {
  readonly bos?: number
  /** Any of these ends a text. */
  readonly eos: ReadonlyArray<number>
  readonly pad?: number
}

/** All that determines the network's shape and meaning. */
export interface Config {
  readonly family: Family
  readonly vocabularySize: number
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly layers: number
  readonly heads: number
  /** Heads of keys and values, each shared by heads / keyValueHeads queries. */
  readonly keyValueHeads: number
  /** Even; heads * headDimension need not be hiddenSize. */
  readonly headDimension: number
  /** The longest wavelength's base, 10000 in the first models. */
  readonly ropeTheta: number
  readonly ropeScaling?: RopeScaling
  readonly normEpsilon: number
  readonly norm: "rms" | "layer"
  /** "gelu" is exact, "geluTanh" its tanh approximation (Hendrycks & Gimpel 2016, eq. 2). */
  readonly mlp: "swiglu" | "gelu" | "geluTanh"
  /** Which of the attention's linear layers have a bias. */
  readonly attentionBias: "none" | "queryKeyValue" | "all"
  readonly mlpBias: boolean
  /** Whether queries and keys are normalised per head before they are turned (Qwen3). */
  readonly queryKeyNorm: boolean
  /** Whether the vocabulary projection is the embedding. */
  readonly tieEmbeddings: boolean
  /** The longest text. */
  readonly maxPositions: number
  /** Whether a critic, one number per position, is read from the last hidden state. */
  readonly hasValue: boolean
  readonly specialIds: SpecialIds
}

/** A shape that no network has, or a `config.json` that says something we would not honour. */
export class ConfigError extends Schema.TaggedError<ConfigError>()("ConfigError", {
  reason: Schema.Literals(["Malformed", "Unsupported", "Inconsistent"]),
  file: Schema.String,
  field: Schema.String,
  message: Schema.String
}) {}

/** What a relative fixes. */
export type Traits = Pick<
  Config,
  "norm" | "mlp" | "attentionBias" | "mlpBias" | "queryKeyNorm" | "normEpsilon" | "tieEmbeddings"
>

const plain: Traits = {
  norm: "rms",
  mlp: "swiglu",
  attentionBias: "none",
  mlpBias: false,
  queryKeyNorm: false,
  normEpsilon: 1e-6,
  tieEmbeddings: false
}

/** What each relative is unless its `config.json` says otherwise. */
export const traits: { readonly [family in Family]: Traits } = {
  llama: plain,
  mistral: plain,
  qwen2: { ...plain, attentionBias: "queryKeyValue" },
  qwen3: { ...plain, queryKeyNorm: true },
  starcoder2: {
    norm: "layer",
    mlp: "geluTanh",
    attentionBias: "all",
    mlpBias: true,
    queryKeyNorm: false,
    normEpsilon: 1e-5,
    tieEmbeddings: true
  }
}

/** The sizes of a new network; the rest has the field's usual values, a Llama's. */
export type Sizes = Pick<
  Config,
  "vocabularySize" | "hiddenSize" | "intermediateSize" | "layers" | "heads"
> &
  Partial<Config>

/** A configuration; refused where the sizes do not go together. */
export const make = (sizes: Sizes): Result.Result<Config, ConfigError> => {
  const family = sizes.family ?? "llama"
  return checked(
    {
      ...traits[family],
      family,
      keyValueHeads: sizes.heads,
      headDimension: Math.floor(sizes.hiddenSize / sizes.heads),
      ropeTheta: 10_000,
      tieEmbeddings: true,
      maxPositions: 2048,
      hasValue: false,
      specialIds: { eos: [] },
      ...sizes
    },
    "the configuration"
  )
}

/** The configuration itself if its sizes go together; `file` is only named in errors. */
export const checked = (config: Config, file: string): Result.Result<Config, ConfigError> => {
  const field = counted.find((name) => !(Number.isSafeInteger(config[name]) && config[name] > 0))
  if (field !== undefined)
    return Result.fail(inconsistent(file, field, `is ${config[field]}, not a whole number above 0`))
  const { heads, keyValueHeads, headDimension, vocabularySize } = config
  if (heads % keyValueHeads !== 0)
    return Result.fail(
      inconsistent(
        file,
        "keyValueHeads",
        `is ${keyValueHeads}, which does not divide ${heads} heads`
      )
    )
  if (headDimension % 2 !== 0)
    return Result.fail(
      inconsistent(file, "headDimension", `is ${headDimension}; rotary positions need pairs`)
    )
  const positive = (["ropeTheta", "normEpsilon"] as const).find((name) => !(config[name] > 0))
  if (positive !== undefined)
    return Result.fail(inconsistent(file, positive, `is ${config[positive]}, not above 0`))
  const { bos, eos, pad } = config.specialIds
  const foreign = [bos, pad, ...eos].find(
    (id) => id !== undefined && !(Number.isSafeInteger(id) && id >= 0 && id < vocabularySize)
  )
  return foreign === undefined
    ? Result.succeed(config)
    : Result.fail(
        inconsistent(file, "specialIds", `hold ${foreign}; the vocabulary has ${vocabularySize}`)
      )
}

const counted = [
  "vocabularySize",
  "hiddenSize",
  "intermediateSize",
  "layers",
  "heads",
  "keyValueHeads",
  "headDimension",
  "maxPositions"
] as const

const inconsistent = (file: string, field: string, problem: string) =>
  new ConfigError({
    reason: "Inconsistent",
    file,
    field,
    message: `${file}: ${field} ${problem}: correct it, or take the file that belongs to the weights`
  })

/** The turn per position of each pair of a head, headDimension / 2 of them, in radians. */
export const frequencies = (config: Config): ReadonlyArray<number> => {
  const { headDimension, ropeTheta, ropeScaling } = config
  const base = Array.from(
    { length: headDimension / 2 },
    (_, pair) => ropeTheta ** ((-2 * pair) / headDimension)
  )
  return ropeScaling === undefined ? base : base.map((turn) => stretched(turn, ropeScaling))
}

/** Slow turns are slowed by the factor, fast ones kept, and those between are blended. */
const stretched = (turn: number, scaling: RopeScaling): number => {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = scaling
  const turns = (scaling.originalPositions * turn) / (2 * Math.PI)
  if (turns < low) return turn / factor
  if (turns > high) return turn
  const share = (turns - low) / (high - low)
  return (1 - share) * (turn / factor) + share * turn
}
