/**
 * What losses are made of: log-probabilities, entropies and means that leave something out.
 * The losses of learning methods are the learner's. Letters: V classes; [...] any leading axes.
 */
import * as Shape from "../Shape.ts"
import type * as Value from "../Value.ts"
import { pick } from "./Contraction.ts"
import {
  abs,
  add,
  divide,
  equal,
  exp,
  log,
  minimum,
  multiply,
  negate,
  subtract,
  where
} from "./Elementwise.ts"
import { logSoftmax, mean, sum } from "./Reduction.ts"

type V = Value.Value

/** The log-probability of the chosen classes: logits[..., V], ids[...] int64 in [0, V) -> [...]. */
export const logProbability = (logits: V, ids: V): V => pick(logSoftmax(logits), ids)

/** log(1 / (1 + exp(-x))), finite for every finite x: what a preference loss is made of. */
export const logSigmoid = (x: V): V => subtract(minimum(x, 0), log(add(exp(negate(abs(x))), 1)))

/** The entropy of each distribution in nats: logits[..., V] -> [...]; classes of probability 0 add 0. */
export const entropy = (logits: V): V => {
  const logs = logSoftmax(logits)
  return negate(sum(multiply(exp(logs), logs), [-1]))
}

/**
 * The mean of x[...] weighted by weights[...] >= 0, a scalar: the sum of the products over the sum of
 * the weights; 0 if all weights are. A mask is weights of 0 and 1.
 */
export const weightedMean = (x: V, weights: V): V => {
  if (!Shape.equals(x.shape, weights.shape))
    throw new Shape.ShapeError("weightedMean", [x.shape, weights.shape], "they must be equal")
  const total = sum(weights)
  return divide(sum(multiply(x, weights)), where(equal(total, 0), 1, total))
}

/** How much each position counts. */
export interface CrossEntropyOptions {
  /** [...] >= 0; all 1 by default. Weights by class are `gather(byClass, labels)`. */
  readonly weights?: V
}

/** The mean negative log-probability of the labels: logits[..., V], labels[...] int64 -> scalar. */
export const crossEntropy = (logits: V, labels: V, { weights }: CrossEntropyOptions = {}): V => {
  const losses = negate(logProbability(logits, labels))
  return weights === undefined ? mean(losses) : weightedMean(losses, weights)
}
