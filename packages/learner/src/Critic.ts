/**
 * How a critic begins: on the trunk of a policy that may have none, with a head that says nothing
 * or little, or with a trunk of its own that begins as the policy's. It trains nothing; that is
 * `PolicyGradient`, whose `criticWarmup` trains the critic before the policy.
 */
import { Seed } from "@dreamgym/domain"
import { Initializer, Parameters } from "@dreamgym/graph"
import { Decoder, type Trainable } from "@dreamgym/language"

/**
 * `deviation` of the head's weights (normal numbers around 0; 0, as by default: every value is
 * `bias`), `bias`: for example the mean return of the data. `key` draws the weights.
 */
export interface HeadOptions {
  readonly deviation?: number
  readonly bias?: number
  readonly key: Seed.Key
}

/**
 * The same policy with a fresh critic head on its trunk, in memory of its own: it says exactly what
 * it said, and its values are those of the head. A head that was there is replaced.
 */
export const onTrunk = (policy: Trainable.Trainable, options: HeadOptions): Trainable.Trainable => {
  const network: Decoder.Network = {
    ...policy.network,
    config: { ...policy.network.config, hasValue: true }
  }
  const parameters = Parameters.zeros(shapesOf(network))
  for (const [name, array] of Object.entries(policy.parameters.arrays)) {
    parameters.arrays[name]?.set(array)
  }
  const weight = parameters.arrays["critic.weight"]
  const { bias = 0, deviation = 0, key } = options
  weight?.set(Initializer.normal(deviation)([weight.length], Seed.generator(key)))
  parameters.arrays["critic.bias"]?.fill(bias)
  return { network, parameters, version: policy.version }
}

const shapesOf = (network: Decoder.Network): Parameters.Parameters["shapes"] =>
  Object.fromEntries(
    Object.entries(Decoder.specs(network)).map(([name, { shape }]) => [name, shape])
  )
