import { assert, describe, it } from "@effect/vitest"
import { Ending, QualityFilter as Contract, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import { DreamTask, QualityFilter } from "../src/index.ts"
import {
  boxTask,
  firstObservation,
  knowledge,
  knownWorlds,
  listing,
  synthetic,
  trajectoryOf
} from "./boxes.ts"

const real = boxTask("a", "key")
const task = DreamTask.dreamTask(real, firstObservation(3, "key"))
const dreamt = (
  id: string,
  turns: Parameters<typeof trajectoryOf>[2],
  ending?: Ending.Ending
): Trajectory.Trajectory =>
  trajectoryOf(id, task, turns, { provenance: synthetic, ...(ending ? { ending } : {}) })

const pen = ["open box 1", listing("box 1", "pen 1")] as const
const key = ["open box 2", listing("box 2", "key 1"), 1] as const
const good = dreamt("good", [pen, key])

/** One trajectory for each reason; where several apply, the reason is the first in the order of the checks. */
const bad: Record<Contract.Rejection, Trajectory.Trajectory> = {
  Fault: dreamt("Fault", [pen], Ending.failed("Parse", "no <obs>")),
  Empty: dreamt("Empty", []),
  TooLong: dreamt("TooLong", [["wait", "x".repeat(2000)]]),
  Malformed: dreamt("Malformed", [["open box 1", "You see a unicorn."]]),
  Contradiction: dreamt("Contradiction", [pen, ["open box 1", listing("box 1", "coin 1")]]),
  UnearnedReward: dreamt("UnearnedReward", [["open box 1", listing("box 1", "pen 1"), 1]]),
  MissedReward: dreamt("MissedReward", [["open box 2", listing("box 2", "key 1")], pen]),
  Duplicate: good
}
const messages: Record<Contract.Rejection, string> = {
  Fault: "Parse: no <obs>",
  Empty: "it has no transition",
  TooLong: "it has 2077 characters; the bound is 1000",
  Malformed: "this does not follow from its action: You see a unicorn.",
  Contradiction: "the text contradicts itself: 1 found, 0 allowed",
  UnearnedReward: "a reward was given, but the text does not show the task done",
  MissedReward: "the text shows the task done, but no reward was given then",
  Duplicate: "the buffer holds the same trajectory already"
}
const reasons = Contract.Rejection.literals
const options: QualityFilter.JudgeOptions = {
  maxCharacters: 1000,
  isKnown: true
}

describe("QualityFilter", () => {
  it("accepts a dream that holds together, and tells its scores", () => {
    assert.deepStrictEqual(QualityFilter.judge(good, knowledge), {
      _tag: "Accepted",
      scores: { characters: 151, contradictions: 0, goalSeen: 1, earned: 1 }
    })
  })

  it("gives each misfortune its own reason", () => {
    for (const reason of reasons) {
      const verdict = QualityFilter.judge(bad[reason], knowledge, options)
      assert.deepStrictEqual(
        verdict._tag === "Rejected" && { reason: verdict.reason, message: verdict.message },
        { reason, message: messages[reason] }
      )
    }
  })

  it("lets through what a check that is switched off would reject; a fault never", () => {
    for (const reason of reasons) {
      if (reason === "Fault") continue
      const checks = { Duplicate: false, [reason]: false }
      const verdict = QualityFilter.judge(bad[reason], knowledge, { ...options, checks })
      assert.strictEqual(verdict._tag, "Accepted", reason)
    }
    // @ts-expect-error a fault is never a lesson
    const withFault: QualityFilter.Options = { checks: { Fault: false } }
    const fault = QualityFilter.judge(bad.Fault, knowledge, withFault)
    assert.strictEqual(fault._tag, "Rejected")
    // @ts-expect-error an unknown check is refused by the compiler
    const unknown: QualityFilter.Options = { checks: { Boring: true } }
    assert.isDefined(unknown)
  })

  it("finds a missed reward also where the success was undone later", () => {
    const undone = dreamt("undone", [
      ["open box 2", listing("box 2", "key 1")],
      ["open box 2", listing("box 2", "pen 1")]
    ])
    const verdict = QualityFilter.judge(undone, knowledge, { maxContradictions: 1 })
    assert.strictEqual(verdict._tag === "Rejected" && verdict.reason, "MissedReward")
  })

  it("judges without knowledge what can be judged without", () => {
    const audited = ["Malformed", "Contradiction", "UnearnedReward", "MissedReward"] as const
    for (const reason of audited) {
      assert.strictEqual(QualityFilter.judge(bad[reason], undefined)._tag, "Accepted")
    }
    assert.strictEqual(QualityFilter.judge(bad.Empty, undefined)._tag, "Rejected")
  })

  it.effect("asks the buffer for duplicates: the same task, actions and observations", () =>
    Effect.gen(function* () {
      const kept = new Set([QualityFilter.fingerprint(good)])
      const filter = QualityFilter.make({
        knowledge: knownWorlds,
        known: (fingerprint) => Effect.succeed(kept.has(fingerprint))
      })
      const list = [{ ...good, id: "twin" }, dreamt("other", [key])]
      const verdicts = yield* Effect.forEach(list, filter.judge)
      assert.deepStrictEqual(
        verdicts.map((verdict) => (verdict._tag === "Rejected" ? verdict.reason : "Accepted")),
        ["Duplicate", "Accepted"]
      )
    })
  )

  it("holds back what it rejects, reports all of it, and keeps the rest in order", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.array(
            fc.constantFrom("good", ...reasons.filter((r) => r !== "Duplicate" && r !== "TooLong"))
          ),
          { maxLength: 5 }
        ),
        fc.constantFrom(1, 2),
        (shapes, minGroupSize) =>
          Effect.runPromise(
            Effect.gen(function* () {
              const groups = shapes.map((shape, g) => ({
                task,
                policyVersion: g,
                trajectories: shape.map((kind, i) => ({
                  ...(kind === "good" ? good : bad[kind]),
                  id: `${g}.${i}`
                }))
              }))
              const heldBack: Array<QualityFilter.HeldBack> = []
              const passed = yield* Stream.fromIterable(groups).pipe(
                QualityFilter.gate({
                  report: (one) => Effect.sync(() => heldBack.push(one)),
                  minGroupSize
                }),
                Stream.runCollect
              )
              const kept = groups.map((group, g) => ({
                ...group,
                trajectories: group.trajectories.filter((_, i) => shapes[g]?.[i] === "good")
              }))
              const isBigEnough = (group: Trajectory.TrajectoryGroup) =>
                group.trajectories.length >= minGroupSize
              assert.deepStrictEqual(passed, kept.filter(isBigEnough))
              assert.deepStrictEqual(
                heldBack.flatMap((one) =>
                  one._tag === "RejectedTrajectory" ? [`${one.trajectory.id} ${one.reason}`] : []
                ),
                shapes.flatMap((shape, g) =>
                  shape.flatMap((kind, i) => (kind === "good" ? [] : [`${g}.${i} ${kind}`]))
                )
              )
              assert.deepStrictEqual(
                heldBack.flatMap((one) => (one._tag === "DroppedGroup" ? [one.group] : [])),
                kept.filter((group) => !isBigEnough(group))
              )
            }).pipe(Effect.provide(QualityFilter.layer({ knowledge: knownWorlds })))
          )
      ),
      { numRuns: 50 }
    ))
})
