import { assert, describe, it } from "@effect/vitest"
import { Seed } from "@dreamgym/domain"
import {
  Gradient,
  Interpreter,
  Op,
  Optimizer,
  Parameters,
  Safetensors,
  Session,
  TrainStep,
  type Value
} from "@dreamgym/graph"
import { Effect, Result } from "effect"
import { Transformer } from "../../src/index.ts"
import { type Files, json, layerOf } from "./disk.ts"
import { configOf, difference, ids, idsOf, inputsOf, noisy } from "./small.ts"

const { Lora, LoraFiles, Network, Quantised } = Transformer

const config = configOf({ family: "qwen2", heads: 4, keyValueHeads: 2, hiddenSize: 12 })
const lora: Transformer.Lora.Lora = {
  rank: 3,
  alpha: 6,
  targets: ["q_proj", "v_proj", "down_proj"]
}

/** Adapters as they begin, or with noise on both halves. */
const adaptersOf = (of = config, settings = lora, size = 0) => {
  const parameters = Parameters.make(Lora.specifications(of, settings), Seed.generator(3))
  const random = Seed.generator(4)
  for (const array of Object.values(parameters.arrays))
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + (random() - 0.5) * size
  return parameters
}

interface Reading {
  readonly logits: Value.Value
  readonly adapters: Transformer.Network.Weights
}

const reading = (
  of: Transformer.Config.Config,
  settings: Transformer.Lora.Lora,
  weights: Transformer.Network.Weights,
  base: Transformer.Network.Linear
): Reading => {
  const adapters = Parameters.inputs(Lora.specifications(of, settings))
  const linear = Lora.linear(settings, adapters, base)
  const states = Network.hidden(of, weights, { ids: ids(2, 5) }, { linear })
  return { logits: Network.logits(of, weights, states, linear), adapters }
}

const text = (of: Transformer.Config.Config) =>
  BigInt64Array.from([...idsOf(of, 5, 1), ...idsOf(of, 5, 2)], BigInt)

const lossOf = (logits: Value.Value) => Op.sum(Op.square(Op.slice(Op.logSoftmax(logits), 2, 0, 3)))

describe("adapters", () => {
  it("change nothing at first", () => {
    const base = noisy(config)
    const weights = inputsOf(config)
    const feeds = { ...base.arrays, ids: text(config) }
    const { logits } = reading(config, lora, weights, Network.plain(weights))
    const own = Interpreter.evaluate({ logits }, { ...feeds, ...adaptersOf().arrays })
    const states = Network.hidden(config, weights, { ids: ids(2, 5) })
    const plain = Interpreter.evaluate({ logits: Network.logits(config, weights, states) }, feeds)
    assert.deepStrictEqual(own.logits, plain.logits)
  })

  for (const isRankStabilised of [false, true])
    it(`say the same merged as beside the base, and leave it unmerged: ${isRankStabilised}`, () => {
      const settings = { ...lora, targets: [...lora.targets, "lm_head"], isRankStabilised }
      const untied = { ...config, tieEmbeddings: false }
      const base = noisy(untied)
      const adapters = adaptersOf(untied, settings, 0.8)
      const weights = inputsOf(untied)
      const { logits } = reading(untied, settings, weights, Network.plain(weights))
      const feeds = { ...base.arrays, ids: text(untied) }
      const beside = Interpreter.evaluate({ logits }, { ...feeds, ...adapters.arrays }).logits
      const merged = Lora.merge(settings, base, adapters)
      const states = Network.hidden(untied, weights, { ids: ids(2, 5) })
      const plain = { logits: Network.logits(untied, weights, states) }
      const inside = Interpreter.evaluate(plain, { ...feeds, ...merged.arrays }).logits
      assert.isBelow(difference(inside, beside), 1e-5)
      assert.isAbove(difference(Interpreter.evaluate(plain, feeds).logits, beside), 1e-2)
      const back = Lora.unmerge(settings, merged, adapters)
      for (const [name, array] of Object.entries(base.arrays))
        assert.isBelow(difference(back.arrays[name] ?? [], array), 1e-6, name)
    })

  it("have the gradients that finite differences find", () => {
    const base = noisy(config, 1, 0.4)
    const weights = inputsOf(config)
    const { adapters, logits } = reading(config, lora, weights, Network.plain(weights))
    const loss = lossOf(logits)
    const names = Object.keys(adapters)
    const slopes = Gradient.gradients(loss, Object.values(adapters))
    const arrays = adaptersOf(config, lora, 0.8).arrays
    const feeds = { ...base.arrays, ids: text(config) }
    const found = Interpreter.evaluate(
      Object.fromEntries(slopes.map((slope, index) => [names[index] ?? "", slope])),
      { ...feeds, ...arrays }
    )
    const lossAt = (name: string, by: number) => {
      const moved = Float64Array.from(arrays[name] ?? [])
      moved[2] = (moved[2] ?? 0) + by
      return Interpreter.evaluate({ loss }, { ...feeds, ...arrays, [name]: moved }).loss[0] ?? 0
    }
    assert.strictEqual(names.length, 2 * 3 * config.layers)
    for (const name of names) {
      const slope = (lossAt(name, 1e-5) - lossAt(name, -1e-5)) / 2e-5
      assert.closeTo(
        found[name]?.[2] ?? Number.NaN,
        slope,
        1e-6 * Math.max(1, Math.abs(slope)),
        name
      )
    }
  })

  it.effect("are trained alone: the base stays to the last bit", () =>
    Effect.gen(function* () {
      const base = noisy(config)
      const before = Parameters.copy(base)
      const weights = inputsOf(config)
      const { adapters, logits } = reading(config, lora, weights, Network.plain(weights))
      const parameters = adaptersOf()
      const optimizer = Optimizer.adamW()
      const step = yield* TrainStep.make(
        { loss: lossOf(logits), outputs: {}, parameters: adapters, optimizer },
        TrainStep.begin(parameters, optimizer)
      )
      const feeds = { ...base.arrays, ids: text(config) }
      const losses = []
      for (let update = 0; update < 12; update++) losses.push((yield* step(feeds, 0.02)).loss)
      assert.isBelow((losses.at(-1) ?? 0) / (losses[0] ?? 1), 0.8)
      assert.deepStrictEqual({ ...base.arrays }, { ...before.arrays })
    }).pipe(Effect.scoped, Effect.provide(Session.layerInline))
  )

  it("are refused where the network has no such layer", () => {
    const refusal = (settings: Partial<Transformer.Lora.Lora>) => {
      const read = Lora.checked(config, { ...lora, ...settings })
      return Result.isFailure(read) ? read.failure : undefined
    }
    assert.isUndefined(refusal({}))
    assert.deepInclude(refusal({ targets: ["q_proj", "qproj"] }), {
      reason: "NoTarget",
      message:
        "no linear layer is called qproj; there are " +
        "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"
    })
    assert.deepInclude(refusal({ targets: ["lm_head"] }), { reason: "NoTarget" })
    assert.deepInclude(refusal({ targets: [] }), { reason: "NoTarget" })
    assert.deepInclude(refusal({ rank: 0 }), { reason: "BadRank" })
    assert.throws(() => Lora.merge(lora, noisy(configOf({ layers: 1 })), adaptersOf()), /no layer/)
  })
})

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

