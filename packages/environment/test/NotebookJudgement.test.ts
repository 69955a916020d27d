import type { History } from "@dreamgym/domain"
import { describe, expect, it } from "vitest"
import * as HouseholdKnowledge from "../src/household/HouseholdKnowledge.ts"
import { knowledgeOf } from "./houses.ts"
import {
  atDesk,
  atFridge,
  atSink,
  clean,
  first,
  takeMug,
  task,
  taskTo,
  told,
  type Turn
} from "./telling.ts"

const knowledge = knowledgeOf("L2")

describe("The reasoning", () => {
  const reason = (history: History.History, action: string, observation: string) =>
    knowledge.annotate(task, history, action, observation, 0)

  it.each([
    [[], ...atDesk, "works. goal place empty hands progress 0 sought left 5"],
    [[atDesk], ...atSink, "works. other place empty hands progress 0 found left 5"],
    [[atSink, atDesk], ...atDesk, "works. goal place empty hands progress 0 known 3"],
    [[atDesk], ...takeMug, "works. goal place goal object progress 0"],
    [[atDesk, takeMug, atSink], ...clean, "works. other place clean goal object progress 0"],
    [
      [atDesk, takeMug, atSink, clean, atDesk],
      "move mug 1 to desk 1",
      "You move the mug 1 to the desk 1.",
      "works. goal place clean goal object empty hands progress 1"
    ],
    [
      [atDesk, takeMug],
      "move mug 1 to desk 1",
      "You move the mug 1 to the desk 1.",
      "works. goal place goal object empty hands progress 0"
    ],
    [[], "look", "Nothing happens.", "fails: no such command. room empty hands progress 0"]
  ])("after %j of `%s`", (turns, action, observation, expected) => {
    expect(reason(told(...turns), action, observation)).toBe(expected)
  })

  it("tells of two things and of a lamp whether they are still sought", () => {
    const outlook = (instruction: string, ...turns: Array<Turn>) =>
      knowledge
        .annotate(taskTo(instruction), told(...turns), ...atFridge, 0)
        .replace(/.* progress 0 /, "")
    expect(outlook("put two mug in cabinet", atSink)).toBe("sought left 3")
    expect(outlook("put two mug in cabinet", atDesk, takeMug)).toBe("found left 3")
    expect(outlook("put two plate in cabinet", atDesk)).toBe("sought left 3")
    const look = "look at mug under the desklamp"
    expect(outlook(look, atSink)).toBe("sought sought left 5")
    expect(outlook(look, atDesk)).toBe("found found left 5")
    expect(outlook("look at plate under the desklamp", atDesk)).toBe("sought found left 5")
  })

  it("foresees of what is sought whether and what of it is where nobody had looked", () => {
    const foresight = (instruction: string, turns: Array<Turn>, turn: Turn) =>
      knowledge.foresee?.(taskTo(instruction), told(...turns), ...turn)
    expect(foresight("put a mug in cabinet", [], atDesk)).toBe("goal object here mug 2 mug 1")
    expect(foresight("put a plate in cabinet", [], atDesk)).toBe("goal object elsewhere")
    const look = "look at plate under the desklamp"
    expect(foresight(look, [], atDesk)).toBe("goal object elsewhere lamp here desklamp 1")
    expect(foresight(look, [], atSink)).toBe("goal object elsewhere lamp elsewhere")
    expect(foresight(look, [atDesk], atSink)).toBe("goal object elsewhere")
    const found = "put a mug in cabinet"
    expect(foresight(found, [atDesk], atSink)).toBe("")
    expect(foresight(found, [atDesk, takeMug], atSink)).toBe("")
    expect(foresight(found, [], atFridge)).toBe("")
    expect(foresight(found, [atDesk, atSink], atDesk)).toBe("")
  })

  const openFridge = [
    "open fridge 1",
    "You open the fridge 1. The fridge 1 is open. In it, you see nothing."
  ] as const
  it.each([
    [[atDesk], "go to desk 1", "already there"],
    [[atDesk], "go to attic 1", "no such command"],
    [[], "open fridge 1", "not there"],
    [[atDesk], "open desk 1", "no such command"],
    [[atFridge, openFridge], "open fridge 1", "already open"],
    [[atFridge], "close fridge 1", "already closed"],
    [[atDesk, takeMug], "take mug 2 from desk 1", "hands full"],
    [[atDesk, atSink], "take mug 2 from desk 1", "not there"],
    [[atFridge], "take mug 2 from fridge 1", "it is closed"],
    [[atDesk], "take pen 1 from desk 1", "not here"],
    [[atDesk], "take desklamp 1 from desk 1", "no such command"],
    [[atDesk], "take pen from desk 1", "no such command"],
    [[atDesk], "move mug 1 to desk 1", "not holding it"],
    [[atDesk, takeMug], "move mug 1 to sinkbasin 1", "not there"],
    [[atDesk, takeMug, atFridge], "move mug 1 to fridge 1", "it is closed"],
    [[atSink], "clean mug 1 with sinkbasin 1", "not holding it"],
    [[atDesk, takeMug], "clean mug 1 with sinkbasin 1", "not there"],
    [[atDesk, takeMug], "clean mug 1 with fridge 1", "no such command"],
    [[atSink], "use desklamp 1", "not there"],
    [[atDesk], "use mug 1", "no such command"],
    [[atDesk], "examine fridge 1", "not there"],
    [[atDesk], "examine mug 1", "not holding it"],
    [[atDesk], "dance", "no such command"]
  ])("after %j `%s` fails because of: %s", (turns, action, cause) => {
    const [verdict] = reason(told(...turns), action, "Nothing happens.").split(/(?<=\.) /)
    expect(verdict).toBe(`fails: ${cause}.`)
  })
})

