import { History } from "@dreamgym/domain"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Notebook from "../src/household/Notebook.ts"
import { rungs } from "../src/household/Rung.ts"
import { games, knowledgeOf } from "./houses.ts"
import {
  atDesk,
  atFridge,
  atSink,
  clean,
  takeMug,
  taskTo,
  task,
  told,
  type Turn
} from "./telling.ts"

const placeKinds = new Set(Object.keys(rungs.L2.places))
const read = Notebook.reader(placeKinds)
const knowledge = knowledgeOf("L2")
describe("A notebook", () => {
  it("holds what a first observation says", () => {
    expect(read(told())).toEqual({
      places: ["cabinet 2", "cabinet 1", "desk 1", "fridge 1", "microwave 1", "sinkbasin 1"].map(
        (name) => ({
          name,
          kind: name.slice(0, -2),
          status: "unseen",
          contents: [],
          isKnown: false,
          visits: 0
        })
      ),
      conditions: new Map(),
      lit: [],
      contradictions: 0
    })
  })

  it("is told as one line of words", () => {
    expect(knowledge.describe(task, told()).text).toBe(
      "clean mug desk empty hands unseen cabinet 2 unseen cabinet 1 unseen desk 1 unseen fridge 1 " +
        "unseen microwave 1 unseen sinkbasin 1 facing room"
    )
    expect(knowledge.describe(task, told(atDesk, takeMug, atFridge, atSink, clean)).text).toBe(
      "clean mug desk mug 1 clean unseen cabinet 2 unseen cabinet 1 desklamp 1 mug 2 visible desk 1 " +
        "closed fridge 1 unseen microwave 1 nothing visible sinkbasin 1 facing sinkbasin 1"
    )
  })

  it("lists features by word", () => {
    const { matches } = knowledge.question(
      task,
      told(atDesk, takeMug, atFridge, atSink, clean),
      "go to desk 1"
    )
    expect(matches).toEqual({
      goalobj: ["mug"],
      goalplace: ["desk"],
      held: ["mug 1"],
      here: ["sinkbasin 1"],
      v0: ["cabinet 2", "cabinet 1", "microwave 1"],
      v1: ["desk 1", "fridge 1", "sinkbasin 1"],
      v2: [],
      hasobj: ["desk 1"],
      haslamp: [],
      taskword: ["clean"],
      there: ["desklamp 1", "mug 2"],
      done: ["mug 1"],
      incmd: ["desk 1"],
      shut: ["fridge 1"]
    })
    const looking = taskTo("look at mug under the desklamp")
    const lit = told(atDesk, ["use desklamp 1", "You turn on the desklamp 1."], atSink, atDesk)
    expect(knowledge.describe(looking, lit).matches).toMatchObject({
      goalplace: ["desklamp"],
      here: ["desk 1", "desklamp 1", "mug 2", "mug 1"],
      v2: ["desk 1"],
      haslamp: ["desk 1"],
      taskword: ["look at", "use"],
      there: [],
      done: ["desklamp 1"],
      incmd: []
    })
    expect(knowledge.question(task, told(atSink), "go to sinkbasin 1").matches["there"]).toEqual([
      "nothing"
    ])
  })

  it("forbids what is held or lies elsewhere, unless the command asks about it", () => {
    const history = told(atDesk, takeMug, atSink)
    const forbidden = (action: string) => knowledge.question(task, history, action).forbidden
    expect(forbidden("go to cabinet 1")).toEqual(["desklamp 1", "mug 2", "mug 1"])
  })

  it("forbids what is new where everything was seen, unless the command asks about it", () => {
    const history = told(atDesk, takeMug, atSink)
    const sayable = (action: string) => {
      const { forbidden, once } = knowledge.question(task, history, action)
      return once.filter((name) => !forbidden.includes(name))
    }
    expect(sayable("go to desk 1")).toEqual(["mug 2", "desklamp 1"])
    expect(sayable("go to sinkbasin 1")).toEqual([])
    expect(sayable("move mug 1 to sinkbasin 1")).toEqual(["mug 1"])
    expect(sayable("inventory")).toEqual(["mug 1"])
    expect(sayable("take mug 2 from desk 1")).toEqual(["mug 2"])
  })

  it("heats what was cool and cools what was hot; what is clean stays clean", () => {
    const heat = [
      "heat mug 1 with microwave 1",
      "You heat the mug 1 using the microwave 1."
    ] as const
    const cool = ["cool mug 1 with fridge 1", "You cool the mug 1 using the fridge 1."] as const
    const conditions = (...turns: Array<Turn>) =>
      read(told(atDesk, takeMug, ...turns)).conditions.get("mug 1")
    expect(conditions(heat)).toEqual(["hot"])
    expect(conditions(heat, cool)).toEqual(["cool"])
    expect(conditions(cool, heat, clean)).toEqual(["clean", "hot"])
    expect(conditions(clean, clean)).toEqual(["clean"])
  })

  it("puts a thing back into the order of listings", () => {
    const take = ["take mug 2 from desk 1", "You pick up the mug 2 from the desk 1."] as const
    const back = ["move mug 2 to desk 1", "You move the mug 2 to the desk 1."] as const
    expect(Notebook.find(read(told(atDesk, take, back)), "desk 1")?.contents).toEqual([
      "desklamp 1",
      "mug 2",
      "mug 1"
    ])
  })

  it("remembers what lies behind a closed door", () => {
    const open = [
      "open fridge 1",
      "You open the fridge 1. The fridge 1 is open. In it, you see a apple 1."
    ] as const
    const close = ["close fridge 1", "You close the fridge 1."] as const
    const notebook = read(told(atFridge, open, close))
    expect(Notebook.find(notebook, "fridge 1")).toMatchObject({
      status: "closed",
      contents: ["apple 1"]
    })
    expect(knowledge.describe(task, told(atFridge, open, close)).admissible).not.toContain(
      "take apple 1 from fridge 1"
    )
  })

  it("notes what a place lists when one comes back, in the same order", () => {
    let returns = 0
    for (const { rung, turns } of games(80, "returns")) {
      const read = Notebook.reader(new Set(Object.keys(rungs[rung].places)))
      for (const { before, after } of turns) {
        const place = Notebook.here(read(after))
        const noted = Notebook.find(read(before), place?.name)
        if (noted === undefined || !noted.isKnown || Notebook.here(read(before)) === noted) continue
        returns += 1
        expect(place?.contents).toEqual(noted.contents)
      }
    }
    expect(returns).toBeGreaterThan(50)
  })

  it("is unchanged by a command that does nothing", () => {
    const before = read(told(atDesk))
    expect(
      Notebook.update(before, { action: "dance", observation: "Nothing happens." }, placeKinds)
    ).toBe(before)
  })

  it("is the same whether read at once or turn by turn, and never changed afterwards", () => {
    for (const { rung, turns } of games(12, "notebook")) {
      const kinds = new Set(Object.keys(rungs[rung].places))
      const remembering = Notebook.reader(kinds)
      const seen = turns.map(
        ({ after }) => [remembering(after), JSON.stringify(remembering(after))] as const
      )
      for (const [index, { after }] of turns.entries()) {
        expect(Notebook.reader(kinds)(after)).toEqual(seen[index]?.[0])
        expect(JSON.stringify(seen[index]?.[0])).toBe(seen[index]?.[1])
      }
    }
  })
})