describe("a base in four bits", () => {
  const wide = configOf({
    family: "qwen2",
    hiddenSize: 64,
    intermediateSize: 96,
    heads: 4,
    keyValueHeads: 2,
    headDimension: 16,
    hasValue: true
  })
  const base = noisy(wide, 1, 0.2)
  const quantised = Quantised.quantise(wide, base)
  const numbers = Quantised.dequantise(wide, quantised)

  it("is an eighth of the size and near the numbers that it was", () => {
    const { float32, packed } = Quantised.bytes(quantised)
    assert.closeTo(packed / float32, (0.5 + 4 / 32) / 4, 1e-9)
    assert.strictEqual(Quantised.layersOf(wide).length, 14)
    for (const [name, array] of Object.entries(base.arrays)) {
      const isPacked = Quantised.layersOf(wide).includes(name.replace(".weight", ""))
      const off = difference(numbers.arrays[name] ?? [], array)
      if (isPacked) assert.isBelow(off, 0.13, name)
      assert.strictEqual(off > 0, isPacked, name)
    }
  })

  it("leaves layers of an odd width as they are", () => {
    const odd = configOf({ hiddenSize: 64, intermediateSize: 40 })
    assert.isFalse(Quantised.layersOf(odd).some((name) => name.endsWith("down_proj")))
    const kept = Quantised.quantise(odd, noisy(odd)).parameters.arrays
    assert.isDefined(kept["model.layers.0.mlp.down_proj.weight"])
    assert.isUndefined(kept["model.layers.0.mlp.up_proj.weight"])
  })

  it.effect("gives adapters the gradients that its numbers would give them", () =>
    Effect.gen(function* () {
      const adapters = adaptersOf(wide, lora, 0.3).arrays
      const graphOf = (packs: boolean): Readonly<Record<string, Value.Value>> => {
        const all = inputsOf(wide)
        const weights = packs ? { ...all, ...Quantised.inputs(wide) } : all
        const linear = packs
          ? Quantised.linear(weights, Network.plain(weights))
          : Network.plain(weights)
        const { adapters: inputs, logits } = reading(wide, lora, weights, linear)
        const loss = lossOf(logits)
        // The embedding's gradient has come through every packed layer to the network's input.
        const embedding = "model.embed_tokens.weight"
        const wanted = { ...inputs, [embedding]: weights[embedding] ?? loss }
        const slopes = Gradient.gradients(loss, Object.values(wanted))
        const names = Object.keys(wanted)
        return {
          loss,
          ...Object.fromEntries(slopes.map((slope, index) => [`slope of ${names[index]}`, slope]))
        }
      }
      const pool = yield* Session.SessionPool
      const run = (packs: boolean, all: Session.Feeds) =>
        Effect.gen(function* () {
          const session = yield* pool.compile(graphOf(packs))
          const feeds = { ...all, ...adapters, ids: text(wide) }
          return yield* session.run(
            Object.fromEntries(Object.entries(feeds).filter(([name]) => name in session.inputs))
          )
        })
      const found = yield* run(true, Quantised.feeds(quantised))
      const expected = yield* run(false, numbers.arrays)
      assert.strictEqual(Object.keys(found).length, 1 + 1 + 2 * 3 * 2)
      for (const [name, array] of Object.entries(expected))
        assert.isBelow(difference(found[name] ?? [], array), 1e-5, name)
    }).pipe(Effect.scoped, Effect.provide(Session.layerInline))
  )
})
