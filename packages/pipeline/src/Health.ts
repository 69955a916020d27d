/**
 * The alarms: what looks ill in a run, its likely cause, and the setting to try, as a pure fold of the run's events.
 * It changes nothing: an alarm is told, and the run goes on.
 */
import type { RunEvent } from "@dreamgym/domain"
import type { Config } from "./Config.ts"

/** Everything that an alarm can be about. */
export const names = [
  "PolicyJumps",
  "OftenClipped",
  "EntropyFloor",
  "UselessCritic",
  "GradientSpike",
  "RatioExtreme",
  "SamplerMismatch",
  "LengthDrift",
  "TemplateCollapse",
  "NothingToCompare",
  "FalseSuccess",
  "DreamsTooEasy",
  "DreamsOvervalued"
] as const
export type Name = (typeof names)[number]

/** What a run measured of one metric: the first three values, and the last ten. `count`: of all. */
export interface Series {
  readonly first: ReadonlyArray<number>
  readonly last: ReadonlyArray<number>
  readonly count: number
}

/** A finding beyond its bound. */
export interface Finding {
  readonly value: number
  readonly bound: number
}

/** `judge` is asked after each new value of `metric`; undefined where all is well. */
export interface Alarm {
  readonly metric: string
  readonly judge: (series: Series) => Finding | undefined
  readonly cause: string
  readonly remedy: string
}

/** `raised`: the alarms whose condition holds now; one is told again only after it was over. */
export interface Health {
  readonly series: Readonly<Record<string, Series>>
  readonly raised: ReadonlySet<Name>
}

export const initial: Health = { series: {}, raised: new Set() }

export type Raised = Extract<RunEvent.RunEvent, { readonly _tag: "RaisedAlarm" }>

/** The bounds that a run sets itself come from its configuration, the others are the table's. */
export const tableOf = ({
  calibration: { maxOptimism },
  fidelity: { maxFalseSuccess }
}: Pick<Config, "calibration" | "fidelity">): Readonly<Record<Name, Alarm>> => ({
  ...ofUpdates,
  ...ofRollouts,
  FalseSuccess: {
    metric: "probe/falseSuccessRate",
    judge: above(1, maxFalseSuccess),
    cause: "the experience model calls a success what the real world, freshly asked, does not",
    remedy:
      "experience.refreshEvery lower or experience.refreshUpdates higher; filter.unearnedReward or filter.minPlausibility to hold such dreams back"
  },
  DreamsTooEasy: {
    metric: "rollout/return_gap",
    judge: above(5, maxOptimism),
    cause: "dreams are easier than the real world: the policy may be learning the model's errors",
    remedy:
      "experience.refreshEvery lower, filter.minPlausibility or filter.minAgreement higher, or more of train.realShareEnd"
  },
  DreamsOvervalued: {
    metric: "rollout/value_gap",
    judge: above(5, maxOptimism),
    cause:
      "the critic expects more of a dream than of reality from its first state on: it has learnt the model's errors",
    remedy:
      "experience.refreshEvery lower, filter.unearnedReward true or filter.minPlausibility higher, or more of train.realShareStart"
  }
})

/** The health after an event, and the alarms that it raised. */
export const step = (
  health: Health,
  event: RunEvent.RunEvent,
  table: Readonly<Record<Name, Alarm>>
): readonly [Health, ReadonlyArray<Raised>] => {
  const seen = measured(event)
  if (seen === undefined) return [health, []]
  const watched = names.filter((name) => seen.metrics[table[name].metric] !== undefined)
  const metrics = new Set(watched.map((name) => table[name].metric))
  const series = { ...health.series }
  for (const metric of metrics) series[metric] = grown(series[metric], seen.metrics[metric] ?? 0)
  const raised = new Set(health.raised)
  const told: Array<Raised> = []
  for (const name of watched) {
    const { cause, judge, metric, remedy } = table[name]
    const found = judge(series[metric] ?? unmeasured)
    if (found !== undefined && !raised.has(name)) {
      const { iteration } = seen
      told.push({ _tag: "RaisedAlarm", iteration, alarm: name, metric, ...found, cause, remedy })
    }
    if (found === undefined) raised.delete(name)
    else raised.add(name)
  }
  return [{ series, raised }, told]
}

/** The health at the end of these events; alarms among them count for nothing, they are found again. */
export const after = (
  events: ReadonlyArray<RunEvent.RunEvent>,
  table: Readonly<Record<Name, Alarm>>
): Health => events.reduce((health, event) => step(health, event, table)[0], initial)

const measured = (event: RunEvent.RunEvent) => {
  if (event._tag === "UpdatedPolicy" || event._tag === "RefreshedExperienceModel") return event
  if (event._tag === "MeasuredCalibration") return { iteration: 0, metrics: event.metrics }
  return event._tag === "PhaseProgressed" && event.phase === "dream"
    ? { iteration: event.done, metrics: event.metrics }
    : undefined
}

const unmeasured: Series = { first: [], last: [], count: 0 }

