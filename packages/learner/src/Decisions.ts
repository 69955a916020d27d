/**
 * From trajectory groups to decisions: the exact tokens that a policy sampled, with what they
 * earned.
 * Nothing is decoded and encoded again; a trajectory that failed contributes nothing.
 */
import type { Ending, Trajectory } from "@dreamgym/domain"
import type { Rows } from "@dreamgym/language"
import { gae, type GaeOptions, groupRelative } from "./Advantage.ts"

/**
 * One action of the policy. `oldLogProbabilities` are of its tokens [A], under the version that
 * sampled it; `advantage` is not normalised; `totalReturn` is the critic's target.
 */
export interface Decision<Row = Rows.Row> {
  readonly row: Row
  readonly oldLogProbabilities: ReadonlyArray<number>
  readonly oldValue: number
  readonly advantage: number
  readonly totalReturn: number
  /** At which it was sampled; 1 where it was greedy, as the sampler tells log-probabilities. */
  readonly temperature: number
}

export interface PpoDecisionOptions extends GaeOptions {
  /**
   * False (default): the step limit belongs to the task, success counts within it only, so nothing
   * is worth anything after it.
   * True: the limit is a convenience of ours, and the episode would have been worth its last value.
   * Bootstrapping at a limit that belongs to the task feeds the critic its own estimate and
   * inflates it (measured: docs/log.md).
   */
  readonly bootstrapAtStepLimit?: boolean
}

/**
 * PPO: GAE at the level of decisions, rewards at the decision that earned them; what we cut short
 * bootstraps from its last value.
 */
export const forPpo = (
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>,
  options: PpoDecisionOptions
): ReadonlyArray<Decision> =>
  groups.flatMap((group) =>
    group.trajectories.filter(isUsable).flatMap((trajectory) => {
      const spans = spansOf(trajectory)
      const rewards = trajectory.transitions.map((transition) => transition.reward)
      const values = spans.map((span) => span.value)
      const bootstrap = isCut(trajectory.ending, options) ? (values.at(-1) ?? 0) : 0
      const { advantagesT, returnsT } = gae(rewards, values, bootstrap, options)
      return spans.map((span, t) => decision(span, advantagesT[t] ?? 0, returnsT[t] ?? 0))
    })
  )

const isCut = (ending: Ending.Ending, { bootstrapAtStepLimit = false }: PpoDecisionOptions) =>
  ending._tag === "Truncated" && (ending.reason !== "StepLimit" || bootstrapAtStepLimit)

/**
 * GRPO: every decision of a trajectory has its group-relative advantage; groups of equal returns
 * are left out.
 */
export const forGrpo = (
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>
): { readonly decisions: ReadonlyArray<Decision>; readonly zeroVarianceGroups: number } => {
  let zeroVarianceGroups = 0
  const decisions = groups.flatMap((group) => {
    const usable = group.trajectories.filter(isUsable)
    const returns = usable.map((trajectory) =>
      trajectory.transitions.reduce((sum, transition) => sum + transition.reward, 0)
    )
    const advantages = groupRelative(returns)
    if (advantages === undefined && usable.length > 0) zeroVarianceGroups++
    return (advantages ?? []).flatMap((advantage, i) => {
      const trajectory = usable[i]
      return trajectory === undefined
        ? []
        : spansOf(trajectory).map((span) => decision(span, advantage, returns[i] ?? 0))
    })
  })
  return { decisions, zeroVarianceGroups }
}

/**
 * A fault is never a reward: a failed episode teaches nothing, nor does one that a policy without
 * tokens made.
 */
export const isUsable = (trajectory: Trajectory.Trajectory): boolean =>
  trajectory.ending._tag !== "Failed" &&
  trajectory.transitions.length > 0 &&
  trajectory.transitions.every((transition) => transition.action.span !== undefined)

const spansOf = (trajectory: Trajectory.Trajectory): ReadonlyArray<Trajectory.TokenSpan> =>
  trajectory.transitions.flatMap((transition) => transition.action.span ?? [])

const decision = (span: Trajectory.TokenSpan, advantage: number, totalReturn: number): Decision => {
  const row = rowOf(span)
  return {
    row,
    oldLogProbabilities: span.logProbabilities.slice(0, row.targetIds.length),
    oldValue: span.value,
    advantage,
    totalReturn,
    temperature: span.temperature === 0 ? 1 : span.temperature
  }
}

/**
 * Tokens after the last real choice were forced (probability 1): they carry no gradient and are
 * left out.
 */
const rowOf = (span: Trajectory.TokenSpan): Rows.Row => {
  const { choices } = span
  const last =
    choices === undefined ? span.ids.length : choices.findLastIndex((ids) => ids.length > 1) + 1
  const read = Math.max(1, last)
  const targetIds = span.ids.slice(0, read)
  return {
    promptIds: span.promptIds,
    targetIds,
    weights: targetIds.map(() => 1),
    features: span.features ?? [],
    ...(choices === undefined ? {} : { choices: choices.slice(0, read) })
  }
}
