import { assert, describe, it } from "@effect/vitest"
import {
  Ending,
  type Environment,
  ExperienceModel,
  Lockstep,
  type Trajectory
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { DreamTask, SyntheticEnvironment } from "../src/index.ts"
import {
  boxTask,
  demonstrationOf,
  firstObservation,
  knowledge,
  listing,
  remembering,
  synthetic,
  trajectoryOf
} from "./boxes.ts"

const first = firstObservation(2, "key")
const task = boxTask("a", "key", ["pen 1", "key 1"])
const dream = DreamTask.dreamTask(task, first)

const prediction = (observation: string, isDone = false): ExperienceModel.Prediction => ({
  reasoning: "works.",
  observation,
  reward: isDone ? 1 : 0,
  ...(isDone ? { ending: Ending.terminated(true) } : {}),
  tokens: 10,
  promptTokens: 7,
  promptHash: "c0ffee",
  scores: { certainty: 0.5 }
})

const failure = (reason: ExperienceModel.PredictionError["reason"]) =>
  new ExperienceModel.PredictionError({ reason, model: "script", message: `${reason}!` })

/** An experience model by script; `requests` notes what it was asked. */
const scriptedModel = (
  script: (
    request: ExperienceModel.PredictionRequest,
    asks: number
  ) => Effect.Effect<ExperienceModel.Prediction, ExperienceModel.PredictionError>
) => {
  const requests: Array<ExperienceModel.PredictionRequest> = []
  const model = ExperienceModel.ExperienceModel.of({
    name: "script",
    version: Effect.succeed(4),
    predict: (request) => Effect.suspend(() => script(request, requests.push(request)))
  })
  return { requests, model }
}

const openBoxes = scriptedModel(({ action }) =>
  Effect.succeed(
    action === "open box 2"
      ? prediction(listing("box 2", "key 1"), true)
      : prediction(listing("box 1", "pen 1"))
  )
)

const made = (
  model: ExperienceModel.ExperienceModel["Service"],
  options: SyntheticEnvironment.Options = {}
) =>
  Effect.provideService(SyntheticEnvironment.make(options), ExperienceModel.ExperienceModel, model)

describe("SyntheticEnvironment", () => {
  it.effect("dreams an episode from the task's own first observation to its end", () =>
    Effect.gen(function* () {
      const other = trajectoryOf("t2", task, [["open box 9", listing("box 9", "")]])
      const { queries, retrieval } = yield* remembering([demonstrationOf(other, 0)])
      const { environment, usage } = yield* made(openBoxes.model, {
        knowledge,
        demonstrations: { k: 1, retrieval },
        dollarsPerToken: 0.001
      })
      assert.strictEqual(environment.name, "dream")
      assert.strictEqual(environment.version, "script@4")
      const episode = yield* environment.start(dream)
      assert.strictEqual(episode.observation, first)
      const provenance: Trajectory.Provenance = {
        _tag: "Synthetic",
        model: "script",
        modelVersion: 4,
        retrieved: ["t2#0"],
        reasoning: "works.",
        scores: { certainty: 0.5 },
        cost: 0.01,
        promptHash: "c0ffee",
        tokens: { prompt: 7, completion: 3 }
      }
      assert.deepStrictEqual(yield* episode.step({ text: "open box 1" }), {
        observation: "In the box 1 you see a pen 1.",
        reward: 0,
        provenance
      })
      assert.deepStrictEqual(yield* episode.step({ text: "open box 2" }), {
        observation: "In the box 2 you see a key 1.",
        reward: 1,
        ending: Ending.terminated(true),
        provenance
      })
      assert.deepStrictEqual(yield* queries, [
        { state: "key unseen box 1 unseen box 2", action: "open box 1", k: 1 },
        { state: "key pen 1 box 1 unseen box 2", action: "open box 2", k: 1 }
      ])
      assert.deepStrictEqual(yield* usage, {
        predictions: 2,
        tokens: 20,
        retries: 0,
        faults: { Malformed: 0, Unavailable: 0, Timeout: 0 }
      })
    })
  )

  it.effect("asks about the real task, and shows what the text admits", () =>
    Effect.gen(function* () {
      const { model, requests } = scriptedModel(() => Effect.succeed(prediction("Time passes.")))
      const { environment } = yield* made(model, { name: "reverie", knowledge })
      const episode = yield* environment.start(DreamTask.dreamTask(task, first, "reverie"))
      assert.deepStrictEqual(yield* episode.admissible ?? Effect.succeed([]), [
        "open box 1",
        "open box 2"
      ])
      yield* episode.step({ text: "wait" })
      assert.deepStrictEqual(requests[0]?.task, task)
      assert.deepStrictEqual(requests[0]?.demonstrations, [])
    })
  )

  it.effect("refuses a task that was not made for dreaming, and says how to make one", () =>
    Effect.gen(function* () {
      const { environment } = yield* made(openBoxes.model)
      const error = yield* Effect.flip(environment.start(task))
      assert.strictEqual(error.reason, "BadTask")
      assert.include(error.message, 'task "a" cannot be dreamt')
      assert.include(error.message, "make it with dreamTask")
    })
  )

  it.effect("ends with a fault, never with a reward, where the model fails", () =>
    Effect.gen(function* () {
      const reasons = ["Malformed", "Unavailable", "Timeout"] as const
      const { model } = scriptedModel((_, asks) =>
        Effect.fail(failure(reasons[asks - 1] ?? "Malformed"))
      )
      const { environment, usage } = yield* made(model)
      const steps = yield* Effect.forEach(reasons, () =>
        Effect.flatMap(environment.start(dream), (episode) => episode.step({ text: "wait" }))
      )
      assert.deepStrictEqual<ReadonlyArray<Environment.Step>>(
        steps,
        [
          Ending.failed("Parse", "Malformed!"),
          Ending.failed("ExperienceModel", "Unavailable!"),
          Ending.failed("Timeout", "Timeout!")
        ].map((ending) => ({
          observation: "",
          reward: 0,
          ending,
          provenance: { ...synthetic, modelVersion: 4 }
        }))
      )
      assert.deepStrictEqual(yield* usage, {
        predictions: 0,
        tokens: 0,
        retries: 0,
        faults: { Malformed: 1, Unavailable: 1, Timeout: 1 }
      })
    })
  )

  it.effect("asks an unavailable model again as often as allowed, a malformed one never", () =>
    Effect.gen(function* () {
      const flaky = scriptedModel((_, asks) =>
        asks < 3 ? Effect.fail(failure("Unavailable")) : Effect.succeed(prediction("Time passes."))
      )
      const retries = { times: 2, pause: "1 second" } as const
      const { environment, usage } = yield* made(flaky.model, { retries })
      const episode = yield* environment.start(dream)
      const step = yield* Effect.forkChild(episode.step({ text: "wait" }))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(step)).observation, "Time passes.")
      assert.strictEqual((yield* usage).retries, 2)
      const rambling = scriptedModel(() => Effect.fail(failure("Malformed")))
      const other = yield* made(rambling.model, { retries })
      yield* (yield* other.environment.start(dream)).step({ text: "wait" })
      assert.strictEqual(rambling.requests.length, 1)
    })
  )

  it.effect("is over after its ending, and after its scope", () =>
    Effect.gen(function* () {
      const { environment } = yield* made(openBoxes.model)
      const ended = yield* environment.start(dream)
      yield* ended.step({ text: "open box 2" })
      const closed = yield* Effect.scoped(environment.start(dream))
      const errors = yield* Effect.forEach([ended, closed], (episode) =>
        Effect.flip(episode.step({ text: "open box 1" }))
      )
      assert.deepStrictEqual(
        errors.map((error) => error.reason),
        ["Closed", "Closed"]
      )
    })
  )

  it.effect("is one repeatable world for a task, and another under another key", () =>
    Effect.gen(function* () {
      const { model, requests } = scriptedModel(() => Effect.succeed(prediction("Time passes.")))
      const { environment } = yield* made(model)
      const walk = (actions: ReadonlyArray<string>) =>
        Effect.flatMap(environment.start(dream), (episode) =>
          Effect.forEach(actions, (text) => episode.step({ text }))
        )
      yield* walk(["wait", "wait", "look"])
      yield* walk(["wait", "wait", "look"])
      yield* walk(["look", "wait", "look"])
      yield* Effect.provideService(walk(["wait"]), SyntheticEnvironment.DreamKey, 1)
      const keys = requests.map((request) => request.key)
      assert.deepStrictEqual(keys.slice(3, 6), keys.slice(0, 3))
      assert.strictEqual(new Set([...keys.slice(0, 3), ...keys.slice(6)]).size, 7)
    })
  )

  it.effect(
    "gives each start a world of its own where told so, again the same under the same key",
    () =>
      Effect.gen(function* () {
        const keysOf = Effect.fnUntraced(function* (before: ReadonlyArray<number>) {
          const { model, requests } = scriptedModel(() =>
            Effect.succeed(prediction("Time passes."))
          )
          const { environment } = yield* made(model, { sameTask: "OwnWorld" })
          const wave = (dreamKey: number) =>
            Lockstep.wave(
              [dream, dream, dream].map((one) =>
                Effect.scoped(
                  Effect.flatMap(environment.start(one), (episode) =>
                    episode.step({ text: "wait" })
                  )
                )
              )
            ).pipe(Effect.provideService(SyntheticEnvironment.DreamKey, dreamKey))
          yield* Effect.forEach(before, wave)
          requests.length = 0
          yield* wave(9)
          return requests.map((request) => request.key)
        })
        const unbroken = yield* keysOf([7, 8])
        assert.strictEqual(new Set(unbroken).size, 3)
        assert.deepStrictEqual(yield* keysOf([]), unbroken)
      })
  )

  it.effect("uses only experience of its own world, and none that is not admitted", () =>
    Effect.gen(function* () {
      const at = (id: string, of: typeof task) =>
        demonstrationOf(trajectoryOf(id, of, [["wait", "Time."]]), 0)
      const found = [
        at("sea", { ...task, environment: "sea" }),
        at("own", task),
        at("dreamt", DreamTask.dreamTask(boxTask("b", "pen"), first)),
        at("real", boxTask("c", "pen"))
      ]
      const { retrieval } = yield* remembering(found)
      const { model, requests } = scriptedModel(() => Effect.succeed(prediction("Time passes.")))
      const { environment } = yield* made(model, {
        demonstrations: { k: 4, retrieval, admits: (one, asked) => one.task.id !== asked.id }
      })
      yield* (yield* environment.start(dream)).step({ text: "wait" })
      assert.deepStrictEqual(
        requests[0]?.demonstrations.map((one) => one.id),
        ["dreamt#0", "real#0"]
      )
    })
  )
})
