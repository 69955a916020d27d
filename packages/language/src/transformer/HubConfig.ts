/**
 * Hugging Face's `config.json`, read to and written from our configuration.
 * A field that changes the meaning and is not honoured is refused by name; others are skipped.
 * Sources: transformers, `models/{llama,mistral,qwen2,qwen3,starcoder2}/configuration_*.py`.
 */
import * as Equal from "effect/Equal"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import {
  type Config,
  ConfigError,
  type Family,
  type RopeScaling,
  checked,
  traits
} from "./Config.ts"

const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Rope = Schema.Struct({
  rope_type: maybe(Schema.String),
  type: maybe(Schema.String),
  rope_theta: maybe(Schema.Finite),
  factor: maybe(Schema.Finite),
  low_freq_factor: maybe(Schema.Finite),
  high_freq_factor: maybe(Schema.Finite),
  original_max_position_embeddings: maybe(Schema.Natural),
  partial_rotary_factor: maybe(Schema.Finite)
})

const Ids = Schema.Union([Schema.Int, Schema.Array(Schema.Int)])

const Hub = Schema.Struct({
  model_type: Schema.String,
  vocab_size: Schema.Natural,
  hidden_size: Schema.Natural,
  intermediate_size: Schema.Natural,
  num_hidden_layers: Schema.Natural,
  num_attention_heads: Schema.Natural,
  num_key_value_heads: maybe(Schema.Natural),
  head_dim: maybe(Schema.Natural),
  hidden_act: maybe(Schema.String),
  max_position_embeddings: maybe(Schema.Natural),
  rope_theta: maybe(Schema.Finite),
  rope_scaling: maybe(Rope),
  rope_parameters: maybe(Rope),
  partial_rotary_factor: maybe(Schema.Finite),
  rms_norm_eps: maybe(Schema.Finite),
  norm_epsilon: maybe(Schema.Finite),
  attention_bias: maybe(Schema.Boolean),
  mlp_bias: maybe(Schema.Boolean),
  use_bias: maybe(Schema.Boolean),
  tie_word_embeddings: maybe(Schema.Boolean),
  sliding_window: maybe(Schema.Natural),
  use_sliding_window: maybe(Schema.Boolean),
  layer_types: maybe(Schema.Array(Schema.String)),
  use_mrope: maybe(Schema.Boolean),
  rope_interleaved: maybe(Schema.Boolean),
  quantization_config: maybe(Schema.Unknown),
  bos_token_id: maybe(Schema.Int),
  eos_token_id: maybe(Ids),
  pad_token_id: maybe(Schema.Int),
  dreamgym_has_value: maybe(Schema.Boolean)
})
type Hub = typeof Hub.Type

const isAbsent = (value: unknown) => value === undefined || value === null

/** What transformers assumes where a file is silent. */
interface Absent {
  readonly keyValueHeads?: number
  readonly headDimension?: number
  readonly maxPositions: number
  readonly slidingWindow?: number
  readonly activation: string
  readonly architecture: string
}

const absent: { readonly [family in Family]: Absent } = {
  llama: { maxPositions: 2048, activation: "silu", architecture: "LlamaForCausalLM" },
  mistral: {
    keyValueHeads: 8,
    maxPositions: 131_072,
    slidingWindow: 4096,
    activation: "silu",
    architecture: "MistralForCausalLM"
  },
  qwen2: {
    keyValueHeads: 32,
    maxPositions: 32_768,
    activation: "silu",
    architecture: "Qwen2ForCausalLM"
  },
  qwen3: {
    keyValueHeads: 32,
    headDimension: 128,
    maxPositions: 32_768,
    activation: "silu",
    architecture: "Qwen3ForCausalLM"
  },
  starcoder2: {
    keyValueHeads: 2,
    maxPositions: 4096,
    activation: "gelu_pytorch_tanh",
    architecture: "Starcoder2ForCausalLM"
  }
}

const isFamily = Schema.is(Schema.Literals(["llama", "mistral", "qwen2", "qwen3", "starcoder2"]))

/** A parsed `config.json` as our configuration; `file` is only named in errors. */
export const decode = (json: unknown, file: string): Result.Result<Config, ConfigError> => {
  const hub = Schema.decodeUnknownResult(Hub)(json)
  if (Result.isFailure(hub))
    return Result.fail(
      new ConfigError({
        reason: "Malformed",
        file,
        field: fieldOf(hub.failure.message),
        message: `${file} is not a config.json: ${hub.failure.message.replaceAll(/\s+/g, " ")}`
      })
    )
  const { model_type: family } = hub.success
  if (!isFamily(family))
    return Result.fail(
      unsupported(file, "model_type", family, `one of ${Object.keys(traits).join(", ")}`)
    )
  const stranger = strange(hub.success, family)
  return stranger === undefined
    ? checked(configOf(hub.success, family), file)
    : Result.fail(unsupported(file, stranger.field, stranger.found, stranger.expected))
}

