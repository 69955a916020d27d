import { assert, describe, it } from "@effect/vitest"
import { Safetensors } from "@dreamgym/graph"
import { Effect } from "effect"
import { Transformer } from "../../src/index.ts"
import { adaptersOf, config, lora } from "./adapters.ts"
import { type Files, json, layerOf } from "./disk.ts"

const { LoraFiles } = Transformer

describe("files of adapters", () => {
  const settingsOf = (files: Files): object =>
    JSON.parse(new TextDecoder().decode(files.get("a/adapter_config.json")))
  const written = Effect.fnUntraced(function* (settings: Transformer.Lora.Lora) {
    const files: Files = new Map()
    const parameters = adaptersOf(config, settings, 0.5)
    yield* LoraFiles.write("a", { lora: settings, parameters }, { base: "Qwen/Qwen2.5-0.5B" }).pipe(
      Effect.provide(layerOf(files))
    )
    return { files, parameters }
  })
  const load = (files: Files) => LoraFiles.load("a", config).pipe(Effect.provide(layerOf(files)))

  for (const settings of [lora, { ...lora, isRankStabilised: true }])
    it.effect(`are read as they were written: ${settings.isRankStabilised === true}`, () =>
      Effect.gen(function* () {
        const { files, parameters } = yield* written(settings)
        const read = yield* load(files)
        assert.deepStrictEqual(read.lora, settings)
        assert.deepStrictEqual({ ...read.parameters.arrays }, { ...parameters.arrays })
      })
    )

  it.effect("have PEFT's names and fields", () =>
    Effect.gen(function* () {
      const { files } = yield* written(lora)
      const bytes = files.get("a/adapter_model.safetensors") ?? new Uint8Array()
      const { metadata, tensors } = yield* Safetensors.decode(bytes, "file")
      assert.deepStrictEqual(metadata, { format: "pt" })
      assert.deepStrictEqual(
        Object.entries(tensors)
          .slice(0, 2)
          .map(([name, { shape }]) => [name, shape]),
        [
          ["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", [3, 12]],
          ["base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight", [16, 3]]
        ]
      )
      assert.deepInclude(settingsOf(files), {
        peft_type: "LORA",
        r: 3,
        lora_alpha: 6,
        base_model_name_or_path: "Qwen/Qwen2.5-0.5B",
        target_modules: ["q_proj", "v_proj", "down_proj"]
      })
    })
  )

  it.effect("are refused for what would not be honoured, and for the wrong network", () =>
    Effect.gen(function* () {
      const { files } = yield* written(lora)
      const settings = settingsOf(files)
      const refusal = (overrides: object) => {
        const changed = new Map(files)
        changed.set("a/adapter_config.json", json({ ...settings, ...overrides }))
        return Effect.flip(load(changed))
      }
      for (const [field, value] of Object.entries({
        peft_type: "IA3",
        bias: "all",
        use_dora: true,
        modules_to_save: ["lm_head"],
        rank_pattern: { q_proj: 8 },
        layers_to_transform: [1],
        exclude_modules: ["v_proj"],
        target_modules: ".*q_proj",
        init_lora_weights: "pissa"
      }))
        assert.deepInclude(yield* refusal({ [field]: value }), { reason: "Unsupported", field })
      assert.deepInclude(yield* refusal({ r: 4 }), { _tag: "ParametersError", reason: "Misshapen" })
      assert.deepInclude(yield* refusal({ target_modules: ["q_proj", "v_proj"] }), {
        _tag: "ParametersError",
        reason: "Unknown"
      })
      assert.deepInclude(yield* refusal({ target_modules: "all-linear" }), {
        _tag: "ParametersError",
        reason: "Missing"
      })
      assert.deepInclude(yield* refusal({ r: "many" }), { reason: "Malformed" })
      files.delete("a/adapter_model.safetensors")
      assert.deepInclude(yield* Effect.flip(load(files)), {
        reason: "Absent",
        file: "a/adapter_model.safetensors"
      })
    })
  )
})
