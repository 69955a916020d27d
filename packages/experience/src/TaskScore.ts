/**
 * How much there is to learn from a task, by several scores: the curriculum takes the tasks of the highest.
 * It reads records; it never sees an episode.
 */
import type { Curriculum } from "@dreamgym/domain"

export const names = ["variance", "absoluteAdvantage", "learningProgress", "regret"] as const
export type Name = (typeof names)[number]

/**
 * How much there is to learn from a task by what is remembered of it: the higher the more. A task comes again only with a score above 0,
 * and seeds new ones only above the curriculum's `minVariance`; one whose score is NaN does neither.
 */
export type Score = (record: Curriculum.TaskRecord) => number

/** Ours by its name, or one of the caller's own. */
export const of = (score: Name | Score): Score =>
  typeof score === "function" ? score : table[score]

/**
 * All are 0 of a task that teaches nothing, and at most 1 for returns from 0 to 1.
 * `variance`: of the last group's returns (paper, Eq. 7). `absoluteAdvantage`: the mean distance of its returns from their mean (the L1
 * value loss of PLR, Jiang et al. 2021, without a critic). `learningProgress`: how far the mean return went since the group before,
 * up or down (Portelas et al. 2019). `regret`: how far it is below the best return ever (MaxMC, Jiang et al. 2021).
 */
export const table: Readonly<Record<Name, Score>> = {
  variance: ({ variance }) => variance,
  absoluteAdvantage: ({ history }) => history?.absoluteAdvantage ?? 0,
  learningProgress: ({ history, meanReturn }) =>
    Math.abs(meanReturn - (history?.previousMean ?? meanReturn)),
  regret: ({ history, meanReturn }) => (history?.best ?? meanReturn) - meanReturn
}

/** The history of a task after a group with these returns, of which there is one at least. */
export const grown = (
  before: Curriculum.TaskRecord | undefined,
  returns: ReadonlyArray<number>
): Curriculum.TaskHistory => {
  const mean = returns.reduce((sum, value) => sum + value, 0) / returns.length
  const distance = returns.reduce((sum, value) => sum + Math.abs(value - mean), 0) / returns.length
  const wasTried = before !== undefined && before.attempts > 0
  return {
    previousMean: wasTried ? before.meanReturn : mean,
    best: Math.max(before?.history?.best ?? Number.NEGATIVE_INFINITY, ...returns),
    absoluteAdvantage: distance
  }
}
