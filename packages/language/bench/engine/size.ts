/**
 * The models that the engine is measured with: sizes, not trained networks.
 * Llama's kind of decoder with a tied head, as `step_in_torch.py` writes it.
 */
import { Initializer, Op, Parameters, type Value } from "@dreamgym/graph"
import { type Config, Network } from "../../src/transformer/index.ts"

/** Widths of a model and the shape of its batch: `batch` rows of `length` tokens. */
export interface Size {
  readonly name: string
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly hidden: number
  readonly vocabulary: number
  readonly batch: number
  readonly length: number
}

export const million: Size = {
  name: "1.05M",
  width: 128,
  layers: 4,
  heads: 4,
  hidden: 384,
  vocabulary: 1500,
  batch: 8,
  length: 128
}

export const fewMillion: Size = {
  name: "4.5M",
  width: 256,
  layers: 4,
  heads: 4,
  hidden: 768,
  vocabulary: 4096,
  batch: 8,
  length: 256
}

export const fortyMillion: Size = {
  name: "40M",
  width: 512,
  layers: 12,
  heads: 8,
  hidden: 1408,
  vocabulary: 4096,
  batch: 8,
  length: 256
}

export const configOf = (size: Size): Config.Config => ({
  family: "llama",
  vocabularySize: size.vocabulary,
  hiddenSize: size.width,
  intermediateSize: size.hidden,
  layers: size.layers,
  heads: size.heads,
  keyValueHeads: size.heads,
  headDimension: size.width / size.heads,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  norm: "rms",
  mlp: "swiglu",
  attentionBias: "none",
  mlpBias: false,
  queryKeyNorm: false,
  tieEmbeddings: true,
  maxPositions: size.length,
  hasValue: false,
  specialIds: { eos: [0] }
})

/** The same numbers for every run; drawn, not trained. */
export const parametersOf = (size: Size): Parameters.Parameters => {
  let state = 1
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
  const specifications = Network.specifications(configOf(size))
  const drawn = Object.fromEntries(
    Object.entries(specifications).map(([name, { shape }]) => [
      name,
      { shape, initial: shape.length === 1 ? Initializer.ones : Initializer.normal(0.02) }
    ])
  )
  return Parameters.make(drawn, random)
}

/** The mean cross-entropy of targets [B, T] after ids [B, T], as a graph over the parameters. */
export const lossOf = (size: Size, weights: Network.Weights): Value.Value => {
  const shape = [size.batch, size.length]
  const config = configOf(size)
  const ids = Op.input("ids", shape, "int64")
  const targets = Op.reshape(Op.input("targets", shape, "int64"), [-1])
  const hidden = Op.reshape(Network.hidden(config, weights, { ids }), [-1, size.width])
  return Op.negate(Op.mean(Network.logProbabilities(config, weights, hidden, targets)))
}

/** The batch that `step_in_torch.py` makes too. */
export const batchOf = ({ batch, length, vocabulary }: Size) => {
  const ids = (factor: number) =>
    BigInt64Array.from({ length: batch * length }, (_, at) => BigInt((at * factor) % vocabulary))
  return { ids: ids(7919), targets: ids(6271) }
}

/** Floating-point operations of one step over the matrix products that cannot be left out. */
export const operationsOf = (size: Size): number => {
  const { width, layers, hidden, vocabulary, batch, length } = size
  const perToken = layers * (4 * width * width + 3 * width * hidden) + width * vocabulary
  const attention = layers * 2 * width * ((length + 1) / 2)
  return 6 * batch * length * (perToken + attention)
}
