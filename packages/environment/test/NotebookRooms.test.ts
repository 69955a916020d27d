import { History } from "@dreamgym/domain"
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Generator from "../src/household/Generator.ts"
import * as Notebook from "../src/household/Notebook.ts"
import * as Words from "../src/household/Words.ts"
import { rungs } from "../src/household/Rung.ts"
import { knowledgeOf, taskOf } from "./houses.ts"
import { taskTo, type Turn } from "./telling.ts"

const first =
  "You are in the middle of kitchen 1. Looking quickly around you, you see a cabinet 1, and a fridge 1. " +
  "From here you can go to bedroom 1, and hallway 1.\n\nYour task is to: put a mug in desk."

const told = (...turns: ReadonlyArray<Turn>) =>
  History.fromTurns(
    first,
    turns.map(([action, observation]) => ({ action, observation }))
  )

const entering = (room: string, places: string, exits: string): Turn => [
  `go to ${room}`,
  `You arrive at ${room}. Looking quickly around you, you see ${places}. From here you can go to ${exits}.`
]

const toBedroom = entering("bedroom 1", "a bed 1, and a desk 1", "kitchen 1")
const toHallway = entering("hallway 1", "nothing", "bathroom 1, and kitchen 1")
const toKitchen = entering("kitchen 1", "a cabinet 1, and a fridge 1", "bedroom 1, and hallway 1")
const atBed: Turn = ["go to bed 1", "You arrive at bed 1. On the bed 1, you see a mug 1."]
const takeMug: Turn = ["take mug 1 from bed 1", "You pick up the mug 1 from the bed 1."]

const task = taskTo("put a mug in desk")
const knowledge = knowledgeOf("L5")
const read = Notebook.reader(Words.ofRung(rungs.L5).placeKinds)
const text = (...turns: ReadonlyArray<Turn>) => knowledge.describe(task, told(...turns)).text
const admissible = (...turns: ReadonlyArray<Turn>) =>
  knowledge.describe(task, told(...turns)).admissible

describe("A notebook of a house with rooms", () => {
  it("holds the rooms that were seen, each behind its places and before its ways out", () => {
    expect(text()).toBe(
      "in mug desk empty hands unseen cabinet 1 unseen fridge 1 room kitchen 1 go to bedroom 1 hallway 1 " +
        "facing kitchen 1"
    )
    expect(text(toBedroom, atBed, takeMug)).toBe(
      "in mug desk mug 1 unseen cabinet 1 unseen fridge 1 room kitchen 1 go to bedroom 1 hallway 1 " +
        "nothing visible bed 1 unseen desk 1 room bedroom 1 go to kitchen 1 facing bed 1"
    )
    expect(text(toHallway)).toBe(
      "in mug desk empty hands unseen cabinet 1 unseen fridge 1 room kitchen 1 go to bedroom 1 hallway 1 " +
        "room hallway 1 go to bathroom 1 kitchen 1 facing hallway 1"
    )
  })

  it("admits what is in the room, and the ways out of it", () => {
    expect(admissible()).toEqual([
      "go to cabinet 1",
      "go to fridge 1",
      "go to bedroom 1",
      "go to hallway 1"
    ])
    expect(admissible(toBedroom, atBed)).toEqual([
      "go to desk 1",
      "go to kitchen 1",
      "take mug 1 from bed 1"
    ])
    expect(admissible(toHallway)).toEqual(["go to bathroom 1", "go to kitchen 1"])
  })

  it("keeps what it noted of a room while one is elsewhere", () => {
    const notebook = read(told(toBedroom, atBed, toKitchen, toHallway, toKitchen, toBedroom))
    expect(Notebook.find(notebook, "bed 1")).toMatchObject({ contents: ["mug 1"], visits: 1 })
    expect(notebook.rooms?.rooms.get("bedroom 1")?.visits).toBe(2)
    expect(Notebook.here(notebook)).toBeUndefined()
    expect(notebook.contradictions).toBe(0)
  })

  it("matches rooms by how often one was there, and what stands where a command leads", () => {
    const history = told(toBedroom, atBed, toKitchen)
    expect(knowledge.question(task, history, "go to bedroom 1").matches).toMatchObject({
      here: ["kitchen 1"],
      v0: ["cabinet 1", "fridge 1", "desk 1", "hallway 1"],
      v1: ["bed 1", "bedroom 1"],
      v2: ["kitchen 1"],
      hasobj: ["bed 1"],
      there: ["bed 1", "desk 1"],
      incmd: ["bedroom 1"]
    })
  })

  it.each([
    [
      "another listing of the room",
      entering("kitchen 1", "a cabinet 1", "bedroom 1, and hallway 1"),
      1
    ],
    ["other ways out of it", entering("kitchen 1", "a cabinet 1, and a fridge 1", "bedroom 1"), 1],
    ["the same room again", toKitchen, 0]
  ])("is contradicted by %s: %j", (_, turn, expected) => {
    expect(knowledge.audit(task, told(toBedroom, turn)).contradictions).toBe(expected)
  })

  it("is contradicted by a place that stands in two rooms", () => {
    const twice = entering("bedroom 1", "a bed 1, and a fridge 1", "kitchen 1")
    expect(knowledge.audit(task, told(twice)).contradictions).toBe(1)
  })

  it.each([
    entering("bathroom 1", "a toilet 1", "kitchen 1"),
    ["go to bedroom 1", "You arrive at hallway 1. Looking quickly around you, you see nothing."],
    ["go to bedroom 1", "You arrive at bedroom 1. Looking quickly around you, you see a bed 1."],
    ["go to bedroom 1", "You arrive at bedroom 1."],
    ["look", "You are in a good mood."]
  ] as ReadonlyArray<Turn>)("notes nothing of what cannot be: `%s` %s", (action, observation) => {
    const history = told([action, observation])
    expect(knowledge.audit(task, history).malformed).toBe(observation)
    expect({ ...read(history), malformed: undefined }).toEqual({
      ...read(told()),
      malformed: undefined
    })
  })

  it.each([
    [[], "go to kitchen 1", "already there"],
    [[toHallway], "go to bedroom 1", "not there"],
    [[toBedroom], "go to fridge 1", "not there"],
    [[toBedroom, atBed], "go to bed 1", "already there"],
    [[], "go to attic 1", "no such command"],
    [[toBedroom], "open fridge 1", "not there"],
    [[toBedroom, atBed], "take bedroom 1 from bed 1", "no such command"]
  ] as ReadonlyArray<readonly [ReadonlyArray<Turn>, string, string]>)(
    "knows after %j why `%s` does nothing: %s",
    (turns, action, cause) => {
      const reasoning = knowledge.annotate(task, told(...turns), action, "Nothing happens.", 0)
      expect(reasoning).toMatch(new RegExp(`^fails: ${cause}\\. `))
    }
  )

  it("may be told a task of any room of its house, but not to put a thing into a room", () => {
    const task = taskOf("L5", 3)
    const { places, rooms } = Generator.layout(Result.getOrThrow(Generator.requestOf(task)))
    const far = places.find((_, index) => rooms?.of[index] !== rooms?.start)
    const restated = knowledge.restate(task, `put a pen in ${far?.kind}`)
    expect(restated?.payload).toEqual({
      ...objectOf(task.payload),
      goal: `put a pen in ${far?.kind}`
    })
    expect(knowledge.restate(task, "put a pen in kitchen")).toBeUndefined()
  })
})

const objectOf = (payload: unknown): object =>
  typeof payload === "object" && payload !== null ? payload : {}
