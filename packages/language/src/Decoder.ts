/**
 * A small decoder-only transformer as graphs: for training, for reading a prompt, and for one more
 * token.
 * It knows tokens, not tasks; the exact-match features come from outside and may be absent (F = 0
 * is not built: use one unused).
 *
 * B rows, P prompt tokens (padded on the left), K tokens read, T = P + K - 1 tokens seen, C cache
 * places, V vocabulary, D dimension, H heads, F features, R rotated pairs of each head.
 */
import { Initializer, Op, type Parameters, Shape, type Value } from "@dreamgym/graph"
import { angles, rotatedPairs } from "./Rotation.ts"
import type { Tokenizer } from "./Tokenizer.ts"

export { angles, rotatedPairs }

type V = Value.Value
type Weights = Readonly<Record<string, V>>

/**
 * Sizes; `features` counts exact-match features, `hasValue` adds a critic that shares the trunk.
 */
export interface DecoderConfig {
  readonly dimension: number
  readonly layers: number
  readonly heads: number
  readonly mlpRatio: number
  readonly features: number
  readonly hasValue: boolean
  readonly ropeBase: number
}

/** The measured default: 0.13 million parameters. */
export const small = (features: number, hasValue: boolean): DecoderConfig => ({
  dimension: 64,
  layers: 2,
  heads: 4,
  mlpRatio: 4,
  features: Math.max(1, features),
  hasValue,
  ropeBase: 1000
})

export interface Network {
  readonly config: DecoderConfig
  readonly tokenizer: Tokenizer
}

/** Shapes and initialisers by name; matrices are [out, in] as in PyTorch. */
export const specs = ({ config, tokenizer }: Network): Parameters.Specifications => {
  const { dimension: d, features, layers, mlpRatio } = config
  const size = tokenizer.vocabulary.length
  const matrix = (rows: number, columns: number, deviation: number) => ({
    shape: [rows, columns],
    initial: Initializer.normal(deviation)
  })
  const table = (rows: number, deviation: number) => matrix(rows, d, deviation)
  const blocks = Array.from({ length: layers }, (_, l) => {
    const out = (columns: number) => 0.3 / Math.sqrt(columns * layers)
    return {
      [`layers.${l}.norm1`]: { shape: [d], initial: Initializer.ones },
      [`layers.${l}.query`]: matrix(d, d, 1 / Math.sqrt(d)),
      [`layers.${l}.key`]: matrix(d, d, 1 / Math.sqrt(d)),
      [`layers.${l}.value`]: matrix(d, d, 1 / Math.sqrt(d)),
      [`layers.${l}.output`]: matrix(d, d, out(d)),
      [`layers.${l}.norm2`]: { shape: [d], initial: Initializer.ones },
      [`layers.${l}.up`]: matrix(mlpRatio * d, d, 1 / Math.sqrt(d)),
      [`layers.${l}.down`]: matrix(d, mlpRatio * d, out(mlpRatio * d))
    }
  })
  const critic = { shape: [1, d], initial: Initializer.zeros }
  return Object.assign(
    {
      "embedding.word": table(size, 0.05),
      "embedding.kind": table(tokenizer.kindCount, 0.1),
      "embedding.number": table(tokenizer.numberCount, 0.06),
      "previous.word": table(size, 0.03),
      "previous.kind": table(tokenizer.kindCount, 0.06),
      "previous.number": table(tokenizer.numberCount, 0.036),
      "features.input": table(features, 0.1),
      "features.output": table(features, 0.02),
      "norm.gain": { shape: [d], initial: Initializer.ones },
      "logit.scale": { shape: [1], initial: Initializer.constant(Math.log(2 / Math.sqrt(d))) }
    },
    ...blocks,
    config.hasValue
      ? { "critic.weight": critic, "critic.bias": { shape: [1], initial: Initializer.zeros } }
      : {}
  )
}

/** The matrices that Muon updates; the rest is AdamW's. */
export const isMatrix = (name: string): boolean =>
  /^layers\.\d+\.(query|key|value|output|up|down)$/.test(name)

/**
 * Makes queries equal keys on every second head at the start, so that attention begins by matching
 * equal words (without it models of this size do not learn to match: measured in the recipe).
 */
