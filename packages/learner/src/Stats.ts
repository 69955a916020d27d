/** What an update reports besides its losses: arithmetic on the groups that it used. */
import { Ending, type Learner, Trajectory } from "@dreamgym/domain"
import type { Decision } from "./Decisions.ts"
import { isUsable } from "./Groups.ts"

/** Charts are over the trajectories that could teach; those that failed are only counted. */
export const statsOf = (
  policyVersion: number,
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>,
  decisions: ReadonlyArray<Decision<unknown>>,
  metrics: Readonly<Record<string, number>>
): Learner.UpdateStats => {
  const all = groups.flatMap((group) => group.trajectories)
  const trajectories = all.filter(isUsable)
  const mean = (of: (trajectory: Trajectory.Trajectory) => number) =>
    trajectories.reduce((sum, trajectory) => sum + of(trajectory), 0) /
    Math.max(1, trajectories.length)
  const lengths = decisions.map(({ oldLogProbabilities }) => oldLogProbabilities.length)
  return {
    policyVersion,
    trajectories: trajectories.length,
    decisions: decisions.length,
    metrics: {
      ...metrics,
      "response_length/mean": lengths.reduce((a, b) => a + b, 0) / Math.max(1, lengths.length),
      "response_length/max": lengths.reduce((most, one) => Math.max(most, one), 0),
      "charts/episodic_return": mean(Trajectory.totalReward),
      "charts/episodic_length": mean((trajectory) => trajectory.transitions.length),
      "charts/success_rate": mean((trajectory) => (Ending.isSuccess(trajectory.ending) ? 1 : 0))
    }
  }
}
