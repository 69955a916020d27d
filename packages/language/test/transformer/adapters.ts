/**
 * Adapters on a small Qwen2, as they begin and with noise, and what the network says with them.
 * They have learnt nothing.
 */
import { Seed } from "@dreamgym/domain"
import { Op, Parameters, type Value } from "@dreamgym/graph"
import { Transformer } from "../../src/index.ts"
import { configOf, ids, idsOf } from "./small.ts"

const { Lora, Network } = Transformer

export const config = configOf({ family: "qwen2", heads: 4, keyValueHeads: 2, hiddenSize: 12 })
export const lora: Transformer.Lora.Lora = {
  rank: 3,
  alpha: 6,
  targets: ["q_proj", "v_proj", "down_proj"]
}

/** Adapters as they begin, or with noise on both halves. */
export const adaptersOf = (of = config, settings = lora, size = 0) => {
  const parameters = Parameters.make(Lora.specifications(of, settings), Seed.generator(3))
  const random = Seed.generator(4)
  for (const array of Object.values(parameters.arrays))
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + (random() - 0.5) * size
  return parameters
}

export interface Reading {
  readonly logits: Value.Value
  readonly adapters: Transformer.Network.Weights
}

export const reading = (
  of: Transformer.Config.Config,
  settings: Transformer.Lora.Lora,
  weights: Transformer.Network.Weights,
  base: Transformer.Network.Linear
): Reading => {
  const adapters = Parameters.inputs(Lora.specifications(of, settings))
  const linear = Lora.linear(settings, adapters, base)
  const states = Network.hidden(of, weights, { ids: ids(2, 5) }, { linear })
  return { logits: Network.logits(of, weights, states, linear), adapters }
}

export const text = (of: Transformer.Config.Config) =>
  BigInt64Array.from([...idsOf(of, 5, 1), ...idsOf(of, 5, 2)], BigInt)

export const lossOf = (logits: Value.Value) =>
  Op.sum(Op.square(Op.slice(Op.logSoftmax(logits), 2, 0, 3)))