export const tieQueriesToKeys = (network: Network, parameters: Parameters.Parameters): void => {
  const { dimension, heads, layers } = network.config
  const size = (dimension / heads) * dimension
  for (let l = 0; l < layers; l++) {
    const query = parameters.arrays[`layers.${l}.query`]
    const key = parameters.arrays[`layers.${l}.key`]
    if (query === undefined || key === undefined) continue
    for (let head = 0; head < heads; head += 2) {
      query.set(key.subarray(head * size, (head + 1) * size), head * size)
    }
  }
}

/**
 * Feeds of `forward`: `ids`, `previous` [B, T], `valid` [B, T] (1 or 0), `features` [B, T, F],
 * `vocabularyFeatures` [B, V, F].
 */
export interface Sizes {
  readonly batch: number
  readonly prompt: number
  readonly read: number
}

export interface Forward {
  readonly logitsBKV: V
  /** The critic at the first place read: the end of the prompt. [B] */
  readonly valueB?: V
  /** The critic at every place read: before each token after the prompt. [B, K] */
  readonly valueBK?: V
}

/**
 * The network over a prompt and the tokens after it, read at the last K places. The last layer
 * computes only where it is read.
 */
export const forward = (network: Network, weights: Weights, sizes: Sizes): Forward => {
  const { batch, read } = sizes
  const { hiddenBKD, tables } = trunkOf(network, weights, sizes)
  const logitsBKV = logits(network, weights, tables, hiddenBKD, batch)
  if (!network.config.hasValue) return { logitsBKV }
  return {
    logitsBKV,
    valueB: critic(weights, Op.slice(hiddenBKD, 1, 0, 1), [batch]),
    valueBK: critic(weights, hiddenBKD, [batch, read])
  }
}

/** The last K places, normalised, [B, K, D]; `prefix` goes before the names of the feeds. */
export const hidden = (network: Network, weights: Weights, sizes: Sizes, prefix = ""): V =>
  trunkOf(network, weights, sizes, prefix).hiddenBKD

/**
 * Reads a prompt of P tokens: logits [B, V] after it, `value` [B], and caches `keys.l`, `values.l`
 * [B, H, P, D / H].
 */
export const prefill = (
  network: Network,
  weights: Weights,
  sizes: { readonly batch: number; readonly prompt: number }
): Readonly<Record<string, V>> => {
  const { batch: b, prompt } = sizes
  const trunk = trunkOf(network, weights, { batch: b, prompt, read: 1 })
  return Object.assign(
    {
      logits: Op.reshape(logits(network, weights, trunk.tables, trunk.hiddenBKD, b), [
        b,
        network.tokenizer.vocabulary.length
      ])
    },
    ...trunk.caches.map(({ keys, values }, l) => ({
      [`keys.${l}`]: keys,
      [`values.${l}`]: values
    })),
    network.config.hasValue ? { value: critic(weights, trunk.hiddenBKD, [b]) } : {}
  )
}

/**
 * One more token for each row: `keys.l`, `values.l` are caches, `cached` [B, C] says which places
 * count. Gives `new keys.l`, `new values.l` too.
 */
export const step = (
  network: Network,
  weights: Weights,
  sizes: { readonly batch: number; readonly cache: number }
): Readonly<Record<string, V>> => {
  const { batch: b, cache } = sizes
  const { dimension: d, heads, layers } = network.config
  const tables = tablesOf(network, weights)
  const rotation = {
    cos: Op.input("cos", [1, rotatedPairs(network.config)]),
    sin: Op.input("sin", [1, rotatedPairs(network.config)])
  }
  const penalty = Op.reshape(penaltyOf(Op.input("cached", [b, cache])), [b, 1, 1, cache])
  let hidden = embed(network, weights, tables, [b, 1])
  const slices: Array<Readonly<Record<string, V>>> = []
  for (let l = 0; l < layers; l++) {
    const x = norm(hidden, weight(weights, `layers.${l}.norm1`))
    const { key, query, value } = project(network, weights, l, x, x, rotation, rotation)
    const past = (name: string) => Op.input(`${name}.${l}`, [b, heads, cache, d / heads])
    const scale = Math.sqrt(heads / d)
    const old = Op.add(Op.matMul(query, past("keys"), { transposeB: true, scale }), penalty)
    const own = Op.matMul(query, key, { transposeB: true, scale })
    const shares = Op.softmax(Op.concat([old, own], 3))
    const seen = Op.add(
      Op.matMul(Op.slice(shares, 3, 0, cache), past("values")),
      Op.matMul(Op.slice(shares, 3, cache, cache + 1), value)
    )
    hidden = feedForward(weights, l, Op.add(hidden, merge(network, weights, l, seen, b, 1)))
    slices.push({ [`new keys.${l}`]: key, [`new values.${l}`]: value })
  }
  const out = logits(network, weights, tables, norm(hidden, weight(weights, "norm.gain")), b)
  return Object.assign(
    { logits: Op.reshape(out, [b, network.tokenizer.vocabulary.length]) },
    ...slices
  )
}

