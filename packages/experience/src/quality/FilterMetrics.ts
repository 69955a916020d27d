/**
 * What the verdicts on many trajectories say together, as numbers by name for events and metrics.
 * It counts no accepted and rejected ones: who holds them back does.
 */
import type { Trajectory } from "@dreamgym/domain"

/**
 * `filter/<score>` for each score of their verdicts: the mean over those that have it; of `tokens/...` and `fault/...` (`Rule.Scores`) the
 * sum, so that `filter/fault/judge` is how often the judge could not.
 */
export const metrics = (
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): Readonly<Record<string, number>> => {
  const scores = trajectories.flatMap(({ verdict }) => Object.entries(verdict?.scores ?? {}))
  const byName = Map.groupBy(scores, ([name]) => name)
  return Object.fromEntries(
    [...byName].map(([name, list]) => {
      const sum = list.reduce((total, [, value]) => total + value, 0)
      return [`filter/${name}`, isSum(name) ? sum : sum / list.length]
    })
  )
}

/** What the rules had models read and write for these. */
export const tokens = (trajectories: ReadonlyArray<Trajectory.Trajectory>): number =>
  trajectories
    .flatMap(({ verdict }) => Object.entries(verdict?.scores ?? {}))
    .reduce((sum, [name, value]) => (name.startsWith("tokens/") ? sum + value : sum), 0)

const isSum = (name: string): boolean => name.startsWith("tokens/") || name.startsWith("fault/")
