/**
 * The network as the ONNX file that other programs decode with: weights inside, a cache in and out.
 * Its names are those that transformers.js looks for; our own decoding has graphs of its own.
 *
 * B rows, S new positions, P past ones, T = P + S, D hidden size, H heads, K heads of keys and values,
 * E head dimension, V vocabulary; B, S, P and T are known only at a run.
 */
import { OnnxGraph, type Parameters } from "@dreamgym/graph"
import { type Config, frequencies } from "./Config.ts"

/** The lengths of a run by the names that transformers.js knows; others make it feed wrong shapes. */
const batch = "batch_size"
const newLength = "sequence_length"
const pastLength = "past_sequence_length"
const totalLength = "total_sequence_length"

type Attributes = Readonly<Record<string, OnnxGraph.Attribute>>

/** A graph being written, and the names that every layer uses. */
interface Site {
  readonly config: Config
  readonly graph: OnnxGraph.OnnxGraph
  readonly parameters: Parameters.Parameters
  /** The weights that are in the file; a tied head is the embedding once more. */
  readonly written: Set<string>
  /** [B, S, -1], to give rows their axes back. */
  readonly rows: string
  /** cos and sin [positions, E / 2]. */
  readonly angles: readonly [string, string]
  /** Added to the scores: far below for padding. [B, 1, S, T] */
  readonly bias: string
  /** The index of the last position, [B] int32, and the total length, int32. */
  readonly lengths: readonly [string, string]
}

/**
 * The model's bytes. Inputs: `input_ids` [B, S], `attention_mask` [B, T] (0 for padding), and
 * `past_key_values.N.key`, `.value` [B, K, P, E]. Outputs: `logits` [B, S, V] and `present.N.key`,
 * `present.N.value` [B, K, T, E]. A position is the place in its row, padding included: only distances
 * matter to a turned head. (The kernel has an input for positions, but turns prompts and later
 * tokens by different ones: measured on ONNX Runtime 1.30.)
 */
export const encode = (config: Config, parameters: Parameters.Parameters): Uint8Array => {
  const graph = new OnnxGraph.OnnxGraph()
  const ids = graph.input("input_ids", { shape: [batch, newLength], type: "int64" })
  graph.input("attention_mask", { shape: [batch, totalLength], type: "int64" })
  const site = siteOf(config, parameters, graph)
  const embedded = graph.result("Gather", [weight(site, "model.embed_tokens.weight"), ids])
  let x = graph.result("Reshape", [embedded, graph.integers([-1, config.hiddenSize])])
  for (let layer = 0; layer < config.layers; layer++) x = block(site, layer, x)
  const head = config.tieEmbeddings ? "model.embed_tokens" : "lm_head"
  const scores = linear(site, head, norm(site, "model.norm", x))
  graph.node({ op: "Reshape", inputs: [scores, site.rows], outputs: ["logits"] })
  const vocabulary = config.vocabularySize
  graph.output("logits", { shape: [batch, newLength, vocabulary], type: "float32" })
  return graph.finish()
}

const siteOf = (
  config: Config,
  parameters: Parameters.Parameters,
  graph: OnnxGraph.OnnxGraph
): Site => {
  const shape = graph.result("Shape", ["input_ids"])
  const rows = graph.result("Concat", [shape, graph.integers([-1])], { axis: { int: 0 } })
  const total = graph.result("Shape", ["attention_mask"], { start: { int: 1 }, end: { int: 2 } })
  const int32 = { to: { int: OnnxGraph.typeCodes.int32 } }
  const last = graph.result("Sub", [total, graph.integers([1])])
  const rowCount = graph.result("Shape", ["input_ids"], { end: { int: 1 } })
  const lastOfAll = graph.result("Cast", [graph.result("Expand", [last, rowCount])], int32)
  return {
    config,
    graph,
    parameters,
    written: new Set(),
    rows,
    angles: [angles(config, graph, Math.cos, "cos"), angles(config, graph, Math.sin, "sin")],
    bias: biasOf(graph, shape, total),
    lengths: [lastOfAll, graph.result("Cast", [total], int32)]
  }
}

const angles = (
  config: Config,
  graph: OnnxGraph.OnnxGraph,
  of: (angle: number) => number,
  name: string
): string => {
  const turns = frequencies(config)
  const table = new Float32Array(config.maxPositions * turns.length)
  turns.forEach((turn, pair) => {
    for (let position = 0; position < config.maxPositions; position++)
      table[position * turns.length + pair] = of(position * turn)
  })
  return graph.initializer(`rotary.${name}`, table, {
    shape: [config.maxPositions, turns.length],
    type: "float32"
  })
}

/** Finite, so that a row that is padding up to here gets a mean and not a division by zero. */
const farBelow = -1e9

