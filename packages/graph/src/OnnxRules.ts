/**
 * For each operation, the ONNX nodes that compute it: the fastest kernels that the CPU build has.
 * The table is total over the operations; names and order are the business of `Onnx`.
 */
import { groupQueryAttention } from "./OnnxAttention.ts"
import { type Attribute, typeCodes } from "./OnnxGraph.ts"
import { dequantize, matMulNBits } from "./OnnxQuantized.ts"
import { addedRows } from "./OnnxScatter.ts"
import { type Rule, type Site, byProduct } from "./OnnxSite.ts"
import * as Shape from "./Shape.ts"
import * as Value from "./Value.ts"

type Attributes = Readonly<Record<string, Attribute>>

const write =
  (op: string, attributes: Attributes = {}, contributed = false) =>
  (_: Value.Value, { graph, inputs, output }: Site) =>
    graph.node({ op, inputs, outputs: [output], attributes, contributed })

const reduce =
  (op: string) =>
  (node: Value.Node<"Sum" | "SumSquares" | "Mean" | "Max">, { graph, inputs, output }: Site) => {
    const { axes, keepDims } = node.attributes
    const attributes = { keepdims: { int: keepDims ? 1 : 0 } }
    return graph.node({
      op,
      inputs: [...inputs, graph.integers(axes)],
      outputs: [output],
      attributes
    })
  }

const reshape = (node: Value.Value, { graph, inputs, output }: Site) => {
  const allowzero = { int: node.shape.includes(0) ? 1 : 0 }
  const attributes: Attributes = allowzero.int === 1 ? { allowzero } : {}
  const target = graph.integers(node.shape)
  return graph.node({ op: "Reshape", inputs: [...inputs, target], outputs: [output], attributes })
}

const pad: Rule<"Pad"> = (node, { graph, inputs, output }) => {
  const { axis, start } = node.attributes
  const length = Value.inputOf(node, 0).shape[axis] ?? 0
  const before = node.shape.map((_, index) => (index === axis ? start : 0))
  const after = node.shape.map((whole, index) => (index === axis ? whole - start - length : 0))
  const pads = graph.integers([...before, ...after])
  return graph.node({ op: "Pad", inputs: [...inputs, pads], outputs: [output] })
}

const slice: Rule<"Slice"> = (node, { graph, inputs, output }) => {
  const { axis, start } = node.attributes
  const range = [[start], [start + (node.shape[axis] ?? 0)], [axis]]
  const bounds = range.map((bound) => graph.integers(bound))
  return graph.node({ op: "Slice", inputs: [...inputs, ...bounds], outputs: [output] })
}

/** Gemm for two matrices; the fused kernel where it transposes or scales; plain MatMul otherwise. */
const matMul: Rule<"MatMul"> = (node, site) => {
  const { transposeA, transposeB, scale } = node.attributes
  const attributes = {
    transA: { int: transposeA ? 1 : 0 },
    transB: { int: transposeB ? 1 : 0 },
    alpha: { float: scale }
  }
  if (node.inputs.every((input) => input.shape.length === 2))
    return transposeA && !transposeB
      ? leftTransposed(node, site)
      : write("Gemm", attributes)(node, site)
  return transposeA || transposeB || scale !== 1
    ? write("FusedMatMul", attributes, true)(node, site)
    : write("MatMul")(node, site)
}

/**
 * A'B, the gradient of a weight. The kernel would turn A again for every strip of columns: instead the
 * narrower operand is turned once, and the product after it if that was B. 1.1 to 1.2 times as fast.
 * Of equals it is B, what went into a layer: several weights read the same.
 */
const leftTransposed: Rule<"MatMul"> = (node, { graph, inputs: [a = "", b = ""], output }) => {
  const alpha = { float: node.attributes.scale }
  const perm = { ints: [1, 0] }
  const turned = (x: string) => graph.result("Transpose", [x], { perm })
  const [rows = 1, columns = 1] = node.shape
  const outputs = [output]
  if (rows < columns)
    return graph.node({ op: "Gemm", inputs: [turned(a), b], outputs, attributes: { alpha } })
  const product = graph.result("Gemm", [turned(b), a], { alpha })
  return graph.node({ op: "Transpose", inputs: [product], outputs, attributes: { perm } })
}

