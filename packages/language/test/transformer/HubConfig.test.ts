import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { Transformer } from "../../src/index.ts"
import { configOf, relatives } from "./small.ts"

const { Config, HubConfig } = Transformer

/** As Qwen's own file has it (Qwen2.5-0.5B-Instruct). */
const qwen = {
  architectures: ["Qwen2ForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 151_643,
  eos_token_id: 151_645,
  hidden_act: "silu",
  hidden_size: 896,
  initializer_range: 0.02,
  intermediate_size: 4864,
  max_position_embeddings: 32_768,
  max_window_layers: 21,
  model_type: "qwen2",
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000.0,
  sliding_window: 32_768,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  use_cache: true,
  use_sliding_window: false,
  vocab_size: 151_936
}

/** As Meta's own file has it (Llama-3.2-1B-Instruct). */
const llama = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  bos_token_id: 128_000,
  eos_token_id: [128_001, 128_008, 128_009],
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  intermediate_size: 8192,
  max_position_embeddings: 131_072,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32.0,
    high_freq_factor: 4.0,
    low_freq_factor: 1.0,
    original_max_position_embeddings: 8192,
    rope_type: "llama3"
  },
  rope_theta: 500_000.0,
  tie_word_embeddings: true,
  vocab_size: 128_256
}

const refusal = (json: unknown) => {
  const read = HubConfig.decode(json, "dir/config.json")
  assert.isTrue(Result.isFailure(read))
  return Result.isFailure(read) ? read.failure : undefined
}

describe("config.json", () => {
  it("of a Qwen2.5 says 494 million numbers, as its card does", () => {
    const config = Result.getOrThrow(HubConfig.decode(qwen, "config.json"))
    assert.deepStrictEqual(
      { ...config },
      {
        ...Config.traits.qwen2,
        family: "qwen2",
        vocabularySize: 151_936,
        hiddenSize: 896,
        intermediateSize: 4864,
        layers: 24,
        heads: 14,
        keyValueHeads: 2,
        headDimension: 64,
        ropeTheta: 1_000_000,
        tieEmbeddings: true,
        maxPositions: 32_768,
        hasValue: false,
        specialIds: { bos: 151_643, eos: [151_645] }
      }
    )
    assert.strictEqual(Transformer.Cost.parameters(config), 494_032_768)
  })

  it("of a Llama 3.2 says 1.24 billion numbers and stretches slow turns only", () => {
    const config = Result.getOrThrow(HubConfig.decode(llama, "config.json"))
    assert.strictEqual(Transformer.Cost.parameters(config), 1_235_814_400)
    assert.deepStrictEqual(config.specialIds, { bos: 128_000, eos: [128_001, 128_008, 128_009] })
    const { ropeScaling: _, ...unstretched } = config
    const turns = Config.frequencies(config)
    const unscaled = Config.frequencies(unstretched)
    assert.strictEqual(turns[0], 1)
    assert.strictEqual(turns[31], (unscaled[31] ?? 0) / 32)
    // The pair in the middle, by hand from transformers' formula.
    const wavelength = (2 * Math.PI) / (unscaled[16] ?? 1)
    const smooth = (8192 / wavelength - 1) / 3
    assert.closeTo(
      turns[16] ?? 0,
      (1 - smooth) * ((unscaled[16] ?? 0) / 32) + smooth * (unscaled[16] ?? 0),
      1e-15
    )
  })

  it("may name windows that are off and ids that are none", () => {
    const off = HubConfig.decode({ ...qwen, sliding_window: 4096, pad_token_id: -1 }, "a")
    assert.deepStrictEqual(off, HubConfig.decode(qwen, "a"))
  })

  it("of the newer kind, with rope_parameters, says the same", () => {
    const { rope_scaling, rope_theta, ...rest } = llama
    const newer = { ...rest, rope_parameters: { ...rope_scaling, rope_theta } }
    assert.deepStrictEqual(HubConfig.decode(newer, "a"), HubConfig.decode(llama, "a"))
  })

  for (const [name, config] of Object.entries(relatives)) {
    it(`of ${name} says the same after a round trip`, () => {
      const json = JSON.parse(JSON.stringify(Result.getOrThrow(HubConfig.encode(config))))
      assert.deepStrictEqual(Result.getOrThrow(HubConfig.decode(json, "config.json")), config)
    })
  }

  it("is not written for what its family cannot say", () => {
    const odd = HubConfig.encode(configOf({ family: "mistral", attentionBias: "all" }))
    assert.isTrue(Result.isFailure(odd))
    if (Result.isFailure(odd)) {
      assert.strictEqual(odd.failure.field, "attentionBias")
      assert.strictEqual(odd.failure.reason, "Unsupported")
    }
  })

  const strangers: ReadonlyArray<readonly [field: string, about: string, json: object]> = [
    ["model_type", "another architecture", { ...qwen, model_type: "mamba" }],
    ["hidden_act", "another activation", { ...qwen, hidden_act: "relu" }],
    ["sliding_window", "a window", { ...qwen, use_sliding_window: true, sliding_window: 4096 }],
    [
      "sliding_window",
      "a silent window",
      { ...qwen, model_type: "mistral", sliding_window: undefined }
    ],
    [
      "layer_types",
      "layers of two kinds",
      { ...qwen, layer_types: ["full_attention", "sliding_attention"] }
    ],
    ["rope_scaling", "another stretching", { ...qwen, rope_scaling: { type: "yarn", factor: 4 } }],
    [
      "rope_scaling.factor",
      "half a stretching",
      { ...llama, rope_scaling: { rope_type: "llama3" } }
    ],
    ["partial_rotary_factor", "half-turned heads", { ...llama, partial_rotary_factor: 0.5 }],
    ["rope_interleaved", "pairs of neighbours", { ...llama, rope_interleaved: true }],
    ["use_mrope", "positions of pictures", { ...qwen, use_mrope: true }],
    ["quantization_config", "small weights", { ...qwen, quantization_config: { bits: 4 } }]
  ]
  for (const [field, about, json] of strangers) {
    it(`is refused by the name of ${field} if it asks for ${about}`, () => {
      const error = refusal(JSON.parse(JSON.stringify(json)))
      assert.strictEqual(error?.reason, "Unsupported")
      assert.strictEqual(error?.field, field)
      assert.match(error?.message ?? "", new RegExp(`^dir/config.json: ${field} is `))
    })
  }

  it("is refused where it is malformed or contradicts itself, by field", () => {
    assert.deepInclude(refusal({ ...qwen, hidden_size: "896" }), {
      reason: "Malformed",
      field: "hidden_size"
    })
    assert.deepInclude(refusal([]), { reason: "Malformed", field: "" })
    assert.deepInclude(refusal({ ...qwen, num_key_value_heads: 3 }), {
      reason: "Inconsistent",
      field: "keyValueHeads"
    })
    assert.deepInclude(refusal({ ...qwen, eos_token_id: 151_936 }), {
      reason: "Inconsistent",
      field: "specialIds"
    })
    assert.deepInclude(refusal({ ...qwen, num_hidden_layers: 0 }), {
      reason: "Inconsistent",
      field: "layers"
    })
    assert.deepInclude(refusal({ ...qwen, head_dim: 7 }), {
      reason: "Inconsistent",
      field: "headDimension"
    })
  })
})
