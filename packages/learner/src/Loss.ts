/**
 * The losses of the learner as graphs over a batch of rows. Coefficients are constants of the
 * graph; data are feeds.
 *
 * B rows, K tokens read, V vocabulary; E is [B] or [B, K], as the ratio is of actions or of tokens.
 * Rows that pad a batch have weight 0 everywhere.
 */
import { Op, type Value } from "@dreamgym/graph"
import type { AggregationOptions } from "./Aggregation.ts"
import { type KlEstimator, klInLoss } from "./Penalty.ts"
import { type RatioLevel, surrogate, type SurrogateOptions } from "./Surrogate.ts"

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

export interface PolicyLossOptions extends SurrogateOptions, AggregationOptions {
  /** Default `action`. */
  readonly ratioLevel?: RatioLevel
  /** Of which advantages, returns and values are: of decisions (default `step`) or of tokens. */
  readonly advantageLevel?: "step" | "token"
  /** 0 switches the clipping of the value loss off. */
  readonly valueClip: number
  readonly vfCoef: number
  readonly entropyCoef: number
  readonly klLossCoef: number
  /** The estimate that is reported; default `k3`. The gradient is that of the KL in any case. */
  readonly klEstimator?: KlEstimator
}

/**
 * Absent parts have no place in the loss: a critic or a reference policy. Weights are 0 for padding
 * and, over the elements of a minibatch, what `Aggregation` and `Correction` make of them: where
 * they are all 1, a term is the mean over decisions.
 */
export interface PolicyLossInputs {
  readonly scores: Scores
  /** 1 for a row, 0 for padding. */
  readonly rowB: V
  readonly advantageE: V
  readonly oldLogProbabilityE: V
  readonly policyWeightE: V
  /** Of the entropy, and of what is reported; absent where elements are rows. */
  readonly tokens?: { readonly entropyWeightBK: V; readonly meanWeightBK: V }
  /** Of decisions, or of tokens; `weightE` averages over those of the minibatch. */
  readonly critic?: Critic
  readonly reference?: { readonly logProbabilityE: V; readonly weightE: V }
}

export interface Critic {
  readonly valueE: V
  readonly oldValueE: V
  readonly returnE: V
  readonly weightE: V
}

/** A scalar loss and scalars to report. */
export interface PolicyLoss {
  readonly loss: V
  readonly metrics: Readonly<Record<string, V>>
}

/**
 * Clipped policy loss, clipped value loss, entropy bonus and KL to the reference (Schulman et al.
 * 2017), each a sum over its elements by weight, over the number of rows.
 */
export const policyLoss = (inputs: PolicyLossInputs, options: PolicyLossOptions): PolicyLoss => {
  const { advantageE, policyWeightE, rowB, tokens } = inputs
  const sum = sumOver(rowB)
  const elements = elementsOf(inputs, options)
  const mean = sum(tokens?.meanWeightBK ?? rowB)
  const { metrics, surrogateE } = surrogate({ ...elements, advantageE, mean }, options)
  const entropy = sum(tokens?.entropyWeightBK ?? rowB)(elements.entropyE)
  const terms: ReadonlyArray<Term> = [
    ["losses/policy_loss", 1, Op.negate(sum(policyWeightE)(surrogateE))],
    ["losses/entropy", -options.entropyCoef, entropy, mean(elements.entropyE)],
    ...criticTerms(inputs, options, sum),
    ...referenceTerms(inputs, options, { sum, mean }, elements.logProbabilityE)
  ]
  return {
    loss: terms
      .filter(([, weight]) => weight !== 0)
      .map(([, weight, value]) => Op.multiply(value, weight))
      .reduce((total, part) => Op.add(total, part)),
    metrics: {
      ...metrics,
      ...Object.fromEntries(terms.map(([name, , value, shown]) => [name, shown ?? value] as const))
    }
  }
}

/**
 * A part of the loss, its coefficient (0: only reported), and its name. What is reported is `shown`
 * where the part itself is weighed otherwise than a mean.
 */
type Term = readonly [name: string, coefficient: number, value: V, shown?: V]

type Sum = (weightE: V) => (x: V) => V

/** The sum by weight, over the number of rows: with weights of 1 the mean over rows. */
const sumOver = (rowB: V): Sum => {
  const count = Op.maximum(Op.sum(rowB, [0]), 1)
  return (weightE) => {
    const axes = weightE.shape.map((_, axis) => axis)
    return (x) => Op.divide(Op.sum(Op.multiply(x, weightE), axes), count)
  }
}

/** The policy's elements by the level of the ratio: rows, or tokens. */
const elementsOf = (
  { oldLogProbabilityE: oldE, rowB, scores }: PolicyLossInputs,
  { ratioLevel = "action" }: PolicyLossOptions
) => {
  const { entropyB, entropyBK, logProbabilityB, logProbabilityBK, weightBK } = scores
  if (ratioLevel === "token") {
    return {
      logProbabilityE: logProbabilityBK,
      movedE: Op.subtract(logProbabilityBK, oldE),
      entropyE: entropyBK,
      presentE: weightBK
    }
  }
  const movedB = Op.subtract(logProbabilityB, oldE)
  const lengthB = Op.maximum(Op.sum(weightBK, [1]), 1)
  return {
    logProbabilityE: logProbabilityB,
    movedE: ratioLevel === "action" ? movedB : Op.divide(movedB, lengthB),
    entropyE: entropyB,
    presentE: rowB
  }
}

const criticTerms = (
  { critic }: PolicyLossInputs,
  { valueClip, vfCoef }: PolicyLossOptions,
  sum: Sum
): ReadonlyArray<Term> => {
  if (critic === undefined) return []
  const { clipped, lossE } = valueLoss(critic, valueClip)
  return [
    ["losses/value_loss", vfCoef, sum(critic.weightE)(lossE)],
    ...(clipped === undefined
      ? []
      : [["losses/value_clipfrac", 0, sum(critic.weightE)(clipped)] as const])
  ]
}

const referenceTerms = (
  { reference }: PolicyLossInputs,
  { klEstimator = "k3", klLossCoef }: PolicyLossOptions,
  { mean, sum }: { readonly sum: Sum; readonly mean: (x: V) => V },
  logProbabilityE: V
): ReadonlyArray<Term> => {
  if (reference === undefined) return []
  const klE = klInLoss(klEstimator, logProbabilityE, reference.logProbabilityE)
  return [["losses/kl_to_reference", klLossCoef, sum(reference.weightE)(klE), mean(klE)]]
}

/**
 * Half the larger of the squared error and the squared error of the clipped prediction; `clip` 0:
 * half the squared error. `clipped`: 1 where the clipped one is larger.
 */
const valueLoss = (
  { oldValueE, returnE, valueE }: Critic,
  clip: number
): { readonly lossE: V; readonly clipped?: V } => {
  const plain = Op.square(Op.subtract(valueE, returnE))
  if (clip === 0) return { lossE: Op.multiply(plain, 0.5) }
  const moved = Op.clip(Op.subtract(valueE, oldValueE), -clip, clip)
  const other = Op.square(Op.subtract(Op.add(oldValueE, moved), returnE))
  return {
    lossE: Op.multiply(Op.maximum(plain, other), 0.5),
    clipped: Op.cast(Op.greater(other, plain), "float32")
  }
}