const grown = ({ count, first, last }: Series = unmeasured, value: number): Series => ({
  first: first.length < 3 ? [...first, value] : first,
  last: [...last, value].slice(-10),
  count: count + 1
})

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[sorted.length - 1 - middle] ?? 0, sorted[middle] ?? 0]
  return (low + high) / 2
}

/** The mean of the last `window` values, where there are so many and `least` in all. A value that is no number is beyond any bound. */
const recent = ({ count, last }: Series, window: number, least = window): number | undefined =>
  count < least ? undefined : mean(last.slice(-window))

const isBeyond = (value: number, bound: number): boolean => Number.isNaN(value) || value > bound

const above =
  (window: number, bound: number) =>
  (series: Series): Finding | undefined => {
    const value = recent(series, window)
    return value !== undefined && isBeyond(value, bound) ? { value, bound } : undefined
  }

const below =
  (window: number, bound: number, least?: number) =>
  (series: Series): Finding | undefined => {
    const value = recent(series, window, least)
    return value !== undefined && isBeyond(-value, -bound) ? { value, bound } : undefined
  }

/** The mean of the last three values is less than `share` of the mean of the first three. */
const fallen =
  (share: number) =>
  (series: Series): Finding | undefined => {
    const value = recent(series, 3, 6)
    const bound = share * mean(series.first)
    return value !== undefined && isBeyond(-value, -bound) ? { value, bound } : undefined
  }

/** Fallen below 1 / `factor` of what it was at first, or grown beyond `factor` times that. */
const drifted =
  (factor: number) =>
  (series: Series): Finding | undefined => {
    const value = recent(series, 3, 6)
    const bound = factor * mean(series.first)
    return value !== undefined && isBeyond(value, bound)
      ? { value, bound }
      : fallen(1 / factor)(series)
  }

/** More than `factor` times the median of the values before it, of which there are five at least. */
const spike =
  (factor: number) =>
  ({ last }: Series): Finding | undefined => {
    const before = last.slice(0, -1)
    const value = last.at(-1)
    const bound = factor * median(before)
    return value !== undefined && before.length >= 5 && isBeyond(value, bound)
      ? { value, bound }
      : undefined
  }

/** What an update tells of itself. */
const ofUpdates = {
  PolicyJumps: {
    metric: "losses/approx_kl",
    judge: above(3, 0.1),
    cause: "one update moves the policy far from the one that played",
    remedy: "learner.lr or learner.ppoEpochs lower, or learner.targetKl at 0.02"
  },
  OftenClipped: {
    metric: "losses/clipfrac",
    judge: above(3, 0.3),
    cause: "most of what is learnt from is clipped away: too many or too large steps on one batch",
    remedy: "learner.lr or learner.ppoEpochs lower, or learner.miniBatchSize higher"
  },
  EntropyFloor: {
    metric: "losses/entropy",
    judge: fallen(0.15),
    cause: "the policy has all but stopped to explore",
    remedy: "learner.entropyCoef or learner.clipRatioHigh higher, or learner.lr lower"
  },
  UselessCritic: {
    metric: "losses/explained_variance",
    judge: below(5, 0, 10),
    cause: "the critic's values say less than their mean would: advantages are noise",
    remedy:
      "learner.criticWarmup or learner.vfCoef higher, or learner.algorithm at grpo, which has none"
  },
  GradientSpike: {
    metric: "losses/grad_norm",
    judge: spike(5),
    cause: "a batch unlike those before it: few episodes, or returns that no value expected",
    remedy: "learner.maxGradNorm lower, or train.tasksPerIteration higher"
  },
  RatioExtreme: {
    metric: "losses/ratio_max",
    judge: above(1, 100),
    cause: "some action is a hundred times likelier than when it was played",
    remedy: "learner.lr or learner.ppoEpochs lower, or learner.targetKl at 0.02"
  },
  SamplerMismatch: {
    metric: "losses/first_ratio_deviation",
    judge: above(1, 0.01),
    cause:
      "before its first step the learner gives other probabilities than the player had: they differ in weights, tokens or temperature",
    remedy:
      "engine.provider at cpu to compare; with that the same, it is a fault of ours, please report it"
  }
} as const satisfies Partial<Record<Name, Alarm>>

/** What the rollouts tell (`Signals`). */
const ofRollouts = {
  LengthDrift: {
    metric: "rollout/response_length",
    judge: drifted(2),
    cause: "actions have become twice as long or half as long as they were at first",
    remedy: "learner.klLossCoef higher, or learner.gamma lower"
  },
  TemplateCollapse: {
    metric: "rollout/mutual_information",
    judge: fallen(0.5),
    cause:
      "what the policy does depends on what it is shown half as much as at first: it repeats itself whatever the task",
    remedy:
      "learner.klLossCoef or learner.entropyCoef higher, curriculum.lambda higher, or learner.lr lower"
  },
  NothingToCompare: {
    metric: "rollout/zero_variance_share",
    judge: above(3, 0.9),
    cause: "nearly all attempts at a task end alike: it is too easy or too hard to learn from",
    remedy:
      "train.groupSize higher, train.samplingRounds above 1 with grpo, or environment.rung another"
  }
} as const satisfies Partial<Record<Name, Alarm>>
