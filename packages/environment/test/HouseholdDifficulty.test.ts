import { History } from "@dreamgym/domain"
import { Effect, Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as Planner from "../src/alfworld/Planner.ts"
import * as Demonstrator from "../src/household/Demonstrator.ts"
import type { Difficulty } from "../src/household/Difficulty.ts"
import { nameOf } from "../src/household/Entity.ts"
import * as Generator from "../src/household/Generator.ts"
import * as Layout from "../src/household/Layout.ts"
import { rungs } from "../src/household/Rung.ts"

const requestOf = (difficulty: Difficulty, seed = 1): Generator.GameRequest => ({
  rung: "L4",
  seed,
  difficulty
})

const gameOf = (request: Generator.GameRequest) =>
  Result.getOrThrow(Game.load(Generator.generate(request), "house"))

const difficulties = fc.record({
  receptacles: fc.constantFrom<[number, number]>([15, 15], [20, 25], [36, 36]),
  distractors: fc.constantFrom<[number, number]>([0, 0], [5, 9], [40, 40]),
  closedShare: fc.constantFrom(0, 0.3, 1),
  wanted: fc.integer({ min: 1, max: rungs.L4.instances })
})

const within = (value: number, [least, greatest]: readonly [number, number]): boolean =>
  value >= least && value <= greatest

describe("A house of a given difficulty", () => {
  it("has as many places, others' things and things to find as were asked for, and is won by plan and walkthrough", () => {
    fc.assert(
      fc.property(difficulties, fc.nat(), (difficulty, seed) => {
        const request = requestOf(difficulty, seed)
        const { goal, places } = Generator.layout(request)
        const things = places.flatMap(({ contents }) => contents)
        const wanted = things.filter(({ kind }) => kind === goal.object).length
        const [, most] = difficulty.distractors
        expect(within(places.length, difficulty.receptacles)).toBe(true)
        expect(wanted).toBe(Math.max(difficulty.wanted, goal.kind === "two" ? 2 : 1))
        expect(things.length - wanted).toBeLessThanOrEqual(most)
        const game = gameOf(request)
        const start = Game.start(game)
        expect((game.walkthrough ?? []).reduce(Game.step, start).won).toBe(true)
        expect(Result.getOrThrow(Planner.plan(start)).reduce(Game.step, start).won).toBe(true)
      }),
      { numRuns: 40 }
    )
  })

  const doors = (closedShare: number) => {
    const request = requestOf({ closedShare })
    const { places } = Generator.layout(request)
    const start = Game.start(gameOf(request))
    const withDoors = places.filter(({ kind }) => rungs.L4.openable.includes(kind))
    const closed = withDoors.filter((place) =>
      Game.step(start, `go to ${nameOf(place)}`).observation.endsWith(" is closed.")
    )
    return { all: withDoors.length, closed: closed.length }
  }

  it("has its doors closed in the share that was asked for", () => {
    const some = doors(0.5)
    expect([doors(0).closed, doors(1).closed]).toEqual([0, doors(1).all])
    expect(some.closed).toBeGreaterThan(0)
    expect(some.closed).toBeLessThan(some.all)
  })

  it("is played to its end by one who only reads, also where doors stand open", () => {
    const policy = Demonstrator.expert({ randomRate: 0 })
    const [task] = Generator.tasks({ ...requestOf({ closedShare: 0.4 }), split: "train", count: 1 })
    if (task === undefined) throw new Error("no task")
    let state = Game.start(gameOf(Result.getOrThrow(Generator.requestOf(task))))
    let history = History.start(state.observation)
    for (let key = 0; key < 50 && !state.won; key++) {
      const { text } = Effect.runSync(policy.act({ task, history, key }))
      state = Game.step(state, text)
      history = History.append(history, text, state.observation)
    }
    expect(state.won).toBe(true)
  })

  it("comes with tasks that say so, under ids of their own; of train and held-out no house is the same", () => {
    const difficulty = { receptacles: [30, 36], closedShare: 0.5 } as const
    const tasks = (split: Generator.Split) =>
      Generator.tasks({ rung: "L4", seed: 3, split, count: 20, difficulty })
    const plain = Generator.tasks({ rung: "L4", seed: 3, split: "train", count: 20 })
    const houses = (split: Generator.Split) =>
      tasks(split).map((task) =>
        Layout.hash(Generator.layout(Result.getOrThrow(Generator.requestOf(task))))
      )
    expect(tasks("train")[0]?.payload).toMatchObject({ rung: "L4", difficulty })
    const ids = [...tasks("train"), ...tasks("heldout"), ...plain].map(({ id }) => id)
    expect(new Set(ids).size).toBe(60)
    expect(new Set([...houses("train"), ...houses("heldout")]).size).toBe(40)
  })

  it.each([
    [{ receptacles: [3, 10] }, "payload.difficulty.receptacles: [3, 10] should rise, from 15 to"],
    [{ receptacles: [20, 999] }, "payload.difficulty.receptacles: [20, 999] should rise"],
    [{ distractors: [4, 2] }, "payload.difficulty.distractors: [4, 2] should rise"],
    [{ wanted: 0 }, "payload.difficulty.wanted: 0 should be from 1"],
    [{ closedShare: 2 }, "payload: "]
  ] as const)("that the rung cannot have is refused: %j", (difficulty, message) => {
    const [task] = Generator.tasks({ rung: "L4", seed: 1, split: "train", count: 1 })
    if (task === undefined) throw new Error("no task")
    const harder = { ...task, payload: { rung: "L4", seed: 1, difficulty } }
    const failure = Result.flip(Generator.requestOf(harder))
    expect(Result.getOrThrow(failure)).toContain(message)
  })
})