/** As two nodes, of which the backward pass finds the sigmoid written; alone the runtime fuses them. */
const silu: Rule<"Silu"> = (_, { graph, inputs: [x = ""], output }) => {
  const gate = graph.result("Sigmoid", [x])
  return graph.node({ op: "Mul", inputs: [x, gate], outputs: [output] })
}

const pick: Rule<"Pick"> = (node, { graph, inputs, output }) => {
  const [x = "", ids = ""] = inputs
  const column = graph.result("Reshape", [ids, graph.integers([...node.shape, 1])])
  const found = graph.result("GatherElements", [x, column], { axis: { int: node.shape.length } })
  return graph.node({
    op: "Reshape",
    inputs: [found, graph.integers(node.shape)],
    outputs: [output]
  })
}

const addAt: Rule<"AddAt"> = (node, { graph, inputs: [x = "", ...rest], output }) => {
  const column = graph.integers([...node.shape.slice(0, -1), 1])
  const [ids = "", elements = ""] = rest.map((input) => graph.result("Reshape", [input, column]))
  return graph.node({
    op: "ScatterElements",
    inputs: [x, ids, elements],
    outputs: [output],
    attributes: { axis: { int: node.shape.length - 1 }, reduction: { text: "add" } }
  })
}

const rmsNorm: Rule<"RmsNorm"> = (node, { graph, inputs, output, ...site }) => {
  const inverse =
    site.withByProducts && !site.isPortable ? [byProduct(output, "inverseDeviation")] : []
  return graph.node({
    op: "SimplifiedLayerNormalization",
    inputs,
    outputs: [output, ...inverse],
    attributes: { axis: { int: -1 }, epsilon: { float: node.attributes.epsilon } }
  })
}

/**
 * As second result of `SimplifiedLayerNormalization` the WebGPU kernel of onnxruntime 1.30 gives the
 * mean (measured), the CPU's the inverse deviation; elsewhere than on the CPU it is computed again.
 */
const statistic: Rule<"Statistic"> = (node, { graph, inputs, isPortable }) => {
  const { epsilon, of, which } = node.attributes
  const [norm = "", x = ""] = inputs
  if (of !== "RmsNorm" || !isPortable) return byProduct(norm, which)
  const square = graph.result("Mul", [x, x])
  const mean = graph.result("ReduceMean", [square, graph.integers([-1])])
  const deviation = graph.result("Sqrt", [graph.result("Add", [mean, graph.floats([epsilon])])])
  return graph.result("Reciprocal", [deviation])
}

const layerNorm: Rule<"LayerNorm"> = (node, { graph, inputs, output, withByProducts }) => {
  const by = (["mean", "inverseDeviation"] as const).map((which) => byProduct(output, which))
  return graph.node({
    op: "LayerNormalization",
    inputs,
    outputs: [output, ...(withByProducts ? by : [])],
    attributes: { axis: { int: -1 }, epsilon: { float: node.attributes.epsilon } }
  })
}

/**
 * The fused kernel reads one table by position. Angles per batch row are a table of B * T positions,
 * of which row b reads b * T onward.
 */
const rotary: Rule<"Rotary"> = (node, { graph, inputs, output }) => {
  const [x = "", cosTable = "", sinTable = ""] = inputs
  const [rows = 1, heads = 1, length = 1, width = 1] = node.shape
  const angles = Value.inputOf(node, 1).shape
  const pairs = angles.at(-1) ?? 1
  const perRow = angles.length === 3
  const flat = (table: string) =>
    perRow ? graph.result("Reshape", [table, graph.integers([rows * length, pairs])]) : table
  const positions = perRow
    ? graph.integers([...new Array(rows * length).keys()], [rows, length])
    : graph.integers([0])
  const sin = node.attributes.inverse ? graph.result("Neg", [sinTable]) : sinTable
  const partial: Attributes =
    2 * pairs < width ? { rotary_embedding_dim: { int: 2 * pairs }, num_heads: { int: heads } } : {}
  return graph.node({
    op: "RotaryEmbedding",
    inputs: [x, positions, flat(cosTable), flat(sin)],
    outputs: [output],
    attributes: { interleaved: { int: 0 }, ...partial },
    contributed: true
  })
}

