import { History } from "@dreamgym/domain"
import { EnvironmentLaws, Law, RevisitLaws } from "@dreamgym/laws"
import { Effect, Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as GameEpisode from "../src/alfworld/GameEpisode.ts"
import * as Demonstrator from "../src/household/Demonstrator.ts"
import * as Generator from "../src/household/Generator.ts"
import * as Household from "../src/household/Household.ts"
import { rungs } from "../src/household/Rung.ts"
import { play, taskOf } from "./houses.ts"

describe("The players of a house with rooms", () => {
  it("find their way: what the expert says is possible, also where it strays", () => {
    const policy = Demonstrator.expert({ rung: rungs.L6, randomRate: 0.3, invalidRate: 0 })
    for (let seed = 0; seed < 20; seed++) {
      for (const turn of play(taskOf("L6", seed), policy, 80).turns) {
        expect(turn.admissible).toContain(turn.action)
      }
    }
  })

  it("go to the rooms for what they need: nobody is lost who only reads", () => {
    const policy = Demonstrator.expert({ rung: rungs.L4, randomRate: 0 })
    const difficulty = { rooms: [4, 6] } as const
    const tasks = Generator.tasks({ rung: "L4", split: "train", count: 25, seed: 2, difficulty })
    expect(tasks.filter((task) => !play(task, policy, 120).turns.at(-1)?.isWon)).toEqual([])
  })

  it("look for the place that is asked for in the nearest room they have not entered", () => {
    const first =
      "You are in the middle of kitchen 1. Looking quickly around you, you see a countertop 1. " +
      "From here you can go to bedroom 1.\n\nYour task is to: put a clean mug in desk."
    const listed = "On the countertop 1, you see a mug 1."
    const history = History.fromTurns(first, [
      { action: "go to countertop 1", observation: `You arrive at countertop 1. ${listed}` },
      {
        action: "take mug 1 from countertop 1",
        observation: "You pick up the mug 1 from the countertop 1."
      }
    ])
    const policy = Demonstrator.expert({ rung: rungs.L5, randomRate: 0 })
    for (const instruction of ["put a mug in desk", "put a clean mug in desk"]) {
      const task = { ...taskOf("L5", 1), instruction }
      for (let key = 0; key < 20; key++) {
        expect(Effect.runSync(policy.act({ task, history, key })).text).toBe("go to bedroom 1")
      }
    }
  })

  it("play at random also in a hallway without anything", () => {
    const task = taskOf("L5", 1)
    const history = {
      first:
        "You are in the middle of hallway 1. Looking quickly around you, you see nothing. From here you can go to kitchen 1.\n\nYour task is to: put a mug in shelf.",
      length: 0
    }
    for (const policy of [
      Demonstrator.random({ rung: rungs.L5, invalidRate: 1 }),
      Demonstrator.expert({ rung: rungs.L5, randomRate: 0 })
    ]) {
      const said = Array.from(
        { length: 20 },
        (_, key) => Effect.runSync(policy.act({ task, history, key })).text
      )
      expect(said).toContain("go to kitchen 1")
    }
  })
})

const task = taskOf("L5", 1)
const walkthrough = Generator.generate({ rung: "L5", seed: task.seed }).walkthrough ?? []

Law.describeLaws(
  { describe, it },
  EnvironmentLaws.environmentLaws({
    name: "a household with rooms",
    environment: Effect.succeed(Household.make(rungs.L5)),
    task,
    actions: walkthrough
  })
)

Law.describeLaws(
  { describe, it },
  RevisitLaws.revisitLaws({
    name: "an episode in a house with rooms",
    start: Effect.suspend(() =>
      GameEpisode.open(
        Result.getOrThrow(Game.load(Generator.generate({ rung: "L5", seed: task.seed }), "house")),
        { name: "household", version: "1" }
      )
    ),
    actions: walkthrough
  })
)
