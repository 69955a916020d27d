import { Ending, History, type Knowledge, type Trajectory } from "@dreamgym/domain"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import { Preferences } from "../src/index.ts"
import { taskOf, tokenizer } from "./corridor.ts"

interface Told {
  readonly task: number
  readonly outcome: "good" | "bad" | "cut" | "failed" | "empty"
}

const endings: Readonly<Record<Told["outcome"], Ending.Ending>> = {
  good: Ending.terminated(true),
  bad: Ending.terminated(false),
  cut: Ending.truncated("StepLimit"),
  failed: Ending.failed("Environment", "broke"),
  empty: Ending.terminated(true)
}

const trajectoryOf = ({ outcome, task }: Told, i: number): Trajectory.Trajectory => ({
  id: `${i}`,
  task: taskOf(task),
  firstObservation: `room ${task % 2}`,
  policy: "tester",
  policyVersion: 0,
  ending: endings[outcome],
  transitions:
    outcome === "empty"
      ? []
      : [
          {
            observation: "",
            action: { text: "go" },
            reward: 0,
            nextObservation: "",
            provenance: { _tag: "Real", environment: "corridor", version: "1" }
          }
        ]
})

const told = fc
  .array(
    fc.record<Told>({
      task: fc.integer({ min: 0, max: 3 }),
      outcome: fc.constantFrom("good", "bad", "cut", "failed", "empty")
    }),
    { maxLength: 30 }
  )
  .map((list) => list.map(trajectoryOf))

const isBad = ({ ending }: Trajectory.Trajectory) =>
  ending === endings.bad || ending === endings.cut

const counts = (ids: ReadonlyArray<string>) =>
  [...Map.groupBy(ids, (id) => id).values()].map((same) => same.length)

/** A world in which always the same can be done. */
const knowledgeOf = (admissible: ReadonlyArray<string>): Knowledge.Knowledge => ({
  features: [],
  lexicon: [],
  describe: (_, history) => ({ text: History.observation(history), admissible, matches: {} }),
  question: () => ({ text: "", matches: {}, forbidden: [], once: [] }),
  annotate: () => "",
  audit: () => ({ success: false, contradictions: 0, goalSeen: false }),
  relabel: () => undefined,
  restate: () => undefined
})

describe("Pairs of an offline dataset", () => {
  it("are a success and a failure of one group, never a fault, never twice, as many as may be, and evenly", () => {
    fc.assert(
      fc.property(
        told,
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom("task", "start"),
        (list, mostPerGroup, by) => {
          const nameOf = Preferences.sameness[by]
          const pairs = Preferences.pairsOf(list, { by, mostPerGroup, key: 5 })
          const named = pairs.map(({ chosen, rejected }) => `${chosen.id} ${rejected.id}`)
          assert.strictEqual(new Set(named).size, pairs.length)
          for (const { chosen, rejected } of pairs) {
            assert.strictEqual(chosen.ending, endings.good)
            assert.isTrue(isBad(rejected))
            assert.strictEqual(nameOf(chosen), nameOf(rejected))
          }
          for (const group of Map.groupBy(list, nameOf).values()) {
            const ids = new Set(group.map(({ id }) => id))
            const mine = pairs.filter(({ chosen }) => ids.has(chosen.id))
            const good = group.filter(({ ending }) => ending === endings.good).length
            assert.strictEqual(
              mine.length,
              Math.min(mostPerGroup, good * group.filter(isBad).length)
            )
            for (const side of ["chosen", "rejected"] as const) {
              const used = counts(mine.map((pair) => pair[side].id))
              assert.isAtMost(Math.max(0, ...used) - Math.min(...used, 99), 1)
            }
          }
        }
      )
    )
  })

  it("are all that there are where as many are asked for", () => {
    const list = Array.from({ length: 10 }, (_, i) =>
      trajectoryOf({ task: 0, outcome: i < 4 ? "good" : "bad" }, i)
    )
    const pairs = Preferences.pairsOf(list, { by: "task", mostPerGroup: 99, key: 1 })
    assert.strictEqual(pairs.length, 24)
    const named = pairs.map(({ chosen, rejected }) => `${chosen.id} ${rejected.id}`)
    assert.strictEqual(new Set(named).size, 24)
  })

  it("are the same from the same key, others from another, and do not depend on other groups", () => {
    const list = Array.from({ length: 40 }, (_, i) =>
      trajectoryOf({ task: i % 4, outcome: i % 8 < 4 ? "good" : "bad" }, i)
    )
    const ids = (key: number, of = list) =>
      Preferences.pairsOf(of, { by: "task", mostPerGroup: 4, key }).map(({ chosen, rejected }) => [
        chosen.id,
        rejected.id
      ])
    assert.deepStrictEqual(ids(1), ids(1))
    assert.notDeepEqual(ids(1), ids(2))
    const first = list.filter(({ task }) => task.id === taskOf(0).id)
    assert.deepStrictEqual(ids(1, first), ids(1).slice(0, 4))
  })

  it("become rows of what could be chosen; a pair with nothing to choose on a side is left out", () => {
    const admissible = ["go left", "stay"]
    const options = {
      tokenizer,
      knowledge: knowledgeOf(admissible),
      prompt: (text: string) => `${text} <act>`
    }
    const said = (text: string, outcome: Told["outcome"]) => {
      const [trajectory] = [trajectoryOf({ task: 0, outcome }, 0)]
      const transitions = trajectory.transitions.map((one) => ({ ...one, action: { text } }))
      return { ...trajectory, transitions: [...transitions, ...transitions] }
    }
    const pairs = [
      { chosen: said("go left", "good"), rejected: said("stay", "bad") },
      { chosen: said("go left", "good"), rejected: said("go right", "bad") }
    ]
    const preferences = Preferences.preferencesOf(pairs, options)
    const ids = preferences.map(({ chosen, rejected }) =>
      [chosen, rejected].map((rows) => rows.map(({ targetIds }) => targetIds))
    )
    const [left, stay] = ["go left", "stay"].map(tokenizer.encode)
    assert.deepStrictEqual(ids, [
      [
        [left?.slice(0, 1), left?.slice(0, 1)],
        [stay, stay]
      ]
    ])
  })
})
