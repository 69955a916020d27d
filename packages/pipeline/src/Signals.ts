/**
 * What the rollouts of an iteration tell of the health of the learning: arithmetic on trajectories, for metrics and alarms.
 * What an update tells of itself is the learner's business.
 */
import type { Trajectory } from "@dreamgym/domain"
import { meanAndVariance, scoredReturns } from "@dreamgym/experience/Curriculum"
import type { Iteration } from "./Improve.ts"

/**
 * By name:
 * `rollout/response_length`: mean tokens of an action; `rollout/action_entropy` and `rollout/mutual_information` in nats (`information`);
 * `rollout/zero_variance_share`: of the groups of two or more, those of equal returns; with dreams and reality in one iteration,
 * `rollout/return_gap` and `rollout/value_gap`: dreams less reality, of the mean return and of the critic's first value.
 * What there is nothing to measure of is absent.
 */
export const signals = (
  parts: ReadonlyArray<Pick<Iteration["parts"][number], "source" | "groups" | "credible">>
): Readonly<Record<string, number>> => {
  const actions = parts.flatMap(({ groups }) => actionsOf(groups))
  const returns = parts.flatMap(({ credible }) => credible.map(scoredReturns))
  const compared = returns.filter(({ length }) => length > 1)
  const equal = compared.filter((values) => meanAndVariance(values).variance < 1e-12)
  return defined({
    "rollout/response_length": mean(actions.map(({ tokens }) => tokens)),
    ...information(actions),
    "rollout/zero_variance_share":
      compared.length === 0 ? undefined : equal.length / compared.length,
    "rollout/return_gap": gap(parts, (groups) => groups.flatMap(scoredReturns)),
    "rollout/value_gap": gap(parts, firstValues)
  })
}

/** An action as it was sampled: its log-probability (nats) given what the policy was shown. */
export interface Sampled {
  readonly text: string
  readonly tokens: number
  readonly logProbability: number
}

/**
 * The mutual information of action and input, I(A; X) = H(A) - H(A | X), of a batch (template collapse: RAGEN-2 finds it falls to
 * nothing, while the entropy looks well, where a policy does the same whatever it is shown). H(A) is that of the texts as often as they
 * came, with the correction of Miller (1955) for few samples; H(A | X) the mean of -log p(a | x) as it was sampled. So it costs no
 * run of the model; of many rare actions it tells too little.
 */
export const information = (actions: ReadonlyArray<Sampled>) => {
  const counts = [...Map.groupBy(actions, ({ text }) => text).values()].map(({ length }) => length)
  const total = actions.length
  if (total === 0) return {}
  const entropy =
    counts.reduce((sum, count) => sum - (count / total) * Math.log(count / total), 0) +
    (counts.length - 1) / (2 * total)
  const given = -(mean(actions.map(({ logProbability }) => logProbability)) ?? 0)
  return { "rollout/action_entropy": entropy, "rollout/mutual_information": entropy - given }
}

const actionsOf = (groups: ReadonlyArray<Trajectory.TrajectoryGroup>): ReadonlyArray<Sampled> =>
  groups.flatMap(({ trajectories }) =>
    trajectories.flatMap(({ transitions }) =>
      transitions.flatMap(({ action: { span, text } }) =>
        span === undefined
          ? []
          : [
              {
                text,
                tokens: span.ids.length,
                logProbability: span.logProbabilities.reduce((sum, one) => sum + one, 0)
              }
            ]
      )
    )
  )

const firstValues = (groups: ReadonlyArray<Trajectory.TrajectoryGroup>): ReadonlyArray<number> =>
  groups.flatMap(({ trajectories }) =>
    trajectories.flatMap(({ transitions }) => transitions[0]?.action.span?.value ?? [])
  )

/** Of the credible groups of each source. */
const gap = (
  parts: ReadonlyArray<Pick<Iteration["parts"][number], "source" | "credible">>,
  valuesOf: (groups: ReadonlyArray<Trajectory.TrajectoryGroup>) => ReadonlyArray<number>
): number | undefined => {
  const of = (source: "dream" | "real") =>
    mean(parts.filter((part) => part.source === source).flatMap((part) => valuesOf(part.credible)))
  const [dream, real] = [of("dream"), of("real")]
  return dream === undefined || real === undefined ? undefined : dream - real
}

const mean = (values: ReadonlyArray<number>): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length

const defined = (
  numbers: Readonly<Record<string, number | undefined>>
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(numbers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  )
