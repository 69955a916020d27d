import { History, type Policy } from "@dreamgym/domain"
import { Law, PolicyLaws } from "@dreamgym/laws"
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import * as Demonstrator from "../src/household/Demonstrator.ts"
import * as Generator from "../src/household/Generator.ts"
import { rungs, type RungName } from "../src/household/Rung.ts"
import { knowledgeOf, play, rungNames, taskOf } from "./houses.ts"

const successRate = (name: RungName, randomRate: number, count: number): number => {
  const rung = rungs[name]
  const policy = Demonstrator.expert({ rung, randomRate })
  const tasks = Generator.tasks({ rung: name, split: "train", count, seed: 11 })
  const won = tasks.filter((task) => play(task, policy, rung.stepLimit).turns.at(-1)?.isWon)
  return won.length / count
}

const decisions = play(
  taskOf("L2", 3),
  Demonstrator.random({ rung: rungs.L2, invalidRate: 0 }),
  15
).turns.map(({ before }, key): Policy.Decision => ({ task: taskOf("L2", 3), history: before, key }))

for (const policy of [
  Demonstrator.expert({ rung: rungs.L2, randomRate: 0.5, invalidRate: 0 }),
  Demonstrator.random({ rung: rungs.L2, invalidRate: 0 })
]) {
  Law.describeLaws(
    { describe, it },
    PolicyLaws.policyLaws({
      name: policy.name,
      policy: Effect.succeed(policy),
      decisions,
      knowledge: () => knowledgeOf("L2")
    })
  )
}

describe("The expert", () => {
  it.each(rungNames)("solves at least 95 of 100 houses of %s within the step limit", (name) => {
    expect(successRate(name, 0, 100)).toBeGreaterThanOrEqual(0.95)
  })

  it("solves fewer houses the more often it strays", () => {
    const rates = [0, 0.5, 1].map((randomRate) => successRate("L2", randomRate, 60))
    expect(rates).toEqual(rates.toSorted((left, right) => right - left))
    expect(rates[2]).toBeLessThan(0.2)
  })

  it("plays only commands that do something, unless it may blunder", () => {
    const policy = Demonstrator.expert({ rung: rungs.L2, randomRate: 0.5, invalidRate: 0 })
    for (let seed = 0; seed < 30; seed++) {
      for (const turn of play(taskOf("L2", seed), policy, 15).turns) {
        expect(turn.admissible).toContain(turn.action)
      }
    }
  })

  it("goes first where such an object is likely, four times as often as elsewhere", () => {
    const rung = rungs.L3
    const policy = Demonstrator.expert({ rung, randomRate: 0 })
    const task = taskOf("L3", 6)
    const { places, goal } = Generator.layout({ rung: "L3", seed: task.seed })
    const isLikely = (kind: string) => rung.likely[goal.object]?.includes(kind) ?? false
    const likely = places.filter(({ kind }) => isLikely(kind)).length
    const history = History.start(play(task, policy, 1).first)
    const tries = 2000
    const chosen = Array.from(
      { length: tries },
      (_, key) => Effect.runSync(policy.act({ task, history, key })).text
    ).filter((text) => isLikely(/^go to (\w+) /.exec(text)?.[1] ?? "")).length
    const expected = (4 * likely) / (4 * likely + places.length - likely)
    expect(likely).toBeGreaterThan(0)
    expect(likely).toBeLessThan(places.length)
    expect(Math.abs(chosen / tries - expected)).toBeLessThan(0.04)
  })

  it("needs no rung: it knows the likely places of the largest", () => {
    const policy = Demonstrator.expert({ randomRate: 0 })
    expect(play(taskOf("L3", 2), policy, 20).turns.at(-1)?.isWon).toBe(true)
  })
})

describe("A scripted policy", () => {
  const policies = [
    Demonstrator.expert({ rung: rungs.L2, randomRate: 0.5 }),
    Demonstrator.random({ rung: rungs.L2, invalidRate: 0.5 })
  ]

  it("decides differently for another key", () => {
    for (const { act } of policies) {
      const decide = (shift: number) =>
        decisions.map((one) => Effect.runSync(act({ ...one, key: one.key + shift })).text)
      expect(decide(100)).not.toEqual(decide(0))
    }
  })

  it("says what is wrong when the first observation names no place", () => {
    const task = taskOf("L2", 3)
    const decision = { task, history: History.start("It is dark."), key: 1 }
    for (const policy of policies) {
      expect(Effect.runSync(Effect.flip(policy.act(decision)))).toMatchObject({
        _tag: "PolicyError",
        reason: "NoAdmissibleAction"
      })
    }
  })

  it("has no version: nobody trained it", () => {
    expect(policies.map(({ version }) => Effect.runSync(version))).toEqual([-1, -1])
  })

  it("blunders about as often as it may", () => {
    const policy = Demonstrator.random({ rung: rungs.L2, invalidRate: 1 })
    const turns = Array.from(
      { length: 40 },
      (_, seed) => play(taskOf("L2", seed), policy, 15).turns
    ).flat()
    const idle = turns.filter(({ observation }) => observation === "Nothing happens.").length
    expect(idle / turns.length).toBeGreaterThan(0.05)
    expect(idle / turns.length).toBeLessThan(0.3)
  })
})
