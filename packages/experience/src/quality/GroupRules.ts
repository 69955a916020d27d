/**
 * The rules over what is left of a group: has it anything to compare?
 * They look at returns and endings, never at texts; what they drop is honest experience that teaches nothing here.
 */
import { Ending, type QualityFilter, Trajectory } from "@dreamgym/domain"

/** `complaint`: why nobody of this group, which has at least one member, may teach. */
export interface GroupRule {
  readonly name: string
  readonly reason: QualityFilter.Rejection
  readonly complaint: (group: Trajectory.TrajectoryGroup) => string | undefined
}

/** Fewer than `minSize` are left. */
export const smallGroup = (minSize: number): GroupRule => ({
  name: "smallGroup",
  reason: "SmallGroup",
  complaint: ({ trajectories }) =>
    trajectories.length < minSize
      ? `${trajectories.length} of its group are left; ${minSize} are needed to compare`
      : undefined
})

/** Their returns differ by no more than `spread` (default 0): every advantage within the group would be 0. */
export const noContrast = (spread = 0): GroupRule => ({
  name: "noContrast",
  reason: "NoContrast",
  complaint: ({ trajectories }) => {
    const returns = trajectories.map(Trajectory.totalReward)
    return Math.max(...returns) - Math.min(...returns) <= spread
      ? `all ${returns.length} of its group got the return ${returns[0] ?? 0}`
      : undefined
  }
})

/** None of them succeeded. */
export const allFailed: GroupRule = {
  name: "allFailed",
  reason: "AllFailed",
  complaint: ({ trajectories }) =>
    trajectories.some(({ ending }) => Ending.isSuccess(ending))
      ? undefined
      : `none of the ${trajectories.length} of its group succeeded`
}
