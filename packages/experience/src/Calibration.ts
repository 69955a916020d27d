/**
 * Whether a dream may be believed: the same policy on the same tasks, dreamt and lived, compared before anything is learnt from it.
 * It compares what happened; it runs no episode, and a dream's success is never reported as success.
 */
import { Ending, Evaluation, type Knowledge, type Trajectory } from "@dreamgym/domain"
import * as Schema from "effect/Schema"
import { subject } from "./DreamTask.ts"
import type { Fidelity } from "./Fidelity.ts"
import { wholeHistory } from "./Moments.ts"

/**
 * Rates in [0, 1]. Success is over episodes that did not fail (`dreamEpisodes`, `realEpisodes`). `gap` = dream - real success with
 * the 95 % interval `gapLow`, `gapHigh` (Newcombe 1998, method 10, the samples taken as independent: cautious where they are
 * paired). `legitimate`: share of dream wins that the audit finds in the text (1 where there is no win: `dreamWins` tells).
 * `goalSeen...`: share of episodes in which the goal object was ever seen. `contradictions`: share of dreams that contradict
 * themselves. `malformed`: share of all dreams that broke off over a reply, or hold one that does not follow from its action.
 * Where nothing is known of the world nothing is audited: no win is legitimate then, and no goal object was seen.
 */
export const Calibration = Schema.Struct({
  dreamEpisodes: Schema.Int,
  realEpisodes: Schema.Int,
  dreamWins: Schema.Int,
  dreamSuccess: Schema.Number,
  realSuccess: Schema.Number,
  gap: Schema.Number,
  gapLow: Schema.Number,
  gapHigh: Schema.Number,
  legitimate: Schema.Number,
  goalSeenDream: Schema.Number,
  goalSeenReal: Schema.Number,
  contradictions: Schema.Number,
  malformed: Schema.Number
})
export interface Calibration extends Schema.Schema.Type<typeof Calibration> {}

/**
 * What an experience model must keep to. `maxOptimism` bounds the gap itself, not its interval: with few episodes a fit model may be
 * refused by chance (64 + 64 episodes: the interval is about 0.3 wide). The last two are bounds on `Fidelity`.
 */
export const Bounds = Schema.Struct({
  minLegitimate: Schema.Number,
  maxOptimism: Schema.Number,
  maxMalformed: Schema.Number,
  maxContradictions: Schema.Number,
  minNextStateExactKnown: Schema.Number,
  maxFalseSuccess: Schema.Number
})
export interface Bounds extends Schema.Schema.Type<typeof Bounds> {}

/** A bound that is broken: what was measured, what was allowed, and what helps. */
export const Complaint = Schema.Struct({
  check: Schema.Literals([
    "NoEvidence",
    "Legitimate",
    "Optimism",
    "Malformed",
    "Contradictions",
    "NextStateExactKnown",
    "FalseSuccess"
  ]),
  value: Schema.Number,
  bound: Schema.Number,
  advice: Schema.String
})
export interface Complaint extends Schema.Schema.Type<typeof Complaint> {}

export const Verdict = Schema.TaggedUnion({
  Ok: {},
  Refused: { reasons: Schema.Array(Complaint) }
})
export type Verdict = typeof Verdict.Type

/** Nobody should learn in the dreams of this model; `reasons` say why, and what helps. */
export class UnfitExperienceModel extends Schema.TaggedError<UnfitExperienceModel>()(
  "UnfitExperienceModel",
  { message: Schema.String, reasons: Schema.Array(Complaint) }
) {}

/** Dreams and real episodes of one policy on the same tasks. `knowledge` is of the real environments. */
export const calibrate = (
  episodes: {
    readonly dream: ReadonlyArray<Trajectory.Trajectory>
    readonly real: ReadonlyArray<Trajectory.Trajectory>
  },
  knowledge: (environment: string) => Knowledge.Knowledge | undefined
): Calibration => {
  const dream = episodes.dream.map((trajectory) => reviewOf(trajectory, knowledge))
  const real = episodes.real.map((trajectory) => reviewOf(trajectory, knowledge))
  const [dreamt, lived] = [dream.filter(isScored), real.filter(isScored)]
  const wins = dreamt.filter((review) => review.isSuccess)
  const dreamSuccess = rate(dreamt, (review) => review.isSuccess)
  const realSuccess = rate(lived, (review) => review.isSuccess)
  const interval = gapInterval(dreamt, lived)
  return {
    dreamEpisodes: dreamt.length,
    realEpisodes: lived.length,
    dreamWins: wins.length,
    dreamSuccess,
    realSuccess,
    gap: dreamSuccess - realSuccess,
    gapLow: interval.low,
    gapHigh: interval.high,
    legitimate: wins.length === 0 ? 1 : rate(wins, (review) => review.isEarned),
    goalSeenDream: rate(dreamt, (review) => review.isGoalSeen),
    goalSeenReal: rate(lived, (review) => review.isGoalSeen),
    contradictions: rate(dream, (review) => review.isContradictory),
    malformed: rate(dream, (review) => review.isMalformed)
  }
}

/** Ok, or every bound that is broken. Without dreams, real episodes or measured transitions there is no evidence, so no Ok. */
export const verdict = (
  measured: { readonly calibration: Calibration; readonly fidelity: Fidelity },
  bounds: Bounds
): Verdict => {
  const reasons = rules.flatMap((rule): ReadonlyArray<Complaint> => {
    const { bound, value } = rule.compare(measured, bounds)
    const isKept = rule.is === "AtLeast" ? value >= bound : value <= bound
    return isKept ? [] : [{ check: rule.check, value, bound, advice: rule.advice }]
  })
  return reasons.length === 0 ? { _tag: "Ok" } : { _tag: "Refused", reasons }
}

