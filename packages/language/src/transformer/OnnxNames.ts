/**
 * The weights of a decoder that somebody exported to ONNX, under Hugging Face's names and layout.
 * It knows how exporters rename, turn and join matrices; what a file is made of is graph's `OnnxFile`.
 * Sources: optimum (`onnx::MatMul_12`, read by the layer that uses it), onnxruntime-genai's
 * `models/builder.py` (`model.layers.0.attn.qkv_proj.MatMul.weight`), and our own export.
 */
import { type OnnxFile, OnnxTensor, type Safetensors, type Shape } from "@dreamgym/graph"
import type { Config } from "./Config.ts"

type Tensor = Safetensors.Tensor

/** Tensors by Hugging Face's names; constants of the graph that are no weights are left out. */
export const tensorsOf = (
  graph: OnnxFile.Graph,
  config: Config,
  shapes: { readonly [name: string]: Shape.Shape }
): { readonly [name: string]: Tensor } => {
  const uses = usesOf(graph)
  const found: { [name: string]: Tensor } = {}
  for (const tensor of Object.values(graph.initializers)) {
    const use = uses.get(tensor.name)
    const name = canonical(tensor.name, use)
    const parts = name.includes(joined) ? split(name, config) : [{ name, rows: undefined }]
    if (!parts.some((part) => part.name in shapes || part.name === "lm_head.weight")) continue
    const whole = upright(tensor, use)
    let from = 0
    for (const { name: part, rows = whole.shape[0] ?? 0 } of parts)
      found[part] = rowsOf(whole, from, (from += rows))
  }
  return found
}

/** The first operation on packed weights, which are not read. */
export const quantised = (graph: OnnxFile.Graph): OnnxFile.Node | undefined =>
  nodesOf(graph).find(({ op }) => op === "MatMulNBits" || op === "DequantizeLinear")

/** The node that reads a weight, and whether it reads it as [in, out]. */
interface Use {
  readonly node: string
  readonly isTurned: boolean
}

const usesOf = (graph: OnnxFile.Graph): ReadonlyMap<string, Use> =>
  new Map(
    nodesOf(graph).flatMap((node) =>
      node.inputs.map((input, position) => [
        input,
        { node: node.name, isTurned: position === 1 && isTurned(node) }
      ])
    )
  )

const isTurned = ({ op, attributes }: OnnxFile.Node): boolean => {
  const transB = attributes["transB"]
  const isTransposed = transB !== undefined && "int" in transB && transB.int === 1n
  return op === "MatMul" || ((op === "Gemm" || op === "FusedMatMul") && !isTransposed)
}

/** Nodes, also those inside others: old exports hold two decoders in one node. */
const nodesOf = (graph: OnnxFile.Graph): ReadonlyArray<OnnxFile.Node> =>
  graph.nodes.flatMap((node) => [
    node,
    ...Object.values(node.attributes).flatMap((attribute) =>
      "graph" in attribute ? nodesOf(attribute.graph) : []
    )
  ])

const canonical = (name: string, use: Use | undefined): string => {
  const isNameless = /^(onnx::|[^.]*$)/.test(name)
  const own = isNameless
    ? `${(use?.node ?? "").replace(/^\//, "").replaceAll("/", ".")}.weight`
    : name
  return own
    .replace(/\.(MatMul|Gemm|Add|layernorm)(_\d+)?(?=\.)/g, "")
    .replace(".attn.", ".self_attn.")
    .replace(/^model\.layers\.\d+\.final_norm_layernorm\./, "model.norm.")
}

const joined = ".qkv_proj."

const split = (name: string, { heads, keyValueHeads, headDimension }: Config) =>
  (
    [
      ["q", heads],
      ["k", keyValueHeads],
      ["v", keyValueHeads]
    ] as const
  ).map(([part, count]) => ({
    name: name.replace(joined, `.${part}_proj.`),
    rows: count * headDimension
  }))

/** As float32, and [out, in] whichever way it lies. */
const upright = (tensor: OnnxTensor.OnnxTensor, use: Use | undefined): Tensor => {
  const data = OnnxTensor.floats(tensor)
  const [inputs = 0, outputs = 0] = tensor.shape
  if (use?.isTurned !== true || tensor.shape.length !== 2) return { shape: tensor.shape, data }
  const turned = new Float32Array(data.length)
  for (let row = 0; row < outputs; row++)
    for (let column = 0; column < inputs; column++)
      turned[row * inputs + column] = data[column * outputs + row] ?? Number.NaN
  return { shape: [outputs, inputs], data: turned }
}

const rowsOf = ({ data, shape }: Tensor, from: number, to: number): Tensor => {
  const [, ...rest] = shape
  const width = rest[0] ?? 1
  return { shape: [to - from, ...rest], data: data.subarray(from * width, to * width) }
}
