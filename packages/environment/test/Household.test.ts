import { History, type Task } from "@dreamgym/domain"
import { EnvironmentLaws, Law } from "@dreamgym/laws"
import { Effect, Result, type Scope } from "effect"
import { describe, expect, it } from "vitest"
import { nameOf } from "../src/household/Entity.ts"
import * as Generator from "../src/household/Generator.ts"
import * as Layout from "../src/household/Layout.ts"
import * as Game from "../src/alfworld/Game.ts"
import * as Household from "../src/household/Household.ts"
import { rungs } from "../src/household/Rung.ts"
import { taskOf } from "./houses.ts"

const household = Household.make(rungs.L2)
const task = taskOf("L2", 1)
const walkthrough = Generator.generate({ rung: "L2", seed: task.seed }).walkthrough ?? []

/** Where a mug lies, and which, somewhere else than in the sinkbasin. */
const mugIn = (seed: number): ReadonlyArray<string> =>
  Layout.draw(rungs.L2, seed).places.flatMap((place) =>
    place.kind === "sinkbasin"
      ? []
      : place.contents.flatMap((one) => (one.kind === "mug" ? [nameOf(place), nameOf(one)] : []))
  )

const houseWithMug =
  Array.from({ length: 50 }, (_, seed) => seed).find((seed) => mugIn(seed).length > 0) ?? 0

const run = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runPromise(Effect.scoped(effect))

const replay = Effect.fn(function* (commands: ReadonlyArray<string>) {
  const episode = yield* household.start(task)
  const steps = yield* Effect.forEach(commands, (text) => episode.step({ text }))
  return { episode, steps }
})

Law.describeLaws(
  { describe, it },
  EnvironmentLaws.environmentLaws({
    name: "the household world",
    environment: Effect.succeed(household),
    task,
    actions: walkthrough
  })
)

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

  it("asks the goal of a restated task", async () => {
    const instruction = "put two book in desk"
    const restated = { ...task, payload: { rung: "L2", seed: task.seed, goal: instruction } }
    const episode = await run(household.start(restated))
    expect(episode.observation).toContain(`Your task is to: ${instruction}.`)
  })

  it("undoes cooling by heating and heating by cooling, and keeps what is clean clean", () => {
    const goal = { kind: "cool", object: "mug", place: "sinkbasin" } as const
    const file = Generator.generate({ rung: "L2", seed: houseWithMug, goal })
    const [at = "", object = ""] = mugIn(houseWithMug)
    const bring = [`go to ${at}`, `open ${at}`, `take ${object} from ${at}`]
    const treat = (verb: string, place: string) => [
      `go to ${place}`,
      `${verb} ${object} with ${place}`
    ]
    const [cool, heat, clean] = [
      treat("cool", "fridge 1"),
      treat("heat", "microwave 1"),
      treat("clean", "sinkbasin 1")
    ]
    const put = [`go to sinkbasin 1`, `move ${object} to sinkbasin 1`]
    const play = (...commands: ReadonlyArray<string>) =>
      commands.reduce(Game.step, Game.start(Result.getOrThrow(Game.load(file))))
    const look = `examine ${object}`
    expect(play(...bring, ...cool, look).observation).toBe(`This is a cold ${object}.`)
    expect(play(...bring, ...cool, ...heat, look).observation).toBe(`This is a hot ${object}.`)
    expect(play(...bring, ...clean, ...heat, ...cool, look).observation).toBe(
      `This is a cool and clean ${object}.`
    )
    expect(play(...bring, ...heat, ...cool, ...put).won).toBe(true)
    expect(play(...bring, ...cool, ...heat, ...put).won).toBe(false)
    expect(play(...bring, ...put).won).toBe(false)
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
