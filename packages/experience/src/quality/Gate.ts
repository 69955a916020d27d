/**
 * The quality filter as stages of a pipeline: groups in, groups of what may teach out, each trajectory with its verdict.
 * It decides nothing itself: the rules do.
 */
import { QualityFilter, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { GroupRule } from "./GroupRules.ts"

/** What was held back, and why; the trajectory carries the whole verdict, scores included. */
export interface HeldBack {
  readonly trajectory: Trajectory.Trajectory
  readonly reason: QualityFilter.Rejection
  readonly message: string
}

type Report<E, R> = (heldBack: HeldBack) => Effect.Effect<void, E, R>

/**
 * `groupRules` (default none) are asked about what is left of each group, as `gateGroups` asks them. `concurrency`: how many of a
 * group are judged at once (default 1); more only where no rule remembers what it has seen.
 */
export interface GateOptions<E, R> {
  readonly report: Report<E, R>
  readonly groupRules?: ReadonlyArray<GroupRule>
  readonly concurrency?: number
}

/**
 * Groups in, groups out with the accepted trajectories alone, in their order and with their verdicts; all else goes to `report`,
 * group by group. A group of which nothing is left does not flow on.
 */
export const gate =
  <E2, R2>({ concurrency = 1, groupRules = [], report }: GateOptions<E2, R2>) =>
  <E, R>(
    groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
  ): Stream.Stream<
    Trajectory.TrajectoryGroup,
    E | E2 | QualityFilter.QualityFilterError,
    R | R2 | QualityFilter.QualityFilter
  > =>
    groups.pipe(
      Stream.mapEffect((group) => accept(group, report, concurrency)),
      gateGroups({ report, groupRules })
    )

/** The group rules by themselves, in their order: the first complaint rejects the whole group. */
export const gateGroups =
  <E2, R2>(options: {
    readonly report: Report<E2, R2>
    readonly groupRules: ReadonlyArray<GroupRule>
  }) =>
  <E, R>(
    groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
  ): Stream.Stream<Trajectory.TrajectoryGroup, E | E2, R | R2> =>
    groups.pipe(
      Stream.mapEffect((group) => contrast(group, options.groupRules, options.report)),
      Stream.filter(({ trajectories }) => trajectories.length > 0)
    )

const accept = Effect.fnUntraced(function* <E, R>(
  group: Trajectory.TrajectoryGroup,
  report: Report<E, R>,
  concurrency: number
) {
  const filter = yield* QualityFilter.QualityFilter
  const judged = yield* Effect.forEach(
    group.trajectories,
    (trajectory) => Effect.map(filter.judge(trajectory), (verdict) => ({ ...trajectory, verdict })),
    { concurrency }
  )
  const trajectories = yield* Effect.filter(judged, (trajectory) => {
    const { verdict } = trajectory
    if (verdict._tag === "Accepted") return Effect.succeed(true)
    const { message, reason } = verdict
    return Effect.as(report({ trajectory, reason, message }), false)
  })
  return { ...group, trajectories }
})

const contrast = Effect.fnUntraced(function* <E, R>(
  group: Trajectory.TrajectoryGroup,
  rules: ReadonlyArray<GroupRule>,
  report: Report<E, R>
) {
  if (group.trajectories.length === 0) return group
  for (const { complaint, reason } of rules) {
    const message = complaint(group)
    if (message === undefined) continue
    for (const trajectory of group.trajectories) {
      yield* report({ trajectory: rejected(trajectory, reason, message), reason, message })
    }
    return { ...group, trajectories: [] }
  }
  return group
})

/** It keeps the scores that it was accepted with. */
const rejected = (
  trajectory: Trajectory.Trajectory,
  reason: QualityFilter.Rejection,
  message: string
): Trajectory.Trajectory => ({
  ...trajectory,
  verdict: { _tag: "Rejected", reason, message, scores: trajectory.verdict?.scores ?? {} }
})