interface Tables {
  readonly wordsVD: V
  readonly previousVD: V
}

interface Rotation {
  readonly cos: V
  readonly sin: V
}

const weight = (weights: Weights, name: string): V => {
  const found = weights[name]
  if (found === undefined) throw new Error(`the decoder has no parameter "${name}"`)
  return found
}

const tablesOf = ({ tokenizer }: Network, weights: Weights): Tables => {
  const size = tokenizer.vocabulary.length
  const kindsV = Op.constant(tokenizer.kinds, [size], "int64")
  const numbersV = Op.constant(tokenizer.numbers, [size], "int64")
  const table = (name: string) =>
    Op.add(
      weight(weights, `${name}.word`),
      Op.add(
        Op.gather(weight(weights, `${name}.kind`), kindsV),
        Op.gather(weight(weights, `${name}.number`), numbersV)
      )
    )
  return { wordsVD: table("embedding"), previousVD: table("previous") }
}

const embed = (
  network: Network,
  weights: Weights,
  tables: Tables,
  [b, length]: readonly [batch: number, length: number],
  prefix = ""
): V => {
  const idsBT = Op.input(`${prefix}ids`, [b, length], "int64")
  const previousBT = Op.input(`${prefix}previous`, [b, length], "int64")
  const featuresBTF = Op.input(`${prefix}features`, [b, length, network.config.features])
  const words = Op.add(Op.gather(tables.wordsVD, idsBT), Op.gather(tables.previousVD, previousBT))
  const flat = Op.reshape(featuresBTF, [b * length, network.config.features])
  const matched = Op.reshape(Op.matMul(flat, weight(weights, "features.input")), words.shape)
  return Op.multiply(Op.add(words, matched), Op.constant(4))
}

/**
 * x [..., D] times the transpose of a matrix [E, D]. Of two plain matrices, so that its gradient is
 * one too.
 */
const linear = (x: V, matrix: V): V => {
  const [rows = 1, columns = 1] = matrix.shape
  const flat = Op.reshape(x, [Shape.product(x.shape) / columns, columns])
  return Op.reshape(Op.matMul(flat, matrix, { transposeB: true }), [...x.shape.slice(0, -1), rows])
}

const norm = (x: V, gain: V): V => Op.rmsNorm(x, gain, 1e-6)

const penaltyOf = (valid: V): V =>
  Op.multiply(Op.subtract(Op.constant(1), valid), Op.constant(-1e9))

const heads = ({ config }: Network, x: V, b: number, length: number): V =>
  Op.transpose(
    Op.reshape(x, [b, length, config.heads, config.dimension / config.heads]),
    [0, 2, 1, 3]
  )

/** Queries of the places read, keys and values of all places seen. */
const project = (
  network: Network,
  weights: Weights,
  l: number,
  readBKD: V,
  seenBTD: V,
  readRotation: Rotation,
  seenRotation: Rotation
) => {
  const b = seenBTD.shape[0] ?? 0
  const of = (name: string, x: V) =>
    heads(network, linear(x, weight(weights, `layers.${l}.${name}`)), b, x.shape[1] ?? 0)
  return {
    query: Op.rotary(of("query", readBKD), readRotation.cos, readRotation.sin),
    key: Op.rotary(of("key", seenBTD), seenRotation.cos, seenRotation.sin),
    value: of("value", seenBTD)
  }
}

