/** Tests of the goal: each answer follows from differences and their intervals, and from nothing else. */
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import * as Findings from "../src/Findings.ts"
import * as Goals from "../src/Goals.ts"
import * as Plan from "../src/Plan.ts"
import { evaluation, finished } from "./invented.ts"

type Rates = Readonly<Record<string, ReadonlyArray<number>>>

/** Runs of the arms with so many successes of 100 episodes, one number for each seed. */
const runsOf = (rates: Rates): ReadonlyArray<Findings.Run> => {
  const study: Plan.Study = { form: "full", parts: ["table"], seeds: [1, 2, 3], rungs: ["L2"] }
  const units = Result.getOrThrow(Plan.units(study))
  const entries = units.flatMap((unit) => {
    const successes = rates[unit.arm]?.[unit.seed - 1]
    if (successes === undefined) return []
    const entry = finished(unit, Result.getOrThrow(Plan.configOf(unit, () => undefined)))
    const policies = ["cloned+", "real", "dreamt", "sim-to-real"]
    const outcome = {
      ...entry.outcome,
      evaluation: policies.map((policy) => evaluation(policy, successes))
    }
    return [{ ...entry, outcome }]
  })
  return Findings.runsOf(entries)
}

const answersTo = (rates: Rates) =>
  Object.fromEntries(
    Goals.answers(runsOf(rates), "L2")
      .filter(({ algorithm }) => algorithm === "ppo")
      .map(({ answer, question }) => [question.name, answer])
  )

const good: Rates = {
  sft: [20, 21, 22],
  ppo_real_10x: [60, 62, 61],
  ppo_dream: [70, 72, 71],
  ppo_s2r: [90, 91, 92]
}

describe("the goal", () => {
  it("is met where every interval says so", () => {
    expect(answersTo(good)).toEqual({ a: "met", b: "met", c: "met" })
  })

  it("(a) is met where dreamt is lower within the interval, and not where the interval lies below zero", () => {
    expect(answersTo({ ...good, ppo_real_10x: [73, 74, 75] })["a"]).toBe("met")
    expect(answersTo({ ...good, ppo_real_10x: [95, 96, 97] })["a"]).toBe("not met")
  })

  it("(b) wants 25 points of the interval's low end; of its point alone it is not shown", () => {
    expect(answersTo({ ...good, sft: [45, 46, 44] })["b"]).toBe("not shown")
    expect(answersTo({ ...good, sft: [50, 50, 50] })["b"]).toBe("not met")
  })

  it("(c) wants both: one that is not above fails it, one that may not be leaves it open", () => {
    expect(answersTo({ ...good, ppo_s2r: [71, 74, 72] })["c"]).toBe("not shown")
    expect(answersTo({ ...good, ppo_s2r: [65, 66, 64] })["c"]).toBe("not met")
    expect(answersTo({ ...good, ppo_real_10x: [95, 96, 97] })["c"]).toBe("not met")
  })

  it("is not shown of one seed, however good, nor without an arm", () => {
    const one = Object.fromEntries(Object.entries(good).map(([arm, [first = 0]]) => [arm, [first]]))
    expect(answersTo(one)).toEqual({ a: "not shown", b: "not shown", c: "not shown" })
    const { ppo_real_10x: _, ...without } = good
    expect(answersTo(without)).toEqual({ a: "not shown", b: "met", c: "not shown" })
    expect(answersTo({})).toEqual({ a: "not shown", b: "not shown", c: "not shown" })
  })

  it("is judged by the algorithm that was named beforehand, which comes first", () => {
    const [first] = Goals.answers(runsOf(good), "L2")
    expect(first?.algorithm).toBe("ppo")
    const grpo = Goals.answers(runsOf(good), "L2").slice(3)
    expect(grpo.map(({ answer }) => answer)).toEqual(["not shown", "not shown", "not shown"])
  })
})
