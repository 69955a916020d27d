/**
 * How the losses of tokens become one: a weight for every decision of a minibatch, by its length.
 * The counts are those of the whole minibatch, so that its parts add up to it whatever they are.
 *
 * S decisions of a minibatch ("sequences"), N tokens of all of them, A tokens of one.
 */

/**
 * `token-mean`: every token the same (DAPO). `seq-mean-token-mean`: every decision the same (GRPO).
 * `seq-mean-token-sum`: long decisions count by their length. `seq-mean-token-sum-norm`: the same
 * over a constant length (Dr.GRPO), `lossHorizon`.
 */
export type LossAgg =
  | "token-mean"
  | "seq-mean-token-mean"
  | "seq-mean-token-sum"
  | "seq-mean-token-sum-norm"

export interface Counts {
  readonly decisions: number
  readonly tokens: number
}

export interface AggregationOptions {
  /** Default `seq-mean-token-mean`. */
  readonly lossAgg?: LossAgg
  /** The length, in tokens, that `seq-mean-token-sum-norm` divides by. */
  readonly lossHorizon?: number
}

/**
 * The weight of a decision of A tokens, S times what it has in the loss: the loss is the sum over
 * decisions of weight times the mean over their tokens, over S.
 */
const weights: {
  readonly [name in LossAgg]: (length: number, of: Counts, horizon: number) => number
} = {
  "token-mean": (length, { decisions, tokens }) => (length * decisions) / tokens,
  "seq-mean-token-mean": () => 1,
  "seq-mean-token-sum": (length) => length,
  "seq-mean-token-sum-norm": (length, _, horizon) => length / horizon
}

export const decisionWeight = (
  length: number,
  of: Counts,
  { lossAgg = "seq-mean-token-mean", lossHorizon = 1 }: AggregationOptions
): number => weights[lossAgg](length, of, lossHorizon)

export const countsOf = (
  decisions: ReadonlyArray<{ readonly oldLogProbabilities: ReadonlyArray<number> }>
): Counts => ({
  decisions: decisions.length,
  tokens: decisions.reduce((sum, decision) => sum + decision.oldLogProbabilities.length, 0)
})
