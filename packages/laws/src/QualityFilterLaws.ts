/**
 * The laws of a quality filter: what may be relied on when its verdicts decide who teaches.
 * They do not say how strict it is; the caller gives examples.
 */
import { Ending, QualityFilter, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { holds, law, same, type Suite } from "./Law.ts"

/** `accepted` are trajectories that it must let pass; `rejected` such that it must not, each with the reason. */
export interface Options {
  readonly name: string
  readonly filter: Effect.Effect<QualityFilter.QualityFilter["Service"], unknown, Scope.Scope>
  readonly accepted: ReadonlyArray<Trajectory.Trajectory>
  readonly rejected?: ReadonlyArray<{
    readonly trajectory: Trajectory.Trajectory
    readonly reason: QualityFilter.Rejection
  }>
}

export const qualityFilterLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the quality filter laws`,
  laws: [
    isPure(options),
    isOrderIndependent(options),
    isTheSameSideBySide(options),
    isOfItsOwnOpinion(options),
    isWellFormed(options),
    rejectsFaults(options),
    knows(options)
  ]
})

const examplesOf = ({ accepted, rejected = [] }: Options): ReadonlyArray<Trajectory.Trajectory> => [
  ...accepted,
  ...rejected.map(({ trajectory }) => trajectory)
]

const isPure = ({ accepted, filter }: Options) =>
  law(
    "the same trajectory gets the same verdict",
    Effect.gen(function* () {
      const { judge } = yield* filter
      const once = yield* Effect.forEach(accepted, judge)
      yield* same("the second verdicts", yield* Effect.forEach(accepted, judge), once)
    })
  )

const isOrderIndependent = (options: Options) =>
  law(
    "a verdict does not depend on what was judged before",
    Effect.gen(function* () {
      const all = examplesOf(options)
      const forwards = yield* Effect.forEach(all, (yield* options.filter).judge)
      const backwards = yield* Effect.forEach(all.toReversed(), (yield* options.filter).judge)
      yield* same("the verdicts in reverse", backwards.toReversed(), forwards)
    })
  )

const isTheSameSideBySide = (options: Options) =>
  law(
    "judged side by side, each gets the verdict that it gets alone",
    Effect.gen(function* () {
      const { judge } = yield* options.filter
      const all = examplesOf(options)
      const alone = yield* Effect.forEach(all, judge)
      const together = yield* Effect.forEach(all, judge, { concurrency: "unbounded" })
      yield* same("the verdicts side by side", together, alone)
    })
  )

/** What another filter said, or the same one before, and in which iteration, decides nothing. */
const isOfItsOwnOpinion = (options: Options) =>
  law(
    "a verdict that a trajectory carries does not decide",
    Effect.gen(function* () {
      const { judge } = yield* options.filter
      for (const trajectory of examplesOf(options)) {
        const { iteration: _iteration, verdict: _verdict, ...bare } = trajectory
        const own = yield* judge(bare)
        for (const verdict of foreign) {
          const judged = { ...trajectory, iteration: 3, verdict }
          yield* same(`the verdict on ${trajectory.id}`, yield* judge(judged), own)
        }
      }
    })
  )

const foreign: ReadonlyArray<QualityFilter.Verdict> = [
  { _tag: "Accepted", scores: { foreign: 1 } },
  { _tag: "Rejected", reason: "Judged", message: "said another", scores: { foreign: 0 } }
]

/** Verdicts are columns, metrics and events. */
const isWellFormed = (options: Options) =>
  law(
    "a verdict has finite scores, and a rejection says why",
    Effect.gen(function* () {
      const { judge } = yield* options.filter
      for (const trajectory of examplesOf(options)) {
        const verdict = yield* judge(trajectory)
        yield* holds(isVerdict(verdict), `the verdict on ${trajectory.id} is none`)
        for (const [name, score] of Object.entries(verdict.scores)) {
          yield* holds(Number.isFinite(score), `${trajectory.id} has ${score} as ${name}`)
        }
        const isSaid = verdict._tag === "Accepted" || verdict.message.trim() !== ""
        yield* holds(isSaid, `${trajectory.id} was rejected without a word`)
      }
    })
  )

const isVerdict = Schema.is(QualityFilter.Verdict)

const rejectsFaults = ({ accepted, filter }: Options) =>
  law(
    "an episode that failed is rejected as Fault, whatever it holds",
    Effect.gen(function* () {
      const { judge } = yield* filter
      for (const fault of Ending.Fault.literals) {
        for (const trajectory of accepted) {
          const broken = { ...trajectory, ending: Ending.failed(fault, "a fault of the law") }
          yield* rejectedAs("Fault", yield* judge(broken), fault)
        }
      }
    })
  )

const knows = ({ accepted, filter, rejected = [] }: Options) =>
  law(
    "good examples pass, bad ones are rejected for their reason",
    Effect.gen(function* () {
      const { judge } = yield* filter
      for (const trajectory of accepted) {
        const verdict = yield* judge(trajectory)
        const why = verdict._tag === "Rejected" ? `${verdict.reason}: ${verdict.message}` : ""
        yield* holds(verdict._tag === "Accepted", `${trajectory.id} was rejected: ${why}`)
      }
      for (const { reason, trajectory } of rejected) {
        yield* rejectedAs(reason, yield* judge(trajectory), trajectory.id)
      }
    })
  )

const rejectedAs = (
  reason: QualityFilter.Rejection,
  verdict: QualityFilter.Verdict,
  what: string
) =>
  same(
    `the verdict on ${what}`,
    verdict._tag === "Rejected" ? verdict.reason : verdict._tag,
    reason
  )
