/** Tests of what the experience model can be left without: its history, its reasoning; one form in training, asking and measuring. */
import { assert, describe, it } from "@effect/vitest"
import { History } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import {
  Demonstrations,
  Fidelity,
  Format,
  Moments,
  ReasoningModel,
  TrainingText
} from "../src/index.ts"
import {
  boxTask,
  demonstrationOf,
  knowledge,
  knownWorlds,
  listing,
  remembering,
  scripted,
  trajectoryOf
} from "./boxes.ts"

const task = boxTask("a", "key")
const search = trajectoryOf("t1", task, [
  ["open box 2", listing("box 2", "pen 1")],
  ["dance", "Nothing happens."],
  ["open box 1", listing("box 1", "key 1"), 1]
])
const plain = { knowledge: knownWorlds, relabels: 0, key: 1 }
const forms: ReadonlyArray<Required<Format.Form>> = [true, false].flatMap((history) =>
  [true, false].map((reasoning) => ({ history, reasoning }))
)
const promptsOf = (form: Format.Form, known: ReasoningModel.Options["knowledge"] = knownWorlds) =>
  Moments.moments(search).map(({ before: history, transition }, key) => {
    const action = transition.action.text
    const request = { task, history, action, demonstrations: [], key }
    return ReasoningModel.promptOf({ knowledge: known, ...form }, request)
  })

describe("without reasoning", () => {
  it.effect("the observation is learnt right after the action", () =>
    Effect.gen(function* () {
      const rows = yield* TrainingText.rows([search], { ...plain, reasoning: false })
      assert.deepStrictEqual(rows[2], {
        prompt: "key unseen box 1 pen 1 box 2 unseen box 3 <act> open box 1 <obs>",
        target: "In the box 1 you see a key 1. <win>",
        segments: [
          { name: "observation", text: "In the box 1 you see a key 1.", weight: 1 },
          { name: "ending", text: "<win>", weight: 1 }
        ],
        matches: { goal: ["key"] }
      })
    })
  )

  it.effect("a relabelled telling puts no loss on what it reveals either", () =>
    Effect.gen(function* () {
      const weights = (reasoning: boolean) =>
        Effect.map(TrainingText.rows([search], { ...plain, relabels: 6, reasoning }), (rows) =>
          rows.map(({ segments }) =>
            segments.flatMap(({ name, weight }) => (name === "reasoning" ? [] : [weight]))
          )
        )
      assert.deepStrictEqual(yield* weights(false), yield* weights(true))
      assert.isTrue((yield* weights(false)).some(([observation]) => observation === 0))
    })
  )

  it("a large model is asked for none, and told so once", () => {
    const [prompt] = promptsOf({ reasoning: false }, () => undefined)
    const lines = prompt?.text.split("\n") ?? []
    assert.strictEqual(lines.at(-1), "<obs>")
    assert.include(lines, "Reply in this form only: OBSERVATION <act>")
    assert.isFalse(/reason/i.test(prompt?.text ?? "reason"))
  })

  it("what is written is read back, and reasoning is refused", () => {
    const form = { reasoning: false }
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (text, isDone) => {
        const observation = Format.harmless(text)
        fc.pre(observation !== "")
        const reply = { reasoning: "", observation, isDone }
        const written = Format.replyText(reply, form)
        assert.deepStrictEqual(Format.parseReply(written, form), Result.succeed(reply))
        assert.deepStrictEqual(Format.parseReply(`<obs> ${written}`, form), Result.succeed(reply))
      })
    )
    const wrongs: ReadonlyArray<readonly [string, string]> = [
      ["works. <obs> You win. <win>", "it holds <obs>, before which only reasoning could stand"],
      ["You win.", "it does not end with <act> or <win>"],
      ["<think> You win. <win>", "it holds a stray <think>"],
      ["<act>", "its observation is empty"]
    ]
    for (const [reply, wrong] of wrongs) {
      assert.deepStrictEqual(Format.parseReply(reply, form), Result.fail(wrong))
    }
  })

  it.effect("a dream has an observation and no reasoning, and one that reasons is malformed", () =>
    Effect.gen(function* () {
      const request = { task, history: History.start("You see box 1."), action: "open box 1" }
      const asked = (said: string) =>
        ReasoningModel.make(scripted(() => said).model, {
          knowledge: knownWorlds,
          reasoning: false
        }).predict({ ...request, demonstrations: [], key: 1 })
      const { observation, reasoning, reward } = yield* asked("You see a key 1. <win>")
      assert.deepStrictEqual([reasoning, observation, reward], ["", "You see a key 1.", 1])
      const error = yield* Effect.flip(asked("works. <obs> You see a key 1. <win>"))
      assert.strictEqual(error.reason, "Malformed")
    })
  )

  it.effect("no reasoning is measured, and the rest is measured as ever", () =>
    Effect.gen(function* () {
      const truth = new Map(
        search.transitions.map(({ action, nextObservation, reward }) => [
          action.text,
          `${nextObservation} ${reward > 0 ? "<win>" : "<act>"}`
        ])
      )
      const answer = ({ text }: { readonly text: string }) =>
        truth.get(/<act> (.*) <obs>$/.exec(text)?.[1] ?? "") ?? "rambling"
      const model = ReasoningModel.make(scripted(answer).model, {
        knowledge: knownWorlds,
        temperature: 0,
        reasoning: false
      })
      const measured = yield* Fidelity.measure(model, [search], {
        knowledge: knownWorlds,
        key: 1,
        reasoning: false
      })
      assert.deepStrictEqual(
        [measured.transitions, measured.explained, measured.reasoningExact, measured.malformedRate],
        [3, 0, 0, 0]
      )
      assert.strictEqual(measured.nextStateExact, 1)
      assert.strictEqual(measured.rewardConfusion.truePositive, 1)
    })
  )
})

