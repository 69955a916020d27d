/**
 * The quality filter in code: `Knowledge.audit` reads a dreamt trajectory again and says whether its text holds together.
 * Such a rubric is task knowledge that the paper's method does not have (its judge is a language model, and only measures);
 * every check of it can be switched off. It drops trajectories; it never changes a reward.
 */
import { type Knowledge, QualityFilter, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { subject } from "./DreamTask.ts"
import { moments, wholeHistory } from "./Moments.ts"

/** A fault is never a lesson, so its check cannot be switched off. */
export type Switchable = Exclude<QualityFilter.Rejection, "Fault">

/**
 * `checks` switches checks, all on unless told otherwise; `Duplicate` works only where it is told what is `known`. Leave that out for
 * on-policy learning: to drop what a policy does most often would bias its own gradient.
 * `maxCharacters` bounds the text of a trajectory (default 100,000), `maxContradictions` what the audit may find (default 0).
 */
export interface Options {
  readonly checks?: Readonly<Partial<Record<Switchable, boolean>>>
  readonly maxCharacters?: number
  readonly maxContradictions?: number
}

/** `isKnown`: a trajectory with the same `fingerprint` is in the buffer already. */
export interface JudgeOptions extends Options {
  readonly isKnown?: boolean
}

/**
 * The verdict on one trajectory, with the first check that fails in the order Fault, Empty, TooLong, Malformed, Contradiction,
 * UnearnedReward, MissedReward, Duplicate. Scores: `characters`; with Knowledge also `contradictions`, `goalSeen`, `earned` (0 or 1:
 * the text shows success at the end). Without Knowledge the four checks that need the audit do not apply.
 */
export const judge = (
  trajectory: Trajectory.Trajectory,
  knowledge: Knowledge.Knowledge | undefined,
  options: JudgeOptions = {}
): QualityFilter.Verdict => {
  const finding = findingOf(trajectory, knowledge, options)
  for (const [reason, complaint] of complaints) {
    if (!isOn(reason, options)) continue
    const message = complaint(finding)
    if (message !== undefined) {
      return { _tag: "Rejected", reason, message, scores: finding.scores }
    }
  }
  return { _tag: "Accepted", scores: finding.scores }
}

/** The same task, actions and observations have the same fingerprint. */
export const fingerprint = (trajectory: Trajectory.Trajectory): string =>
  JSON.stringify([
    trajectory.task.environment,
    trajectory.task.id,
    trajectory.firstObservation,
    ...trajectory.transitions.flatMap(({ action, nextObservation }) => [
      action.text,
      nextObservation
    ])
  ])

/** `knowledge` of the real environments; `known` says whether the buffer holds a trajectory of this fingerprint. */
export interface FilterOptions extends Options {
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly known?: (fingerprint: string) => Effect.Effect<boolean>
}

/** It remembers nothing: a verdict does not depend on what was judged before. */
export const make = (options: FilterOptions): QualityFilter.QualityFilter["Service"] => {
  const known = options.known ?? (() => Effect.succeed(false))
  return QualityFilter.QualityFilter.of({
    judge: (trajectory) => {
      const knowledge = options.knowledge(subject(trajectory.task).environment)
      return Effect.map(known(fingerprint(trajectory)), (isKnown) =>
        judge(trajectory, knowledge, { ...options, isKnown })
      )
    }
  })
}

export const layer = (options: FilterOptions): Layer.Layer<QualityFilter.QualityFilter> =>
  Layer.succeed(QualityFilter.QualityFilter, make(options))

/** What the gate held back: a trajectory with its verdict, or the rest of a group that became too small. */
export type HeldBack =
  | {
      readonly _tag: "RejectedTrajectory"
      readonly trajectory: Trajectory.Trajectory
      readonly reason: QualityFilter.Rejection
      readonly message: string
      readonly scores: Readonly<Record<string, number>>
    }
  | { readonly _tag: "DroppedGroup"; readonly group: Trajectory.TrajectoryGroup }

/**
 * Groups in, groups out with the accepted trajectories alone, in their order; all else goes to `report`. A group left with fewer
 * than `minGroupSize` is dropped whole: 1 (default) serves PPO, GRPO needs 2 to compare.
 */
export const gate =
  <E2, R2>(options: {
    readonly report: (heldBack: HeldBack) => Effect.Effect<void, E2, R2>
    readonly minGroupSize?: number
  }) =>
  <E, R>(
    groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
  ): Stream.Stream<Trajectory.TrajectoryGroup, E | E2, R | R2 | QualityFilter.QualityFilter> =>
    groups.pipe(
      Stream.mapEffect((group) => accept(group, options.report)),
      Stream.mapEffect((group) =>
        group.trajectories.length >= Math.max(1, options.minGroupSize ?? 1)
          ? Effect.succeed([group])
          : Effect.as(options.report({ _tag: "DroppedGroup", group }), [])
      ),
      Stream.flattenIterable
    )

const accept = Effect.fnUntraced(function* <E, R>(
  group: Trajectory.TrajectoryGroup,
  report: (heldBack: HeldBack) => Effect.Effect<void, E, R>
) {
  const filter = yield* QualityFilter.QualityFilter
  const trajectories = yield* Effect.filter(
    group.trajectories,
    Effect.fnUntraced(function* (trajectory) {
      const verdict = yield* filter.judge(trajectory)
      if (verdict._tag === "Accepted") return true
      yield* report({ ...verdict, _tag: "RejectedTrajectory", trajectory })
      return false
    })
  )
  return { ...group, trajectories }
})

const isOn = (reason: QualityFilter.Rejection, options: Options): boolean =>
  reason === "Fault" || (options.checks?.[reason] ?? true)

interface Finding {
  readonly trajectory: Trajectory.Trajectory
  readonly characters: number
  readonly maxCharacters: number
  readonly maxContradictions: number
  readonly isKnown: boolean
  readonly audit?: Knowledge.Audit
  /** The text shows success at some moment before the last, where the episode should have ended. */
  readonly wasDoneBefore: boolean
  readonly scores: Readonly<Record<string, number>>
}

const findingOf = (
  trajectory: Trajectory.Trajectory,
  knowledge: Knowledge.Knowledge | undefined,
  options: JudgeOptions
): Finding => {
  const characters = charactersOf(trajectory)
  const finding = {
    trajectory,
    characters,
    maxCharacters: options.maxCharacters ?? 100_000,
    maxContradictions: options.maxContradictions ?? 0,
    isKnown: options.isKnown ?? false
  }
  if (knowledge === undefined) return { ...finding, wasDoneBefore: false, scores: { characters } }
  const task = subject(trajectory.task)
  const audit = knowledge.audit(task, wholeHistory(trajectory))
  const wasDoneBefore = moments(trajectory)
    .slice(0, -1)
    .some(({ after }) => knowledge.audit(task, after).success)
  const { contradictions, goalSeen, success } = audit
  const scores = { characters, contradictions, goalSeen: goalSeen ? 1 : 0, earned: success ? 1 : 0 }
  return { ...finding, audit, wasDoneBefore, scores }
}

const charactersOf = (trajectory: Trajectory.Trajectory): number =>
  trajectory.transitions.reduce(
    (sum, { action, nextObservation }) => sum + action.text.length + nextObservation.length,
    trajectory.firstObservation.length
  )

type Complaint = (finding: Finding) => string | undefined

const complaintOf: Record<QualityFilter.Rejection, Complaint> = {
  Fault: ({ trajectory: { ending } }) =>
    ending._tag === "Failed" ? `${ending.fault}: ${ending.message}` : undefined,
  Empty: ({ trajectory }) =>
    trajectory.transitions.length === 0 ? "it has no transition" : undefined,
  TooLong: ({ characters, maxCharacters }) =>
    characters > maxCharacters
      ? `it has ${characters} characters; the bound is ${maxCharacters}`
      : undefined,
  Malformed: ({ audit }) =>
    audit?.malformed === undefined
      ? undefined
      : `this does not follow from its action: ${audit.malformed}`,
  Contradiction: ({ audit, maxContradictions }) =>
    audit !== undefined && audit.contradictions > maxContradictions
      ? `the text contradicts itself: ${audit.contradictions} found, ${maxContradictions} allowed`
      : undefined,
  UnearnedReward: ({ audit, trajectory }) =>
    audit?.success === false && Trajectory.totalReward(trajectory) > 0
      ? "a reward was given, but the text does not show the task done"
      : undefined,
  MissedReward: ({ audit, trajectory, wasDoneBefore }) =>
    wasDoneBefore || (audit?.success === true && Trajectory.totalReward(trajectory) <= 0)
      ? "the text shows the task done, but no reward was given then"
      : undefined,
  Duplicate: ({ isKnown }) => (isKnown ? "the buffer holds the same trajectory already" : undefined)
}

const order = [
  "Fault",
  "Empty",
  "TooLong",
  "Malformed",
  "Contradiction",
  "UnearnedReward",
  "MissedReward",
  "Duplicate"
] as const satisfies ReadonlyArray<QualityFilter.Rejection>

const complaints = order.map((reason) => [reason, complaintOf[reason]] as const)