/** The kernel always gives values and positions. */
const topValues: Rule<"TopValues"> = (node, { graph, inputs, output }) =>
  graph.node({
    op: "TopK",
    inputs: [...inputs, graph.integers([node.attributes.count])],
    outputs: [output, byProduct(output, "positions")],
    attributes: { axis: { int: -1 } }
  })

/** The rule of each operation. */
export const rules: { readonly [Tag in Value.OpTag]: Rule<Tag> } = {
  Input: (node, { graph }) => graph.input(node.attributes.name, node),
  Constant: (node, { graph, output }) => graph.initializer(output, node.attributes.data, node),
  Add: write("Add"),
  Subtract: write("Sub"),
  Multiply: write("Mul"),
  Divide: write("Div"),
  Minimum: write("Min"),
  Maximum: write("Max"),
  Negate: write("Neg"),
  Exp: write("Exp"),
  Log: write("Log"),
  Sqrt: write("Sqrt"),
  Tanh: write("Tanh"),
  Sigmoid: write("Sigmoid"),
  Relu: write("Relu"),
  Abs: write("Abs"),
  Silu: silu,
  Gelu: write("Gelu", {}, true),
  Erf: write("Erf"),
  Less: write("Less"),
  Greater: write("Greater"),
  Equal: write("Equal"),
  And: write("And"),
  Not: write("Not"),
  Where: write("Where"),
  Cast: (node, site) => write("Cast", { to: { int: typeCodes[node.type] } })(node, site),
  StopGradient: write("Identity"),
  Reshape: reshape,
  Transpose: (node, site) =>
    write("Transpose", { perm: { ints: node.attributes.permutation } })(node, site),
  BroadcastTo: (node, { graph, inputs, output }) =>
    graph.node({
      op: "Expand",
      inputs: [...inputs, graph.integers(node.shape)],
      outputs: [output]
    }),
  Concat: (node, site) => write("Concat", { axis: { int: node.attributes.axis } })(node, site),
  Slice: slice,
  Pad: pad,
  MatMul: matMul,
  Gather: write("Gather", { axis: { int: 0 } }),
  ScatterRows: (node, { graph, inputs: [rows = "", ids = ""], output, isSingleThreaded }) => {
    const count = Shape.product(Value.inputOf(node, 1).shape)
    const sizes = { length: node.shape[0] ?? 0, count, width: Shape.product(node.shape.slice(1)) }
    const table = addedRows(graph, { rows, ids, ...sizes }, isSingleThreaded)
    const shape = graph.integers(node.shape)
    return graph.node({ op: "Reshape", inputs: [table, shape], outputs: [output] })
  },
  Pick: pick,
  AddAt: addAt,
  Sum: reduce("ReduceSum"),
  SumSquares: reduce("ReduceSumSquare"),
  Mean: reduce("ReduceMean"),
  Max: reduce("ReduceMax"),
  ArgMax: write("ArgMax", { axis: { int: -1 }, keepdims: { int: 0 } }),
  TopValues: topValues,
  TopPositions: (_, { inputs: [top = ""] }) => byProduct(top, "positions"),
  CumulativeSum: (node, { graph, inputs, output }) =>
    graph.node({
      op: "CumSum",
      inputs: [...inputs, graph.integers([node.shape.length - 1], [])],
      outputs: [output],
      attributes: { reverse: { int: node.attributes.reverse ? 1 : 0 } }
    }),
  Softmax: write("Softmax", { axis: { int: -1 } }),
  LogSoftmax: write("LogSoftmax", { axis: { int: -1 } }),
  RmsNorm: rmsNorm,
  LayerNorm: layerNorm,
  Statistic: statistic,
  Rotary: rotary,
  GroupQueryAttention: groupQueryAttention,
  Present: (node, { inputs: [attention = ""] }) => byProduct(attention, node.attributes.which),
  Dequantize: dequantize,
  MatMulNBits: matMulNBits
}
