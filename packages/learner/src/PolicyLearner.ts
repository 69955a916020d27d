/**
 * The learner of trajectory groups: which may teach, what each decision was worth, and one update.
 * `Ppo` and `Grpo` are settings of it.
 *
 * A tokens of a decision.
 */
import { Learner, type Trajectory } from "@dreamgym/domain"
import type { Session } from "@dreamgym/graph"
import type { Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type Decision, decisionsOf, type Reads, sampledOf } from "./Decisions.ts"
import { estimators } from "./Estimator.ts"
import { kept, stalenessOf } from "./Groups.ts"
import type { Model, Shape } from "./Model.ts"
import type { PolicyLearnerOptions } from "./Options.ts"
import * as PolicyGradient from "./PolicyGradient.ts"
import { loneGroups, refusedLearner } from "./Rules.ts"
import { statsOf } from "./Stats.ts"

export type { PolicyLearnerOptions }

type Groups = ReadonlyArray<Trajectory.TrajectoryGroup>

/** The options as the estimator has them: without a critic where it has none. */
const settled = (options: PolicyLearnerOptions): PolicyLearnerOptions => {
  const { hasCritic, normalizes } = estimators[options.advEstimator]
  return {
    ...options,
    vfCoef: hasCritic ? options.vfCoef : 0,
    normalizeAdvantages:
      normalizes === "as asked" ? options.normalizeAdvantages : normalizes === "always"
  }
}

export const make = Effect.fn("PolicyLearner.make")(function* <Of extends Shape>(
  model: Model<Rows.Row, Of>,
  given: PolicyLearnerOptions
): Effect.fn.Return<
  Learner.Learner["Service"],
  Learner.LearnerError,
  Session.SessionPool | Scope.Scope
> {
  const refused = refusedLearner(given)
  if (refused !== undefined) return yield* refused
  const options = settled(given)
  const gradient = yield* PolicyGradient.make(model, options)
  return Learner.Learner.of({
    update: Effect.fnUntraced(function* (groups: Groups) {
      const staleness = mostOf(groups.map((group) => stalenessOf(group, model.trained.version)))
      const { counts, decisions } = yield* decided(gradient, groups, options, model)
      const isIdle = decisions.length === 0 && blameless.some((name) => (counts[name] ?? 0) > 0)
      const metrics = isIdle ? {} : yield* gradient.update(decisions)
      return statsOf(model.trained.version, groups, decisions, {
        ...metrics,
        ...counts,
        "training/staleness_max": staleness
      })
    }),
    state: gradient.state,
    restore: gradient.restore
  })
})

/** Where nothing is left for one of these reasons it is no fault: all may have succeeded. */
const blameless = [
  "reward/zero_variance_groups",
  "training/stale_groups",
  "training/truncated_dropped"
]

const mostOf = (values: ReadonlyArray<number>): number =>
  values.reduce((most, value) => Math.max(most, value), 0)

const decided = Effect.fnUntraced(function* (
  gradient: PolicyGradient.Gradient<Rows.Row>,
  groups: Groups,
  options: PolicyLearnerOptions,
  { readsValues = false, trained }: Pick<Model<Rows.Row, Shape>, "readsValues" | "trained">
): Effect.fn.Return<
  {
    readonly decisions: ReadonlyArray<Decision>
    readonly counts: Readonly<Record<string, number>>
  },
  Learner.LearnerError
> {
  const { advEstimator, klInRewardCoef = 0 } = options
  const largest = mostOf(groups.map(({ trajectories }) => trajectories.length))
  if (estimators[advEstimator].comparesGroup && largest === 1) {
    return yield* loneGroups(advEstimator)
  }
  const { counts, groups: left } = kept(groups, trained.version, options)
  const reads = yield* readsOf(gradient, left, options, readsValues)
  const charged = { ...options, klInRewardCoef: klInRewardCoef * gradient.klScale() }
  const { decisions, zeroVarianceGroups } = decisionsOf(left, charged, reads)
  return { decisions, counts: { ...counts, "reward/zero_variance_groups": zeroVarianceGroups } }
})

/** What has to be read before advantages: values that were not said, and the reference for KL in reward. */
const readsOf = Effect.fnUntraced(function* (
  gradient: PolicyGradient.Gradient<Rows.Row>,
  groups: Groups,
  { advEstimator, advantageLevel, klInRewardCoef = 0 }: PolicyLearnerOptions,
  readsValues: boolean
): Effect.fn.Return<Reads, Learner.LearnerError> {
  const isUnsaid = advantageLevel === "token" || readsValues
  const needsValues = isUnsaid && estimators[advEstimator].hasCritic
  const sampled = needsValues || klInRewardCoef > 0 ? sampledOf(groups) : []
  const present = needsValues ? yield* gradient.read("present", sampled) : undefined
  const reference = klInRewardCoef > 0 ? yield* gradient.read("reference", sampled) : undefined
  return {
    ...(present === undefined ? {} : { values: present.map(({ values }) => values) }),
    ...(reference === undefined
      ? {}
      : { reference: reference.map(({ logProbabilities }) => logProbabilities) })
  }
})

export const layer = <Of extends Shape>(
  model: Model<Rows.Row, Of>,
  options: PolicyLearnerOptions
): Layer.Layer<Learner.Learner, Learner.LearnerError, Session.SessionPool> =>
  Layer.effect(Learner.Learner, make(model, options))
