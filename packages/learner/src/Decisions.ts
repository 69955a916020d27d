/**
 * From trajectory groups to decisions: the exact tokens that a policy sampled, with what they
 * earned.
 * Nothing is decoded and encoded again; what may teach at all is `Groups`.
 *
 * A tokens of a decision up to its last real choice.
 */
import type { Ending, Trajectory } from "@dreamgym/domain"
import type { Rows } from "@dreamgym/language"
import { type Estimate, type GaeOptions, isInformative } from "./Advantage.ts"
import { type AdvEstimator, estimators, type Stream } from "./Estimator.ts"
import { bySource, type Overlong, overlongPenalty, type Source, sourceOf } from "./Groups.ts"
import { klInReward } from "./Penalty.ts"

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
  /** In place of the three above where they are of tokens [A]. */
  readonly tokens?: {
    readonly advantages: ReadonlyArray<number>
    readonly returns: ReadonlyArray<number>
    readonly oldValues: ReadonlyArray<number>
  }
  /** Advantages of real and of dreamt decisions are normalised apart; absent: real. */
  readonly source?: Source
  /** What was already read of its tokens [A]; what is needed and absent is read by the update. */
  readonly referenceLogProbabilities?: ReadonlyArray<number>
  /** At which it was sampled; 1 where it was greedy, as the sampler tells log-probabilities. */
  readonly temperature: number
}

export interface DecisionOptions extends GaeOptions {
  readonly advEstimator: AdvEstimator
  /**
   * Of which rewards, values and advantages are: of decisions (default `step`), or of tokens, whose
   * discount and lambda are then per token.
   */
  readonly advantageLevel?: "step" | "token"
  /**
   * False (default): the step limit belongs to the task, success counts within it only, so nothing
   * is worth anything after it.
   * True: the limit is a convenience of ours, and the episode would have been worth its last value.
   * Bootstrapping at a limit that belongs to the task feeds the critic its own estimate and
   * inflates it (measured: docs/log.md).
   */
  readonly bootstrapAtStepLimit?: boolean
  /** Charged for every token before advantages: this times log policy - log reference; default 0. */
  readonly klInRewardCoef?: number
  readonly overlong?: Overlong
}

/** One action as it was sampled, before it is known what it was worth. */
export interface Sampled {
  readonly row: Rows.Row
  readonly oldLogProbabilities: ReadonlyArray<number>
  readonly temperature: number
  readonly oldValue: number
  readonly reward: number
  /** Tokens after the last choice: they are of the action, but nobody chose them. */
  readonly forced: number
}

/** What was read of the tokens of every action, in the order of `sampledOf`; absent: not needed. */
export interface Reads {
  readonly values?: ReadonlyArray<ReadonlyArray<number>>
  readonly reference?: ReadonlyArray<ReadonlyArray<number>>
}

/** All actions of usable groups, in the order of groups, sources, trajectories and steps. */
export const sampledOf = (
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>
): ReadonlyArray<Sampled> =>
  groups
    .flatMap(bySource)
    .flatMap(({ trajectories }) => trajectories)
    .flatMap(actionsOf)

/** Every decision of these groups, and how many groups were left out as all earned the same. */
export const decisionsOf = (
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>,
  options: DecisionOptions,
  reads: Reads = {}
): { readonly decisions: ReadonlyArray<Decision>; readonly zeroVarianceGroups: number } => {
  const estimator = estimators[options.advEstimator]
  const next = counter()
  let zeroVarianceGroups = 0
  const decisions = groups.flatMap(bySource).flatMap(({ trajectories }) => {
    const episodes = trajectories.map((trajectory) => episodeOf(trajectory, options, reads, next))
    if (estimator.comparesGroup && !isInformative(episodes.map(({ earned }) => earned))) {
      zeroVarianceGroups++
      return []
    }
    const estimates = estimator.of(
      episodes.map(({ stream }) => stream),
      options
    )
    return episodes.flatMap(({ actions }, g) => worthOf(actions, estimates[g], options))
  })
  return { decisions, zeroVarianceGroups }
}

const counter = () => {
  let count = 0
  return () => count++
}

/** An action with what was read of it, and from whom it came. */
interface Charged extends Sampled {
  readonly source: Source
  readonly values: ReadonlyArray<number>
  readonly referenceLogProbabilities: ReadonlyArray<number> | undefined
  /** What its tokens earned [A]: the action's reward at its last token, less what KL costs. */
  readonly rewards: ReadonlyArray<number>
}

interface Episode {
  readonly actions: ReadonlyArray<Charged>
  /** In all, before KL: a group that differs in nothing else teaches nothing. */
  readonly earned: number
  readonly stream: Stream
}

