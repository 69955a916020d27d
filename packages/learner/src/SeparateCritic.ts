/**
 * A decoder with a critic that has a trunk of its own, which begins as the policy's (VC-PPO, Yuan
 * et al. 2025): what the critic learns cannot disturb what the policy says. It costs a second
 * network of the same size. The sampler knows nothing of it: values are read before an update, not
 * said with the action.
 */
import { Seed } from "@dreamgym/domain"
import { Initializer, Op, Parameters, type Value } from "@dreamgym/graph"
import { Decoder, type Trainable } from "@dreamgym/language"
import * as Record from "effect/Record"
import type { HeadOptions } from "./Critic.ts"
import * as DecoderPolicy from "./DecoderPolicy.ts"

type Values = Readonly<Record<string, Value.Value>>

/**
 * A policy to sample from, and the same policy with its critic as a model to be learnt. They share
 * their numbers.
 */
export interface WithCritic {
  readonly trainable: Trainable.Trainable
  readonly model: DecoderPolicy.DecoderPolicy
}

const trunk = "critic.trunk."
const feedPrefix = "of the critic/"

export const make = (policy: Trainable.Trainable, options: HeadOptions): WithCritic => {
  const trainable = begin(policy, options)
  return { trainable, model: modelOf(trainable) }
}

/**
 * In memory of its own: the policy's numbers under their names, a copy of each under
 * `critic.trunk.`, and the critic's head. A head that the policy had is left out.
 */
export const begin = (policy: Trainable.Trainable, options: HeadOptions): Trainable.Trainable => ({
  network: { ...policy.network, config: { ...policy.network.config, hasValue: false } },
  parameters: doubled(policy, options),
  version: policy.version
})

/** What `begin` made, to be learnt. A reference may be a policy without a critic. */
export const modelOf = (trainable: Trainable.Trainable): DecoderPolicy.DecoderPolicy => {
  const alone = DecoderPolicy.make(trainable)
  return {
    ...alone,
    hasValue: true,
    hasTokenValues: true,
    readsValues: true,
    feedsOf: (entries, sizes) => {
      const feeds = alone.feedsOf(entries, sizes)
      return { ...feeds, ...Record.mapKeys(feeds, (name) => `${feedPrefix}${name}`) }
    },
    reading: (weights, sizes) => ({
      ...alone.reading(weights, sizes),
      ...valuesOf(trainable.network, weights, sizes)
    })
  }
}

const doubled = (
  { network, parameters: { arrays, shapes } }: Trainable.Trainable,
  { bias = 0, deviation = 0, key }: HeadOptions
): Parameters.Parameters => {
  const own = Record.filter(shapes, (_, name) => !name.startsWith("critic."))
  const width = network.config.dimension
  const all: Parameters.Parameters["shapes"] = {
    ...own,
    ...Record.mapKeys(own, (name) => `${trunk}${name}`),
    "critic.weight": [1, width],
    "critic.bias": [1]
  }
  const parameters = Parameters.zeros(all)
  for (const name of Object.keys(own)) {
    const numbers = arrays[name] ?? new Float32Array(0)
    parameters.arrays[name]?.set(numbers)
    parameters.arrays[`${trunk}${name}`]?.set(numbers)
  }
  const weight = Initializer.normal(deviation)([1, width], Seed.generator(key))
  parameters.arrays["critic.weight"]?.set(weight)
  parameters.arrays["critic.bias"]?.fill(bias)
  return parameters
}

/**
 * The head over the critic's own trunk: [B] where the decision is made, [B, K] before each of its
 * tokens.
 */
const valuesOf = (network: Decoder.Network, weights: Values, sizes: Decoder.Sizes) => {
  const { batch, read } = sizes
  const [weight, bias] = [weights["critic.weight"], weights["critic.bias"]]
  const own = Record.mapKeys(
    Record.filter(weights, (_, name) => name.startsWith(trunk)),
    (name) => name.slice(trunk.length)
  )
  if (weight === undefined || bias === undefined || Record.isEmptyReadonlyRecord(own)) return {}
  const hiddenBKD = Decoder.hidden(network, own, sizes, feedPrefix)
  const said = Op.add(Op.matMul(hiddenBKD, weight, { transposeB: true }), bias)
  const valueBK = Op.reshape(said, [batch, read])
  return { valueBK, valueB: Op.reshape(Op.slice(valueBK, 1, 0, 1), [batch]) }
}
