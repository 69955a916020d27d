/**
 * The rule that believes the experience model's own doubt: a reply whose words it gave little probability is probably a slip.
 * It runs no model; it reads the scores that came with each dreamt transition (`ReasoningModel`).
 */
import type { Trajectory } from "@dreamgym/domain"
import { pure, type Rule, type Scores } from "./Rule.ts"

/**
 * Natural logarithms, at most 0, inclusive: `minMean` bounds the mean over all tokens that were dreamt, `minLeast` each single one
 * (absent: no bound). -0.7 is a probability of one half; where much is possible (what lies in an unseen drawer) an honest word has
 * -5 and less, so bound the mean rather than the least.
 */
export interface Options {
  readonly minMean?: number
  readonly minLeast?: number
}

/** Scores: `meanLogProbability`, `minLogProbability`; none where no dreamt transition tells its own. */
export const rule = ({ minLeast, minMean }: Options): Rule =>
  pure("likelihood", "Unlikely", ({ trajectory }) => {
    const mean = meanOf(trajectory)
    const least = leastOf(trajectory)
    return {
      scores: { ...named("meanLogProbability", mean), ...named("minLogProbability", least) },
      complaint:
        below("on average", mean, minMean) ?? below("at its least likely token", least, minLeast)
    }
  })

/** NaN is below every bound. */
const below = (where: string, value: number | undefined, bound: number | undefined) =>
  value === undefined || bound === undefined || value >= bound
    ? undefined
    : `the experience model gave it a log-probability of ${value.toFixed(3)} ${where}; the bound is ${bound}`

/** What is no finite number is no score; the complaint tells it. */
const named = (name: string, value: number | undefined): Scores =>
  value === undefined || !Number.isFinite(value) ? {} : { [name]: value }

/** Each reply weighs as many tokens as it has; one that does not say counts as one token. */
const meanOf = ({ transitions }: Trajectory.Trajectory): number | undefined => {
  const parts = transitions.flatMap(({ provenance }) => {
    if (provenance._tag === "Real") return []
    const mean = provenance.scores["meanLogProbability"]
    return mean === undefined ? [] : [{ mean, tokens: provenance.tokens?.completion ?? 1 }]
  })
  if (parts.length === 0) return undefined
  const tokens = parts.reduce((sum, part) => sum + part.tokens, 0)
  return parts.reduce((sum, part) => sum + part.mean * part.tokens, 0) / tokens
}

const leastOf = ({ transitions }: Trajectory.Trajectory): number | undefined => {
  const values = transitions.flatMap(({ provenance }) => {
    const least = provenance._tag === "Real" ? undefined : provenance.scores["minLogProbability"]
    return least === undefined ? [] : [least]
  })
  return values.length === 0 ? undefined : Math.min(...values)
}