const fieldOf = (message: string): string => /at \["([^"]+)"\]/.exec(message)?.[1] ?? ""

const unsupported = (file: string, field: string, found: unknown, expected: string) =>
  new ConfigError({
    reason: "Unsupported",
    file,
    field,
    message:
      `${file}: ${field} is ${JSON.stringify(found)}, but only ${expected} is computed here; ` +
      "take a model without it"
  })

interface Stranger {
  readonly field: string
  readonly found: unknown
  readonly expected: string
}

const ropeOf = (hub: Hub) => hub.rope_parameters ?? hub.rope_scaling ?? {}
const ropeTypeOf = (hub: Hub) => ropeOf(hub).rope_type ?? ropeOf(hub).type ?? "default"

/** The first field that asks for something that the network does not compute. */
const strange = (hub: Hub, family: Family): Stranger | undefined => {
  const { activation, slidingWindow, maxPositions } = absent[family]
  const window =
    family === "qwen2" || family === "qwen3"
      ? hub.use_sliding_window === true && hub.sliding_window
      : hub.sliding_window === undefined
        ? slidingWindow
        : hub.sliding_window
  const longest = hub.max_position_embeddings ?? maxPositions
  const fraction = hub.partial_rotary_factor ?? ropeOf(hub).partial_rotary_factor ?? 1
  const act = hub.hidden_act ?? activation
  const rope = isAbsent(hub.rope_parameters) ? "rope_scaling" : "rope_parameters"
  const layers = hub.layer_types?.find((type) => type !== "full_attention")
  const partial = missingOf(hub)
  const problems: ReadonlyArray<readonly [boolean, Stranger]> = [
    [act in mlpOf[family], { field: "hidden_act", found: act, expected: namesOf(mlpOf[family]) }],
    [
      !(typeof window === "number" && window < longest),
      { field: "sliding_window", found: window, expected: "a window that is off or covers all" }
    ],
    [layers === undefined, { field: "layer_types", found: layers, expected: "full_attention" }],
    [
      ["default", "llama3"].includes(ropeTypeOf(hub)),
      { field: rope, found: ropeTypeOf(hub), expected: "default or llama3" }
    ],
    [
      partial === undefined,
      { field: `${rope}.${partial}`, found: null, expected: "llama3 with all its four numbers" }
    ],
    [fraction === 1, { field: "partial_rotary_factor", found: fraction, expected: "1" }],
    [hub.rope_interleaved !== true, { field: "rope_interleaved", found: true, expected: "false" }],
    [hub.use_mrope !== true, { field: "use_mrope", found: true, expected: "false" }],
    [
      isAbsent(hub.quantization_config),
      { field: "quantization_config", found: hub.quantization_config, expected: "float weights" }
    ]
  ]
  return problems.find(([isFine]) => !isFine)?.[1]
}

const llama3 = [
  "factor",
  "low_freq_factor",
  "high_freq_factor",
  "original_max_position_embeddings"
] as const

const missingOf = (hub: Hub): string | undefined =>
  ropeTypeOf(hub) === "llama3" ? llama3.find((name) => isAbsent(ropeOf(hub)[name])) : undefined

const namesOf = (table: Readonly<Record<string, unknown>>) => Object.keys(table).join(" or ")

const gated = { silu: "swiglu", swish: "swiglu" } as const
const mlpOf: { readonly [family in Family]: Readonly<Record<string, Config["mlp"]>> } = {
  llama: gated,
  mistral: gated,
  qwen2: gated,
  qwen3: gated,
  starcoder2: { gelu_pytorch_tanh: "geluTanh", gelu: "gelu" }
}

const biasesOf: {
  readonly [family in Family]: (hub: Hub) => Pick<Config, "attentionBias" | "mlpBias">
} = {
  llama: ({ attention_bias, mlp_bias }) => ({
    attentionBias: attention_bias === true ? "all" : "none",
    mlpBias: mlp_bias === true
  }),
  mistral: () => ({ attentionBias: "none", mlpBias: false }),
  qwen2: () => ({ attentionBias: "queryKeyValue", mlpBias: false }),
  qwen3: ({ attention_bias }) => ({
    attentionBias: attention_bias === true ? "all" : "none",
    mlpBias: false
  }),
  starcoder2: ({ use_bias }) => ({
    attentionBias: use_bias === false ? "none" : "all",
    mlpBias: use_bias !== false
  })
}

