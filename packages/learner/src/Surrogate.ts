/**
 * The policy's part of the loss: how a ratio of probabilities and an advantage become something to
 * maximise, and how far the policy has moved.
 * Over which elements it is, and how they are averaged, is the caller's: E is [B] or [B, K].
 *
 * B decisions, K tokens of a decision.
 */
import { Op, type Value } from "@dreamgym/graph"

type V = Value.Value

/**
 * Of what the ratio is: of every token by itself, of the whole action (the product of its tokens'
 * ratios), or the geometric mean of its tokens' ratios (GSPO, Zheng et al. 2025, Eq. 7).
 */
export type RatioLevel = "token" | "action" | "sequence"

export interface SurrogateOptions {
  readonly clipRatioLow: number
  readonly clipRatioHigh: number
  /** The dual clip: no bad action counts more than this many times; 0 or absent: no such bound. */
  readonly clipRatioC?: number
  /** `cispo`: the clipped ratio is a weight without a gradient (MiniMax 2025). Default `clip`. */
  readonly surrogate?: "clip" | "cispo"
}

/** Log-probabilities under the policy in training and under the one that the ratio is over. */
export interface Elements {
  readonly logProbabilityE: V
  /** The logarithm of the ratio. */
  readonly movedE: V
  readonly advantageE: V
  /** 1 for an element, 0 for padding. */
  readonly presentE: V
  /** The mean over the elements of a minibatch. */
  readonly mean: (x: V) => V
}

/**
 * Differences of log-probabilities beyond this say only that something is wrong; exp of them must
 * stay a number.
 */
export const mostApart = 20

/** What is to be maximised, by element, and what is reported. */
export const surrogate = (
  elements: Elements,
  options: SurrogateOptions
): { readonly surrogateE: V; readonly metrics: Readonly<Record<string, V>> } => {
  const { advantageE, logProbabilityE, movedE } = elements
  const logRatioE = Op.clip(movedE, -mostApart, mostApart)
  const ratioE = Op.exp(logRatioE)
  const clippedE = Op.clip(ratioE, 1 - options.clipRatioLow, 1 + options.clipRatioHigh)
  const metrics = movedMetrics(elements, { ratioE, logRatioE, clippedE })
  if (options.surrogate === "cispo") {
    const weightE = Op.stopGradient(clippedE)
    return { surrogateE: Op.multiply(Op.multiply(weightE, advantageE), logProbabilityE), metrics }
  }
  const clipE = Op.minimum(Op.multiply(ratioE, advantageE), Op.multiply(clippedE, advantageE))
  const { clipRatioC = 0 } = options
  if (clipRatioC === 0) return { surrogateE: clipE, metrics }
  const { lower, surrogateE } = bounded(clipE, elements, clipRatioC)
  return { surrogateE, metrics: { ...metrics, "losses/clipfrac_lower": lower } }
}

/** The dual clip (Ye et al. 2020, Eq. 5): at a negative advantage no less than c times it. */
const bounded = (surrogateE: V, { advantageE, mean }: Elements, c: number) => {
  const boundE = Op.multiply(advantageE, c)
  const isBadE = Op.less(advantageE, 0)
  const isBoundE = Op.and(isBadE, Op.less(surrogateE, boundE))
  return {
    surrogateE: Op.where(isBadE, Op.maximum(surrogateE, boundE), surrogateE),
    lower: mean(Op.cast(isBoundE, "float32"))
  }
}

const movedMetrics = (
  { mean, presentE }: Elements,
  { clippedE, logRatioE, ratioE }: { readonly [name in "ratioE" | "logRatioE" | "clippedE"]: V }
): Readonly<Record<string, V>> => {
  const axes = presentE.shape.map((_, axis) => axis)
  const outsideE = Op.greater(Op.abs(Op.subtract(ratioE, clippedE)), 0)
  const awayE = Op.subtract(ratioE, 1)
  const most = (x: V) => Op.max(Op.multiply(x, presentE), axes)
  return {
    "losses/approx_kl": mean(Op.subtract(awayE, logRatioE)),
    "losses/clipfrac": mean(Op.cast(outsideE, "float32")),
    "losses/ratio_max": most(ratioE),
    "losses/ratio_min": Op.subtract(1, most(Op.negate(awayE))),
    "losses/ratio_deviation": most(Op.abs(awayE))
  }
}
