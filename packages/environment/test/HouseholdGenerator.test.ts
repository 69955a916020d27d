import { Seed } from "@dreamgym/domain"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Result } from "effect"
import * as Game from "../src/alfworld/Game.ts"
import { nameOf } from "../src/household/Entity.ts"
import * as Generator from "../src/household/Generator.ts"
import * as Goal from "../src/household/Goal.ts"
import * as Layout from "../src/household/Layout.ts"
import { rungs, type RungName } from "../src/household/Rung.ts"
import type { Rooms } from "../src/household/Rooms.ts"
import { rungNames, roomsBefore } from "./houses.ts"

const rung = fc.constantFrom<RungName>(...rungNames)
const seed = fc.integer()

/** The same rooms in another order, entered elsewhere. */
const turnedRooms = ({ of, passages, rooms }: Rooms): Rooms => {
  const last = rooms.length - 1
  return {
    rooms: rooms.toReversed(),
    passages: passages.map(([one, other]) => [last - other, last - one] as const).toReversed(),
    of: of.map((room) => last - room).toReversed(),
    start: 0
  }
}

describe("A generated game", () => {
  it("is won by its walkthrough, within the step limit and not before its last command", () => {
    fc.assert(
      fc.property(rung, seed, (rung, seed) => {
        const file = Generator.generate({ rung, seed })
        const walkthrough = file.walkthrough ?? []
        let state = Game.start(Result.getOrThrow(Game.load(file)))
        const won = [state.won]
        for (const command of walkthrough) {
          expect(state.admissible).toContain(command)
          state = Game.step(state, command)
          won.push(state.won)
        }
        expect(won).toEqual([...walkthrough.map(() => false), true])
        expect(walkthrough.length).toBeLessThanOrEqual(rungs[rung].stepLimit)
      }),
      { numRuns: 150 }
    )
  })

  it("is the same for the same request, and another for another seed", () => {
    fc.assert(
      fc.property(rung, seed, (rung, seed) => {
        const file = Generator.generate({ rung, seed })
        expect(Generator.generate({ rung, seed })).toEqual(file)
        expect(Generator.generate({ rung, seed: Seed.key(seed, "other") })).not.toEqual(file)
      }),
      { numRuns: 50 }
    )
  })

  it("holds what its layout says, by the names that the layout gives", () => {
    fc.assert(
      fc.property(rung, seed, (name, seed) => {
        const layout = Layout.draw(rungs[name], seed)
        const game = Result.getOrThrow(Game.load(Generator.generate({ rung: name, seed })))
        const start = Game.start(game)
        for (const [index, place] of layout.places.entries()) {
          const at = nameOf(place)
          const isClosed = rungs[name].openable.includes(place.kind)
          const there = [...roomsBefore(layout, index), at].reduce(
            (state, name) => Game.step(state, `go to ${name}`),
            start
          )
          const seen = isClosed ? Game.step(there, `open ${at}`) : there
          const listed = [
            ...(seen.observation.split("you see")[1] ?? "").matchAll(/a ([a-z]+ \d)/g)
          ]
          const expected = [
            ...place.contents.map(nameOf),
            ...(layout.lampPlace === index ? ["desklamp 1"] : [])
          ]
          expect(listed.map(([, thing]) => thing).toSorted()).toEqual(expected.toSorted())
          expect(there.observation.endsWith(`The ${at} is closed.`)).toBe(isClosed)
        }
      }),
      { numRuns: 60 }
    )
  })

  it("may be asked for another goal of the same house", () => {
    const file = Generator.generate({
      rung: "L2",
      seed: 5,
      goal: { kind: "hot", object: "mug", place: "fridge" }
    })
    const { observation } = Game.start(Result.getOrThrow(Game.load(file)))
    const drawn = Generator.generate({ rung: "L2", seed: 5 })
    const [house] = Game.start(Result.getOrThrow(Game.load(drawn))).observation.split("\n\n")
    expect(observation).toBe(`${house}\n\nYour task is to: put a hot mug in fridge.`)
  })
})

describe("A goal", () => {
  const goal = fc.record({
    kind: fc.constantFrom(...Goal.kinds),
    object: fc.constantFrom("mug", "cd"),
    place: fc.constantFrom("shelf", "desklamp")
  })

  it("is read from its own sentence, with or without the stop", () => {
    fc.assert(
      fc.property(goal, (goal) => {
        expect(Goal.parse(Goal.sentence(goal))).toEqual(goal)
        expect(Goal.parse(`${Goal.sentence(goal)}.`)).toEqual(goal)
      })
    )
  })

  it.each([
    ["put some mug on shelf", "put", "shelf"],
    ["examine the mug with the desklamp", "look", "desklamp"],
    ["look at mug under the desklamp", "look", "desklamp"],
    ["clean some mug and put it in shelf", "clean", "shelf"],
    ["heat some mug and put it in shelf", "hot", "shelf"],
    ["cool some mug and put it in shelf", "cool", "shelf"],
    ["find two mug and put them in shelf", "two", "shelf"]
  ])("is read from ALFWorld's `%s`", (sentence, kind, place) => {
    expect(Goal.parse(sentence)).toEqual({ kind, object: "mug", place })
  })
})

