/** What an update reports besides its losses: arithmetic on the groups that it used. */
import { Ending, type Learner, Trajectory } from "@dreamgym/domain"
import { type Decision, isUsable } from "./Decisions.ts"

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
  return {
    policyVersion,
    trajectories: trajectories.length,
    decisions: decisions.length,
    metrics: {
      ...metrics,
      "charts/episodic_return": mean(Trajectory.totalReward),
      "charts/episodic_length": mean((trajectory) => trajectory.transitions.length),
      "charts/success_rate": mean((trajectory) => (Ending.isSuccess(trajectory.ending) ? 1 : 0))
    }
  }
}
