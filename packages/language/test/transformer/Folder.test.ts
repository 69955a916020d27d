import { assert, describe, it } from "@effect/vitest"
import type { OnnxFile, Parameters, Safetensors } from "@dreamgym/graph"
import { Effect, Result } from "effect"
import { Transformer } from "../../src/index.ts"
import { type Files, json, layerOf, tensorsOf, tokenizer, weightsOf } from "./disk.ts"
import { configOf, noisy, relatives } from "./small.ts"

const { Folder, HubConfig, HubTokenizer, OnnxDecoder } = Transformer

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

const plainOf = ({ arrays }: Pick<Parameters.Parameters, "arrays">) =>
  Object.fromEntries(
    Object.entries(arrays)
      .map(([name, array]) => [name, Array.from(array)] as const)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
  )

const dataOf = (tensors: Readonly<Record<string, Safetensors.Tensor>>) =>
  Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))

const weight = (name: string, shape: ReadonlyArray<number>, data: Float32Array) => ({
  name,
  type: "float32" as const,
  shape,
  bytes: new Uint8Array(Float32Array.from(data).buffer)
})

const turned = (data: Float32Array, [rows = 0, columns = 0]: ReadonlyArray<number>) =>
  Float32Array.from(data, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)] ?? 0)

const reading = (op: string, name: string, input: string): OnnxFile.Node => ({
  name,
  op,
  domain: "",
  inputs: op === "Gather" ? [input, "ids"] : ["x", input],
  outputs: [`${name}/out`],
  attributes: {}
})

const graphOf = (
  nodes: ReadonlyArray<OnnxFile.Node>,
  tensors: ReadonlyArray<ReturnType<typeof weight>>
): OnnxFile.Graph => ({
  name: "",
  nodes,
  initializers: Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor])),
  inputs: {},
  outputs: {}
})

const isMatrix = (name: string) => /(proj|lm_head)\.weight$/.test(name)

/** Matrices turned and without a name, which is that of the node that reads them. */
const optimumOf = ({ arrays, shapes }: Parameters.Parameters): OnnxFile.Graph => {
  const all = Object.entries(arrays).map(([name, data], index) => {
    const shape = shapes[name] ?? []
    const node = `/${name.replace(".weight", "").replaceAll(".", "/").replace("layers/", "layers.")}/MatMul`
    const own = isMatrix(name) ? `onnx::MatMul_${index}` : name
    return {
      tensor: isMatrix(name)
        ? weight(own, shape.toReversed(), turned(data, shape))
        : weight(own, shape, data),
      node: reading(isMatrix(name) ? "MatMul" : "Mul", isMatrix(name) ? node : "/Mul", own)
    }
  })
  const constant = weight("onnx::Pow_3", [1], Float32Array.of(2))
  return graphOf(
    all.map((one) => one.node),
    [constant, ...all.map((one) => one.tensor)]
  )
}

/** Queries, keys and values in one matrix, and names of its own. */
const builderOf = ({ arrays, shapes }: Parameters.Parameters): OnnxFile.Graph => {
  const at = "model.layers.0.self_attn"
  const parts = ["q", "k", "v"].map(
    (part) => arrays[`${at}.${part}_proj.weight`] ?? new Float32Array()
  )
  const whole = Float32Array.from(parts.flatMap((part) => Array.from(part)))
  const packed = "model.layers.0.attn.qkv_proj.MatMul.weight"
  const others = Object.entries(arrays).filter(([name]) => !/[qkv]_proj/.test(name))
  const nameOf = (name: string) =>
    (isMatrix(name) ? name.replace(".weight", ".MatMul.weight") : name)
      .replace("self_attn", "attn")
      .replace("_norm.weight", "_norm.layernorm.weight")
      .replace("model.norm.weight", "model.layers.1.final_norm_layernorm.weight")
  const tensors = others.map(([name, data]) => {
    const shape = shapes[name] ?? []
    return isMatrix(name)
      ? weight(nameOf(name), shape.toReversed(), turned(data, shape))
      : weight(nameOf(name), shape, data)
  })
  const columns = whole.length / 12
  return graphOf(
    [packed, ...tensors.map(({ name }) => name)].map((name) =>
      reading(name.includes("MatMul") ? "MatMul" : "Gather", `/${name}`, name)
    ),
    [weight(packed, [12, columns], turned(whole, [columns, 12])), ...tensors]
  )
}

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

  for (const one of Object.values(relatives))
    it.effect(`is read from our own ONNX file too: ${one.family}, ${one.mlp}`, () =>
      Effect.gen(function* () {
        const own = noisy(one)
        const files = folderOf({
          "config.json": configFile(one),
          "model.safetensors": undefined,
          "onnx/model.onnx": OnnxDecoder.encode(one, own)
        })
        const expected = { ...own.arrays }
        for (const name of ["value_head.weight", "value_head.bias"])
          if (name in expected) expected[name] = (expected[name] ?? new Float32Array()).map(() => 0)
        assert.deepStrictEqual(
          plainOf((yield* load(files)).parameters),
          plainOf({ arrays: expected })
        )
        const torn = files.get("model/onnx/model.onnx")?.subarray(0, -20) ?? new Uint8Array()
        files.set("model/onnx/model.onnx", torn)
        assert.strictEqual((yield* Effect.flip(load(files)))._tag, "OnnxFileError")
      })
    )

  it("of other exporters is known by their names and turned upright", () => {
    const one = configOf({
      family: "qwen3",
      heads: 2,
      keyValueHeads: 1,
      tieEmbeddings: false,
      layers: 1
    })
    const own = noisy(one)
    const { shapes } = own
    const read = (graph: OnnxFile.Graph) => Transformer.OnnxNames.tensorsOf(graph, one, shapes)
    assert.deepStrictEqual(plainOf({ arrays: dataOf(read(optimumOf(own))) }), plainOf(own))
    assert.deepStrictEqual(plainOf({ arrays: dataOf(read(builderOf(own))) }), plainOf(own))
  })

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
