import { assert, describe, it } from "@effect/vitest"
import { type Parameters, Safetensors } from "@dreamgym/graph"
import { Effect, Result } from "effect"
import { Transformer } from "../../src/index.ts"
import { type Files, json, layerOf, tensorsOf, tokenizer, weightsOf } from "./disk.ts"
import { configOf, noisy, relatives } from "./small.ts"

const { Folder, HubConfig, HubTokenizer } = Transformer

const config = configOf({ family: "qwen2", heads: 2, keyValueHeads: 1, tieEmbeddings: false })
const parameters = noisy(config)
const configFile = (of: Transformer.Config.Config = config) =>
  json(Result.getOrThrow(HubConfig.encode(of)))

const folderOf = (overrides: Readonly<Record<string, Uint8Array | undefined>> = {}): Files => {
  const files: Files = new Map()
  const all = {
    "config.json": configFile(),
    "model.safetensors": weightsOf(parameters),
    ...overrides
  }
  for (const [name, bytes] of Object.entries(all))
    if (bytes !== undefined) files.set(`model/${name}`, bytes)
  return files
}

const load = (files: Files, options?: Transformer.Folder.LoadOptions) =>
  Folder.load("model", options).pipe(Effect.provide(layerOf(files)))

const refusal = (overrides: Readonly<Record<string, Uint8Array | undefined>>) =>
  Effect.runSync(Effect.flip(load(folderOf(overrides))))

const arraysOf = ({ arrays }: Parameters.Parameters) => ({ ...arrays })

