/**
 * The decoder-only transformer as a differentiable graph, with Hugging Face's names and layouts.
 * It maps token ids to hidden states, logits and values; it neither samples nor trains.
 *
 * B rows, T positions, N = B * T, D hidden size, E head dimension, V vocabulary, S selected positions.
 */
import { Initializer, Op, type Parameters, Shape, type Value } from "@dreamgym/graph"
import { type Config, frequencies } from "./Config.ts"

type V = Value.Value

/** Graph values by Hugging Face's parameter names. */
export type Weights = { readonly [name: string]: V }

/**
 * Applies the linear layer of a name (without ".weight") to x [N, in], giving [N, out]. Adapters
 * and quantised weights are other ways to apply one.
 */
export type Linear = (name: string, x: V) => V

/** The token ids of a batch, and which of them belong together. */
export interface Batch {
  /** [B, T] int64 in [0, V). */
  readonly ids: V
  /**
   * [B, T] int64 in [0, positions), or absent: 0 to T - 1 in each row. Packed texts restart at 0; rows
   * padded on the left begin at 0 after their padding.
   */
  readonly positions?: V
  /**
   * [B, T] int64, or absent: each row is one text. A position sees only positions before it of its
   * own segment, so this is the padding mask (0 and 1) as well as the packing of texts (1, 2, ...).
   */
  readonly segments?: V
}

/** How the layers are applied, where it is not the usual way. */
export interface Options {
  /** Default: `plain(weights)`. */
  readonly linear?: Linear
  /** Positions are below this; default T. */
  readonly positions?: number
}

const embedding = "model.embed_tokens"

/** Shapes and initialisers, in the order of Hugging Face's modules; matrices are [out, in]. */
export const specifications = (config: Config): Parameters.Specifications => {
  const { layers, hiddenSize: width, vocabularySize } = config
  const matrix = linearOf(config)
  return Object.assign(
    { [`${embedding}.weight`]: { shape: [vocabularySize, width], initial: usual } },
    ...Array.from({ length: layers }, (_, layer) => layerSpecifications(config, layer)),
    normOf(config, "model.norm", width),
    config.tieEmbeddings ? {} : matrix("lm_head", vocabularySize, width, false),
    config.hasValue
      ? {
          "value_head.weight": { shape: [1, width], initial: Initializer.zeros },
          "value_head.bias": { shape: [1], initial: Initializer.zeros }
        }
      : {}
  )
}

const usual = Initializer.normal(0.02)

/** Weights (and biases) of a linear layer; those that write to the residual stream begin smaller. */
const linearOf =
  ({ layers }: Config) =>
  (name: string, outputs: number, inputs: number, hasBias: boolean, isOutput = false) => ({
    [`${name}.weight`]: {
      shape: [outputs, inputs],
      initial: isOutput ? Initializer.normal(0.02 / Math.sqrt(2 * layers)) : usual
    },
    ...(hasBias ? { [`${name}.bias`]: { shape: [outputs], initial: Initializer.zeros } } : {})
  })

const normOf = ({ norm }: Config, name: string, width: number) => ({
  [`${name}.weight`]: { shape: [width], initial: Initializer.ones },
  ...(norm === "layer" ? { [`${name}.bias`]: { shape: [width], initial: Initializer.zeros } } : {})
})

const layerSpecifications = (config: Config, layer: number): Parameters.Specifications => {
  const { hiddenSize, intermediateSize, heads, keyValueHeads, headDimension, mlpBias } = config
  const at = `model.layers.${layer}`
  const matrix = linearOf(config)
  const hasBias = config.attentionBias !== "none"
  const [queries, shared] = [heads * headDimension, keyValueHeads * headDimension]
  const attention = `${at}.self_attn`
  const headNorm = (name: string) =>
    config.queryKeyNorm ? normOf(config, `${attention}.${name}`, headDimension) : {}
  const ofMlp =
    config.mlp === "swiglu"
      ? {
          ...matrix(`${at}.mlp.gate_proj`, intermediateSize, hiddenSize, mlpBias),
          ...matrix(`${at}.mlp.up_proj`, intermediateSize, hiddenSize, mlpBias),
          ...matrix(`${at}.mlp.down_proj`, hiddenSize, intermediateSize, mlpBias, true)
        }
      : {
          ...matrix(`${at}.mlp.c_fc`, intermediateSize, hiddenSize, mlpBias),
          ...matrix(`${at}.mlp.c_proj`, hiddenSize, intermediateSize, mlpBias, true)
        }
  return {
    ...normOf(config, `${at}.input_layernorm`, hiddenSize),
    ...matrix(`${attention}.q_proj`, queries, hiddenSize, hasBias),
    ...matrix(`${attention}.k_proj`, shared, hiddenSize, hasBias),
    ...matrix(`${attention}.v_proj`, shared, hiddenSize, hasBias),
    ...matrix(`${attention}.o_proj`, hiddenSize, queries, config.attentionBias === "all", true),
    ...headNorm("q_norm"),
    ...headNorm("k_norm"),
    ...normOf(config, `${at}.post_attention_layernorm`, hiddenSize),
    ...ofMlp
  }
}