describe("A rung", () => {
  it.each(rungNames)("%s draws only what it declares", (name) => {
    const rung = rungs[name]
    for (let seed = 0; seed < 200; seed++) {
      const { places, goal, lampPlace } = Layout.draw(rung, seed)
      const [least, greatest] = rung.houseSize
      expect(places.length).toBeGreaterThanOrEqual(least)
      expect(places.length).toBeLessThanOrEqual(greatest)
      expect(new Set(places.map(nameOf)).size).toBe(places.length)
      expect(places.every(({ kind, number }) => number <= (rung.places[kind] ?? 0))).toBe(true)
      expect(rung.always.every((kind) => places.some((place) => place.kind === kind))).toBe(true)
      expect(rung.lampPlaces).toContain(places[lampPlace]?.kind)
      const things = places.flatMap(({ contents }) => contents)
      expect(new Set(things.map(nameOf)).size).toBe(things.length)
      expect(things.every(({ number }) => number <= rung.instances)).toBe(true)
      expect(rung.goals).toContain(goal.kind)
      expect(rung.goalObjects[goal.kind]).toContain(goal.object)
      const wanted = places.filter(({ kind }) => kind === goal.place)
      expect(wanted.flatMap(({ contents }) => contents).map(({ kind }) => kind)).not.toContain(
        goal.object
      )
    }
  })
})

describe("Tasks", () => {
  const seeds = Array.from({ length: 5 }, (_, seed) => seed)
  const housesOf = (rung: RungName, split: Generator.Split) =>
    seeds.flatMap((seed) =>
      Generator.tasks({ rung, split, count: 200, seed }).map((task) => {
        const layout = Generator.layout(Result.getOrThrow(Generator.requestOf(task)))
        return JSON.stringify({ ...layout, goal: undefined })
      })
    )

  it.each(["L0", "L2"] as const)("of the two splits never share a house (%s)", (rung) => {
    const held = new Set(housesOf(rung, "heldout"))
    expect(housesOf(rung, "train").filter((house) => held.has(house))).toEqual([])
  })

  it("are split by the house alone: neither the goal nor any order matters", () => {
    fc.assert(
      fc.property(rung, seed, seed, (name, seed, other) => {
        const layout = Layout.draw(rungs[name], seed)
        const { goal } = Layout.draw(rungs[name], other)
        const last = layout.places.length - 1
        const { rooms } = layout
        const turned = {
          ...(rooms === undefined ? {} : { rooms: turnedRooms(rooms) }),
          places: layout.places
            .map((place) => ({ ...place, contents: place.contents.toReversed() }))
            .toReversed(),
          lampPlace: last - layout.lampPlace,
          goal
        }
        expect(Generator.splitOf(turned)).toBe(Generator.splitOf(layout))
      })
    )
  })

  it("hold out about a quarter of all houses", () => {
    const houses = Array.from({ length: 2000 }, (_, seed) => Layout.draw(rungs.L2, seed))
    const held = houses.filter((house) => Generator.splitOf(house) === "heldout").length
    expect(held / houses.length).toBeGreaterThan(0.2)
    expect(held / houses.length).toBeLessThan(0.3)
  })

  it("are the same for the same request, and `offset` goes on where others stopped", () => {
    const request = { rung: "L2", split: "heldout", seed: 3 } as const
    const all = Generator.tasks({ ...request, count: 20 })
    expect(Generator.tasks({ ...request, count: 12, offset: 8 })).toEqual(all.slice(8))
    expect(new Set(all.map(({ id }) => id)).size).toBe(20)
    expect(Generator.tasks({ ...request, count: 20, seed: 4 })).not.toEqual(all)
  })

  it("tell the goal of their house", () => {
    for (const task of Generator.tasks({ rung: "L3", split: "train", count: 50, seed: 1 })) {
      const file = Generator.generate(Result.getOrThrow(Generator.requestOf(task)))
      const { observation } = Game.start(Result.getOrThrow(Game.load(file)))
      expect(observation.endsWith(`\n\nYour task is to: ${task.instruction}.`)).toBe(true)
    }
  })
})
