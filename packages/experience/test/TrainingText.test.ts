import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { Format, TrainingText } from "../src/index.ts"
import {
  boxTask,
  demonstrationOf,
  firstObservation,
  knowledge,
  knownWorlds,
  listing,
  remembering,
  synthetic,
  trajectoryOf
} from "./boxes.ts"

const search = trajectoryOf("t1", boxTask("a", "key"), [
  ["open box 2", listing("box 2", "pen 1")],
  ["dance", "Nothing happens."],
  ["open box 1", listing("box 1", "key 1"), 1]
])
const plain = { knowledge: knownWorlds, relabels: 0, key: 1 }

const segments = (
  reasoning: string,
  observation: string,
  ending: string,
  weight = 1
): ReadonlyArray<TrainingText.Segment> => [
  { name: "reasoning", text: reasoning, weight: 1 },
  { name: "observation", text: observation, weight },
  { name: "ending", text: ending, weight: 1 }
]

describe("TrainingText", () => {
  it.effect("teaches each real transition with its reasoning and its ending", () =>
    Effect.gen(function* () {
      const rows = yield* TrainingText.rows([search], plain)
      assert.deepStrictEqual(rows, [
        {
          prompt: "key unseen box 1 unseen box 2 unseen box 3 <act> open box 2 <think>",
          target: "works. progress 0 <obs> In the box 2 you see a pen 1. <act>",
          segments: segments("works. progress 0 <obs>", "In the box 2 you see a pen 1.", "<act>"),
          matches: { goal: ["key"] }
        },
        {
          prompt: "key unseen box 1 pen 1 box 2 unseen box 3 <act> dance <think>",
          target: "fails. progress 0 <obs> Nothing happens. <act>",
          segments: segments("fails. progress 0 <obs>", "Nothing happens.", "<act>"),
          matches: { goal: ["key"] }
        },
        {
          prompt: "key unseen box 1 pen 1 box 2 unseen box 3 <act> open box 1 <think>",
          target: "works. progress 1 <obs> In the box 1 you see a key 1. <win>",
          segments: segments("works. progress 1 <obs>", "In the box 1 you see a key 1.", "<win>"),
          matches: { goal: ["key"] }
        }
      ])
    })
  )

  it.effect("puts no loss on what a relabelled telling reveals, and stops at its reward", () =>
    Effect.gen(function* () {
      const rows = yield* TrainingText.rows([search], { ...plain, relabels: 12 })
      const told = rows.slice(3).filter((row) => row.prompt.startsWith("pen "))
      assert.isAbove(told.length, 0)
      for (const row of told) {
        assert.deepStrictEqual(row, {
          prompt: "pen unseen box 1 unseen box 2 unseen box 3 <act> open box 2 <think>",
          target: "works. progress 1 <obs> In the box 2 you see a pen 1. <win>",
          segments: segments(
            "works. progress 1 <obs>",
            "In the box 2 you see a pen 1.",
            "<win>",
            0
          ),
          matches: { goal: ["pen"] }
        })
      }
      const coins = rows.slice(3).filter((row) => row.prompt.startsWith("coin "))
      assert.isAbove(coins.length, 0)
      assert.deepStrictEqual(
        coins.slice(0, 3).map((row) => row.segments.map((segment) => segment.weight)),
        [
          [1, 0, 1],
          [1, 1, 1],
          [1, 0, 1]
        ]
      )
    })
  )

  it.effect(
    "teaches under another task how an answer follows from what is foreseen, not that",
    () =>
      Effect.gen(function* () {
        const foreseeing = {
          ...knowledge,
          foresee: (_task: unknown, _history: unknown, _action: string, observation: string) =>
            observation.includes("pen") ? "a pen is here" : ""
        }
        const options = { ...plain, knowledge: () => foreseeing, relabels: 12 }
        const told = (rows: ReadonlyArray<TrainingText.TrainingRow>, goal: string) =>
          rows.filter(({ prompt, target }) => prompt.startsWith(goal) && target.includes("here"))
        const rows = yield* TrainingText.rows([search], options)
        const [lived, pen] = [told(rows.slice(0, 3), "key"), told(rows.slice(3), "pen")]
        assert.isAbove(lived.length, 0)
        assert.isAbove(pen.length, 0)
        for (const [list, weight] of [
          [lived, 1],
          [pen, 0]
        ] as const) {
          const segments = list.map((row) => row.segments.slice(0, 4))
          for (const [reasoning, foresight, tag, observation] of segments) {
            assert.strictEqual(reasoning?.text.includes("<obs>"), false)
            assert.deepStrictEqual(foresight, { name: "foresight", text: "a pen is here", weight })
            assert.deepStrictEqual(tag, { name: "reasoning", text: "<obs>", weight: 1 })
            assert.strictEqual(observation?.weight, 1)
          }
        }
        const silent = yield* TrainingText.rows([search], { ...options, reasoning: false })
        assert.isTrue(silent.every(({ target }) => !target.includes("here")))
      })
  )

  it.effect("tells copies by the key alone: each copy under a key of its own", () =>
    Effect.gen(function* () {
      const three = yield* TrainingText.rows([search], { ...plain, relabels: 3 })
      const again = yield* TrainingText.rows([search], { ...plain, relabels: 3 })
      const four = yield* TrainingText.rows([search], { ...plain, relabels: 4 })
      assert.deepStrictEqual(again, three)
      assert.deepStrictEqual(four.slice(0, three.length), three)
    })
  )

  it.effect("shows demonstrations, and never asks for those of the trajectory that is taught", () =>
    Effect.gen(function* () {
      const other = trajectoryOf("t2", boxTask("b", "pen"), [["open box 3", listing("box 3", "")]])
      const { queries, retrieval } = yield* remembering([demonstrationOf(other, 0)])
      const rows = yield* TrainingText.rows([search], {
        ...plain,
        relabels: 3,
        demonstrations: { k: 2, retrieval, realOnly: true }
      })
      assert.strictEqual(
        rows[1]?.prompt,
        "<demo> open box 3 <obs> In the box 3 you see nothing. key unseen box 1 pen 1 box 2 unseen box 3 <act> dance <think>"
      )
      const asked = yield* queries
      assert.strictEqual(asked.length, rows.length)
      assert.deepStrictEqual(asked[1], {
        state: "key unseen box 1 pen 1 box 2 unseen box 3",
        action: "dance",
        k: 2,
        source: "Real",
        environment: "boxes",
        excludeTrajectory: "t1"
      })
      assert.isTrue(asked.every((query) => query.excludeTrajectory === "t1"))
    })
  )

  it.effect("refuses what was dreamt, and worlds in which it cannot reason", () =>
    Effect.gen(function* () {
      const dreamt = trajectoryOf("t9", boxTask("a", "key"), [["wait", "Time."]], {
        provenance: synthetic
      })
      const foreign = trajectoryOf("t8", { ...boxTask("a", "key"), environment: "sea" }, [])
      const refused = yield* Effect.flip(TrainingText.rows([search, dreamt], plain))
      const unknown = yield* Effect.flip(TrainingText.rows([foreign], plain))
      assert.deepStrictEqual(
        [refused, unknown].map((error) => error._tag === "TrainingTextError" && error.reason),
        ["Synthetic", "UnknownWorld"]
      )
      assert.strictEqual((yield* Effect.flip(TrainingText.taskRows([dreamt]))).reason, "Synthetic")
    })
  )

  it.effect("teaches the task generator each pair of house and instruction once", () =>
    Effect.gen(function* () {
      const rows = yield* TrainingText.taskRows([search, { ...search, id: "t2" }])
      assert.deepStrictEqual(rows, [
        {
          prompt: "You see box 1, box 2, box 3. <task>",
          target: "find the key <act>",
          segments: [{ name: "instruction", text: "find the key <act>", weight: 1 }],
          matches: {}
        }
      ])
    })
  )

  it("splits so that no task and no house is on both sides, and nothing is lost", () => {
    const drawn = fc.array(fc.record({ task: fc.nat(8), house: fc.nat(8) }), { maxLength: 40 })
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(drawn, share, fc.integer(), (list, heldOutShare, key) => {
        const trajectories = list.map(({ house, task }, i) =>
          trajectoryOf(`t${i}`, boxTask(`task ${task}`, "key"), [], {
            first: firstObservation(house + 1, "key")
          })
        )
        const { heldOut, train } = TrainingText.split(trajectories, { heldOutShare, key })
        const marks = (side: typeof train) =>
          new Set(
            side.flatMap((one) => [
              one.task.id,
              Format.houseText(one.firstObservation, one.task.instruction)
            ])
          )
        assert.isTrue([...marks(heldOut)].every((mark) => !marks(train).has(mark)))
        assert.isAtMost(heldOut.length, heldOutShare * trajectories.length)
        assert.deepStrictEqual(
          trajectories.filter((one) => train.includes(one) !== heldOut.includes(one)),
          trajectories
        )
      })
    )
  })

  it("holds out the share that was asked for where every trajectory stands alone", () => {
    const trajectories = Array.from({ length: 20 }, (_, i) =>
      trajectoryOf(`t${i}`, boxTask(`task ${i}`, "key"), [], {
        first: firstObservation(i + 1, "key")
      })
    )
    const { heldOut, train } = TrainingText.split(trajectories, { heldOutShare: 0.25, key: 5 })
    assert.deepStrictEqual([train.length, heldOut.length], [15, 5])
    assert.notDeepEqual(
      TrainingText.split(trajectories, { heldOutShare: 0.25, key: 6 }).heldOut,
      heldOut
    )
  })
})
