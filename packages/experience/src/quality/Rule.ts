/**
 * One rule of the quality filter: it looks at a dreamt trajectory, gives scores, and may complain; and how many rules become one verdict.
 * A rule never changes a reward, and a rule that cannot judge has not complained.
 */
import type { Knowledge, QualityFilter, Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { subject as realTask } from "../DreamTask.ts"
import { moments, wholeHistory, type Moment } from "../Moments.ts"

/**
 * What a rule is shown. `task` is the real task behind the dream, `moments` each transition with the histories around it,
 * `characters` the length of all text (first observation, actions, observations). With Knowledge of that task's world also its
 * `audit` of the whole text; `wasDoneBefore`: the text shows success at some moment before the last, where it should have ended.
 */
export interface Subject {
  readonly trajectory: Trajectory.Trajectory
  readonly task: Task.Task
  readonly knowledge: Knowledge.Knowledge | undefined
  readonly moments: ReadonlyArray<Moment>
  readonly characters: number
  readonly audit?: Knowledge.Audit
  readonly wasDoneBefore: boolean
}

/**
 * Numbers by name. `tokens/...` are what a rule had a model read and write, `fault/...` (1) says that a rule could not judge.
 */
export type Scores = Readonly<Record<string, number>>

/** `complaint`: why the trajectory must not teach; undefined where this rule has nothing against it. */
export interface Opinion {
  readonly scores: Scores
  readonly complaint: string | undefined
}

/**
 * `name` is its own among the rules of a filter. The opinion follows from the trajectory, from what the rule was made with, and from
 * whom it asks; randomness is keyed.
 */
export interface Rule {
  readonly name: string
  readonly reason: QualityFilter.Rejection
  readonly judge: (subject: Subject) => Effect.Effect<Opinion, QualityFilter.QualityFilterError>
}

/** A rule that only reads what it is shown. */
export const pure = (
  name: string,
  reason: QualityFilter.Rejection,
  look: (subject: Subject) => Opinion
): Rule => ({ name, reason, judge: (subject) => Effect.sync(() => look(subject)) })

/** The same without scores of its own. */
export const complaining = (
  name: string,
  reason: QualityFilter.Rejection,
  complaint: (subject: Subject) => string | undefined
): Rule => pure(name, reason, (subject) => ({ scores: {}, complaint: complaint(subject) }))

/**
 * `scores`: after the first complaint no further rule is asked ("UntilRejected", default), or all are, for their scores ("All").
 * `faults`: a rule that cannot judge stops the filter with its error ("Stop", default), or is passed over and counted ("Pass").
 */
export interface Manner {
  readonly scores?: "UntilRejected" | "All"
  readonly faults?: "Stop" | "Pass"
}

/** The first complaint in the order of the rules is the reason; scores of the same name are those of the later rule. */
export const verdict = Effect.fnUntraced(function* (
  rules: ReadonlyArray<Rule>,
  subject: Subject,
  manner: Manner = {}
): Effect.fn.Return<QualityFilter.Verdict, QualityFilter.QualityFilterError> {
  let scores = scoresOf(subject)
  let rejection: { readonly reason: QualityFilter.Rejection; readonly message: string } | undefined
  for (const rule of rules) {
    if (rejection !== undefined && manner.scores !== "All") break
    const opinion = yield* opinionOf(rule, subject, manner)
    scores = { ...scores, ...opinion.scores }
    if (opinion.complaint === undefined) continue
    rejection ??= { reason: rule.reason, message: opinion.complaint }
  }
  return rejection === undefined
    ? { _tag: "Accepted", scores }
    : { _tag: "Rejected", ...rejection, scores }
})

/** Everything that a rule may look at; the audit is made once for all of them. */
export const subjectOf = (
  trajectory: Trajectory.Trajectory,
  knowledge: (environment: string) => Knowledge.Knowledge | undefined
): Subject => {
  const task = realTask(trajectory.task)
  const known = knowledge(task.environment)
  const list = moments(trajectory)
  const seen = {
    trajectory,
    task,
    knowledge: known,
    moments: list,
    characters: charactersOf(trajectory)
  }
  if (known === undefined) return { ...seen, wasDoneBefore: false }
  const audit = known.audit(task, wholeHistory(trajectory))
  const isDone = ({ after }: Moment) => known.audit(task, after).success
  return { ...seen, audit, wasDoneBefore: list.slice(0, -1).some(isDone) }
}

const opinionOf = (rule: Rule, subject: Subject, { faults = "Stop" }: Manner) =>
  faults === "Stop" ? rule.judge(subject) : rule.judge(subject).pipe(Effect.catch(passedOver))

const passedOver = ({ message, reason, rule }: QualityFilter.QualityFilterError) =>
  Effect.as(Effect.logWarning(`the rule ${rule} could not judge (${reason}): ${message}`), {
    scores: { [`fault/${rule}`]: 1 },
    complaint: undefined
  })

/** `earned`: the text shows success at the end (0 or 1). */
const scoresOf = ({ audit, characters }: Subject): Scores =>
  audit === undefined
    ? { characters }
    : {
        characters,
        contradictions: audit.contradictions,
        goalSeen: audit.goalSeen ? 1 : 0,
        earned: audit.success ? 1 : 0
      }

const charactersOf = (trajectory: Trajectory.Trajectory): number =>
  trajectory.transitions.reduce(
    (sum, { action, nextObservation }) => sum + action.text.length + nextObservation.length,
    trajectory.firstObservation.length
  )