describe("A contradiction", () => {
  const count = (...turns: Array<Turn>) => knowledge.audit(task, told(...turns)).contradictions
  const sees = (place: string, list: string) =>
    [`go to ${place}`, `You arrive at ${place}. On the ${place}, you see ${list}.`] as const

  it.each([
    [
      "another listing of a known place",
      sees("sinkbasin 1", "a pen 1"),
      sees("sinkbasin 1", "nothing"),
      1
    ],
    ["an object in two places", sees("desk 1", "a pen 1"), sees("sinkbasin 1", "a pen 1"), 1],
    ["the same listing twice", sees("desk 1", "a pen 1"), sees("desk 1", "a pen 1"), 0],
    [
      "an open place that is closed",
      sees("desk 1", "a pen 1"),
      ["go to desk 1", "You arrive at desk 1. The desk 1 is closed."] as const,
      1
    ],
    ["a take of what is not listed", sees("desk 1", "a pen 1"), takeMug, 1],
    [
      "a move of what is not held",
      sees("desk 1", "a pen 1"),
      ["move pen 1 to desk 1", "You move the pen 1 to the desk 1."] as const,
      1
    ],
    ["a cleaning of what is not held", atSink, clean, 1]
  ])("is %s", (_, one, other, expected) => {
    expect(count(one, other)).toBe(expected)
  })

  it("is an object that is held and listed", () => {
    expect(count(atDesk, takeMug, sees("sinkbasin 1", "a mug 1"))).toBe(1)
  })
})

