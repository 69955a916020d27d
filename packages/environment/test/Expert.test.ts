import { History } from "@dreamgym/domain"
import { Result } from "effect"
import { globSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as Expert from "../src/alfworld/Expert.ts"
import * as Game from "../src/alfworld/Game.ts"
import * as GameFile from "../src/alfworld/GameFile.ts"
import * as Goal from "../src/alfworld/Goal.ts"
import { likelihood } from "../src/alfworld/Whereabouts.ts"
import { dataFolder } from "./disk.ts"

describe("A goal sentence", () => {
  const place = { _tag: "Place", object: "mug", receptacle: "desk", count: 1, treatment: undefined }

  it.each([
    ["put a mug in desk", place],
    ["put some mug on desk", place],
    ["put a clean mug in desk", { ...place, treatment: "clean" }],
    ["clean some mug and put it in desk", { ...place, treatment: "clean" }],
    ["put a hot mug in desk", { ...place, treatment: "heat" }],
    ["heat some mug and put it in desk", { ...place, treatment: "heat" }],
    ["put a cool mug in desk", { ...place, treatment: "cool" }],
    ["cool some mug and put it in desk", { ...place, treatment: "cool" }],
    ["put two mug in desk", { ...place, count: 2 }],
    ["find two mug and put them in desk", { ...place, count: 2 }],
    ["look at mug under the desklamp", { _tag: "Examine", object: "mug", lamp: "desklamp" }],
    ["examine the mug with the desklamp", { _tag: "Examine", object: "mug", lamp: "desklamp" }],
    ["dance with the mug", undefined]
  ])("%j is understood", (sentence, goal) => {
    expect(Goal.parse(sentence)).toEqual(goal)
    expect(Goal.sentenceOf(`Welcome.\n\nYour task is to: ${sentence}.`)).toBe(sentence)
  })
})

describe("The expert", () => {
  const opening = (goal: string) =>
    History.start(`Looking quickly around you, you see a desk 1, a drawer 2, a drawer 1, a fridge 1, and a sinkbasin 1.

Your task is to: ${goal}.`)

  const asked = (goal: string, ...turns: ReadonlyArray<readonly [string, string]>): string =>
    Expert.act(
      turns.reduce(
        (history, [action, observation]) => History.append(history, action, observation),
        opening(goal)
      )
    )

  it("looks first where its kind lies most often for the fewest commands", () => {
    expect(likelihood("pencil", "desk")).toBeLessThan(likelihood("pencil", "drawer"))
    expect(asked("put a pencil in drawer")).toBe("go to desk 1")
    expect(asked("put a apple in desk")).toBe("go to fridge 1")
  })

  const there = [
    "go to desk 1",
    "You arrive at desk 1. On the desk 1, you see a mug 2, and a mug 1."
  ] as const
  const taken = ["take mug 2 from desk 1", "You pick up the mug 2 from the desk 1."] as const

  it("takes, treats, opens and places", () => {
    const goal = "put a clean mug in drawer"
    const basin = [
      "go to sinkbasin 1",
      "You arrive at sinkbasin 1. On the sinkbasin 1, you see nothing."
    ] as const
    const cleaned = [
      "clean mug 2 with sinkbasin 1",
      "You clean the mug 2 using the sinkbasin 1."
    ] as const
    const drawer = ["go to drawer 2", "You arrive at drawer 2. The drawer 2 is closed."] as const
    const open = [
      "open drawer 2",
      "You open the drawer 2. The drawer 2 is open. In it, you see nothing."
    ] as const
    expect(asked(goal, there)).toBe("take mug 2 from desk 1")
    expect(asked(goal, there, taken)).toBe("go to sinkbasin 1")
    expect(asked(goal, there, taken, basin)).toBe("clean mug 2 with sinkbasin 1")
    expect(asked(goal, there, taken, basin, cleaned)).toBe("go to drawer 2")
    expect(asked(goal, there, taken, basin, cleaned, drawer)).toBe("open drawer 2")
    expect(asked(goal, there, taken, basin, cleaned, drawer, open)).toBe("move mug 2 to drawer 2")
  })

  it("takes what it cannot go to for being within reach", () => {
    const refused = ["go to drawer 2", "Nothing happens."] as const
    expect(asked("put two mug in drawer", there, taken, refused)).toBe("move mug 2 to drawer 2")
  })

  it("uses a lamp where it knows one, and looks for one where it does not", () => {
    const goal = "look at mug under the desklamp"
    const fridge = [
      "go to drawer 1",
      "You arrive at drawer 1. On the drawer 1, you see a desklamp 1."
    ] as const
    expect(asked(goal, there, taken)).toBe("go to sinkbasin 1")
    expect(asked(goal, there, taken, fridge)).toBe("use desklamp 1")
  })

  it("only looks when it does not understand the goal", () => {
    expect(asked("dance")).toBe("look")
  })
})

const gamesOf = (split: string): ReadonlyArray<Game.Game> =>
  globSync(`${dataFolder}/json_2.1.1/${split}/*/*/game.tw-pddl`)
    .toSorted()
    .filter((_, index) => index % 3 === 0)
    .map((file) =>
      Result.getOrThrow(
        Result.flatMap(GameFile.parse(readFileSync(file, "utf8"), file), (game) =>
          Game.load(game, file)
        )
      )
    )

const isSolved = (game: Game.Game): boolean => {
  let state = Game.start(game)
  let history = History.start(state.observation)
  for (let count = 0; count < 50 && !state.won; count++) {
    const command = Expert.act(history)
    state = Game.step(state, command)
    history = History.append(history, command, state.observation)
  }
  return state.won
}

const whereData = dataFolder === undefined ? describe.skip : describe

whereData("On real games (skipped without ALFWORLD_DATA)", () => {
  it.each(["valid_seen", "valid_unseen"])(
    "the expert wins in 50 commands, every third of %s",
    (split) => {
      const solved = gamesOf(split).map(isSolved)
      expect(solved.filter((won) => won).length / solved.length).toBeGreaterThanOrEqual(0.95)
    }
  )

  it.each([
    ["valid_seen", 47],
    ["valid_unseen", 45]
  ])("every third walkthrough of %s wins, also where it is written in ids", (split, count) => {
    const won = gamesOf(split).map(
      (game) => (game.walkthrough ?? []).reduce(Game.step, Game.start(game)).won
    )
    expect(won).toEqual(Array.from({ length: count }, () => true))
  })
})
