/**
 * The losses of the learner as graphs over a batch of rows. Coefficients are constants of the graph; data are feeds.
 *
 * B rows, K tokens read, V vocabulary. Rows that pad a batch have weight 0 everywhere.
 */
import { Op, type Value } from "@dreamgym/graph"

type V = Value.Value

/** Log-probabilities [B] of the row's tokens and their entropies [B], summed over tokens of weight > 0. */
export interface Scores {
  readonly logProbabilityB: V
  readonly entropyB: V
}

/** `maskBKV` is additive: 0 for tokens that decoding allowed, -1e9 elsewhere; the same as when sampling. */
export const scores = (logitsBKV: V, maskBKV: V, targetBK: V, weightBK: V): Scores => {
  const logBKV = Op.logSoftmax(Op.add(logitsBKV, maskBKV))
  const shares = Op.exp(logBKV)
  // A masked token has share 0 and log-share -1e9: bounded, so that 0 times it stays 0.
  const bounded = Op.maximum(logBKV, Op.constant(-50))
  const entropyBK = Op.negate(Op.sum(Op.multiply(shares, bounded), [2]))
  return {
    logProbabilityB: Op.sum(Op.multiply(Op.pick(logBKV, targetBK), weightBK), [1]),
    entropyB: Op.sum(Op.multiply(entropyBK, weightBK), [1])
  }
}

/** Mean negative log-probability over the tokens, by weight. */
export const crossEntropy = (logitsBKV: V, targetBK: V, weightBK: V): V => {
  const taken = Op.multiply(Op.pick(Op.logSoftmax(logitsBKV), targetBK), weightBK)
  const total = Op.maximum(Op.sum(weightBK, [0, 1]), Op.constant(1e-6))
  return Op.negate(Op.divide(Op.sum(taken, [0, 1]), total))
}

export interface PolicyLossOptions {
  readonly clipRatioLow: number
  readonly clipRatioHigh: number
  /** 0 switches the clipping of the value loss off. */
  readonly valueClip: number
  readonly vfCoef: number
  readonly entropyCoef: number
  readonly klLossCoef: number
}

export interface PolicyLossInputs {
  readonly scores: Scores
  readonly valueB: V | undefined
  readonly oldLogProbabilityB: V
  readonly oldValueB: V
  readonly advantageB: V
  readonly returnB: V
  readonly referenceLogProbabilityB: V
  /** 1 for a row, 0 for padding. */
  readonly rowB: V
}

/**
 * Clipped policy loss, clipped value loss, entropy bonus and KL to the reference (Schulman et al. 2017; the k3 estimator).
 * The ratio is of whole actions: token log-probabilities are summed first. Every part is a mean over rows.
 */
export const policyLoss = (
  inputs: PolicyLossInputs,
  options: PolicyLossOptions
): { readonly loss: V; readonly metrics: Readonly<Record<string, V>> } => {
  const { rowB, scores } = inputs
  const count = Op.maximum(Op.sum(rowB, [0]), Op.constant(1))
  const mean = (x: V) => Op.divide(Op.sum(Op.multiply(x, rowB), [0]), count)
  const logRatio = Op.clip(Op.subtract(scores.logProbabilityB, inputs.oldLogProbabilityB), -20, 20)
  const ratio = Op.exp(logRatio)
  const low = 1 - options.clipRatioLow
  const high = 1 + options.clipRatioHigh
  const surrogate = Op.minimum(
    Op.multiply(ratio, inputs.advantageB),
    Op.multiply(Op.clip(ratio, low, high), inputs.advantageB)
  )
  const policy = Op.negate(mean(surrogate))
  const entropy = mean(scores.entropyB)
  const toReference = Op.clip(
    Op.subtract(inputs.referenceLogProbabilityB, scores.logProbabilityB),
    -20,
    20
  )
  const kl = mean(Op.subtract(Op.subtract(Op.exp(toReference), toReference), Op.constant(1)))
  const value =
    inputs.valueB === undefined
      ? undefined
      : mean(valueLoss(inputs.valueB, inputs, options.valueClip))
  const outside = Op.greater(Op.abs(Op.subtract(ratio, Op.clip(ratio, low, high))), Op.constant(0))
  const weighted = [
    Op.multiply(Op.constant(-options.entropyCoef), entropy),
    ...(options.klLossCoef === 0 ? [] : [Op.multiply(Op.constant(options.klLossCoef), kl)]),
    ...(value === undefined ? [] : [Op.multiply(Op.constant(options.vfCoef), value)])
  ]
  return {
    loss: weighted.reduce((sum, part) => Op.add(sum, part), policy),
    metrics: {
      "losses/policy_loss": policy,
      "losses/entropy": entropy,
      "losses/kl_to_reference": kl,
      "losses/approx_kl": mean(Op.subtract(Op.subtract(ratio, Op.constant(1)), logRatio)),
      "losses/clipfrac": mean(Op.cast(outside, "float32")),
      "losses/ratio_max": Op.max(Op.multiply(ratio, rowB), [0]),
      ...(value === undefined ? {} : { "losses/value_loss": value })
    }
  }
}

/** Half the larger of the squared error and the squared error of the clipped prediction. */
const valueLoss = (valueB: V, inputs: PolicyLossInputs, clip: number): V => {
  const plain = Op.square(Op.subtract(valueB, inputs.returnB))
  if (clip === 0) return Op.multiply(plain, Op.constant(0.5))
  const moved = Op.clip(Op.subtract(valueB, inputs.oldValueB), -clip, clip)
  const clipped = Op.square(Op.subtract(Op.add(inputs.oldValueB, moved), inputs.returnB))
  return Op.multiply(Op.maximum(plain, clipped), Op.constant(0.5))
}
