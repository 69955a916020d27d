/**
 * The laws of a quality filter: what may be relied on when its verdicts decide who teaches.
 * They do not say how strict it is; the caller gives examples.
 */
import { Ending, type QualityFilter, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
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
  laws: [isPure(options), isOrderIndependent(options), rejectsFaults(options), knows(options)]
})

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
      const all = [...options.accepted, ...(options.rejected ?? []).map((one) => one.trajectory)]
      const forwards = yield* Effect.forEach(all, (yield* options.filter).judge)
      const backwards = yield* Effect.forEach(all.toReversed(), (yield* options.filter).judge)
      yield* same("the verdicts in reverse", backwards.toReversed(), forwards)
    })
  )

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
