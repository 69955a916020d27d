/**
 * Weights of four bits as ONNX nodes: the fused product, and the numbers that the bits stand for.
 * How numbers become bits is `Quantization`.
 */
import { typeCodes } from "./OnnxGraph.ts"
import type { Rule } from "./OnnxSite.ts"
import * as Value from "./Value.ts"

/** Not DequantizeLinear: that takes tensors of four-bit elements, which the runtime cannot be fed. */
export const dequantize: Rule<"Dequantize"> = (node, { graph, inputs, output }) => {
  const [packed = "", scales = ""] = inputs
  const [rows = 1, blocks = 1, bytes = 1] = Value.inputOf(node, 0).shape
  const halves = [
    graph.result("BitwiseAnd", [packed, graph.bytes([15])]),
    graph.result("BitShift", [packed, graph.bytes([4])], { direction: { text: "RIGHT" } })
  ].map((half) => graph.result("Reshape", [half, graph.integers([rows, blocks, bytes, 1])]))
  const pairs = graph.result("Concat", halves, { axis: { int: 3 } })
  const levels = graph.result("Cast", [pairs], { to: { int: typeCodes.float32 } })
  const centred = graph.result("Sub", [levels, graph.floats([8])])
  const scaleOf = graph.result("Reshape", [scales, graph.integers([rows, blocks, 1, 1])])
  const scaled = graph.result("Mul", [centred, scaleOf])
  const shape = graph.integers(node.shape)
  return graph.node({ op: "Reshape", inputs: [scaled, shape], outputs: [output] })
}

/** The product with the weight's rows, which the kernel reads as they are packed. */
export const matMulNBits: Rule<"MatMulNBits"> = (node, { graph, inputs, output }) => {
  const [, , bytes = 1] = Value.inputOf(node, 1).shape
  return graph.node({
    op: "MatMulNBits",
    inputs,
    outputs: [output],
    attributes: {
      K: { int: Value.inputOf(node, 0).shape.at(-1) ?? 1 },
      N: { int: node.shape.at(-1) ?? 1 },
      bits: { int: 4 },
      block_size: { int: 2 * bytes }
    },
    contributed: true
  })
}
