import { assert, describe, it } from "@effect/vitest"
import type { OnnxFile, Parameters, Safetensors } from "@dreamgym/graph"
import { Effect, Result } from "effect"
import { Transformer } from "../../src/index.ts"
import { type Files, json, layerOf } from "./disk.ts"
import { configOf, noisy, relatives } from "./small.ts"

const { Folder, HubConfig, OnnxDecoder } = Transformer

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

const varint = (value: number): ReadonlyArray<number> =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]

const joined = (parts: ReadonlyArray<Uint8Array>) =>
  Uint8Array.from(parts.flatMap((part) => Array.from(part)))

const number = (id: number, value: number) => Uint8Array.from([...varint(id * 8), ...varint(value)])

/** A field of a protocol buffer that holds a text or other fields. */
const field = (id: number, ...parts: ReadonlyArray<Uint8Array | string>) => {
  const bytes = joined(
    parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part))
  )
  return joined([Uint8Array.from([...varint(id * 8 + 2), ...varint(bytes.length)]), bytes])
}

describe("an ONNX file of weights", () => {
  for (const one of Object.values(relatives))
    it.effect(`is read from our own ONNX file too: ${one.family}, ${one.mlp}`, () =>
      Effect.gen(function* () {
        const own = noisy(one)
        const files: Files = new Map([
          ["model/config.json", json(Result.getOrThrow(HubConfig.encode(one)))],
          ["model/onnx/model.onnx", OnnxDecoder.encode(one, own)]
        ])
        const load = Folder.load("model").pipe(Effect.provide(layerOf(files)))
        const expected = { ...own.arrays }
        for (const name of ["value_head.weight", "value_head.bias"])
          if (name in expected) expected[name] = (expected[name] ?? new Float32Array()).map(() => 0)
        assert.deepStrictEqual(plainOf((yield* load).parameters), plainOf({ arrays: expected }))
        const torn = files.get("model/onnx/model.onnx")?.subarray(0, -20) ?? new Uint8Array()
        files.set("model/onnx/model.onnx", torn)
        assert.strictEqual((yield* Effect.flip(load))._tag, "OnnxFileError")
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

  it.effect("may keep its numbers in a file beside it, but not packed", () =>
    Effect.gen(function* () {
      const one = configOf({ layers: 1 })
      const own = noisy(one)
      const files: Files = new Map([
        ["model/config.json", json(Result.getOrThrow(HubConfig.encode(one)))]
      ])
      let at = 0
      const data = new Uint8Array(own.memory.byteLength)
      const tensors = Object.entries(own.arrays).map(([name, array]) => {
        data.set(new Uint8Array(Float32Array.from(array).buffer), at)
        const place = { location: "model.onnx_data", offset: at, length: array.byteLength }
        at += array.byteLength
        return field(
          5,
          ...(own.shapes[name] ?? []).map((length) => number(1, length)),
          number(2, 1),
          field(8, name),
          ...Object.entries(place).map(([key, value]) =>
            field(13, field(1, key), field(2, `${value}`))
          ),
          number(14, 1)
        )
      })
      const modelOf = (...graph: ReadonlyArray<Uint8Array>) =>
        joined([number(1, 10), field(7, ...graph), field(8, number(2, 21))])
      const load = Folder.load("model").pipe(Effect.provide(layerOf(files)))
      files.set("model/model.onnx", modelOf(...tensors))
      files.set("model/model.onnx_data", data)
      assert.deepStrictEqual(plainOf((yield* load).parameters), plainOf(own))
      files.delete("model/model.onnx_data")
      assert.deepInclude(yield* Effect.flip(load), {
        reason: "Absent",
        file: "model/model.onnx_data"
      })
      const packed = field(1, field(3, "/lm_head"), field(4, "MatMulNBits"))
      files.set("model/model.onnx", modelOf(packed))
      assert.deepInclude(yield* Effect.flip(load), {
        reason: "Unsupported",
        found: "packed ones in node /lm_head"
      })
    })
  )
})
