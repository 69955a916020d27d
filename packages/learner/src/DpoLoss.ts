/**
 * The loss of direct preference optimisation as a graph over pairs of trajectories (Rafailov et al.
 * 2023, Eq. 7). Where log-probabilities come from is the caller's.
 *
 * Q pairs of a part.
 */
import { Op, type Value } from "@dreamgym/graph"

type V = Value.Value

/**
 * `beta` > 0 (the paper: 0.1): how dear it is to move away from the reference. `labelSmoothing` in
 * [0, 0.5): the share of labels that are taken to be wrong (Mitchell 2023, conservative DPO).
 * `sftCoef` >= 0: weight of the chosen trajectories' mean negative log-probability per token (Pang
 * et al. 2024). `lengthNormalization`: log-probabilities per token instead of sums (Meng et al.
 * 2024), so that a longer trajectory weighs no more.
 */
export interface Options {
  readonly beta: number
  readonly labelSmoothing: number
  readonly sftCoef: number
  readonly lengthNormalization: boolean
}

/**
 * Means over pairs. A reward is beta times how much likelier a trajectory has become than under the
 * reference; `accuracies` is the share of pairs whose chosen reward is the larger; `logps` are
 * log-probabilities of whole trajectories.
 */
export const noMetrics = {
  loss: 0,
  "rewards/chosen": 0,
  "rewards/rejected": 0,
  "rewards/margins": 0,
  "rewards/accuracies": 0,
  "logps/chosen": 0,
  "logps/rejected": 0
}

export type Metrics = Readonly<typeof noMetrics>

/**
 * Summed log-probabilities [Q] of pairs, now and under the reference, and the number of tokens [Q].
 */
export interface Sides {
  readonly chosenQ: V
  readonly rejectedQ: V
  readonly referenceChosenQ: V
  readonly referenceRejectedQ: V
  readonly chosenTokensQ: V
  readonly rejectedTokensQ: V
  /** 1 for a pair, 0 for padding. */
  readonly pairQ: V
}

/**
 * -(1 - e) log sigmoid(m) - e log sigmoid(-m) with m = beta (log-ratio of the chosen - log-ratio of
 * the rejected), Eq. 7 of the paper with smoothed labels; its mean over pairs, and the names of
 * `Metrics`.
 */
export const loss = (
  sides: Sides,
  options: Options
): {
  readonly loss: V
  readonly outputs: Readonly<Record<Exclude<keyof Metrics, "loss">, V>>
} => {
  const { beta, labelSmoothing, lengthNormalization, sftCoef } = options
  const { chosenQ, chosenTokensQ, pairQ, rejectedQ, rejectedTokensQ } = sides
  const count = Op.maximum(Op.sum(pairQ, [0]), 1)
  const mean = (x: V): V => Op.divide(Op.sum(Op.multiply(x, pairQ), [0]), count)
  const scaled = (x: V, tokensQ: V) => (lengthNormalization ? Op.divide(x, tokensQ) : x)
  const reward = (now: V, then: V, tokensQ: V) =>
    Op.multiply(scaled(Op.subtract(now, then), tokensQ), beta)
  const chosen = reward(chosenQ, sides.referenceChosenQ, chosenTokensQ)
  const rejected = reward(rejectedQ, sides.referenceRejectedQ, rejectedTokensQ)
  const margin = Op.subtract(chosen, rejected)
  const right = Op.multiply(Op.logSigmoid(margin), labelSmoothing - 1)
  const wrong = Op.multiply(Op.logSigmoid(Op.negate(margin)), -labelSmoothing)
  const preference = mean(labelSmoothing === 0 ? right : Op.add(right, wrong))
  const copied = Op.multiply(mean(Op.divide(chosenQ, chosenTokensQ)), -sftCoef)
  return {
    loss: sftCoef === 0 ? preference : Op.add(preference, copied),
    outputs: {
      "rewards/chosen": mean(chosen),
      "rewards/rejected": mean(rejected),
      "rewards/margins": mean(margin),
      "rewards/accuracies": mean(Op.cast(Op.greater(margin, 0), "float32")),
      "logps/chosen": mean(chosenQ),
      "logps/rejected": mean(rejectedQ)
    }
  }
}

/** What is wrong with the settings, with the remedy; nothing where they are sound. */
export const problemOf = ({ beta, labelSmoothing, sftCoef }: Options): string | undefined => {
  if (!(beta > 0)) return `beta is ${beta}; it must be above 0, or nothing is preferred`
  if (!(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
    return `labelSmoothing is ${labelSmoothing}; it must be in [0, 0.5): at 0.5 labels say nothing`
  }
  return sftCoef >= 0 ? undefined : `sftCoef is ${sftCoef}; it must not be negative`
}
