/** Tests of the worlds that a run can be in: who plays there, on what, and in which words. */
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import { Ending, Environment, History, Policy, type Task } from "@dreamgym/domain"
import { Tokenizer } from "@dreamgym/language"
import { Rollout } from "@dreamgym/rollout"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Config } from "../src/Config.ts"
import * as World from "../src/World.ts"
import { configOf } from "./tiny.ts"

const given = process.env["ALFWORLD_DATA"]
const beside = fileURLToPath(new URL("../../../../shared/data/alfworld", import.meta.url))
const data = given ?? (fs.existsSync(beside) ? beside : undefined)

const household = configOf("/nowhere", "none")

const alfWorld: Config = {
  ...household,
  environment: {
    ...household.environment,
    name: "alfworld",
    ...(data === undefined ? {} : { data })
  },
  collect: { ...household.collect, trajectories: 24 },
  evaluate: { ...household.evaluate, episodes: 12 }
}

const worldOf = (config: Config) =>
  Effect.runPromise(Effect.provide(World.make(config), NodeServices.layer))

const idsOf = (tasks: ReadonlyArray<Task.Task>) => tasks.map(({ id }) => id)

const playedBy = (
  player: Policy.Policy["Service"],
  world: World.World,
  tasks: ReadonlyArray<Task.Task>
) =>
  Effect.runPromise(
    Rollout.wave({ tasks, keys: tasks.map((_, i) => i), stepLimit: world.stepLimit }).pipe(
      Effect.provideService(Policy.Policy, player),
      Effect.provideService(
        Environment.Environments,
        Environment.makeEnvironments([world.environment])
      )
    )
  )

describe("what a dream may name", () => {
  it("is ruled out only where it is a word: a name that is none cannot be said", async () => {
    const world = await worldOf(household)
    const [task] = world.collection
    if (task === undefined) throw new Error("there is no task")
    const [{ firstObservation = "" } = {}] = await playedBy(world.demonstrators.random, world, [
      task
    ])
    const [place = ""] = world.knowledge.describe(task, History.start(firstObservation)).admissible
    const told = `You arrive at ${place.slice("go to ".length)}. On the ${place.slice("go to ".length)}, you see a a knife 1, and a knife 2.`
    const history = History.append(History.start(firstObservation), place, told)
    const [, other = ""] = world.knowledge.describe(task, history).admissible
    const { forbidden } = world.knowledge.question(task, history, other)
    expect(forbidden).toEqual(["knife 2"])
  })
})

const whereData = data === undefined ? describe.skip : describe

whereData("the real games (skipped without ALFWORLD_DATA)", () => {
  it("are other ones to collect on than to evaluate on, and the same for the same seed", async () => {
    const world = await worldOf(alfWorld)
    expect(world.collection).toHaveLength(24)
    expect(world.heldOut).toHaveLength(12)
    expect(idsOf(world.collection).filter((id) => !id.startsWith("alfworld/train/"))).toEqual([])
    expect(idsOf(world.heldOut).filter((id) => !id.startsWith("alfworld/valid_seen/"))).toEqual([])
    const again = await worldOf(alfWorld)
    expect(idsOf([...again.collection, ...again.heldOut])).toEqual(
      idsOf([...world.collection, ...world.heldOut])
    )
    expect(idsOf(world.practice(30, 0)).slice(24)).toEqual(idsOf(world.collection).slice(0, 6))
  })

  it("have a word for everything in the games of the run, before anybody looked", async () => {
    const world = await worldOf(alfWorld)
    const { expert, noisy, random } = world.demonstrators
    const played = [
      ...(await playedBy(expert, world, world.collection)),
      ...(await playedBy(noisy, world, world.heldOut)),
      ...(await playedBy(random, world, world.heldOut))
    ]
    const texts = played.flatMap(({ firstObservation, transitions }) => [
      firstObservation,
      ...transitions.flatMap(({ action, nextObservation }) => [action.text, nextObservation])
    ])
    expect(texts.length).toBeGreaterThan(1000)
    expect(Tokenizer.uncovered(world.knowledge.lexicon, texts)).toEqual([])
  })

  it("are won by the expert, often by the noisy one, and hardly ever at random", async () => {
    const world = await worldOf(alfWorld)
    const wins = async (player: Policy.Policy["Service"]) =>
      (await playedBy(player, world, world.collection)).filter(({ ending }) =>
        Ending.isSuccess(ending)
      ).length
    const { expert, noisy, random } = world.demonstrators
    expect(await wins(expert)).toBe(24)
    expect(await wins(noisy)).toBeGreaterThan(8)
    expect(await wins(random)).toBeLessThan(3)
  })
})