/** The shapes alone, for loading. */
export const shapes = (config: Config): Parameters.Parameters["shapes"] =>
  Object.fromEntries(
    Object.entries(specifications(config)).map(([name, { shape }]) => [name, shape])
  )

/** The linear layers of a layer and of the head, without ".weight": what adapters can be put on. */
export const linearNames = (config: Config): ReadonlyArray<string> =>
  Object.entries(shapes(config)).flatMap(([name, shape]) =>
    shape.length === 2 && name !== `${embedding}.weight` && name !== "value_head.weight"
      ? [name.slice(0, -".weight".length)]
      : []
  )

/** Every linear layer as its own weight, [out, in], and its bias if it has one. */
export const plain =
  (weights: Weights): Linear =>
  (name, x) => {
    const product = Op.matMul(x, weightOf(weights, `${name}.weight`), { transposeB: true })
    const bias = weights[`${name}.bias`]
    return bias === undefined ? product : Op.add(product, bias)
  }

/** The hidden states after the last norm: [B, T, D]. */
export const hidden = (
  config: Config,
  weights: Weights,
  batch: Batch,
  options: Options = {}
): V => {
  const { ids } = batch
  const [rows = 0, length = 0] = ids.shape
  const site: Site = {
    config,
    weights,
    linear: options.linear ?? plain(weights),
    rows,
    length,
    ...rotation(config, batch, options.positions ?? length),
    visible: visibleOf(batch, length)
  }
  let x = Op.reshape(Op.gather(weightOf(weights, `${embedding}.weight`), ids), [
    rows * length,
    config.hiddenSize
  ])
  for (let layer = 0; layer < config.layers; layer++) x = block(site, `model.layers.${layer}`, x)
  return Op.reshape(norm(site, "model.norm", x), [rows, length, config.hiddenSize])
}

/**
 * The hidden states at chosen positions, [S, D]: rows [S] int64 counts b * T + t. Projecting only the
 * positions that carry a loss saves most of a small model's time.
 */
export const select = (hiddenBTD: V, rows: V): V =>
  Op.gather(Op.reshape(hiddenBTD, [-1, hiddenBTD.shape.at(-1) ?? 1]), rows)

/** Scores of the next token: [..., D] -> [..., V]. */
export const logits = (
  config: Config,
  weights: Weights,
  x: V,
  linear: Linear = plain(weights)
): V => {
  const flat = Op.reshape(x, [-1, config.hiddenSize])
  const scores = config.tieEmbeddings
    ? Op.matMul(flat, weightOf(weights, `${embedding}.weight`), { transposeB: true })
    : linear("lm_head", flat)
  return Op.reshape(scores, [...x.shape.slice(0, -1), config.vocabularySize])
}

/** Logits of so many numbers are made at once: they stay in a processor's cache, and memory small. */
const logitsAtOnce = 2 ** 21

/**
 * A function of logits [s, V] row by row, over x [S, D]: [S]. It is applied to pieces (rows `from` to
 * `to`), so that neither all logits nor all their gradients are ever there together.
 */
export const ofLogits = (
  config: Config,
  weights: Weights,
  x: V,
  of: (logitsSV: V, from: number, to: number) => V,
  linear: Linear = plain(weights)
): V => {
  const [rows = 0] = x.shape
  const count = Math.max(1, Math.ceil((rows * config.vocabularySize) / logitsAtOnce))
  const size = Math.ceil(rows / count)
  const starts = Array.from({ length: Math.ceil(rows / size) }, (_, piece) => piece * size)
  const pieces = starts.map((from) => {
    const to = Math.min(from + size, rows)
    return of(logits(config, weights, Op.slice(x, 0, from, to), linear), from, to)
  })
  return Op.concat(pieces, 0)
}

/** The log-probabilities of tokens ids [S] int64 at hidden states x [S, D]: [S]. */
export const logProbabilities = (
  config: Config,
  weights: Weights,
  x: V,
  ids: V,
  linear: Linear = plain(weights)
): V =>
  ofLogits(
    config,
    weights,
    x,
    (scores, from, to) => Op.logProbability(scores, Op.slice(ids, 0, from, to)),
    linear
  )

