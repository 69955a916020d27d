/**
 * The losses of the learner as graphs over a batch of rows. Coefficients are constants of the
 * graph; data are feeds.
 *
 * B rows, K tokens read, V vocabulary. Rows that pad a batch have weight 0 everywhere.
 */
import { Op, type Value } from "@dreamgym/graph"

type V = Value.Value

/**
 * Logits of the distribution that was sampled: `maskBKV` is additive, 0 for tokens that decoding
 * allowed and -1e9 elsewhere; `inverseTemperatureB` is 1 over the temperature.
 */
export const sampled = (logitsBKV: V, inverseTemperatureB: V, maskBKV: V): V => {
  const scale = Op.reshape(inverseTemperatureB, [...inverseTemperatureB.shape, 1, 1])
  return Op.add(Op.multiply(logitsBKV, scale), maskBKV)
}

/** Of the tokens and, summed over tokens by weight, of the rows. */
export interface Scores {
  readonly logProbabilityBK: V
  readonly entropyBK: V
  readonly weightBK: V
  readonly logProbabilityB: V
  readonly entropyB: V
}

/** Log-probabilities of the targets and entropies under logits that are `sampled`. */
export const scores = (logitsBKV: V, targetBK: V, weightBK: V): Scores => {
  const logBKV = Op.logSoftmax(logitsBKV)
  const shares = Op.exp(logBKV)
  // A masked token has share 0 and log-share -1e9: bounded, so that 0 times it stays 0.
  const bounded = Op.maximum(logBKV, Op.constant(-50))
  const entropyBK = Op.negate(Op.sum(Op.multiply(shares, bounded), [2]))
  const logProbabilityBK = Op.pick(logBKV, targetBK)
  return {
    logProbabilityBK,
    entropyBK,
    weightBK,
    logProbabilityB: Op.sum(Op.multiply(logProbabilityBK, weightBK), [1]),
    entropyB: Op.sum(Op.multiply(entropyBK, weightBK), [1])
  }
}

/** Mean negative log-probability over the tokens, by weight. */
export const crossEntropy = (logitsBKV: V, targetBK: V, weightBK: V): V => {
  const taken = Op.multiply(Op.logProbability(logitsBKV, targetBK), weightBK)
  const total = Op.maximum(Op.sum(weightBK, [0, 1]), Op.constant(1e-6))
  return Op.negate(Op.divide(Op.sum(taken, [0, 1]), total))
}

