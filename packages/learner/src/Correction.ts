/**
 * Importance weights for decisions that an older policy sampled: the proximal policy over the
 * behaviour policy (Hilton et al. 2021; truncated as by Espeholt et al. 2018).
 * Only of the policy's own tokens: what an environment answered, real or dreamt, is never weighed.
 *
 * A tokens of a decision.
 */
import { mostApart } from "./Surrogate.ts"

/**
 * `level`: a weight for each token, or one for the action. `mode`: a weight above `threshold` is
 * cut to it (`truncate`, default), or its tokens do not count at all (`mask`).
 */
export interface CorrectionOptions {
  readonly level: "token" | "action"
  readonly threshold: number
  readonly mode?: "truncate" | "mask"
}

interface Probabilities {
  readonly oldLogProbabilities: ReadonlyArray<number>
  readonly proximalLogProbabilities: ReadonlyArray<number>
}

const logRatios = (decision: Probabilities): ReadonlyArray<number> =>
  decision.oldLogProbabilities.map((old, k) => (decision.proximalLogProbabilities[k] ?? old) - old)

const bounded = (logRatio: number): number =>
  Math.exp(Math.max(-mostApart, Math.min(mostApart, logRatio)))

/** Weights of the tokens of a decision [A], without a gradient. */
export const weightsOf = (
  decision: Probabilities,
  { level, mode = "truncate", threshold }: CorrectionOptions
): ReadonlyArray<number> => {
  const apart = logRatios(decision)
  const action = apart.reduce((sum, one) => sum + one, 0)
  const beyond = mode === "truncate" ? threshold : 0
  return apart.map((own) => {
    const ratio = bounded(level === "token" ? own : action)
    return ratio > threshold ? beyond : ratio
  })
}

/** How far the sampler's policy and the proximal one are apart, over all tokens. */
export const mismatch = (
  decisions: ReadonlyArray<Probabilities>,
  options: CorrectionOptions
): Readonly<Record<string, number>> => {
  const pairs = decisions.flatMap((decision) =>
    decision.oldLogProbabilities.map(
      (old, k) => [old, decision.proximalLogProbabilities[k] ?? old] as const
    )
  )
  const apart = pairs.map(([old, proximal]) => proximal - old)
  const weights = decisions.flatMap((decision) => weightsOf(decision, options))
  const raw = decisions.flatMap((decision) =>
    weightsOf(decision, { level: options.level, threshold: Number.POSITIVE_INFINITY })
  )
  return {
    "training/mismatch_kl": mean(apart.map((d) => bounded(d) - 1 - d)),
    "training/mismatch_probability_max": pairs.reduce(
      (most, [old, proximal]) => Math.max(most, Math.abs(Math.exp(proximal) - Math.exp(old))),
      0
    ),
    "training/is_weight_mean": mean(weights),
    "training/is_beyond_threshold": mean(raw.map((one) => (one > options.threshold ? 1 : 0)))
  }
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
