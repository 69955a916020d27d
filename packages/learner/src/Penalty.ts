/**
 * How far a policy may go from its reference: KL in the loss, KL in the reward, and a coefficient
 * that adapts.
 * It knows no policy; log-probabilities come from outside.
 */
import { Op, type Value } from "@dreamgym/graph"
import { mostApart } from "./Surrogate.ts"

type V = Value.Value

/** Which estimate of KL(policy, reference) from sampled tokens is shown (Schulman 2020). */
export type KlEstimator = "k1" | "k2" | "k3"

type Estimate = (apart: V, half: V) => V

/** `apart` is log reference - log policy; `half` is half its square. */
const estimates: { readonly [name in KlEstimator]: Estimate } = {
  k1: (apart) => Op.negate(apart),
  k2: (_, half) => half,
  k3: (apart) => Op.subtract(Op.subtract(Op.exp(apart), apart), 1)
}

/**
 * KL(policy, reference) by element, with the value of the chosen estimate and the gradient of k2.
 * Of the three only k2, half the squared difference, has a gradient whose mean is that of the KL:
 * that of k1 has mean 0, that of k3 is of the KL the other way round. So k1 and k3 are straight
 * through: they are reported, k2 is followed.
 */
export const klInLoss = (estimator: KlEstimator, logProbabilityE: V, referenceE: V): V => {
  const apart = Op.clip(Op.subtract(referenceE, logProbabilityE), -mostApart, mostApart)
  const half = Op.multiply(Op.square(apart), 0.5)
  if (estimator === "k2") return half
  const shown = estimates[estimator](apart, half)
  return Op.add(half, Op.stopGradient(Op.subtract(shown, half)))
}

/**
 * What each token of an action is charged before advantages are estimated: coefficient times
 * sampled k1, without a gradient.
 */
export const klInReward = (
  coefficient: number,
  logProbabilities: ReadonlyArray<number>,
  reference: ReadonlyArray<number>
): ReadonlyArray<number> =>
  logProbabilities.map((own, k) => {
    const apart = own - (reference[k] ?? own)
    return coefficient * Math.max(-mostApart, Math.min(mostApart, apart))
  })

/** `target` in nats per token; `horizon` is in decisions, over which the scale may double. */
export interface AdaptiveKl {
  readonly target: number
  readonly horizon: number
}

/** The scale of the KL coefficients after an update of `count` decisions (Ziegler et al. 2019). */
export const nextScale = (
  scale: number,
  kl: number,
  count: number,
  { horizon, target }: AdaptiveKl
): number => {
  const error = Math.max(-0.2, Math.min(0.2, kl / target - 1))
  return scale * (1 + (error * count) / horizon)
}

/** The mean over tokens of log policy - log reference: k1. */
export const meanApart = (
  decisions: ReadonlyArray<{
    readonly oldLogProbabilities: ReadonlyArray<number>
    readonly referenceLogProbabilities: ReadonlyArray<number>
  }>
): number => {
  const apart = decisions.flatMap(({ oldLogProbabilities, referenceLogProbabilities }) =>
    klInReward(1, oldLogProbabilities, referenceLogProbabilities)
  )
  return apart.reduce((sum, one) => sum + one, 0) / Math.max(1, apart.length)
}
