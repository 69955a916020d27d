import { assert, describe, it } from "@effect/vitest"
import type { ExperienceModel, LanguageModel } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ReasoningModel, Rule, SelfConsistency } from "../../src/index.ts"
import {
  broken,
  demonstrationOf,
  knownWorlds,
  listing,
  remembering,
  scripted,
  synthetic,
  trajectoryOf
} from "../boxes.ts"
import { dreamt, good, lost, opinionOf, pen, task } from "../dreams.ts"

type Script = (prompt: LanguageModel.Prompt) => string | LanguageModel.LanguageModelError

const asking = (script: Script) => {
  const { batches, model } = scripted(script)
  return { batches, model: ReasoningModel.make(model, { knowledge: knownWorlds }) }
}

/** Box 2 holds the key and box 1 the pen, however often it is asked. */
const steady: Script = ({ text }) =>
  text.includes("<act> open box 2")
    ? `works. <obs> ${listing("box 2", "key 1")} <win>`
    : `works. <obs> ${listing("box 1", "pen 1")} <act>`

const rule = (
  model: ExperienceModel.ExperienceModel["Service"],
  more: Partial<SelfConsistency.Options> = {}
) =>
  SelfConsistency.rule({
    model,
    samples: 3,
    share: 1,
    minAgreement: 1,
    seed: 5,
    about: "Everything",
    ...more
  })

