/**
 * Which trajectories may teach at all: not those that failed, are too old, or, where so asked, were
 * cut. Each that is left out is counted by its reason.
 * What the rest is worth is `Estimator`.
 */
import { Trajectory } from "@dreamgym/domain"
import { isInformative } from "./Advantage.ts"

type Group = Trajectory.TrajectoryGroup

/** Whether the environment was the real one or the experience model. */
export type Source = "real" | "synthetic"

export interface GroupOptions {
  /**
   * In versions of the policy: a group with an older token is dropped whole, so that what is left
   * of a group is never a choice among its members. Absent: however old.
   */
  readonly maxStaleness?: number
  /** What a limit cut: `learn` (default) takes it as it is, `drop` leaves it out (DAPO's mask). */
  readonly truncated?: "learn" | "drop"
}

/** Groups of which something is left, and what was left out. */
export interface Kept {
  readonly groups: ReadonlyArray<Group>
  readonly counts: Readonly<Record<string, number>>
}

export const kept = (
  groups: ReadonlyArray<Group>,
  version: number,
  { maxStaleness = Number.POSITIVE_INFINITY, truncated = "learn" }: GroupOptions
): Kept => {
  const fresh = groups.filter((group) => stalenessOf(group, version) <= maxStaleness)
  const usable = fresh.map((group) => group.trajectories.filter(isUsable))
  const isAllowed = ({ ending }: Trajectory.Trajectory) =>
    truncated === "learn" || ending._tag !== "Truncated"
  const left = usable.map((trajectories) => trajectories.filter(isAllowed))
  const size = (all: ReadonlyArray<ReadonlyArray<unknown>>) =>
    all.reduce((sum, one) => sum + one.length, 0)
  return {
    groups: fresh.flatMap((group, g) => {
      const trajectories = left[g] ?? []
      return trajectories.length === 0 ? [] : [{ ...group, trajectories }]
    }),
    counts: {
      "training/stale_groups": groups.length - fresh.length,
      "training/unusable_trajectories":
        size(fresh.map(({ trajectories }) => trajectories)) - size(usable),
      "training/truncated_dropped": size(usable) - size(left)
    }
  }
}

/** By how many versions the oldest token of a group is behind; 0 where there is none. */
export const stalenessOf = (group: Group, version: number): number =>
  group.trajectories
    .flatMap(({ transitions }) => transitions)
    .reduce(
      (most, { action: { span } }) =>
        span === undefined ? most : Math.max(most, version - span.policyVersion),
      0
    )

/**
 * A fault is never a reward: a failed episode teaches nothing, nor does one that a policy without
 * tokens made.
 */
export const isUsable = (trajectory: Trajectory.Trajectory): boolean =>
  trajectory.ending._tag !== "Failed" &&
  trajectory.transitions.length > 0 &&
  trajectory.transitions.every((transition) => transition.action.span !== undefined)

export const sourceOf = (trajectory: Trajectory.Trajectory): Source =>
  Trajectory.isReal(trajectory) ? "real" : "synthetic"

/** The members of a group that may be compared: real ones among themselves, dreamt ones too. */
export const bySource = (group: Group): ReadonlyArray<Group> =>
  sources.flatMap((source) => {
    const trajectories = group.trajectories.filter((one) => sourceOf(one) === source)
    return trajectories.length === 0 ? [] : [{ ...group, trajectories }]
  })

const sources: ReadonlyArray<Source> = ["real", "synthetic"]

/**
 * DAPO's dynamic sampling (Yu et al. 2025, Eq. 11), the part that is arithmetic: groups whose
 * episodes did not all earn the same, and the rest, in whose place more can be collected.
 */
export const informative = (
  groups: ReadonlyArray<Group>
): { readonly informative: ReadonlyArray<Group>; readonly flat: ReadonlyArray<Group> } => {
  const tells = (group: Group) =>
    bySource({ ...group, trajectories: group.trajectories.filter(isUsable) }).some((part) =>
      isInformative(part.trajectories.map(Trajectory.totalReward))
    )
  return {
    informative: groups.filter(tells),
    flat: groups.filter((group) => !tells(group))
  }
}

/** Soft overlong punishment (Yu et al. 2025, Eq. 13), in tokens of an episode's actions. */
export interface Overlong {
  readonly maxTokens: number
  /** Over the last so many tokens before `maxTokens` the penalty grows from 0. */
  readonly bufferTokens: number
  readonly penalty: number
}

/** What is taken from the last reward of an episode of so many tokens: in [0, penalty]. */
export const overlongPenalty = (
  tokens: number,
  { bufferTokens, maxTokens, penalty }: Overlong
): number => {
  const over = (tokens - (maxTokens - bufferTokens)) / bufferTokens
  return penalty * Math.max(0, Math.min(1, over))
}