/** The critic's estimates: [..., D] -> [...]; the configuration must have `hasValue`. */
export const values = (config: Config, weights: Weights, x: V): V => {
  const flat = Op.reshape(x, [-1, config.hiddenSize])
  return Op.reshape(plain(weights)("value_head", flat), x.shape.slice(0, -1))
}

interface Site {
  readonly config: Config
  readonly weights: Weights
  readonly linear: Linear
  readonly rows: number
  readonly length: number
  readonly cos: V
  readonly sin: V
  /** Which keys each query sees, bool: [T, T] or [B, 1, T, T]. */
  readonly visible: V
}

const weightOf = (weights: Weights, name: string): V => {
  const found = weights[name]
  if (found === undefined)
    throw new Shape.ShapeError("transformer", [], `there is no parameter ${name}; have its inputs`)
  return found
}

/** Angles of each position: [T, E / 2] if all rows count alike, else [B, T, E / 2]. */
const rotation = (config: Config, { positions }: Batch, limit: number) => {
  const turns = frequencies(config)
  const table = (of: (angle: number) => number) =>
    Op.constant(
      Array.from({ length: limit }, (_, position) =>
        turns.map((turn) => of(position * turn))
      ).flat(),
      [limit, turns.length]
    )
  const at = (all: V) => (positions === undefined ? all : Op.gather(all, positions))
  return { cos: at(table(Math.cos)), sin: at(table(Math.sin)) }
}

const visibleOf = ({ segments }: Batch, length: number): V => {
  const causal = Op.causalMask(length)
  return segments === undefined ? causal : Op.and(causal, Op.packingMask(segments))
}

/** Pre-norm residual block over x [N, D]. */
const block = (site: Site, at: string, x: V): V => {
  const seen = Op.add(x, attention(site, `${at}.self_attn`, norm(site, `${at}.input_layernorm`, x)))
  const read = norm(site, `${at}.post_attention_layernorm`, seen)
  return Op.add(seen, mlps[site.config.mlp](site.linear, `${at}.mlp`, read))
}

const norm = ({ config, weights }: Site, name: string, x: V): V => {
  const gain = weightOf(weights, `${name}.weight`)
  return config.norm === "rms"
    ? Op.rmsNorm(x, gain, config.normEpsilon)
    : Op.layerNorm(x, gain, weightOf(weights, `${name}.bias`), config.normEpsilon)
}

/** Causal attention over x [N, D] with shared heads of keys and values: [N, D]. */
const attention = (site: Site, at: string, x: V): V => {
  const { config, cos, sin, linear, rows, length, visible } = site
  const { heads, keyValueHeads, headDimension } = config
  const project = (name: string, count: number) =>
    Op.transpose(
      Op.reshape(linear(`${at}.${name}_proj`, x), [rows, length, count, headDimension]),
      [0, 2, 1, 3]
    )
  const normed = (name: string, y: V) =>
    config.queryKeyNorm ? norm(site, `${at}.${name}_norm`, y) : y
  const query = Op.rotary(normed("q", project("q", heads)), cos, sin)
  const key = Op.rotary(normed("k", project("k", keyValueHeads)), cos, sin)
  const value = project("v", keyValueHeads)
  const seen = Op.causalAttention({ query, key, value }, { visible })
  const merged = Op.reshape(Op.transpose(seen, [0, 2, 1, 3]), [-1, heads * headDimension])
  return linear(`${at}.o_proj`, merged)
}

type Mlp = (linear: Linear, at: string, x: V) => V

const plainMlp =
  (activation: (x: V) => V): Mlp =>
  (linear, at, x) =>
    linear(`${at}.c_proj`, activation(linear(`${at}.c_fc`, x)))

/** x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
const geluTanh = (x: V): V => {
  const inner = Op.multiply(x, Op.add(Op.multiply(Op.square(x), 0.044715), 1))
  const share = Op.add(Op.tanh(Op.multiply(inner, Math.sqrt(2 / Math.PI))), 1)
  return Op.multiply(Op.multiply(x, 0.5), share)
}

const mlps: { readonly [kind in Config["mlp"]]: Mlp } = {
  swiglu: (linear, at, x) => {
    const gate = Op.silu(linear(`${at}.gate_proj`, x))
    return linear(`${at}.down_proj`, Op.multiply(gate, linear(`${at}.up_proj`, x)))
  },
  gelu: plainMlp(Op.gelu),
  geluTanh: plainMlp(geluTanh)
}