describe("the rule of self-consistency", () => {
  it.effect("accepts what the model says again and again, and asks it all in one batch", () =>
    Effect.gen(function* () {
      const { batches, model } = asking(steady)
      const { complaint, scores } = yield* opinionOf(rule(model), good)
      assert.isUndefined(complaint)
      assert.deepStrictEqual([scores["agreement"], scores["leastAgreement"]], [1, 1])
      assert.isAbove(scores["tokens/selfConsistency"] ?? 0, 6 * 10)
      assert.deepStrictEqual(
        batches.map((batch) => [batch.length, new Set(batch.map((prompt) => prompt.key)).size]),
        [[6, 6]]
      )
    })
  )

  it.effect("rejects what too few answers agree with, and takes the bound as reached", () =>
    Effect.gen(function* () {
      // The pen of box 1 is repeated in each answer, the key of box 2 in none: half of all agree.
      const { model } = asking((prompt) =>
        prompt.text.includes("<act> open box 2")
          ? `works. <obs> ${listing("box 2", "coin 1")} <act>`
          : steady(prompt)
      )
      const look = (minAgreement: number) => opinionOf(rule(model, { minAgreement }), good)
      const { complaint, scores } = yield* look(0.51)
      assert.strictEqual(
        complaint,
        "asked again, the experience model agreed with 0.500 of its answers; the bound is 0.51"
      )
      assert.deepStrictEqual([scores["agreement"], scores["leastAgreement"]], [0.5, 0])
      assert.isUndefined((yield* look(0.5)).complaint)
    })
  )

  it.effect("compares reward and end too, by its own measure or by yours", () =>
    Effect.gen(function* () {
      const said = (ending: string) =>
        asking(({ text }) =>
          text.includes("<act> open box 2")
            ? `works. <obs> IN the  box 2 you see a key 1. ${ending}`
            : `works. <obs> ${listing("box 1", "pen 1")} <act>`
        ).model
      const agreement = (model: ReturnType<typeof said>, more = {}) =>
        Effect.map(opinionOf(rule(model, more), good), ({ scores }) => scores["agreement"])
      assert.strictEqual(yield* agreement(said("<win>")), 1)
      assert.strictEqual(yield* agreement(said("<act>")), 0.5)
      const onlyWords = (a: SelfConsistency.Answer, b: SelfConsistency.Answer) =>
        a.observation.length > 0 && b.observation.length > 0
      assert.strictEqual(yield* agreement(said("<act>"), { agrees: onlyWords }), 1)
      const never = { agrees: () => false }
      assert.strictEqual(yield* agreement(said("<win>"), never), 0)
    })
  )

  it("takes answers for the same that differ in case and blanks alone", () => {
    const answer = { observation: "You see a key 1.", reward: 0, isEnd: false }
    const others = [
      { ...answer, observation: "you  SEE a\nkey 1. " },
      { ...answer, observation: "You see a key 2." },
      { ...answer, reward: 1 },
      { ...answer, isEnd: true }
    ]
    assert.deepStrictEqual(
      others.map((other) => SelfConsistency.sameWords(answer, other)),
      [true, false, false, false]
    )
  })

  it.effect("asks about a share of the dreamt steps, chosen by the seed and the dream alone", () =>
    Effect.gen(function* () {
      const { batches, model } = asking(steady)
      const one = rule(model, { share: 0.5, samples: 2 })
      yield* opinionOf(one, good)
      yield* opinionOf(one, { ...good, id: "twin" })
      yield* opinionOf(rule(model, { share: 0.5, samples: 2, seed: 6 }), good)
      const [first, again, other] = batches.map((batch) =>
        batch.map(({ key, text }) => [key, text])
      )
      assert.strictEqual(first?.length, 2)
      assert.deepStrictEqual(again, first)
      assert.notDeepEqual(other, first)
    })
  )

  it.effect("asks nothing about what is real", () =>
    Effect.gen(function* () {
      const { batches, model } = asking(steady)
      const real = trajectoryOf("real", task, [["open box 1", listing("box 1", "pen 1")]])
      assert.deepStrictEqual(yield* opinionOf(rule(model), real), {
        scores: {},
        complaint: undefined
      })
      assert.deepStrictEqual(batches, [])
    })
  )

  it.effect("asks by itself about what the text can tell alone: not what a box hides", () =>
    Effect.gen(function* () {
      const { batches, model } = asking(steady)
      const twice = dreamt("twice", [pen, pen, ["dance", "Nothing happens."]])
      const byItself = SelfConsistency.rule({
        model,
        samples: 1,
        share: 1,
        minAgreement: 1,
        seed: 5
      })
      yield* opinionOf(byItself, twice)
      assert.deepStrictEqual(
        batches.map((batch) => batch.map(({ text }) => text.replace(/^.*<act> /, "")).toSorted()),
        [["dance <think>", "open box 1 <think>"]]
      )
      const blind = Rule.subjectOf(twice, () => undefined)
      yield* byItself.judge(blind)
      assert.strictEqual(batches[1]?.length, 3)
    })
  )

  it.effect("shows the model what it was shown in the dream, never the dream itself", () =>
    Effect.gen(function* () {
      const other = trajectoryOf("t2", task, [["open box 9", listing("box 9", "")]])
      const { queries, retrieval } = yield* remembering([demonstrationOf(other, 0)])
      const { batches, model } = asking(steady)
      yield* opinionOf(rule(model, { samples: 1, demonstrations: { k: 1, retrieval } }), good)
      assert.deepStrictEqual(
        (yield* queries).map(({ excludeTrajectory, k }) => [excludeTrajectory, k]),
        [
          ["good", 1],
          ["good", 1]
        ]
      )
      assert.isTrue(batches.flat().every(({ text }) => text.startsWith("<demo> open box 9")))
    })
  )

  it.effect("counts nonsense as disagreement, and a model that is away as a fault", () =>
    Effect.gen(function* () {
      const { complaint, scores } = yield* opinionOf(rule(asking(() => "nonsense").model), good)
      assert.isDefined(complaint)
      assert.deepStrictEqual(scores, {
        agreement: 0,
        leastAgreement: 0,
        "tokens/selfConsistency": 0
      })
      for (const reason of ["Unavailable", "Timeout"] as const) {
        const error = yield* Effect.flip(opinionOf(rule(asking(() => broken(reason)).model), good))
        assert.deepStrictEqual([error.reason, error.rule], ["Unavailable", "selfConsistency"])
        assert.include(error.message, "script could not be asked again")
      }
    })
  )

  it("agrees in the share of its answers, whatever is asked", () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 1000 }),
        (samples, seed) =>
          Effect.runPromise(
            Effect.gen(function* () {
              // Whether an answer agrees follows from its key.
              let agreed = 0
              const { batches, model } = asking((prompt) => {
                if (prompt.key % 3 === 0) return "works. <obs> You see a unicorn. <act>"
                agreed += 1
                return prompt.text.includes("<act> open box 1")
                  ? `works. <obs> ${listing("box 1", "pen 1")} <act>`
                  : `works. <obs> ${listing("box 3", "coin 1")} <act>`
              })
              const dream = {
                ...lost,
                transitions: lost.transitions.map((one) => ({ ...one, provenance: synthetic }))
              }
              const { scores } = yield* opinionOf(rule(model, { samples, seed }), dream)
              assert.strictEqual(batches.flat().length, 2 * samples)
              assert.strictEqual(scores["agreement"], agreed / (2 * samples))
            })
          )
      ),
      { numRuns: 30 }
    ))
})