/** The kernel is causal by itself; padding it must be told, as a number for each new position. */
const biasOf = (graph: OnnxGraph.OnnxGraph, shape: string, total: string): string => {
  const mask = graph.result("Cast", ["attention_mask"], {
    to: { int: OnnxGraph.typeCodes.float32 }
  })
  const padding = graph.result("Sub", [graph.floats([1]), mask])
  const penalty = graph.result("Mul", [padding, graph.floats([farBelow])])
  const perKey = graph.result("Unsqueeze", [penalty, graph.integers([1, 2])])
  const length = graph.result("Gather", [shape, graph.integers([1])])
  const one = graph.integers([1])
  const full = graph.result("Concat", [one, one, length, total], { axis: { int: 0 } })
  return graph.result("Expand", [perKey, full])
}

const weight = ({ graph, parameters, written }: Site, name: string): string => {
  if (written.has(name)) return name
  written.add(name)
  const shape = parameters.shapes[name] ?? []
  return graph.initializer(name, parameters.arrays[name] ?? [], { shape, type: "float32" })
}

const contributed = (
  { graph }: Site,
  op: string,
  inputs: ReadonlyArray<string>,
  attributes: Attributes
) => graph.node({ op, inputs, outputs: [graph.name()], attributes, contributed: true })

/** x [N, in] -> [N, out], its matrix [out, in]. */
const linear = (site: Site, name: string, x: string): string => {
  const bias = `${name}.bias`
  const inputs = [x, weight(site, `${name}.weight`)]
  const all = bias in site.parameters.arrays ? [...inputs, weight(site, bias)] : inputs
  return site.graph.result("Gemm", all, { transB: { int: 1 } })
}

const norm = (site: Site, name: string, x: string): string => {
  const { graph, config } = site
  const attributes = { axis: { int: -1 }, epsilon: { float: config.normEpsilon } }
  const gain = weight(site, `${name}.weight`)
  return config.norm === "rms"
    ? graph.result("SimplifiedLayerNormalization", [x, gain], attributes)
    : graph.result("LayerNormalization", [x, gain, weight(site, `${name}.bias`)], attributes)
}

const block = (site: Site, layer: number, x: string): string => {
  const { config, graph } = site
  const at = `model.layers.${layer}`
  const read = norm(site, `${at}.input_layernorm`, x)
  const seen = graph.result("Add", [x, attention(site, layer, read)])
  const mlp = mlps[config.mlp](
    site,
    `${at}.mlp`,
    norm(site, `${at}.post_attention_layernorm`, seen)
  )
  return graph.result("Add", [seen, mlp])
}

const attention = (site: Site, layer: number, x: string): string => {
  const { config, graph } = site
  const { heads, keyValueHeads, headDimension } = config
  const at = `model.layers.${layer}.self_attn`
  const project = (name: "q" | "k" | "v") => {
    const all = linear(site, `${at}.${name}_proj`, x)
    const isNormed = config.queryKeyNorm && name !== "v"
    const whole = isNormed ? headNorm(site, `${at}.${name}_norm`, all) : all
    return graph.result("Reshape", [whole, site.rows])
  }
  const cache = (of: string) =>
    graph.input(`past_key_values.${layer}.${of}`, {
      shape: [batch, keyValueHeads, pastLength, headDimension],
      type: "float32"
    })
  const operands = [project("q"), project("k"), project("v"), cache("key"), cache("value")]
  const attended = graph.name()
  const present = ["key", "value"].map((of) => `present.${layer}.${of}`)
  graph.node({
    op: "GroupQueryAttention",
    inputs: [...operands, ...site.lengths, ...site.angles, "", site.bias],
    outputs: [attended, ...present],
    attributes: {
      num_heads: { int: heads },
      kv_num_heads: { int: keyValueHeads },
      scale: { float: 1 / Math.sqrt(headDimension) },
      do_rotary: { int: 1 }
    },
    contributed: true
  })
  for (const name of present)
    graph.output(name, {
      shape: [batch, keyValueHeads, totalLength, headDimension],
      type: "float32"
    })
  const merged = graph.integers([-1, heads * headDimension])
  return linear(site, `${at}.o_proj`, graph.result("Reshape", [attended, merged]))
}

/** A norm of each head for itself; the caller gives rows their axes back. */
const headNorm = (site: Site, name: string, x: string): string => {
  const { config, graph } = site
  const heads = graph.result("Reshape", [x, graph.integers([-1, config.headDimension])])
  return norm(site, name, heads)
}

type Mlp = (site: Site, at: string, x: string) => string

const mlpOf =
  (approximate: "none" | "tanh"): Mlp =>
  (site, at, x) => {
    const inner = linear(site, `${at}.c_fc`, x)
    const attributes = { approximate: { text: approximate } }
    return linear(site, `${at}.c_proj`, site.graph.result("Gelu", [inner], attributes))
  }

const mlps: { readonly [kind in Config["mlp"]]: Mlp } = {
  swiglu: (site, at, x) => {
    const gate = linear(site, `${at}.gate_proj`, x)
    const open = contributed(site, "QuickGelu", [gate], { alpha: { float: 1 } })
    const up = linear(site, `${at}.up_proj`, x)
    return linear(site, `${at}.down_proj`, site.graph.result("Mul", [open, up]))
  },
  gelu: mlpOf("none"),
  geluTanh: mlpOf("tanh")
}
