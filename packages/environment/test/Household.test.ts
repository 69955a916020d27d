import { History, type Task } from "@dreamgym/domain"
import { Effect, Exit, Scope } from "effect"
import { describe, expect, it } from "vitest"
import * as Generator from "../src/household/Generator.ts"
import * as Household from "../src/household/Household.ts"
import { rungs } from "../src/household/Rung.ts"
import { taskOf } from "./houses.ts"

const household = Household.make(rungs.L2)
const task = taskOf("L2", 1)
const walkthrough = Generator.generate({ rung: "L2", seed: task.seed }).walkthrough ?? []

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(Effect.scoped(effect))

const replay = Effect.fn(function* (commands: ReadonlyArray<string>) {
  const episode = yield* household.start(task)
  const steps = yield* Effect.forEach(commands, (text) => episode.step({ text }))
  return { episode, steps }
})

describe("An episode of the household world", () => {
  it("gives its only reward with its ending, when the goal is reached", async () => {
    const { episode, steps } = await run(replay(["look", "dance", ...walkthrough]))
    expect(episode.observation).toContain(`Your task is to: ${task.instruction}.`)
    expect(steps[1]?.observation).toBe("Nothing happens.")
    expect(steps.map(({ reward }) => reward)).toEqual([
      0,
      0,
      ...walkthrough.map(() => 0).slice(1),
      1
    ])
    expect(steps.map(({ ending }) => ending).filter((ending) => ending !== undefined)).toEqual([
      { _tag: "Terminated", success: true }
    ])
    expect(steps.at(-1)?.ending).toBeDefined()
    expect(steps[0]?.provenance).toEqual({ _tag: "Real", environment: "household", version: "1" })
  })

  it("is closed after its end and after its scope", async () => {
    const again = Effect.flatMap(replay(walkthrough), ({ episode }) =>
      Effect.flip(episode.step({ text: "look" }))
    )
    expect(await run(again)).toMatchObject({ _tag: "EnvironmentError", reason: "Closed" })
    const left = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const episode = yield* Effect.provideService(household.start(task), Scope.Scope, scope)
      yield* Scope.close(scope, Exit.void)
      return yield* Effect.flip(episode.step({ text: "look" }))
    })
    expect(await Effect.runPromise(left)).toMatchObject({ reason: "Closed" })
  })

  it("is the same for the same task and actions", async () => {
    const first = await run(replay(walkthrough))
    const second = await run(replay(walkthrough))
    expect(second.steps).toEqual(first.steps)
  })

  it("asks the goal of a restated task", async () => {
    const instruction = "put two book in desk"
    const restated = { ...task, payload: { rung: "L2", seed: task.seed, goal: instruction } }
    const episode = await run(household.start(restated))
    expect(episode.observation).toContain(`Your task is to: ${instruction}.`)
  })

  it.each([
    ["rung", { rung: "L9", seed: 1 }],
    ["seed", { rung: "L2", seed: "one" }],
    ["seed", { rung: "L2" }],
    ["goal", { rung: "L2", seed: 1, goal: "dance" }],
    ["payload", "nothing of the kind"]
  ])("names the field %s of a payload that is none", async (field, payload) => {
    const bad: Task.Task = { ...task, payload }
    const error = await run(Effect.flip(household.start(bad)))
    expect(error).toMatchObject({ _tag: "EnvironmentError", reason: "BadTask" })
    expect(error.message).toContain(field)
    expect(error.message).toContain(task.id)
  })

  it("offers what its knowledge reads from the text", async () => {
    const episode = await run(household.start(task))
    const history = History.start(episode.observation)
    expect(household.knowledge?.describe(task, history).admissible.toSorted()).toEqual(
      (await Effect.runPromise(episode.admissible ?? Effect.succeed([]))).filter((text) =>
        text.startsWith("go to ")
      )
    )
  })
})
