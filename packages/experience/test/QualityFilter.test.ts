import { assert, describe, it } from "@effect/vitest"
import { QualityFilter as Contract } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import { QualityFilter, Rule, TextRules } from "../src/index.ts"
import { dreamt, good, key, pen } from "./dreams.ts"
import { knownWorlds, listing } from "./boxes.ts"
import { Ending } from "@dreamgym/domain"

const judge = (trajectory: typeof good, options: Partial<QualityFilter.Options> = {}) =>
  QualityFilter.make({ knowledge: knownWorlds, ...options }).judge(trajectory)

const reasonOf = (verdict: Contract.Verdict): string =>
  verdict._tag === "Rejected" ? verdict.reason : verdict._tag

/** The rules on text, with a bound on the length that these dreams can reach. */
const rules = TextRules.standard.map((rule) =>
  rule.name === "tooLong" ? TextRules.tooLong(1000) : rule
)

/** One trajectory for each rule on text; where several complain, the first in the order of the rules has its way. */
const bad = {
  Fault: dreamt("Fault", [pen], Ending.failed("Parse", "no <obs>")),
  Empty: dreamt("Empty", []),
  TooLong: dreamt("TooLong", [["wait", "x".repeat(2000)]]),
  Malformed: dreamt("Malformed", [["open box 1", "You see a unicorn."]]),
  Contradiction: dreamt("Contradiction", [pen, ["open box 1", listing("box 1", "coin 1")]]),
  UnearnedReward: dreamt("UnearnedReward", [["open box 1", listing("box 1", "pen 1"), 1]]),
  MissedReward: dreamt("MissedReward", [["open box 2", listing("box 2", "key 1")], pen])
}
const messages: Record<keyof typeof bad, string> = {
  Fault: "Parse: no <obs>",
  Empty: "it has no transition",
  TooLong: "it has 2077 characters; the bound is 1000",
  Malformed: "this does not follow from its action: You see a unicorn.",
  Contradiction: "the text contradicts itself: 1 found, 0 allowed",
  UnearnedReward: "a reward was given, but the text does not show the task done",
  MissedReward: "the text shows the task done, but no reward was given then"
}

describe("QualityFilter", () => {
  it.effect("accepts a dream that holds together, and tells its scores", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* judge(good), {
        _tag: "Accepted",
        scores: { characters: 151, contradictions: 0, goalSeen: 1, earned: 1 }
      })
    })
  )

  it.effect("gives each misfortune its own reason", () =>
    Effect.gen(function* () {
      for (const [reason, trajectory] of Object.entries(bad)) {
        const verdict = yield* judge(trajectory, { rules })
        assert.deepStrictEqual(
          verdict._tag === "Rejected" ? { [verdict.reason]: verdict.message } : verdict,
          { [reason]: new Map(Object.entries(messages)).get(reason) ?? "no message" }
        )
      }
    })
  )

  it.effect("lets through what a rule that is left out would reject; a fault never", () =>
    Effect.gen(function* () {
      for (const [reason, trajectory] of Object.entries(bad)) {
        const others = rules.filter((rule) => rule.reason !== reason)
        const expected = reason === "Fault" ? "Fault" : "Accepted"
        assert.strictEqual(reasonOf(yield* judge(trajectory, { rules: others })), expected)
      }
    })
  )

  it.effect("bounds the length and the contradictions inclusively", () =>
    Effect.gen(function* () {
      const characters = (bound: number) => judge(good, { rules: [TextRules.tooLong(bound)] })
      assert.deepStrictEqual(
        [reasonOf(yield* characters(151)), reasonOf(yield* characters(150))],
        ["Accepted", "TooLong"]
      )
      const contradictions = (bound: number) =>
        judge(bad.Contradiction, { rules: [TextRules.contradiction(bound)] })
      assert.deepStrictEqual(
        [reasonOf(yield* contradictions(1)), reasonOf(yield* contradictions(0))],
        ["Accepted", "Contradiction"]
      )
    })
  )

  it.effect("finds a missed reward also where the success was undone later", () =>
    Effect.gen(function* () {
      const undone = dreamt("undone", [
        ["open box 2", listing("box 2", "key 1")],
        ["open box 2", listing("box 2", "pen 1")]
      ])
      const verdict = yield* judge(undone, { rules: [TextRules.missedReward] })
      assert.strictEqual(reasonOf(verdict), "MissedReward")
    })
  )

  it.effect("judges without knowledge what can be judged without", () =>
    Effect.gen(function* () {
      const blind = { rules, knowledge: () => undefined }
      for (const reason of [
        "Malformed",
        "Contradiction",
        "UnearnedReward",
        "MissedReward"
      ] as const) {
        assert.strictEqual(reasonOf(yield* judge(bad[reason], blind)), "Accepted")
      }
      assert.deepStrictEqual(yield* judge(bad.Empty, blind), {
        _tag: "Rejected",
        reason: "Empty",
        message: messages.Empty,
        scores: { characters: 73 }
      })
    })
  )
})