/** The share of tokens, by weight, whose logit is the largest. It has no gradient. */
export const accuracy = (logitsBKV: V, targetBK: V, weightBK: V): V => {
  const hits = Op.cast(Op.equal(Op.argMax(logitsBKV), targetBK), "float32")
  const total = Op.maximum(Op.sum(weightBK, [0, 1]), Op.constant(1e-6))
  return Op.divide(Op.sum(Op.multiply(hits, weightBK), [0, 1]), total)
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

/**
 * Absent parts have no place in the loss: a critic (`valueB`, `returnB`, `oldValueB`) or a
 * reference policy.
 */
export interface PolicyLossInputs {
  readonly scores: Pick<Scores, "entropyB" | "logProbabilityB">
  readonly oldLogProbabilityB: V
  readonly advantageB: V
  /** 1 for a row, 0 for padding. */
  readonly rowB: V
  readonly critic?: { readonly valueB: V; readonly oldValueB: V; readonly returnB: V }
  readonly referenceLogProbabilityB?: V
}

/** A scalar loss and scalars to report. */
export interface PolicyLoss {
  readonly loss: V
  readonly metrics: Readonly<Record<string, V>>
}

/**
 * Clipped policy loss, clipped value loss, entropy bonus and KL to the reference (Schulman et al.
 * 2017).
 * The ratio is of whole actions: token log-probabilities are summed first. Every part is a mean
 * over rows.
 */
export const policyLoss = (inputs: PolicyLossInputs, options: PolicyLossOptions): PolicyLoss => {
  const { critic, referenceLogProbabilityB: reference, rowB, scores } = inputs
  const mean = meanOver(rowB)
  const { metrics, surrogateB } = surrogate(inputs, options)
  const parts: ReadonlyArray<readonly [name: string, weight: number, value: V]> = [
    ["losses/policy_loss", 1, Op.negate(mean(surrogateB))],
    ["losses/entropy", -options.entropyCoef, mean(scores.entropyB)],
    ...(critic === undefined
      ? []
      : [
          ["losses/value_loss", options.vfCoef, mean(valueLoss(critic, options.valueClip))] as const
        ]),
    ...(reference === undefined
      ? []
      : [["losses/kl_to_reference", options.klLossCoef, mean(k3(reference, scores))] as const])
  ]
  return {
    loss: parts
      .filter(([, weight]) => weight !== 0)
      .map(([, weight, value]) => Op.multiply(value, weight))
      .reduce((sum, part) => Op.add(sum, part)),
    metrics: {
      ...metrics,
      ...Object.fromEntries(parts.map(([name, , value]) => [name, value] as const))
    }
  }
}

const meanOver = (rowB: V) => {
  const count = Op.maximum(Op.sum(rowB, [0]), 1)
  return (x: V): V => Op.divide(Op.sum(Op.multiply(x, rowB), [0]), count)
}

/**
 * Differences of log-probabilities beyond this say only that something is wrong; exp of them must
 * stay a number.
 */
const mostApart = 20

/**
 * min(ratio * A, clip(ratio) * A), and how far the policy has moved: the k3 estimate, the share
 * that is clipped, the extremes.
 */
const surrogate = (inputs: PolicyLossInputs, options: PolicyLossOptions) => {
  const { advantageB, oldLogProbabilityB, rowB, scores } = inputs
  const mean = meanOver(rowB)
  const moved = Op.subtract(scores.logProbabilityB, oldLogProbabilityB)
  const logRatio = Op.clip(moved, -mostApart, mostApart)
  const ratio = Op.exp(logRatio)
  const clipped = Op.clip(ratio, 1 - options.clipRatioLow, 1 + options.clipRatioHigh)
  const outside = Op.greater(Op.abs(Op.subtract(ratio, clipped)), 0)
  return {
    surrogateB: Op.minimum(Op.multiply(ratio, advantageB), Op.multiply(clipped, advantageB)),
    metrics: {
      "losses/approx_kl": mean(Op.subtract(Op.subtract(ratio, 1), logRatio)),
      "losses/clipfrac": mean(Op.cast(outside, "float32")),
      "losses/ratio_max": Op.max(Op.multiply(ratio, rowB), [0]),
      "losses/ratio_deviation": Op.max(Op.multiply(Op.abs(Op.subtract(ratio, 1)), rowB), [0])
    }
  }
}

/**
 * The k3 estimate of KL(policy, reference) from the tokens that were sampled (Schulman 2020): never
 * negative.
 */
const k3 = (referenceB: V, { logProbabilityB }: PolicyLossInputs["scores"]): V => {
  const apart = Op.clip(Op.subtract(referenceB, logProbabilityB), -mostApart, mostApart)
  return Op.subtract(Op.subtract(Op.exp(apart), apart), 1)
}

/**
 * Half the larger of the squared error and the squared error of the clipped prediction; `clip` 0:
 * half the squared error.
 */
const valueLoss = (
  { oldValueB, returnB, valueB }: NonNullable<PolicyLossInputs["critic"]>,
  clip: number
): V => {
  const plain = Op.square(Op.subtract(valueB, returnB))
  if (clip === 0) return Op.multiply(plain, 0.5)
  const moved = Op.clip(Op.subtract(valueB, oldValueB), -clip, clip)
  const clipped = Op.square(Op.subtract(Op.add(oldValueB, moved), returnB))
  return Op.multiply(Op.maximum(plain, clipped), 0.5)
}