const merge = (network: Network, weights: Weights, l: number, x: V, b: number, length: number): V =>
  linear(
    Op.reshape(Op.transpose(x, [0, 2, 1, 3]), [b, length, network.config.dimension]),
    weight(weights, `layers.${l}.output`)
  )

const feedForward = (weights: Weights, l: number, x: V): V => {
  const y = norm(x, weight(weights, `layers.${l}.norm2`))
  const up = Op.relu(linear(y, weight(weights, `layers.${l}.up`)))
  const down = linear(Op.square(up), weight(weights, `layers.${l}.down`))
  return Op.add(x, down)
}

const rotationOf = (config: DecoderConfig, from: number, to: number): Rotation => {
  const rows = Array.from({ length: to - from }, (_, i) => angles(config, from + i)).flat()
  const shape = [to - from, rotatedPairs(config)]
  return {
    cos: Op.constant(rows.map(Math.cos), shape),
    sin: Op.constant(rows.map(Math.sin), shape)
  }
}

/** The tables, and all blocks over what they make of the tokens. */
const trunkOf = (network: Network, weights: Weights, sizes: Sizes, prefix = "") => {
  const { batch, prompt, read } = sizes
  const length = prompt + read - 1
  const validBT = Op.input(`${prefix}valid`, [batch, length])
  const tables = tablesOf(network, weights)
  const seen = embed(network, weights, tables, [batch, length], prefix)
  return { tables, ...blocks(network, weights, seen, validBT, read) }
}

/** All blocks; the last one reads only the last `read` places. */
const blocks = (network: Network, weights: Weights, embedded: V, validBT: V, read: number) => {
  const { dimension: d, heads: headCount, layers } = network.config
  const [b = 0, length = 0] = embedded.shape
  const scale = Math.sqrt(headCount / d)
  const padding = Op.reshape(penaltyOf(validBT), [b, 1, 1, length])
  let hidden = embedded
  const caches: Array<{ readonly keys: V; readonly values: V }> = []
  for (let l = 0; l < layers; l++) {
    const from = l === layers - 1 ? length - read : 0
    const x = norm(hidden, weight(weights, `layers.${l}.norm1`))
    const { key, query, value } = project(
      network,
      weights,
      l,
      Op.slice(x, 1, from, length),
      x,
      rotationOf(network.config, from, length),
      rotationOf(network.config, 0, length)
    )
    const penalty = Op.add(padding, causal(from, length))
    const scores = Op.add(Op.matMul(query, key, { transposeB: true, scale }), penalty)
    const seen = merge(network, weights, l, Op.matMul(Op.softmax(scores), value), b, length - from)
    hidden = feedForward(weights, l, Op.add(Op.slice(hidden, 1, from, length), seen))
    caches.push({ keys: key, values: value })
  }
  return { hiddenBKD: norm(hidden, weight(weights, "norm.gain")), caches }
}

const causal = (from: number, length: number): V => {
  const rows = Array.from({ length: length - from }, (_, i) =>
    Array.from({ length }, (_, j) => (j > from + i ? -1e9 : 0))
  )
  return Op.constant(rows.flat(), [1, 1, length - from, length])
}

const logits = (network: Network, weights: Weights, tables: Tables, hiddenBKD: V, b: number): V => {
  const size = network.tokenizer.vocabulary.length
  const featuresBVF = Op.input("vocabularyFeatures", [b, size, network.config.features])
  const words = linear(hiddenBKD, tables.wordsVD)
  const matchedBKF = linear(hiddenBKD, weight(weights, "features.output"))
  const matched = Op.matMul(matchedBKF, featuresBVF, { transposeB: true })
  return Op.multiply(Op.add(words, matched), Op.exp(weight(weights, "logit.scale")))
}

const critic = (weights: Weights, hiddenBKD: V, shape: Shape.Shape): V =>
  Op.reshape(
    Op.add(
      Op.matMul(hiddenBKD, weight(weights, "critic.weight"), { transposeB: true }),
      weight(weights, "critic.bias")
    ),
    shape
  )
