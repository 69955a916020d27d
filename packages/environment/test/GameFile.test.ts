import { Effect, Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as GameFile from "../src/alfworld/GameFile.ts"
import { Disk } from "./disk.ts"
import { room } from "./room.ts"

const fault = (result: Result.Result<unknown, GameFile.GameFileError>) =>
  Result.match(result, {
    onFailure: ({ reason, field, message }) => ({ reason, field, message }),
    onSuccess: () => "no fault"
  })

const played = (change: Partial<GameFile.GameFile>) => fault(Game.load({ ...room, ...change }, "g"))

describe("A game file", () => {
  it("is read back as it was written, with or without a walkthrough", () => {
    const whole = { ...room, walkthrough: ["look"] }
    expect(Result.getOrThrow(GameFile.parse(JSON.stringify(whole), "g"))).toEqual(whole)
    expect(Result.getOrThrow(GameFile.parse(JSON.stringify(room), "g"))).toEqual(room)
  })

  it("that is cut off anywhere is refused as truncated, never played", () => {
    const text = JSON.stringify(room)
    for (const length of [0, 1, 100, text.length - 1]) {
      expect(fault(GameFile.parse(text.slice(0, length), "g.tw-pddl"))).toEqual({
        reason: "truncated",
        field: "",
        message: `g.tw-pddl: ${length} characters that are no complete JSON; the JSON is incomplete or damaged; fetch the file again`
      })
    }
  })

  it.each(["pddl_domain", "grammar", "pddl_problem"] as const)(
    "without the field %s is refused by that name",
    (field) => {
      const { [field]: _, ...rest } = room
      expect(fault(GameFile.parse(JSON.stringify(rest), "g"))).toMatchObject({
        reason: "field",
        field
      })
    }
  )

  it("that is not there is missing, and the error says what to do", async () => {
    const loading = Effect.provide(Effect.flip(GameFile.load("/nowhere/game.tw-pddl")), Disk)
    const { reason, message } = await Effect.runPromise(loading)
    expect({ reason, message }).toEqual({
      reason: "missing",
      message:
        "/nowhere/game.tw-pddl: the file is missing; check the path, or set ALFWORLD_DATA to the folder that holds json_2.1.1"
    })
  })

  it.each([
    ["pddl_domain", "(define (domain room)", "1 parentheses are never closed"],
    [
      "pddl_domain",
      room.pddl_domain.replace("(toggleable ?o))", "(shiny ?o))"),
      "predicate shiny is not declared"
    ],
    ["pddl_problem", room.pddl_problem.slice(0, 200), "parentheses are never closed"],
    [
      "pddl_problem",
      room.pddl_problem.replace("(openable Box", "(open Box"),
      "predicate open is not declared"
    ],
    [
      "pddl_problem",
      room.pddl_problem.replace("agent1 - agent", ""),
      "names an object that the problem does not declare"
    ],
    [
      "pddl_problem",
      room.pddl_problem.replace("(objectType ?x MugType)", "(objectType ?x PlateType)"),
      "the goal names platetype, an object that the problem does not declare"
    ],
    [
      "pddl_problem",
      `${"(".repeat(100_000)}${")".repeat(100_000)}`,
      "lists are nested more than 200 deep"
    ],
    ["grammar", room.grammar.replace("is dark.", "is #lamp#."), "#lamp# is written with #lamp#"],
    [
      "grammar",
      room.grammar.replace("is dark.", "is #seen#.").replace("Around:", "#lamp#"),
      "#seen# is written with #lamp# is written with #seen#"
    ],
    ["grammar", room.grammar.slice(0, 100), "neither an action nor a grammar"],
    [
      "grammar",
      room.grammar.replace("action smash", "action crash"),
      "the grammar has no action smash"
    ]
  ])("with a wrong %s is refused by that field (%#)", (field, text, detail) => {
    const found = played({ [field]: text })
    expect(found).toMatchObject({ field, reason: field === "grammar" ? "grammar" : "pddl" })
    expect(JSON.stringify(found)).toContain(detail)
  })
})