/** A rule that scores and complains as told, and notes that it was asked. */
const rule = (name: string, reason: Contract.Rejection, complaint?: string) => {
  const asked: Array<string> = []
  const value = Rule.pure(name, reason, ({ trajectory }) => {
    asked.push(trajectory.id)
    return { scores: { [name]: asked.length }, complaint }
  })
  return { asked, rule: value }
}

describe("a pipeline of rules", () => {
  it.effect("stops at the first complaint, and asks nobody after it", () =>
    Effect.gen(function* () {
      const list = [
        rule("first", "Unlikely"),
        rule("second", "Judged", "dull"),
        rule("third", "Unstable", "shaky")
      ]
      const verdict = yield* judge(good, {
        knowledge: () => undefined,
        rules: list.map((one) => one.rule)
      })
      assert.deepStrictEqual(verdict, {
        _tag: "Rejected",
        reason: "Judged",
        message: "dull",
        scores: { characters: 151, first: 1, second: 1 }
      })
      assert.deepStrictEqual(
        list.map(({ asked }) => asked),
        [["good"], ["good"], []]
      )
    })
  )

  it.effect("asks all of them where all scores are wanted, and keeps the first reason", () =>
    Effect.gen(function* () {
      const list = [rule("first", "Judged", "dull"), rule("second", "Unstable", "shaky")]
      const verdict = yield* judge(good, {
        knowledge: () => undefined,
        scores: "All",
        rules: list.map((one) => one.rule)
      })
      assert.deepStrictEqual(verdict, {
        _tag: "Rejected",
        reason: "Judged",
        message: "dull",
        scores: { characters: 151, first: 1, second: 1 }
      })
    })
  )

  it.effect("follows the order that it was given", () =>
    Effect.gen(function* () {
      const cheat = bad.UnearnedReward
      const broken = { ...cheat, transitions: [...bad.Malformed.transitions, ...cheat.transitions] }
      const orders = [
        [TextRules.malformed, TextRules.unearnedReward],
        [TextRules.unearnedReward, TextRules.malformed]
      ]
      const reasons = yield* Effect.forEach(orders, (order) => judge(broken, { rules: order }))
      assert.deepStrictEqual(reasons.map(reasonOf), ["Malformed", "UnearnedReward"])
    })
  )

  const helpless: Rule.Rule = {
    name: "helpless",
    reason: "Judged",
    judge: () =>
      new Contract.QualityFilterError({
        reason: "Unavailable",
        rule: "helpless",
        message: "the judge sleeps"
      })
  }

  it.effect("fails with the fault of a rule that cannot judge, unless told to pass it over", () =>
    Effect.gen(function* () {
      const list = [helpless, ...TextRules.standard]
      const error = yield* Effect.flip(judge(good, { rules: list }))
      assert.deepStrictEqual(
        [error._tag, error.reason, error.rule, error.message],
        ["QualityFilterError", "Unavailable", "helpless", "the judge sleeps"]
      )
      const counted = { characters: 151, contradictions: 0, goalSeen: 1, earned: 1 }
      assert.deepStrictEqual(yield* judge(good, { rules: list, faults: "Pass" }), {
        _tag: "Accepted",
        scores: { ...counted, "fault/helpless": 1 }
      })
      const cheat = yield* judge(bad.UnearnedReward, { rules: list, faults: "Pass" })
      assert.strictEqual(reasonOf(cheat), "UnearnedReward")
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )

  it.effect("never asks a rule about an episode that failed", () =>
    Effect.gen(function* () {
      assert.strictEqual(reasonOf(yield* judge(bad.Fault, { rules: [helpless] })), "Fault")
    })
  )

  it.effect("says the same of a trajectory whatever it was asked before", () =>
    Effect.gen(function* () {
      const all = [good, ...Object.values(bad), dreamt("won", [key])]
      const filter = QualityFilter.make({ knowledge: knownWorlds })
      const forwards = yield* Effect.forEach(all, filter.judge)
      const backwards = yield* Effect.forEach(all.toReversed(), filter.judge)
      assert.deepStrictEqual(backwards.toReversed(), forwards)
    })
  )
})
