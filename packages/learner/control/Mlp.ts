/**
 * A policy and a critic of two hidden layers each, without a common trunk, as in CleanRL's
 * `ppo.py`: as a graph to be trained, and in plain numbers to act with.
 *
 * B rows, O numbers of an observation, H hidden units, A actions.
 */
import { Initializer, Op, type Parameters, type Value } from "@dreamgym/graph"

export interface MlpConfig {
  readonly observationSize: number
  readonly actions: number
  /** Units of each of the two hidden layers; CleanRL: 64. */
  readonly hidden: number
}

type V = Value.Value
type Weights = Readonly<Record<string, V>>

const layers = [0, 1, 2] as const

/**
 * Orthogonal weights [in, out] with gain sqrt 2, 0.01 for the policy's last layer and 1 for the
 * critic's; biases 0 (detail 2 of the 37). What begins with `critic.` is the critic's.
 */
export const specs = (config: MlpConfig): Parameters.Specifications =>
  Object.assign({}, tower("policy", config, config.actions, 0.01), tower("critic", config, 1, 1))

const tower = (
  name: string,
  { hidden, observationSize }: MlpConfig,
  outputs: number,
  lastGain: number
): Parameters.Specifications => {
  const widths = [observationSize, hidden, hidden, outputs]
  return Object.fromEntries(
    layers.flatMap((layer) => {
      const [inputs = 0, units = 0] = widths.slice(layer, layer + 2)
      const initial = Initializer.orthogonal(layer === 2 ? lastGain : Math.SQRT2)
      return [
        [`${name}.${layer}.weight`, { shape: [inputs, units], initial }],
        [`${name}.${layer}.bias`, { shape: [units], initial: Initializer.zeros }]
      ]
    })
  )
}

/** Logits [B, A] and values [B] of observations [B, O]. */
export const forward = (weights: Weights, observationBO: V): { logitsBA: V; valueB: V } => ({
  logitsBA: climb(weights, "policy", observationBO),
  valueB: Op.reshape(climb(weights, "critic", observationBO), observationBO.shape.slice(0, 1))
})

const climb = (weights: Weights, name: string, x: V): V =>
  layers.reduce((hidden, layer) => {
    const matrix = weights[`${name}.${layer}.weight`]
    const bias = weights[`${name}.${layer}.bias`]
    if (matrix === undefined || bias === undefined) throw new Error(`no layer ${layer} of ${name}`)
    const sum = Op.add(Op.matMul(hidden, matrix), bias)
    return layer === 2 ? sum : Op.tanh(sum)
  }, x)

/** The same in plain numbers, for one observation: log-probabilities [A] and the value. */
export const judge = (
  { arrays, shapes }: Pick<Parameters.Parameters, "arrays" | "shapes">,
  observation: ReadonlyArray<number>
): { readonly logProbabilities: ReadonlyArray<number>; readonly value: number } => {
  const outputs = (name: string) =>
    layers.reduce<ArrayLike<number>>((hidden, layer) => {
      const matrix = arrays[`${name}.${layer}.weight`] ?? new Float32Array(0)
      const bias = arrays[`${name}.${layer}.bias`] ?? new Float32Array(0)
      const [inputs = 0, units = 0] = shapes[`${name}.${layer}.weight`] ?? []
      const sums = Float64Array.from(bias)
      for (let i = 0; i < inputs; i++) {
        const x = hidden[i] ?? 0
        if (x === 0) continue
        for (let unit = 0; unit < units; unit++) {
          sums[unit] = (sums[unit] ?? 0) + x * (matrix[i * units + unit] ?? 0)
        }
      }
      return layer === 2 ? sums : sums.map(Math.tanh)
    }, observation)
  return {
    logProbabilities: logSoftmax(Array.from(outputs("policy"))),
    value: outputs("critic")[0] ?? 0
  }
}

const logSoftmax = (logits: ReadonlyArray<number>): ReadonlyArray<number> => {
  const most = Math.max(...logits)
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0)
  return logits.map((logit) => logit - most - Math.log(total))
}
