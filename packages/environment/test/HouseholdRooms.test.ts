import { Seed } from "@dreamgym/domain"
import { Result } from "effect"
import fc from "fast-check"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as Planner from "../src/alfworld/Planner.ts"
import type { Difficulty } from "../src/household/Difficulty.ts"
import { nameOf } from "../src/household/Entity.ts"
import * as Generator from "../src/household/Generator.ts"
import * as Layout from "../src/household/Layout.ts"
import * as RoomKind from "../src/household/RoomKind.ts"
import * as Rooms from "../src/household/Rooms.ts"
import { rungs, type RungName } from "../src/household/Rung.ts"
import { load, taskOf } from "./houses.ts"

/** Hashes of what was generated before there were rooms. */
const before: ReadonlyArray<readonly [RungName, Difficulty | undefined, string]> = [
  ["L0", undefined, "29ee464a20ecdbbf4ad7b97cb92e615cb9e79c54c38ef4499d21d9c8e0131be1"],
  ["L0", { wanted: 2 }, "5074636cf076e53564c4760a11a4d02b49540d25debb196772931981a0c1622a"],
  ["L1", undefined, "540e1b51ec6b79922cfdce31c7012ceb695959b6567061ec534dd4b13a48ea36"],
  [
    "L1",
    { closedShare: 0.5, distractors: [2, 6] },
    "ab9bac45d4621143c5db6f75d6736fb5494e0e481658c153f57037d967d663e0"
  ],
  ["L2", undefined, "7cf03dfac16394c934ff1d6f29a5a0d18806f1165f6b9e0561646bef26cc1b87"],
  [
    "L2",
    { receptacles: [7, 9], closedShare: 0 },
    "4ecf515a3ff1e93419fd29133a16a5073fb73c03b83aeaba9731833ec7b75973"
  ],
  ["L3", undefined, "bd4a6a0bd597d2353538012facb9d045dc723772e978adc6179d6c34b5fd0012"],
  [
    "L3",
    { closedShare: 0.3, wanted: 3 },
    "a15ebe1bb77015868f7e82a322f4aedfda5f7fcd72e73f5c6804dd9b1f94585d"
  ],
  ["L4", undefined, "3fb5e4972072992f591b6f4ba431e7adec7a8827f5b27478e91c96f0a1ce45e6"],
  [
    "L4",
    { receptacles: [15, 36], closedShare: 0.5, wanted: 2, distractors: [0, 9] },
    "047808b8819af446a3f9b844f64c987a6ec92640cf874f450b5e6fb805273cca"
  ]
]

describe("A house of one room", () => {
  it.each(before)("is the game it was before there were rooms: %s %j", (rung, difficulty, hash) => {
    const more = difficulty === undefined ? {} : { difficulty }
    const written = createHash("sha256")
    for (let seed = 0; seed < 300; seed++) {
      written.update(JSON.stringify(Generator.generate({ rung, seed, ...more })))
    }
    for (const split of ["train", "heldout"] as const) {
      written.update(JSON.stringify(Generator.tasks({ rung, split, seed: 1, count: 100, ...more })))
    }
    expect(written.digest("hex")).toBe(hash)
  })

  it("may be asked for as such, and is the same", () => {
    const plain = Generator.generate({ rung: "L4", seed: 5 })
    const difficulty = { rooms: [1, 1] } as const
    expect(Generator.generate({ rung: "L4", seed: 5, difficulty })).toEqual(plain)
  })
})

/** Houses of the rungs with rooms, and of one without that is asked for them. */
const requests = fc.oneof(
  fc.record({ rung: fc.constantFrom<RungName>("L5", "L6"), seed: fc.nat() }),
  fc.record({
    rung: fc.constant<RungName>("L4"),
    seed: fc.nat(),
    difficulty: fc.constantFrom<Difficulty>(
      { rooms: [2, 2] },
      { rooms: [3, 8], closedShare: 0.5, wanted: 2 },
      { rooms: [11, 11], receptacles: [20, 36], distractors: [0, 5] }
    )
  })
)

const houseOf = (request: Generator.GameRequest) => {
  const layout = Generator.layout(request)
  const { rooms } = layout
  if (rooms === undefined) throw new Error("one room")
  const start = Game.start(Result.getOrThrow(Game.load(Generator.generate(request), "house")))
  return { layout, rooms, start }
}

const exitsOf = ({ passages, rooms }: Rooms.Rooms, room: number): ReadonlyArray<string> =>
  passages
    .flatMap(([one, other]) => (one === room ? [other] : other === room ? [one] : []))
    .flatMap((index) => rooms.slice(index, index + 1).map(nameOf))

const placesOf = ({ places }: Layout.Layout, { of }: Rooms.Rooms, room: number) =>
  places.filter((_, index) => of[index] === room).map(nameOf)

/** The names in a list, whatever the articles. */
const listed = (text: string | undefined): ReadonlyArray<string> =>
  (text?.match(/[a-z]+ \d+/g) ?? []).toSorted()