describe("Success in the text", () => {
  const success = (instruction: string, ...turns: Array<Turn>) =>
    knowledge.audit(taskTo(instruction), told(...turns)).success
  const moveTo = (mug: string, place: string) =>
    [`move ${mug} to ${place}`, `You move the ${mug} to the ${place}.`] as const
  const takeSecond = ["take mug 2 from desk 1", "You pick up the mug 2 from the desk 1."] as const
  const use = ["use desklamp 1", "You turn on the desklamp 1."] as const

  it("of the two mugs may lie in any two places of the kind", () => {
    const closets = (second: string): Array<Turn> => [
      atDesk,
      takeMug,
      ["go to cabinet 1", "You arrive at cabinet 1. The cabinet 1 is closed."] as const,
      [
        "open cabinet 1",
        "You open the cabinet 1. The cabinet 1 is open. In it, you see nothing."
      ] as const,
      moveTo("mug 1", "cabinet 1"),
      ["go to desk 1", "You arrive at desk 1. On the desk 1, you see a desklamp 1, and a mug 2."],
      takeSecond,
      [
        `go to ${second}`,
        `You arrive at ${second}. On the ${second}, you see ${second === "cabinet 1" ? "a mug 1" : "nothing"}.`
      ] as const,
      moveTo("mug 2", second)
    ]
    expect(success("put two mug in cabinet", ...closets("cabinet 2"))).toBe(true)
    expect(success("put two mug in cabinet", ...closets("sinkbasin 1"))).toBe(false)
    const alfWorld = HouseholdKnowledge.ofAlfWorld(new Map([["test", first]]), [])
    const together = (second: string) =>
      alfWorld.audit(taskTo("put two mug in cabinet"), told(...closets(second))).success
    expect([together("cabinet 1"), together("cabinet 2")]).toEqual([true, false])
  })

  it("of looking needs the object in the hand at the lit lamp, in any order", () => {
    const look = "look at mug under the desklamp"
    expect(success(look, atDesk, takeMug, use)).toBe(true)
    expect(success(look, atDesk, use, takeMug)).toBe(true)
    expect(success(look, atDesk, use)).toBe(false)
    expect(success(look, atDesk, takeMug, use, atSink)).toBe(false)
    expect(success("look at pen under the desklamp", atDesk, takeMug, use)).toBe(false)
  })

  it("of a processed object needs that condition", () => {
    const put = moveTo("mug 1", "sinkbasin 1")
    expect(success("put a clean mug in sinkbasin", atDesk, takeMug, atSink, put)).toBe(false)
    expect(success("put a clean mug in sinkbasin", atDesk, takeMug, atSink, clean, put)).toBe(true)
    expect(success("put a hot mug in sinkbasin", atDesk, takeMug, atSink, clean, put)).toBe(false)
    expect(
      success("clean some mug and put it in sinkbasin", atDesk, takeMug, atSink, clean, put)
    ).toBe(true)
    expect(success("dance", atDesk, takeMug, atSink, clean, put)).toBe(false)
  })
})