describe("A malformed reply", () => {
  it.each([
    ["go to desk 1", "You arrive at fridge 1. The fridge 1 is closed."],
    ["go to desk 1", "You arrive at desk 1."],
    ["go to desk 1", "You arrive at desk 1. On the desk 1, you see a mug 1, a mug 1."],
    ["go to desk 1", "You arrive at desk 1. On the desk 1, you see a mug 1, and a mug 1."],
    ["go to desk 1", "You arrive at desk 1. On the desk 1, you see a fridge 1."],
    ["go to desk 1", "You arrive at desk 1. On the desk 1, you see mug 1."],
    ["go to desk 1", "You arrive at desk 1. On the desk 1, you see a mug."],
    ["go to attic 1", "You arrive at attic 1. On the attic 1, you see nothing."],
    ["take mug 1 from desk 1", "You pick up the mug 2 from the desk 1."],
    ["take mug 1 from attic 1", "You pick up the mug 1 from the attic 1."],
    ["move mug 1 to desk 1", "You clean the mug 1 using the desk 1."],
    ["open fridge 1", "You open the fridge 1."],
    ["close fridge 1", "You close the fridge 1"],
    ["clean mug 1 with sinkbasin 1", "You heat the mug 1 using the sinkbasin 1."],
    ["use desklamp 1", "You turn on the desklamp 2."],
    ["look", "You are happy."],
    ["inventory", ""],
    ["examine mug 1", "This is a clean mug 2."],
    ["dance", "You dance."]
  ])("to `%s` is: %s", (action, observation) => {
    const history = told([action, observation])
    expect(knowledge.audit(task, history).malformed).toBe(observation)
    expect({ ...read(history), malformed: undefined }).toEqual({
      ...read(told()),
      malformed: undefined
    })
  })

  it("is the first one that is kept", () => {
    const history = told(["look", "one"], atDesk, ["look", "two"])
    expect(knowledge.audit(task, history)).toMatchObject({ malformed: "one", goalSeen: true })
  })

  it("may be any text, without harm", () => {
    const word = fc.constantFrom(
      "go to",
      "desk 1",
      "a",
      ", and a",
      "You arrive at",
      ". On the",
      ", you see",
      ".",
      "mug 1",
      "take",
      "from",
      "nothing",
      ""
    )
    const text = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 12 }).map((words) => words.join(" "))
    )
    fc.assert(
      fc.property(text, fc.array(fc.tuple(text, text), { maxLength: 4 }), (first, turns) => {
        const history = History.fromTurns(
          first,
          turns.map(([action, observation]) => ({ action, observation }))
        )
        const anyTask = taskTo(first)
        expect(typeof knowledge.describe(anyTask, history).text).toBe("string")
        expect(knowledge.audit(anyTask, history).success).toBe(false)
        knowledge.annotate(anyTask, history, first, first, 0)
        knowledge.question(anyTask, history, first)
      }),
      { numRuns: 200 }
    )
  })
})