/** The game in the middle of a room. */
const enter = (start: Game.GameState, rooms: Rooms.Rooms, room: number): Game.GameState =>
  Rooms.route(rooms, rooms.start, room).reduce(
    (state, index) => Game.step(state, `go to ${rooms.rooms.slice(index).map(nameOf)[0]}`),
    start
  )

describe("A house with rooms", () => {
  it("has as many as it should, each furnished, and every one can be reached from every other", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { layout, rooms } = houseOf(request)
        const [least, most] =
          ("difficulty" in request ? request.difficulty.rooms : rungs[request.rung].rooms) ?? []
        expect(rooms.rooms.length).toBeGreaterThanOrEqual(least ?? 0)
        expect(rooms.rooms.length).toBeLessThanOrEqual(most ?? 0)
        expect(new Set(rooms.rooms.map(nameOf)).size).toBe(rooms.rooms.length)
        for (const room of rooms.rooms.keys()) {
          expect(placesOf(layout, rooms, room)).not.toEqual([])
          for (const other of rooms.rooms.keys()) {
            expect(Rooms.route(rooms, room, other).at(-1) ?? room).toBe(other)
          }
        }
      }),
      { numRuns: 60 }
    )
  })

  it("has a bed in every bedroom and every place in a room where it is at home, the appliances in its one kitchen, and no bread in the bathroom", () => {
    for (const rung of ["L5", "L6"] as const) {
      for (let seed = 0; seed < 200; seed++) {
        const { places, rooms } = Generator.layout({ rung, seed })
        const kindOf = (index: number) => rooms?.rooms[rooms.of[index] ?? -1]?.kind ?? ""
        const strange = places.filter(({ kind }, index) => !RoomKind.suits(kindOf(index), kind))
        expect(strange).toEqual([])
        const misplaced = places.flatMap(({ contents }, index) =>
          contents.filter(({ kind }) => !RoomKind.keeps(kindOf(index), kind))
        )
        expect(misplaced).toEqual([])
        for (const [index, { kind }] of (rooms?.rooms ?? []).entries()) {
          const sign = RoomKind.of(kind)?.sign
          const isTold = places.some((place, at) => place.kind === sign && rooms?.of[at] === index)
          expect(isTold).toBe(sign !== undefined)
        }
        expect(RoomKind.keeps("bathroom", "bread")).toBe(false)
        expect(rooms?.rooms.filter(({ kind }) => kind === "kitchen").length).toBe(1)
        const appliances = places.filter(({ kind }) =>
          RoomKind.appliances.some((one) => one === kind)
        )
        expect(appliances.length).toBe(RoomKind.appliances.length)
      }
    }
  })

  it("is told room by room: in each one sees its places and its ways out, and nothing else", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { layout, rooms, start } = houseOf(request)
        for (const [index, room] of rooms.rooms.entries()) {
          const inside = enter(start, rooms, index)
          const [sentence, seen, exits] =
            /^(.*?)\. Looking quickly around you, you see (.*?)\. From here you can go to (.*?)\.(?:\n|$)/
              .exec(inside.observation)
              ?.slice(1) ?? []
          const isStart = index === rooms.start
          const arrival = `You ${isStart ? "are in the middle of" : "arrive at"} ${nameOf(room)}`
          expect(sentence).toBe(arrival)
          expect(listed(seen)).toEqual(placesOf(layout, rooms, index).toSorted())
          expect(listed(exits)).toEqual(exitsOf(rooms, index).toSorted())
          const ways = inside.admissible.filter((command) => command.startsWith("go to "))
          expect(ways.map((command) => command.slice("go to ".length))).toEqual(
            [...placesOf(layout, rooms, index), ...exitsOf(rooms, index)].toSorted()
          )
        }
      }),
      { numRuns: 40 }
    )
  })

  it("answers `look` with the room, what stands there, and where one can go, in the middle and at a place", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { layout, rooms, start } = houseOf(request)
        const [here] = rooms.rooms.slice(rooms.start).map(nameOf)
        const [intro] = start.observation.split("\n\n")
        expect(Game.step(start, "look").observation).toBe(intro)
        const [place = "", ...others] = placesOf(layout, rooms, rooms.start)
        const look = Game.step(Game.step(start, `go to ${place}`), "look").observation
        const [, others_, exits] =
          /^You are in .*? Next to it, you see (.*?)\. From here you can go to (.*?)\.$/.exec(
            look
          ) ?? []
        expect(look.startsWith(`You are in ${here}, facing the ${place}. Next to it,`)).toBe(true)
        expect(listed(others_)).toEqual(others.toSorted())
        expect(listed(exits)).toEqual(exitsOf(rooms, rooms.start).toSorted())
      }),
      { numRuns: 60 }
    )
  })

  it("lets nobody walk through walls: to a place or a room that is not next to one, nothing happens", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { layout, rooms, start } = houseOf(request)
        const near = [...placesOf(layout, rooms, rooms.start), ...exitsOf(rooms, rooms.start)]
        const all = [...layout.places, ...rooms.rooms].map(nameOf)
        for (const name of all.filter((one) => !near.includes(one))) {
          const after = Game.step(start, `go to ${name}`)
          expect(after.observation).toBe("Nothing happens.")
          expect(after.situation.state).toBe(start.situation.state)
        }
        for (const name of near) {
          expect(Game.step(start, `go to ${name}`).observation).toContain(`You arrive at ${name}. `)
        }
      }),
      { numRuns: 40 }
    )
  })

  it("lets one go back to the room one came from, from its middle and from any of its places", () => {
    const { layout, rooms, start } = houseOf({ rung: "L6", seed: 4 })
    const [home = ""] = rooms.rooms.slice(rooms.start).map(nameOf)
    for (const exit of exitsOf(rooms, rooms.start)) {
      const there = Game.step(start, `go to ${exit}`)
      const index = rooms.rooms.findIndex((room) => nameOf(room) === exit)
      const atPlaces = placesOf(layout, rooms, index).map((place) =>
        Game.step(there, `go to ${place}`)
      )
      for (const state of [there, ...atPlaces]) {
        expect(Game.step(state, `go to ${home}`).observation).toContain(`You arrive at ${home}. `)
      }
    }
  })

  it("is won by its plan and by its walkthrough, which is no shorter", () => {
    fc.assert(
      fc.property(requests, (request) => {
        const { start } = houseOf(request)
        const walkthrough = Generator.generate(request).walkthrough ?? []
        const plan = Result.getOrThrow(Planner.plan(start))
        expect(plan.reduce(Game.step, start).won).toBe(true)
        expect(walkthrough.reduce(Game.step, start).won).toBe(true)
        expect(plan.length).toBeLessThanOrEqual(walkthrough.length)
      }),
      { numRuns: 60 }
    )
  })

  it("belongs to one split with its rooms: other walls make another house, another start does not", () => {
    const layout = Generator.layout({ rung: "L6", seed: 1 })
    const { rooms } = layout
    if (rooms === undefined) throw new Error("one room")
    const hash = (changed: Partial<Rooms.Rooms>) =>
      Layout.hash({ ...layout, rooms: { ...rooms, ...changed } })
    const [first = 0, second = 0] = rooms.of
    expect(hash({ start: (rooms.start + 1) % rooms.rooms.length })).toBe(Layout.hash(layout))
    expect(hash({ passages: rooms.passages.slice(1) })).not.toBe(Layout.hash(layout))
    const moved = rooms.of.with(0, (first + 1) % rooms.rooms.length).with(1, second)
    expect(hash({ of: moved })).not.toBe(Layout.hash(layout))
    const { rooms: _, ...bare } = layout
    expect(Layout.hash(bare)).not.toBe(Layout.hash(layout))
  })

  it("is in one split only", () => {
    const housesOf = (split: Generator.Split) =>
      Generator.tasks({ rung: "L5", split, count: 150, seed: 1 }).map((task) => {
        const layout = Generator.layout(Result.getOrThrow(Generator.requestOf(task)))
        return JSON.stringify({ ...layout, goal: undefined })
      })
    const held = new Set(housesOf("heldout"))
    expect(housesOf("train").filter((house) => held.has(house))).toEqual([])
  })

  it.each([
    ["L4", { rooms: [0, 2] }, "rooms: [0, 2] should rise, from 1 to 11 at most in L4"],
    ["L4", { rooms: [3, 2] }, "rooms: [3, 2] should rise"],
    ["L6", { rooms: [2, 12] }, "rooms: [2, 12] should rise, from 1 to 11 at most in L6"],
    ["L2", { rooms: [2, 4] }, "rooms: [2, 4] should rise, from 1 to 3 at most in L2 with 5"],
    ["L0", { rooms: [2, 5] }, "rooms: [2, 5] should rise, from 1 to 4 at most in L0 with 4"],
    ["L6", { receptacles: [7, 9] }, "receptacles: [7, 9] should rise, from 18"]
  ] as const)("that %s cannot have is refused: %j", (rung, difficulty, message) => {
    const asked = { ...taskOf("L4", 1), payload: { rung, seed: 1, difficulty } }
    expect(Result.getOrThrow(Result.flip(Generator.requestOf(asked)))).toContain(
      `payload.difficulty.${message}`
    )
  })
})

describe("The page about the household", () => {
  it("shows a game in three rooms as it is played", () => {
    const page = readFileSync(new URL("../../../docs/household.md", import.meta.url), "utf8")
    const shown = /```text\n([\s\S]*?)\n```/.exec(page)?.[1] ?? ""
    const [task] = Generator.tasks({
      rung: "L5",
      split: "train",
      count: 1,
      seed: Seed.key(1, "world/household", 8)
    })
    if (task === undefined) throw new Error("no task")
    const start = Game.start(load(task))
    const played = [...shown.matchAll(/^> (.*)$/gm)].reduce(
      ({ state, told }, [line, command = ""]) => {
        const next = Game.step(state, command)
        return { state: next, told: `${told}\n${line}\n${next.observation}` }
      },
      { state: start, told: `${start.observation}\n` }
    )
    expect(shown).toBe(played.told)
    expect(played.state.won).toBe(true)
    expect(Generator.layout({ rung: "L5", seed: task.seed }).rooms?.rooms.length).toBe(3)
  })
})
