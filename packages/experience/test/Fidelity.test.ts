import { assert, describe, it } from "@effect/vitest"
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { Fidelity, Moments, ReasoningModel } from "../src/index.ts"
import {
  boxTask,
  broken,
  demonstrationOf,
  knowledge,
  knownWorlds,
  listing,
  remembering,
  scripted,
  trajectoryOf
} from "./boxes.ts"

const options = { knowledge: knownWorlds, key: 1 }
const held = trajectoryOf("t1", boxTask("a", "key"), [
  ["open box 1", listing("box 1", "pen 1")],
  ["dance", "Nothing happens."],
  ["open box 1", listing("box 1", "pen 1")],
  ["open box 2", listing("box 2", "key 1"), 1]
])

const greedy = (model: Parameters<typeof ReasoningModel.make>[0]) =>
  ReasoningModel.make(model, { knowledge: knownWorlds, temperature: 0 })

/** Answers by the action and by whether box 1 is known. */
const replies = (prompt: { readonly text: string }): string => {
  if (prompt.text.includes("<act> dance")) return "works. progress 0 <obs> Nothing happens. <act>"
  if (prompt.text.includes("pen 1 box 1 unseen box 2 unseen box 3 <act> open box 1"))
    return "works. progress 0 <obs> In the box 1  you see a pen 1. <act>"
  if (prompt.text.includes("open box 2")) return "works. progress 0 <obs> In the box 2. <act>"
  return "rambling"
}

const compared = (
  said: Partial<Fidelity.Comparison["predicted"]> | undefined,
  rest: Partial<Fidelity.Comparison> = {}
): Fidelity.Comparison => ({
  observation: "You see.",
  reward: 0,
  reasoning: "works.",
  isNovel: false,
  ...(said === undefined
    ? {}
    : { predicted: { observation: "You see.", reward: 0, reasoning: "works.", ...said } }),
  ...rest
})

describe("Fidelity", () => {
  it.effect("asks about real histories at temperature 0 and compares every answer", () =>
    Effect.gen(function* () {
      const { batches, model } = scripted(replies)
      assert.deepStrictEqual(yield* Fidelity.measure(greedy(model), [held], options), {
        transitions: 4,
        known: 2,
        explained: 4,
        nextStateExact: 0.5,
        nextStateExactKnown: 1,
        reasoningExact: 0.25,
        rewardConfusion: { truePositive: 0, falsePositive: 0, trueNegative: 2, falseNegative: 1 },
        falseSuccessRate: 0,
        missedSuccessRate: 1,
        malformedRate: 0.25
      })
      assert.strictEqual(batches.length, 1)
      assert.isTrue(batches.flat().every((prompt) => prompt.temperature === 0))
    })
  )

  it.effect(
    "asks in waves of the size it was told, never with the trajectory's own transitions",
    () =>
      Effect.gen(function* () {
        const { batches, model } = scripted(() => "works. <obs> Time. <act>")
        const { queries, retrieval } = yield* remembering([demonstrationOf(held, 0)])
        yield* Fidelity.measure(greedy(model), [held], {
          ...options,
          waveSize: 3,
          demonstrations: { k: 1, retrieval }
        })
        assert.deepStrictEqual(
          batches.map((batch) => batch.length),
          [3, 1]
        )
        assert.isTrue((yield* queries).every((query) => query.excludeTrajectory === "t1"))
      })
  )

  it.effect("measures nothing with a model that is out of reach", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Fidelity.measure(greedy(scripted(() => broken("Unavailable")).model), [held], options)
      )
      assert.strictEqual(error.reason, "Unavailable")
    })
  )

  it.effect("compares without knowledge what can be compared without", () =>
    Effect.gen(function* () {
      const { model } = scripted(() => "hm. <obs> Nothing happens. <act>")
      const measured = yield* Fidelity.measure(
        ReasoningModel.make(model, { knowledge: () => undefined, temperature: 0 }),
        [held],
        { ...options, knowledge: () => undefined }
      )
      assert.deepStrictEqual(
        [measured.transitions, measured.known, measured.explained, measured.nextStateExact],
        [4, 4, 0, 0.25]
      )
    })
  )

  it("counts each kind of right and wrong once", () => {
    const comparisons = [
      compared({}),
      compared({ observation: "You\n see." }),
      compared({ observation: "You hear.", reasoning: "fails." }),
      compared({ reward: 1 }),
      compared({ observation: "You hear." }, { isNovel: true }),
      compared({ reward: 1 }, { reward: 1 }),
      compared({ reward: 0 }, { reward: 1 }),
      compared(undefined, { reward: 1 })
    ]
    assert.deepStrictEqual(Fidelity.summarise(comparisons), {
      transitions: 8,
      known: 7,
      explained: 8,
      nextStateExact: 5 / 8,
      nextStateExactKnown: 5 / 7,
      reasoningExact: 6 / 8,
      rewardConfusion: { truePositive: 1, falsePositive: 1, trueNegative: 4, falseNegative: 1 },
      falseSuccessRate: 1 / 5,
      missedSuccessRate: 1 / 2,
      malformedRate: 1 / 8
    })
  })

  it("gives shares of 0 for nothing, and its numbers by name", () => {
    const nothing = Fidelity.summarise([])
    assert.isTrue(Object.values(Fidelity.metrics(nothing)).every((value) => value === 0))
    assert.deepStrictEqual(Object.keys(Fidelity.metrics(nothing)), [
      "fidelity/transitions",
      "fidelity/known",
      "fidelity/explained",
      "fidelity/nextStateExact",
      "fidelity/nextStateExactKnown",
      "fidelity/reasoningExact",
      "fidelity/falseSuccessRate",
      "fidelity/missedSuccessRate",
      "fidelity/malformedRate",
      "fidelity/truePositive",
      "fidelity/falsePositive",
      "fidelity/trueNegative",
      "fidelity/falseNegative"
    ])
  })

  it("tells what an answer reveals from what the text had told", () => {
    const novelty = (turns: Parameters<typeof trajectoryOf>[2]) => {
      const trajectory: Trajectory.Trajectory = trajectoryOf("t", boxTask("a", "key"), turns)
      return Moments.moments(trajectory).map((moment) =>
        Fidelity.isNovel(knowledge, { trajectory, moment })
      )
    }
    const [pen, none] = [listing("box 1", "pen 1"), listing("box 2", "")]
    assert.deepStrictEqual(
      novelty([
        ["open box 1", pen],
        ["open box 1", pen],
        ["open box 2", none],
        ["open box 2", none],
        ["dance", "Nothing happens."],
        ["look at pen 1", "This is a normal pen 1."]
      ]),
      [true, false, true, false, false, false]
    )
  })
})