describe("a folder of weights", () => {
  for (const [name, one] of Object.entries(relatives)) {
    it.effect(`of ${name} is read as it was written`, () =>
      Effect.gen(function* () {
        const own = noisy(one)
        const read = yield* load(
          folderOf({ "config.json": configFile(one), "model.safetensors": weightsOf(own) })
        )
        assert.deepStrictEqual(read.config, one)
        assert.deepStrictEqual(arraysOf(read.parameters), arraysOf(own))
        assert.isUndefined(read.tokenizer)
      })
    )
  }

  it.effect("of half-width numbers is read as float32", () =>
    Effect.gen(function* () {
      // 1.5 is exact in both; the last bits of other numbers are cut.
      const bits = { BF16: 0x3fc0, F16: 0x3e00 }
      for (const [dtype, pattern] of Object.entries(bits)) {
        const header: Record<string, object> = {}
        let end = 0
        for (const [name, shape] of Object.entries(parameters.shapes)) {
          const size = 2 * shape.reduce((all, length) => all * length, 1)
          header[name] = { dtype, shape, data_offsets: [end, (end += size)] }
        }
        const text = json(header)
        const bytes = new Uint8Array(8 + text.length + end)
        const view = new DataView(bytes.buffer)
        view.setBigUint64(0, BigInt(text.length), true)
        bytes.set(text, 8)
        for (let at = 8 + text.length; at < bytes.length; at += 2) view.setUint16(at, pattern, true)
        const read = yield* load(folderOf({ "model.safetensors": bytes }))
        for (const array of Object.values(read.parameters.arrays))
          assert.isTrue(array.every((x) => x === 1.5))
      }
    })
  )

  it.effect("is read from its shards too", () =>
    Effect.gen(function* () {
      const names = Object.keys(parameters.arrays)
      const [left, right] = [names.slice(0, 5), names.slice(5)]
      const weightMap = Object.fromEntries([
        ...left.map((name) => [name, "model-00001-of-00002.safetensors"]),
        ...right.map((name) => [name, "model-00002-of-00002.safetensors"])
      ])
      const files = folderOf({
        "model.safetensors": undefined,
        "model.safetensors.index.json": json({ metadata: {}, weight_map: weightMap }),
        "model-00001-of-00002.safetensors": weightsOf(parameters, left),
        "model-00002-of-00002.safetensors": weightsOf(parameters, right)
      })
      assert.deepStrictEqual(arraysOf((yield* load(files)).parameters), arraysOf(parameters))
      files.set("model/model-00002-of-00002.safetensors", weightsOf(parameters, right.slice(1)))
      const error = yield* Effect.flip(load(files))
      assert.deepInclude(error, {
        reason: "MissingTensor",
        file: "model/model-00002-of-00002.safetensors",
        tensor: right[0] ?? ""
      })
    })
  )

  it.effect("with a tied head takes a copy of it, but not another one", () =>
    Effect.gen(function* () {
      const tied = configOf({ family: "llama" })
      const own = noisy(tied)
      const tensors = tensorsOf(own)
      const embedding = tensors["model.embed_tokens.weight"] ?? {
        shape: [],
        data: new Float32Array()
      }
      const withHead = (data: Float32Array) =>
        folderOf({
          "config.json": configFile(tied),
          "model.safetensors": weightsOf({
            ...own,
            shapes: { ...own.shapes, "lm_head.weight": embedding.shape },
            arrays: { ...own.arrays, "lm_head.weight": data }
          })
        })
      const read = yield* load(withHead(embedding.data))
      assert.deepStrictEqual(arraysOf(read.parameters), arraysOf(own))
      const error = yield* Effect.flip(load(withHead(embedding.data.map((x) => x + 1))))
      assert.deepInclude(error, { reason: "Contradiction", tensor: "lm_head.weight" })
    })
  )

  it.effect("may hold the turns of old files, which follow from the configuration", () =>
    Effect.gen(function* () {
      const turns = { shape: [2], data: Float32Array.of(1, 0.01) }
      const name = "model.layers.0.self_attn.rotary_emb.inv_freq"
      const bytes = Safetensors.encode({ ...tensorsOf(parameters), [name]: turns })
      const read = yield* load(folderOf({ "model.safetensors": bytes }))
      assert.deepStrictEqual(arraysOf(read.parameters), arraysOf(parameters))
    })
  )

  it.effect("gets a critic that begins at zero", () =>
    Effect.gen(function* () {
      const read = yield* load(folderOf(), { hasValue: true })
      assert.isTrue(read.config.hasValue)
      assert.deepStrictEqual(
        read.parameters.arrays["value_head.weight"],
        new Float32Array(new SharedArrayBuffer(48))
      )
    })
  )

  it.effect("ends texts where generation_config.json says so", () =>
    Effect.gen(function* () {
      const read = yield* load(
        folderOf({ "generation_config.json": json({ eos_token_id: [3, 4] }) })
      )
      assert.deepStrictEqual(read.config.specialIds, { eos: [3, 4] })
    })
  )

  it("is refused where it is torn, foreign or incomplete, by file and tensor", () => {
    const bytes = weightsOf(parameters)
    const { "model.norm.weight": norm, ...rest } = tensorsOf(parameters)
    const names = Object.keys(rest)
    const cases: ReadonlyArray<
      readonly [Readonly<Record<string, Uint8Array | undefined>>, object]
    > = [
      [{ "config.json": undefined }, { reason: "Absent", file: "model/config.json" }],
      [
        { "config.json": json([1]).subarray(1) },
        { reason: "Malformed", file: "model/config.json" }
      ],
      [{ "model.safetensors": undefined }, { reason: "Absent", file: "model" }],
      [
        { "model.safetensors": bytes.subarray(0, -4) },
        { reason: "TornTensor", file: "model/model.safetensors" }
      ],
      [
        { "model.safetensors": json("foreign file") },
        { reason: "TornHeader", file: "model/model.safetensors" }
      ],
      [
        { "model.safetensors": weightsOf(parameters, names) },
        { reason: "MissingTensor", tensor: "model.norm.weight", expected: "[12]", found: "nothing" }
      ],
      [
        { "config.json": configFile(configOf({ ...config, layers: 1 })) },
        { reason: "UnknownTensor", tensor: "model.layers.1.input_layernorm.weight" }
      ],
      [
        { "config.json": configFile(configOf({ ...config, intermediateSize: 24 })) },
        {
          reason: "MisshapenTensor",
          tensor: "model.layers.0.mlp.gate_proj.weight",
          expected: "[24, 12]",
          found: "[20, 12]"
        }
      ],
      [
        {
          "model.safetensors": undefined,
          "model.safetensors.index.json": json({ weight_map: { "model.norm.weight": "../other" } })
        },
        { reason: "Malformed", found: "../other" }
      ],
      [
        { "config.json": configFile(configOf({ vocabularySize: 2 ** 40 })) },
        { reason: "TooLarge", file: "model/config.json" }
      ],
      [
        { "generation_config.json": json({ eos_token_id: 17 }) },
        { reason: "Inconsistent", field: "specialIds" }
      ]
    ]
    assert.isDefined(norm)
    for (const [overrides, expected] of cases) assert.deepInclude(refusal(overrides), expected)
    assert.strictEqual(
      refusal({ "model.safetensors": weightsOf(parameters, names) }).message,
      "model/model.safetensors, tensor model.norm.weight: expected [12], found nothing; " +
        "take the config.json that belongs to the weights, or fetch all of them"
    )
  })

  it.effect("brings a tokenizer that reads, writes and chats", () =>
    Effect.gen(function* () {
      const { tokenizer: files } = yield* load(
        folderOf({
          "tokenizer.json": json(tokenizer.tokenizer),
          "tokenizer_config.json": json({ ...tokenizer.config, chat_template: undefined }),
          "chat_template.jinja": new TextEncoder().encode(tokenizer.config.chat_template)
        })
      )
      const words = yield* HubTokenizer.make(files ?? { tokenizer: {}, config: {} })
      assert.strictEqual(words.vocabularySize, 17)
      assert.deepStrictEqual(words.specialIds, { bos: 10, eos: [11], pad: 12 })
      assert.deepStrictEqual(words.encode("take the mug"), [1, 2, 3])
      assert.deepStrictEqual(words.encode("take the mug", { hasSpecials: true }), [10, 1, 2, 3])
      assert.strictEqual(words.decode([10, 1, 2, 3, 11]), "take the mug")
      assert.strictEqual(words.decode([1, 8]), "take .")
      assert.strictEqual(words.decode([1, 11], { hasSpecials: true }), "take </s>")
      const chat = words.chat([{ role: "a", content: "take" }])
      assert.deepStrictEqual(chat, Result.succeed("a take . go"))
      const silent = yield* HubTokenizer.make({ ...tokenizer, config: {} })
      assert.isTrue(Result.isFailure(silent.chat([])))
      const broken = yield* Effect.flip(HubTokenizer.make({ tokenizer: 3, config: {} }))
      assert.strictEqual(broken.reason, "Unusable")
    })
  )
})
