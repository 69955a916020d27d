import { assert, describe, it } from "@effect/vitest"
import { History, Lockstep, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { type Consistency, ReasoningModel } from "../src/index.ts"
import { boxTask, firstObservation, knowledge, knownWorlds, listing, scripted } from "./boxes.ts"

const task = boxTask("a", "key")
const opened = History.fromTurns(firstObservation(2, "key"), [
  { action: "open box 1", observation: listing("box 1", "pen 1") }
])
const request = (action: string, history = opened) => ({
  task,
  history,
  action,
  demonstrations: [],
  key: 11
})
const all = { attempts: 3, contradiction: true, unearnedReward: true, missedReward: true }
const reply = (box: string, thing: string, end = "<act>") =>
  `works. progress 0 <obs> ${listing(box, thing)} ${end}`

/** A model that says one text after another, whoever asks; and the prediction made of it. */
const told = (
  said: ReadonlyArray<string>,
  action: string,
  consistency: Consistency.Options,
  options: Partial<ReasoningModel.Options> = {}
) => {
  let next = 0
  const { batches, model } = scripted(() => said[next++] ?? "no more")
  const experience = ReasoningModel.make(model, {
    knowledge: knownWorlds,
    consistency,
    ...options
  })
  const keys = () => batches.map((batch) => batch.map(({ key }) => key))
  return Effect.map(Effect.exit(experience.predict(request(action))), (exit) => ({ exit, keys }))
}

const observed = (
  said: ReadonlyArray<string>,
  action: string,
  consistency: Consistency.Options = all,
  options: Partial<ReasoningModel.Options> = {}
) =>
  Effect.map(told(said, action, consistency, options), ({ exit, keys }) => ({
    observation: exit._tag === "Success" ? exit.value.observation : "fails",
    times: keys().length
  }))

const key1 = listing("box 2", "key 1")

describe("A reply that disagrees with the text", () => {
  const again = (
    name: string,
    rule: Partial<Consistency.Options>,
    said: readonly [wrong: string, right: string],
    action: string,
    right: string
  ) =>
    it.effect(`is asked for again: ${name}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* observed(said, action), { observation: right, times: 2 })
        const without = yield* observed(said, action, { ...all, ...rule })
        assert.strictEqual(without.times, 1)
      })
    )
  again(
    "it contradicts what was seen",
    { contradiction: false },
    [reply("box 1", ""), reply("box 1", "pen 1")],
    "open box 1",
    listing("box 1", "pen 1")
  )
  again(
    "it rewards what is not done",
    { unearnedReward: false },
    [reply("box 2", "coin 1", "<win>"), reply("box 2", "coin 1")],
    "open box 2",
    listing("box 2", "coin 1")
  )
  again(
    "it does not reward what is done",
    { missedReward: false },
    [reply("box 2", "key 1"), reply("box 2", "key 1", "<win>")],
    "open box 2",
    key1
  )

  const none = { contradiction: false, unearnedReward: false, missedReward: false }
  it.effect("or cannot be read, or does not answer its action, whatever the rules are", () =>
    Effect.gen(function* () {
      for (const wrong of ["You see", reply("box 1", "coin 1")]) {
        const said = [wrong, reply("box 2", "coin 1")]
        const answer = yield* observed(said, "open box 2", { ...none, attempts: 2 })
        assert.deepStrictEqual(answer, { observation: listing("box 2", "coin 1"), times: 2 })
      }
    })
  )

  it.effect("is taken as it is after the last attempt, and fails where it cannot be read", () =>
    Effect.gen(function* () {
      const wrong = reply("box 1", "coin 1")
      const last = yield* observed([wrong, wrong, wrong, wrong], "open box 1")
      assert.deepStrictEqual(last, { observation: listing("box 1", "coin 1"), times: 3 })
      const unread = yield* observed(["You", "You", "You", "You"], "open box 1")
      assert.deepStrictEqual(unread, { observation: "fails", times: 3 })
    })
  )

  it.effect("is not asked for again where the answer would be the same or nothing is known", () =>
    Effect.gen(function* () {
      const said = [reply("box 1", "coin 1"), reply("box 1", "pen 1")]
      const greedy = yield* observed(said, "open box 1", all, { temperature: 0 })
      const unknown = yield* observed(said, "open box 1", all, { knowledge: () => undefined })
      assert.deepStrictEqual([greedy.times, unknown.times], [1, 1])
    })
  )
})

describe("An observation that does not bring what its reasoning foresees", () => {
  const foreseeing = {
    ...knowledge,
    foresee: (_task: unknown, _history: unknown, _action: string, observation: string) =>
      observation.includes("coin") ? "a coin is here" : ""
  }
  const options = { knowledge: () => foreseeing }
  const said = `works. a coin is here <obs> ${listing("box 2", "coin 1")} <act>`

  it.effect("is asked for again alone, behind that reasoning", () =>
    Effect.gen(function* () {
      const wrong = `works. it is empty <obs> ${listing("box 2", "coin 1")} <act>`
      const { batches, model } = scripted(({ text }) =>
        text.includes("<obs>") ? `${listing("box 2", "")} <act>` : wrong
      )
      const consistency = { ...all, attempts: 2 }
      const experience = ReasoningModel.make(model, { ...options, consistency })
      const prediction = yield* experience.predict(request("open box 2"))
      assert.strictEqual(prediction.reasoning, "works. it is empty")
      assert.strictEqual(prediction.observation, listing("box 2", ""))
      const [first, second] = batches.map(([prompt]) => prompt?.text)
      assert.strictEqual(second, `${first} works. it is empty <obs>`)
      const wordsIn = (text = "") => text.split(" ").length
      assert.strictEqual(prediction.promptTokens, wordsIn(first) + wordsIn(second))
    })
  )

  it.effect("is no matter where it brings it, or where no reasoning is wanted", () =>
    Effect.gen(function* () {
      const once = { observation: listing("box 2", "coin 1"), times: 1 }
      assert.deepStrictEqual(yield* observed([said], "open box 2", all, options), once)
      const silent = [`${listing("box 2", "coin 1")} <act>`]
      const without = { ...options, reasoning: false }
      assert.deepStrictEqual(yield* observed(silent, "open box 2", all, without), once)
    })
  )
})

describe("Asking again", () => {
  it.effect("has a key of its own each time, and costs what all attempts cost", () =>
    Effect.gen(function* () {
      const wrong = reply("box 1", "coin 1")
      const { exit, keys } = yield* told([wrong, wrong, reply("box 1", "pen 1")], "open box 1", all)
      const again = (attempt: number) => Seed.key(11, "attempt", attempt)
      assert.deepStrictEqual(keys(), [[11], [again(1)], [again(2)]])
      const once = yield* told([reply("box 1", "pen 1")], "open box 1", all)
      assert(exit._tag === "Success" && once.exit._tag === "Success")
      const { scores, tokens, promptTokens } = exit.value
      assert.strictEqual(scores["attempts"], 3)
      assert.strictEqual(once.exit.value.scores["attempts"], undefined)
      assert.strictEqual(tokens, 3 * once.exit.value.tokens)
      assert.strictEqual(promptTokens, 3 * (once.exit.value.promptTokens ?? 0))
    })
  )

  it.effect("is one question for all of a wave that must be asked again", () =>
    Effect.gen(function* () {
      const right = reply("box 2", "coin 1")
      const { batches, model } = scripted(({ key }) =>
        key === 1 || key === 3 ? reply("box 1", "coin 1") : right
      )
      const experience = ReasoningModel.make(model, { knowledge: knownWorlds, consistency: all })
      const wave = [0, 1, 2, 3].map((key) => experience.predict({ ...request("open box 2"), key }))
      const answers = yield* Lockstep.wave(wave)
      assert.deepStrictEqual(
        batches.map((batch) => batch.length),
        [4, 2]
      )
      const expected = Array.from({ length: 4 }, () => listing("box 2", "coin 1"))
      assert.deepStrictEqual(
        answers.map(({ observation }) => observation),
        expected
      )
    })
  )
})