describe("without history", () => {
  it.effect(
    "only the first observation and the last turn are told; what explains it is the same",
    () =>
      Effect.gen(function* () {
        const whole = yield* TrainingText.rows([search], plain)
        const rows = yield* TrainingText.rows([search], { ...plain, history: false })
        assert.deepStrictEqual(
          rows.map(({ prompt }) => prompt),
          [
            "key unseen box 1 unseen box 2 unseen box 3 <act> open box 2 <think>",
            "key unseen box 1 pen 1 box 2 unseen box 3 <act> dance <think>",
            "key unseen box 1 unseen box 2 unseen box 3 <act> open box 1 <think>"
          ]
        )
        const taught = (list: typeof rows) => list.map(({ segments, target }) => [target, segments])
        assert.deepStrictEqual(taught(rows), taught(whole))
      })
  )

  it("nothing of what came before reaches a prompt: not its words, nor what they rule out", () => {
    const turn = fc.record({
      action: fc.constantFrom("open box 1", "open box 2", "dance"),
      observation: fc.constantFrom(
        listing("box 1", "pen 1"),
        listing("box 2", "coin 1"),
        listing("box 3", "")
      )
    })
    fc.assert(
      fc.property(fc.array(turn), fc.array(turn), turn, (one, other, last) => {
        for (const known of [knownWorlds, () => undefined]) {
          const [first, second] = [one, other].map((before) =>
            ReasoningModel.promptOf(
              { knowledge: known, history: false },
              {
                task,
                history: History.fromTurns("You see box 1, box 2.", [...before, last]),
                action: "open box 2",
                demonstrations: [],
                key: 1
              }
            )
          )
          assert.deepStrictEqual(first, second)
        }
      })
    )
  })

  it("a plain transcript has the first observation and one turn", () => {
    const prompt = promptsOf({ history: false }, () => undefined)[2]?.text ?? ""
    assert.strictEqual(prompt.match(/^Observation: /gm)?.length, 2)
    assert.isFalse(prompt.includes("pen 1"))
  })

  it.effect("similar experience is looked up by what is shown", () =>
    Effect.gen(function* () {
      const { queries, retrieval } = yield* remembering([demonstrationOf(search, 0)])
      const history = Moments.moments(search)[2]?.before ?? History.start("")
      for (const isWhole of [true, false]) {
        const options = { k: 1, retrieval, history: isWhole }
        yield* Demonstrations.find(options, { task, history, action: "open box 1", knowledge })
      }
      assert.deepStrictEqual(
        (yield* queries).map(({ state }) => state),
        ["key unseen box 1 pen 1 box 2 unseen box 3", "key unseen box 1 unseen box 2 unseen box 3"]
      )
    })
  )
})

describe("each form", () => {
  it.effect.each(forms)("asks as it was taught: %j", (form) =>
    Effect.gen(function* () {
      const rows = yield* TrainingText.rows([search], { ...plain, ...form })
      assert.deepStrictEqual(
        promptsOf(form).map(({ matches, text }) => ({ prompt: text, matches })),
        rows.map(({ matches, prompt }) => ({ prompt, matches }))
      )
      for (const { target } of rows) {
        assert.isTrue(Result.isSuccess(Format.parseReply(target, form)), target)
      }
    })
  )
})
