import { History, type Knowledge, LanguageModel, Lockstep, Policy } from "@dreamgym/domain"
import { Law, PolicyLaws } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LanguagePolicy, Rollout } from "../src/index.ts"
import { corridor, taskOf } from "./corridor.ts"

const task = taskOf("t")

const knowledgeOf = (admissible: ReadonlyArray<string>): Knowledge.Knowledge => {
  const unused = () => assert.fail("a policy needs the description alone")
  return {
    features: ["goal"],
    lexicon: [],
    describe: (_, history) => ({
      text: `at ${History.observation(history)}`,
      admissible,
      matches: { goal: ["east"] }
    }),
    question: unused,
    annotate: unused,
    audit: unused,
    relabel: unused,
    restate: unused
  }
}

/** Answers `text` to every prompt and keeps the batches that it was given. */
const parrot = (text: string, more: Partial<LanguageModel.Completion> = {}) => {
  const batches: Array<ReadonlyArray<LanguageModel.Prompt>> = []
  const model: LanguageModel.Model = {
    name: "parrot",
    version: Effect.succeed(4),
    generate: (prompts) =>
      Effect.sync(() => {
        batches.push(prompts)
        return prompts.map(() => ({
          text,
          finish: "Stop" as const,
          promptIds: [1, 2],
          ids: [3],
          logProbabilities: [-0.5],
          ...more
        }))
      })
  }
  return { batches, model }
}

const settings = { temperature: 1, maxTokens: 8 }
const decision = { task, history: History.start("place 0"), key: 9 }

describe("a language policy", () => {
  it.effect(
    "that knows the world asks for one of the admissible actions and keeps its exact tokens",
    () =>
      Effect.gen(function* () {
        const { batches, model } = parrot("east", { choices: [[3, 4]], features: [6], value: 0.25 })
        const policy = LanguagePolicy.make(model, {
          ...settings,
          minP: 0.03,
          knowledge: (name) => (name === "corridor" ? knowledgeOf(["east", "west"]) : undefined)
        })
        assert.deepStrictEqual(yield* policy.act(decision), {
          text: "east",
          span: {
            promptIds: [1, 2],
            ids: [3],
            logProbabilities: [-0.5],
            choices: [[3, 4]],
            features: [6],
            value: 0.25,
            temperature: 1,
            policyVersion: 4,
            context: { _tag: "Fresh" }
          }
        })
        assert.deepStrictEqual(batches, [
          [
            {
              text: "at place 0 <act>",
              key: 9,
              maxTokens: 8,
              temperature: 1,
              minP: 0.03,
              allowed: ["east", "west"],
              matches: { goal: ["east"] }
            }
          ]
        ])
      })
  )

  it.effect("that knows nothing reads the transcript and writes one line", () =>
    Effect.gen(function* () {
      const { batches, model } = parrot(" open door\n")
      const policy = LanguagePolicy.make(model, { ...settings, knowledge: () => undefined })
      const history = History.fromTurns("place 0", [{ action: "east", observation: "place 1" }])
      const action = yield* policy.act({ ...decision, history })
      assert.strictEqual(action.text, "open door")
      const text = [
        "Task: go east",
        "Observation: place 0",
        "Action: east",
        "Observation: place 1",
        "Action:"
      ].join("\n")
      assert.deepStrictEqual(batches, [
        [{ text, key: 9, maxTokens: 8, temperature: 1, stop: ["\n"] }]
      ])
    })
  )

  it.effect("of a model that tells no tokens leaves no span", () =>
    Effect.gen(function* () {
      const { model } = parrot("east", { ids: [], logProbabilities: [] })
      const policy = LanguagePolicy.make(model, { ...settings, knowledge: () => undefined })
      assert.deepStrictEqual(yield* policy.act(decision), { text: "east" })
    })
  )

  const reasonWith = (model: LanguageModel.Model, admissible?: ReadonlyArray<string>) =>
    LanguagePolicy.make(model, {
      ...settings,
      knowledge: () => (admissible === undefined ? undefined : knowledgeOf(admissible))
    })
      .act(decision)
      .pipe(
        Effect.flip,
        Effect.map((error) => error.reason)
      )

  it.effect("fails with its reason, and never makes an action up", () =>
    Effect.gen(function* () {
      const down = (reason: LanguageModel.LanguageModelError["reason"]): LanguageModel.Model => ({
        ...parrot("").model,
        generate: () =>
          Effect.fail(
            new LanguageModel.LanguageModelError({ reason, model: "parrot", message: reason })
          )
      })
      const { batches, model } = parrot("north")
      assert.strictEqual(yield* reasonWith(model, []), "NoAdmissibleAction")
      assert.deepStrictEqual(batches, [])
      assert.strictEqual(yield* reasonWith(model, ["east"]), "Malformed")
      assert.strictEqual(yield* reasonWith(parrot(" \n").model), "Malformed")
      assert.strictEqual(yield* reasonWith(down("BadResponse")), "Malformed")
      assert.strictEqual(yield* reasonWith(down("Timeout")), "Unavailable")
    })
  )

  it.effect("asks once per round for all episodes of a wave", () =>
    Effect.gen(function* () {
      const { batches, model } = parrot("east")
      const policy = LanguagePolicy.layer({
        ...settings,
        knowledge: () => knowledgeOf(["east"])
      }).pipe(Layer.provide(Layer.succeed(LanguageModel.LanguageModel, model)))
      const tasks = ["a", "b", "c"].map(taskOf)
      yield* Rollout.wave({ tasks, keys: [1, 2, 3], stepLimit: 5 }).pipe(
        Effect.provide(Layer.merge(policy, corridor(2).layer))
      )
      assert.deepStrictEqual(
        batches.map((prompts) => prompts.map(({ text }) => text)),
        [0, 1].map((at) => tasks.map(() => `at place ${at} <act>`))
      )
    })
  )

  it.effect("names the version that sampled, though it changes between rounds", () =>
    Effect.gen(function* () {
      let version = 0
      const { model } = parrot("east")
      const policy = LanguagePolicy.make(
        { ...model, version: Effect.sync(() => version++) },
        { ...settings, knowledge: () => undefined }
      )
      const actions = yield* Lockstep.wave([policy.act(decision), policy.act(decision)])
      const later = yield* policy.act(decision)
      assert.deepStrictEqual(
        [...actions, later].map(({ span }) => span?.policyVersion),
        [0, 0, 1]
      )
      assert.isTrue(Policy.Policy.of(policy) === policy)
    })
  )
})

const knowledge = () => knowledgeOf(["east", "west"])

Law.describeLaws(
  { describe, it },
  PolicyLaws.policyLaws({
    name: "a language policy",
    policy: Effect.succeed(LanguagePolicy.make(parrot("west").model, { ...settings, knowledge })),
    decisions: [1, 2, 3].map((key) => ({ ...decision, key })),
    knowledge
  })
)