const episodeOf = (
  trajectory: Trajectory.Trajectory,
  options: DecisionOptions,
  reads: Reads,
  next: () => number
): Episode => {
  const sampled = actionsOf(trajectory)
  const tokens = sampled.reduce((sum, action) => sum + lengthOf(action) + action.forced, 0)
  const penalty = options.overlong === undefined ? 0 : overlongPenalty(tokens, options.overlong)
  const source = sourceOf(trajectory)
  const actions = sampled.map((action, t): Charged => {
    const n = next()
    const referenceLogProbabilities = reads.reference?.[n]
    const reward = action.reward - (t === sampled.length - 1 ? penalty : 0)
    const values = reads.values?.[n] ?? []
    return {
      ...action,
      oldValue: values[0] ?? action.oldValue,
      source,
      values,
      referenceLogProbabilities,
      rewards: rewardsOf(action, reward, referenceLogProbabilities, options)
    }
  })
  const isCutShort = isCut(trajectory.ending, options)
  const earned = sum(sampled.map(({ reward }) => reward)) - penalty
  return { actions, earned, stream: streamOf(actions, isCutShort, options) }
}

const lengthOf = ({ row }: Sampled): number => row.targetIds.length

const rewardsOf = (
  action: Sampled,
  reward: number,
  reference: ReadonlyArray<number> | undefined,
  { klInRewardCoef = 0 }: DecisionOptions
): ReadonlyArray<number> => {
  const last = lengthOf(action) - 1
  const earned = action.row.targetIds.map((_, k) => (k === last ? reward : 0))
  if (klInRewardCoef === 0 || reference === undefined) return earned
  const charged = klInReward(klInRewardCoef, action.oldLogProbabilities, reference)
  return earned.map((one, k) => one - (charged[k] ?? 0))
}

const isCut = (ending: Ending.Ending, { bootstrapAtStepLimit = false }: DecisionOptions) =>
  ending._tag === "Truncated" && (ending.reason !== "StepLimit" || bootstrapAtStepLimit)

/** The places of an episode: its actions, or every token of them, forced ones masked. */
const streamOf = (
  actions: ReadonlyArray<Charged>,
  isCutShort: boolean,
  { advantageLevel = "step" }: DecisionOptions
): Stream => {
  const places =
    advantageLevel === "step"
      ? actions.map(({ oldValue, rewards }) => place(sum(rewards), oldValue))
      : actions.flatMap(({ forced, rewards, values }) => [
          ...rewards.map((reward, k) => place(reward, values[k] ?? 0)),
          ...Array.from({ length: forced }, () => ({ reward: 0, value: 0, isChoice: false }))
        ])
  const last = places.findLast(({ isChoice }) => isChoice)
  return {
    rewardsT: places.map(({ reward }) => reward),
    valuesT: places.map(({ value }) => value),
    maskT: places.map(({ isChoice }) => isChoice),
    bootstrap: isCutShort ? (last?.value ?? 0) : 0
  }
}

const place = (reward: number, value: number) => ({ reward, value, isChoice: true })

const sum = (values: ReadonlyArray<number>): number =>
  values.reduce((total, value) => total + value, 0)

/** The estimate of each place given back to its action. */
const worthOf = (
  actions: ReadonlyArray<Charged>,
  estimate: Estimate | undefined,
  { advantageLevel = "step" }: DecisionOptions
): ReadonlyArray<Decision> => {
  const { advantagesT = [], returnsT = [] } = estimate ?? {}
  let from = 0
  return actions.map((action, t) => {
    const { oldLogProbabilities, oldValue, referenceLogProbabilities, row, source } = action
    const base = {
      row,
      oldLogProbabilities,
      oldValue,
      temperature: action.temperature,
      ...(source === "real" ? {} : { source }),
      ...(referenceLogProbabilities === undefined ? {} : { referenceLogProbabilities })
    }
    if (advantageLevel === "step") {
      return { ...base, advantage: advantagesT[t] ?? 0, totalReturn: returnsT[t] ?? 0 }
    }
    const [start, end] = [from, from + lengthOf(action)]
    from = end + action.forced
    const advantages = advantagesT.slice(start, end)
    const returns = returnsT.slice(start, end)
    const oldValues = action.values.length === 0 ? advantages.map(() => 0) : action.values
    const first = { advantage: advantages[0] ?? 0, totalReturn: returns[0] ?? 0 }
    return { ...base, ...first, tokens: { advantages, returns, oldValues } }
  })
}

const actionsOf = (trajectory: Trajectory.Trajectory): ReadonlyArray<Sampled> =>
  trajectory.transitions.flatMap(({ action: { span }, reward }) => {
    if (span === undefined) return []
    const row = rowOf(span)
    const read = row.targetIds.length
    return {
      row,
      oldLogProbabilities: span.logProbabilities.slice(0, read),
      temperature: span.temperature === 0 ? 1 : span.temperature,
      oldValue: span.value,
      reward,
      forced: span.ids.length - read
    }
  })

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
