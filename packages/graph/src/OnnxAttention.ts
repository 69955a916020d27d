/**
 * The fused attention of decoding as an ONNX node: com.microsoft GroupQueryAttention.
 * What it means is `InterpreterCache`; attention that is trained is composed in `op/Attention`.
 */
import { type Rule, byProduct } from "./OnnxSite.ts"

/**
 * The kernel wants the index of each row's last position, and the longest length, by which it knows
 * a prompt.
 */
export const groupQueryAttention: Rule<"GroupQueryAttention"> = (
  node,
  { graph, inputs, output }
) => {
  const { heads, keyValueHeads, scale, stage } = node.attributes
  const [query = "", key = "", value = "", pastKey = "", pastValue = "", lengths = ""] = inputs
  const last = graph.result("Sub", [lengths, graph.counts([1])])
  const total =
    stage === "prompt"
      ? graph.counts([node.shape[1] ?? 1])
      : graph.result("ReduceMax", [lengths], { keepdims: { int: 1 } })
  const angles = inputs.slice(6)
  return graph.node({
    op: "GroupQueryAttention",
    inputs: [query, key, value, pastKey, pastValue, last, total, ...angles],
    outputs: [output, byProduct(output, "key"), byProduct(output, "value")],
    attributes: {
      num_heads: { int: heads },
      kv_num_heads: { int: keyValueHeads },
      scale: { float: scale },
      do_rotary: { int: angles.length === 0 ? 0 : 1 }
    },
    contributed: true
  })
}