const configOf = (hub: Hub, family: Family): Config => {
  const usual = absent[family]
  const heads = hub.num_attention_heads
  const epsilon = family === "starcoder2" ? hub.norm_epsilon : hub.rms_norm_eps
  return {
    ...traits[family],
    ...biasesOf[family](hub),
    family,
    vocabularySize: hub.vocab_size,
    hiddenSize: hub.hidden_size,
    intermediateSize: hub.intermediate_size,
    layers: hub.num_hidden_layers,
    heads,
    keyValueHeads: hub.num_key_value_heads ?? usual.keyValueHeads ?? heads,
    headDimension: hub.head_dim ?? usual.headDimension ?? Math.floor(hub.hidden_size / heads),
    ropeTheta: ropeOf(hub).rope_theta ?? hub.rope_theta ?? 10_000,
    ...scalingOf(hub),
    normEpsilon: epsilon ?? traits[family].normEpsilon,
    mlp: mlpOf[family][hub.hidden_act ?? usual.activation] ?? traits[family].mlp,
    tieEmbeddings: hub.tie_word_embeddings ?? traits[family].tieEmbeddings,
    maxPositions: hub.max_position_embeddings ?? usual.maxPositions,
    hasValue: hub.dreamgym_has_value === true,
    specialIds: {
      ...idOf("bos", hub.bos_token_id),
      eos: [hub.eos_token_id ?? []].flat(),
      ...idOf("pad", hub.pad_token_id)
    }
  }
}

/** A negative id means none, as some Llamas have it. */
const idOf = (name: "bos" | "pad", id: number | null | undefined) =>
  id === null || id === undefined || id < 0 ? {} : { [name]: id }

const scalingOf = (hub: Hub): { readonly ropeScaling?: RopeScaling } => {
  const rope = ropeOf(hub)
  return ropeTypeOf(hub) === "llama3"
    ? {
        ropeScaling: {
          factor: rope.factor ?? 1,
          lowFrequencyFactor: rope.low_freq_factor ?? 1,
          highFrequencyFactor: rope.high_freq_factor ?? 1,
          originalPositions: rope.original_max_position_embeddings ?? 1
        }
      }
    : {}
}

/** A `config.json` for other programs; refused where the family has no word for what we compute. */
export const encode = (
  config: Config
): Result.Result<{ readonly [field: string]: unknown }, ConfigError> => {
  const json = jsonOf(config)
  return Result.flatMap(decode(json, "config.json"), (read) => {
    const lost = Object.entries(config).find(
      ([name, value]) => !Equal.equals(value, new Map(Object.entries(read)).get(name))
    )
    return lost === undefined
      ? Result.succeed(json)
      : Result.fail(unsupported("config.json", lost[0], lost[1], `what a ${config.family} can say`))
  })
}

const jsonOf = (config: Config) => {
  const { family, ropeScaling, specialIds, attentionBias } = config
  const { architecture } = absent[family]
  const own =
    family === "starcoder2"
      ? { norm_epsilon: config.normEpsilon, use_bias: config.mlpBias, sliding_window: null }
      : { rms_norm_eps: config.normEpsilon, sliding_window: null }
  return {
    architectures: [architecture],
    model_type: family,
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.keyValueHeads,
    head_dim: config.headDimension,
    hidden_act: activations[config.mlp],
    max_position_embeddings: config.maxPositions,
    rope_theta: config.ropeTheta,
    rope_scaling: ropeScaling === undefined ? null : ropeJson(ropeScaling),
    attention_bias: attentionBias !== "none",
    mlp_bias: config.mlpBias,
    ...own,
    initializer_range: 0.02,
    tie_word_embeddings: config.tieEmbeddings,
    use_cache: true,
    torch_dtype: "float32",
    bos_token_id: specialIds.bos ?? null,
    eos_token_id: specialIds.eos.length === 1 ? (specialIds.eos[0] ?? null) : specialIds.eos,
    pad_token_id: specialIds.pad ?? null,
    dreamgym_has_value: config.hasValue
  }
}

const activations: { readonly [kind in Config["mlp"]]: string } = {
  swiglu: "silu",
  gelu: "gelu",
  geluTanh: "gelu_pytorch_tanh"
}

const ropeJson = (scaling: RopeScaling) => ({
  rope_type: "llama3",
  factor: scaling.factor,
  low_freq_factor: scaling.lowFrequencyFactor,
  high_freq_factor: scaling.highFrequencyFactor,
  original_max_position_embeddings: scaling.originalPositions
})