/** The error of a refusal, undefined where all is well. */
export const unfit = (given: Verdict): UnfitExperienceModel | undefined =>
  given._tag === "Ok"
    ? undefined
    : new UnfitExperienceModel({
        reasons: given.reasons,
        message: given.reasons
          .map(
            ({ advice, bound, check, value }) =>
              `${check} is ${value.toFixed(3)} (bound ${bound}): ${advice}`
          )
          .join("\n")
      })

/** As numbers by name, for events and metrics. */
export const metrics = (calibration: Calibration): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries<number>({ ...calibration }).map(([name, value]) => [
      `calibration/${name}`,
      value
    ])
  )

interface Measured {
  readonly calibration: Calibration
  readonly fidelity: Fidelity
}

interface Rule {
  readonly check: Complaint["check"]
  readonly is: "AtLeast" | "AtMost"
  readonly compare: (
    measured: Measured,
    bounds: Bounds
  ) => { readonly value: number; readonly bound: number }
  readonly advice: string
}

const rules: ReadonlyArray<Rule> = [
  {
    check: "NoEvidence",
    is: "AtLeast",
    compare: ({ calibration: { dreamEpisodes, realEpisodes }, fidelity }) => ({
      value: Math.min(dreamEpisodes, realEpisodes, fidelity.transitions),
      bound: 1
    }),
    advice:
      "measure on held-out tasks first: some dreams, some real episodes, some real transitions."
  },
  {
    check: "Legitimate",
    is: "AtLeast",
    compare: ({ calibration }, bounds) => ({
      value: calibration.legitimate,
      bound: bounds.minLegitimate
    }),
    advice:
      "the model rewards what was not done: train on more relabelled copies (hard negatives), or let the quality filter reject unearned rewards."
  },
  {
    check: "Optimism",
    is: "AtMost",
    compare: ({ calibration }, bounds) => ({ value: calibration.gap, bound: bounds.maxOptimism }),
    advice:
      "the dream is easier than the world: compare goalSeenDream with goalSeenReal, keep loss off revealed contents of relabelled rows, and add failed trajectories to the offline data."
  },
  {
    check: "Malformed",
    is: "AtMost",
    compare: ({ calibration }, bounds) => ({
      value: calibration.malformed,
      bound: bounds.maxMalformed
    }),
    advice: "replies break the format: train longer, raise minP or maxTokens."
  },
  {
    check: "Contradictions",
    is: "AtMost",
    compare: ({ calibration }, bounds) => ({
      value: calibration.contradictions,
      bound: bounds.maxContradictions
    }),
    advice:
      "dreams contradict themselves: train longer, and rule out words that contradict the text (Knowledge.question)."
  },
  {
    check: "NextStateExactKnown",
    is: "AtLeast",
    compare: ({ fidelity }, bounds) => ({
      value: fidelity.nextStateExactKnown,
      bound: bounds.minNextStateExactKnown
    }),
    advice:
      "the model gets wrong what the text already tells: train longer or on more, and more varied, real trajectories."
  },
  {
    check: "FalseSuccess",
    is: "AtMost",
    compare: ({ fidelity }, bounds) => ({
      value: fidelity.falseSuccessRate,
      bound: bounds.maxFalseSuccess
    }),
    advice:
      "the model claims success where there is none: add failed and nearly successful trajectories."
  }
]

interface Review {
  readonly isFailed: boolean
  readonly isSuccess: boolean
  readonly isEarned: boolean
  readonly isGoalSeen: boolean
  readonly isContradictory: boolean
  readonly isMalformed: boolean
}

const reviewOf = (
  trajectory: Trajectory.Trajectory,
  knowledge: (environment: string) => Knowledge.Knowledge | undefined
): Review => {
  const task = subject(trajectory.task)
  const { ending } = trajectory
  const audit = knowledge(task.environment)?.audit(task, wholeHistory(trajectory))
  const hasBroken = ending._tag === "Failed" && ending.fault === "Parse"
  return {
    isFailed: ending._tag === "Failed",
    isSuccess: Ending.isSuccess(ending),
    isEarned: audit?.success ?? false,
    isGoalSeen: audit?.goalSeen ?? false,
    isContradictory: (audit?.contradictions ?? 0) > 0,
    isMalformed: hasBroken || audit?.malformed !== undefined
  }
}

const isScored = (review: Review): boolean => !review.isFailed

const rate = (reviews: ReadonlyArray<Review>, holds: (review: Review) => boolean): number =>
  reviews.length === 0 ? 0 : reviews.filter(holds).length / reviews.length

/** Newcombe's hybrid of two Wilson intervals. */
const gapInterval = (
  dream: ReadonlyArray<Review>,
  real: ReadonlyArray<Review>
): { readonly low: number; readonly high: number } => {
  const [a, b] = [dream, real].map((reviews) => {
    const wins = reviews.filter((review) => review.isSuccess).length
    return {
      ...Evaluation.wilson(wins, reviews.length),
      rate: rate(reviews, (one) => one.isSuccess)
    }
  })
  if (a === undefined || b === undefined) return { low: -1, high: 1 }
  const gap = a.rate - b.rate
  return {
    low: gap - Math.hypot(a.rate - a.low, b.high - b.rate),
    high: gap + Math.hypot(a.high - a.rate, b.rate - b.low)
  }
}
