/**
 * Small transformers of every relative, with noise on every number, for the tests.
 * They have learnt nothing.
 */
import { Seed } from "@dreamgym/domain"
import { Op, Parameters, type Value } from "@dreamgym/graph"
import * as Result from "effect/Result"
import { Transformer } from "../../src/index.ts"

export const configOf = (
  overrides: Partial<Transformer.Config.Config> = {}
): Transformer.Config.Config =>
  Result.getOrThrow(
    Transformer.Config.make({
      vocabularySize: 17,
      hiddenSize: 12,
      intermediateSize: 20,
      layers: 2,
      heads: 2,
      headDimension: 4,
      maxPositions: 64,
      ...overrides
    })
  )

/** Every relative, and every choice that a Llama has besides. */
export const relatives = {
  "a Llama with a tied head": configOf(),
  "a Llama with an untied head and biases everywhere": configOf({
    tieEmbeddings: false,
    attentionBias: "all",
    mlpBias: true
  }),
  "a Mistral whose queries share keys": configOf({
    family: "mistral",
    heads: 4,
    keyValueHeads: 2,
    tieEmbeddings: false
  }),
  "a Qwen2 with one head of keys and a critic": configOf({
    family: "qwen2",
    heads: 3,
    keyValueHeads: 1,
    hasValue: true
  }),
  "a Qwen3 with norms on its heads": configOf({
    family: "qwen3",
    heads: 4,
    keyValueHeads: 2,
    headDimension: 6
  }),
  "a Starcoder2": configOf({ family: "starcoder2", heads: 4, keyValueHeads: 2 }),
  "a Starcoder2 with the exact GELU": configOf({ family: "starcoder2", mlp: "gelu" })
}

/** Noise everywhere, so that no number is where a mistake would not show. */
export const noisy = (
  config: Transformer.Config.Config,
  key = 1,
  size = 0.6
): Parameters.Parameters => {
  const parameters = Parameters.make(
    Transformer.Network.specifications(config),
    Seed.generator(key)
  )
  const random = Seed.generator(Seed.key(key, "noise"))
  for (const array of Object.values(parameters.arrays))
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + (random() - 0.5) * size
  return parameters
}

export const inputsOf = (config: Transformer.Config.Config) =>
  Parameters.inputs(Transformer.Network.specifications(config))

/** Logits (and values) of `ids` [B, T], with the network's parameters as inputs. */
export const readings = (
  config: Transformer.Config.Config,
  batch: Transformer.Network.Batch,
  options: Transformer.Network.Options = {}
): Readonly<Record<string, Value.Value>> => {
  const weights = inputsOf(config)
  const hidden = Transformer.Network.hidden(config, weights, batch, options)
  return {
    logits: Transformer.Network.logits(config, weights, hidden, options.linear),
    ...(config.hasValue ? { values: Transformer.Network.values(config, weights, hidden) } : {})
  }
}

export const ids = (rows: number, length: number) => Op.input("ids", [rows, length], "int64")

export const idsOf = (config: Transformer.Config.Config, length: number, key: number) => {
  const random = Seed.generator(Seed.key(key, "ids"))
  return Array.from({ length }, () => Seed.below(random, config.vocabularySize))
}

/** The largest difference, relative to the largest number. */
export const difference = (left: ArrayLike<number>, right: ArrayLike<number>): number => {
  if (left.length !== right.length) return Infinity
  const size = Array.from(right).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30)
  return Array.from(left).reduce(
    (most, x, index) => Math.max(most, Math.abs(x - (right[index] ?? Number.NaN)) / size),
    0
  )
}
