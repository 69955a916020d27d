import { Result } from "effect"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as GameFile from "../src/alfworld/GameFile.ts"
import { readDocument, readExpression, readParts, readQuery } from "../src/alfworld/GrammarText.ts"
import * as Names from "../src/alfworld/Names.ts"
import { dataFolder } from "./disk.ts"
import { after, room, roomRules } from "./room.ts"

describe("A right-hand side", () => {
  it("is text, symbols, expressions and lists", () => {
    expect(readParts("Go #to(r)# [{o.name | p(o:object)}], {r or 'x'}.")).toEqual([
      { _tag: "Text", text: "Go " },
      { _tag: "Symbol", symbol: "to(r)" },
      { _tag: "Text", text: " " },
      {
        _tag: "Solutions",
        of: [[{ _tag: "Attribute", variable: "o", attribute: "name" }]],
        query: [{ predicate: "p", variables: [{ name: "o", type: "object" }] }],
        isList: true
      },
      { _tag: "Text", text: ", " },
      {
        _tag: "Solutions",
        of: [
          [{ _tag: "Attribute", variable: "r", attribute: "name" }],
          [{ _tag: "Quoted", text: "x" }]
        ],
        query: undefined,
        isList: false
      },
      { _tag: "Text", text: "." }
    ])
  })

  it("loses the blanks at its start and everything from where it cannot be read", () => {
    expect(readParts("\n  a\n b} c")).toEqual([{ _tag: "Text", text: "a\n b" }])
  })
})

describe("An expression", () => {
  it("adds texts and attributes", () => {
    expect(readExpression("o.indefinite + ' ' + o.name")).toEqual([
      [
        { _tag: "Attribute", variable: "o", attribute: "indefinite" },
        { _tag: "Quoted", text: " " },
        { _tag: "Attribute", variable: "o", attribute: "name" }
      ]
    ])
  })

  it("that is anything else is refused", () => {
    expect(() => readExpression("len(o)")).toThrow("the expression len(o) cannot be read")
  })
})

describe("A query", () => {
  it("takes the name of a variable for its type where none is written", () => {
    expect(readQuery("p(o: object, t) & not_q()")).toEqual([
      {
        predicate: "p",
        variables: [
          { name: "o", type: "object" },
          { name: "t", type: "t" }
        ]
      },
      { predicate: "not_q", variables: [] }
    ])
  })
})

describe("A document", () => {
  it("may hold remarks, PDDL, and rules inside an action; the last rules of a symbol count", () => {
    const document = readDocument(`# first
      grammar :: """{"a": [{"rhs": "1"}]}""";
      action Go { pddl :: """(:action)"""; template :: "go"; feedback :: "#a#";
        grammar :: """
        # not this
        {"a": [{"rhs": "2", "condition": "p(x)"}]}"""; }`)
    expect([...document.actions]).toEqual([["go", { template: "go", feedback: "#a#" }]])
    expect([...document.rules]).toEqual([["a", [{ rhs: "2", condition: "p(x)" }]]])
  })

  it.each([
    ["grammar :: {}", 'neither an action nor a grammar at "grammar :: {}"'],
    ['grammar :: """{"a": 1}""";', "a block of rules is not as expected"],
    ['grammar :: """{""";', "a block of rules is not as expected"],
    ['action go { template :: "go"; }', "action go has no feedback"],
    ["action go { speed :: 3; }", 'action go cannot be read at "speed :: 3; }"']
  ])("%j is refused: %s", (text, detail) => {
    expect(() => readDocument(text)).toThrow(detail)
  })
})

describe("A small game's texts", () => {
  it("list what there is before anything is bound, and nothing where the agent's place has none", () => {
    expect(after().observation).toBe("Hello.\n\nAround: a box 1, a shelf 2, and a shelf 1.")
    expect(after("look").observation).toBe("Around: nothing.")
  })

  it("list two with a comma before the and, and one alone", () => {
    expect(after("go to shelf 1").observation).toBe(
      "You stand at shelf 1. In it: a mug 2, and a mug 1."
    )
    expect(after("go to shelf 2").observation).toBe("You stand at shelf 2. In it: a lamp 1.")
  })

  it("know a fact that was taken away until it is true again", () => {
    const taken = ["go to shelf 2", "take lamp 1 from shelf 2"]
    expect(after(...taken).observation).toBe("Taken. The lamp 1 left shelf 2.")
    const back = after(...taken, "put lamp 1 into shelf 2")
    expect(back.observation).toBe("The lamp 1 never left.")
  })

  it("keep the lines of a feedback but not its first blank", () => {
    expect(after("wait").observation).toBe("Time passes:\n  slowly.\n")
  })

  it("list again what their condition had to find, each of them", () => {
    expect(after("go to box 1", "look").observation).toBe("Here: box 1, and shelf 2.")
  })

  const opening = (rhs: string): string => {
    const rules = JSON.stringify({ ...roomRules, intro: [{ rhs }] })
    const grammar = room.grammar.replace(JSON.stringify(roomRules), () => rules)
    return Game.start(Result.getOrThrow(Game.load({ ...room, grammar }, "room"))).observation
  }

  const box = "openable(r:receptacle)"
  const mugs = "objecttype(o:object, t:otype)"

  it.each([
    [`{r.id | ${box}}`, "box_bar__plus_01_dot_00"],
    [`{r.type | ${box}}`, "receptacle"],
    [`{r.definite + " " + r | ${box}}`, "the box 1"],
    [`{r.name or r.id | ${box}}`, "box 1"],
    [`{'' or r.id | ${box}}`, "box_bar__plus_01_dot_00"],
    [`{'' + '' or '' | ${box}}.`, "."],
    [`<b>`, ""],
    [`{o.name | ${mugs}}`, "mug 2mug 1"],
    [`[{o.name | ${mugs}}]`, "mug 2, and mug 1"],
    [`[{o.name | ${mugs.replace("t:otype", "t:object")}}]`, "nothing"],
    [`[{o.name | ${mugs.replace("o:object", "o:receptacle")}}]`, "nothing"],
    [`[{o.name | objecttype(o:object)}]`, "nothing"],
    [`{x.name}.`, "."],
    [`[{o.name | ${mugs}}`, ""],
    [`{o.name | ${mugs}}]`, ""]
  ])("%s is written %j", (rhs, text) => {
    expect(opening(rhs)).toBe(text)
  })

  const withRules = (rules: object) => {
    const grammar = room.grammar.replace(JSON.stringify(roomRules), JSON.stringify(rules))
    return Result.match(Game.load({ ...room, grammar }, "room"), {
      onFailure: (error) => error.message,
      onSuccess: () => "playable"
    })
  }

  it("give different variables different things", () => {
    const pair = "inreceptacle(x:object, r:receptacle) & inreceptacle(y:object, r:receptacle)"
    const rules = { ...roomRules, intro: [{ rhs: `[{x.name + '-' + y.name | ${pair}}]` }] }
    const grammar = room.grammar.replace(JSON.stringify(roomRules), JSON.stringify(rules))
    const game = Result.getOrThrow(Game.load({ ...room, grammar }, "room"))
    expect(Game.start(game).observation).toBe("mug 2-mug 1, and mug 1-mug 2")
  })

  it("can all be written, or the game is refused", () => {
    const { lamp: _, ...without } = roomRules
    expect(withRules(without)).toContain("field grammar: the grammar has no symbol #lamp#")
    const silent = { ...roomRules, lamp: [{ condition: "ison(o:object)", rhs: "" }] }
    expect(withRules(silent)).toContain("every rule of the symbol #lamp# has a condition")
    const odd = { ...roomRules, lamp: [{ rhs: "{o.colour}" }] }
    expect(withRules(odd)).toContain("entities have no attribute colour")
  })
})

describe("A command", () => {
  const commanding = (template: string) => {
    const grammar = room.grammar.replace('template :: "use {o}"', `template :: "${template}"`)
    const game = Result.getOrThrow(Game.load({ ...room, grammar }, "room"))
    const commands = ["go to shelf 2", "take lamp 1 from shelf 2"]
    const held = commands.reduce(Game.step, Game.start(game))
    const first = held.admissible.filter((command) => command.startsWith("use"))
    const toggled = Game.step(held, first[0] ?? "")
    return [...first, ...toggled.admissible.filter((command) => command.startsWith("use"))]
  }

  it("of two actions is listed once and means the one that the domain has first", () => {
    const grammar = room.grammar.replace('template :: "wait"', 'template :: "look"')
    const start = Game.start(Result.getOrThrow(Game.load({ ...room, grammar }, "room")))
    expect(start.admissible.filter((command) => command === "look")).toEqual(["look"])
    expect(Game.step(start, "look").observation).toBe("Around: nothing.")
  })

  /** How one may put things down after some commands, where putting is said like this. */
  const putting = (template: string, rules: object = roomRules) => {
    const grammar = room.grammar
      .replace("put {o} into {r}", template)
      .replace(JSON.stringify(roomRules), () => JSON.stringify(rules))
    const game = Result.getOrThrow(Game.load({ ...room, grammar }, "room"))
    return (...commands: ReadonlyArray<string>): ReadonlyArray<string> => {
      const { admissible } = commands.reduce(Game.step, Game.start(game))
      return admissible.filter((command) => command.startsWith("put"))
    }
  }

  it("is written for each thing that decides it, also for one that it does not name", () => {
    const puts = putting("put {o}{' away' | openable(r:receptacle)}")
    expect(puts("go to shelf 2", "take lamp 1 from shelf 2")).toEqual([
      "put lamp 1",
      "put lamp 1 away"
    ])
  })

  it("is written anew where its text tells of what another action changes", () => {
    const looks = (template: string) => {
      const grammar = room.grammar.replace('template :: "look"', `template :: "${template}"`)
      const game = Result.getOrThrow(Game.load({ ...room, grammar }, "room"))
      const lookOf = ({ admissible }: Game.GameState) =>
        admissible.filter((command) => command.startsWith("look"))
      const there = Game.step(Game.start(game), "go to shelf 2")
      return [there, Game.step(there, "take lamp 1 from shelf 2")].flatMap(lookOf)
    }
    expect(looks("look{' for ' + o | holds(a:agent, o:object)}")).toEqual([
      "look",
      "look for lamp 1"
    ])
  })

  it("is written anew where its text tells of what was taken away", () => {
    const puts = putting("put {o}{' back' | not_inreceptacle(o:object, r:receptacle)}")
    const way = ["go to shelf 2", "take lamp 1 from shelf 2", "go to shelf 1"]
    expect(puts(...way)).toEqual(["put lamp 1"])
    expect(puts(...way, "put lamp 1", "take lamp 1 from shelf 1")).toEqual(["put lamp 1 back"])
  })

  it("is written anew where the state decides what an empty list is called", () => {
    const list_empty = [{ condition: "broken(o:object)", rhs: "in shards" }, { rhs: "nowhere" }]
    const puts = putting("put {o} [{r | openable(r:receptacle)}]", { ...roomRules, list_empty })
    const way = ["go to shelf 2", "take lamp 1 from shelf 2"]
    expect(puts(...way)).toEqual(["put lamp 1 box 1", "put lamp 1 nowhere"])
    const broken = ["put lamp 1 nowhere", "smash shelf 2", "take lamp 1 from shelf 2"]
    expect(puts(...way, ...broken)).toEqual(["put lamp 1 box 1", "put lamp 1 in shards"])
  })

  it("is written anew where its text tells of something that changes", () => {
    expect(commanding("use {o.name}{'' + x.name | ison(x:object)}")).toEqual([
      "use lamp 1",
      "use lamp 1"
    ])
    expect(commanding("use the [{x.name | ison(x:object)}]")).toEqual([
      "use the nothing",
      "use the nothing"
    ])
    expect(commanding("use the [{o.name | ison(o:object)}]")).toEqual([
      "use the nothing",
      "use the lamp 1"
    ])
    expect(commanding("use: #lamp#")).toEqual([
      "use: The lamp 1 is dark.",
      "use: The lamp 1 shines."
    ])
  })
})

describe("Names", () => {
  it("count down within a class along the sorted ids; ids without coordinates keep a blank", () => {
    const ids = ["mug_bar_2", "mug_bar_1", "sink_bar_1_bar_sinkbasin", "agent1", "mugtype"]
    expect([...Names.display(["tub_bar_basin_bar_1"])]).toEqual([
      ["tub_bar_basin_bar_1", "tubbasin 1"]
    ])
    expect([...Names.display(ids)]).toEqual([
      ["agent1", "agent1 "],
      ["mug_bar_1", "mug 2"],
      ["mug_bar_2", "mug 1"],
      ["mugtype", "mugtype "],
      ["sink_bar_1_bar_sinkbasin", "sinkbasin 1"]
    ])
  })
})

describe("A thing of which no first fact speaks", () => {
  it("takes no number from those that are there", () => {
    const pddl_problem = room.pddl_problem.replace("unused", "Mug_bar__plus_09_dot_00 unused")
    const game = Result.getOrThrow(Game.load({ ...room, pddl_problem }, "room"))
    expect(Game.step(Game.start(game), "go to shelf 1").observation).toBe(
      "You stand at shelf 1. In it: a mug 2, and a mug 1."
    )
  })
})

const kitchen =
  "valid_seen/pick_heat_then_place_in_recep-Plate-None-Cabinet-1/trial_T20190908_070946_578973"

/** The kitchen with more facts at the start. */
const kitchenWith = (...facts: ReadonlyArray<string>): Game.GameState => {
  const file = `${dataFolder}/json_2.1.1/${kitchen}/game.tw-pddl`
  const game = Result.getOrThrow(GameFile.parse(readFileSync(file, "utf8"), file))
  const pddl_problem = game.pddl_problem.replace("(:init", `(:init ${facts.join(" ")}`)
  return Game.start(Result.getOrThrow(Game.load({ ...game, pddl_problem }, file)))
}

const examined = (id: string, name: string, facts: ReadonlyArray<string>) =>
  Game.step(
    kitchenWith(
      `(holds agent1 ${id})`,
      "(holdsAny agent1)",
      ...facts.map((fact) => `(${fact} ${id})`)
    ),
    `examine ${name}`
  ).observation

const whereData = dataFolder === undefined ? describe.skip : describe

whereData("Rare texts of the real grammar (skipped without ALFWORLD_DATA)", () => {
  const apple = "Apple_bar__minus_01_dot_96_bar__plus_00_dot_10_bar__plus_02_dot_08"

  it.each([
    [["isClean", "isHot", "isSliced"], "This is a hot and clean sliced apple 2."],
    [["isClean", "isCool", "isSliced"], "This is a cool and clean sliced apple 2."],
    [["isClean", "isSliced"], "This is a clean sliced apple 2."],
    [["isHot", "isSliced"], "This is a hot sliced apple 2."],
    [["isCool", "isSliced"], "This is a cool sliced apple 2."],
    [["isClean", "isHot"], "This is a hot and clean apple 2."],
    [["isClean", "isCool"], "This is a cool and clean apple 2."],
    [["isHot"], "This is a hot apple 2."],
    [["isClean"], "This is a clean apple 2."],
    [["isCool"], "This is a cold apple 2."],
    [["toggleable", "isToggled"], "This apple 2 is on."],
    [["isSliced"], "This is a sliced apple 2."],
    [["isReceptacleObject", "isHot"], "This is a normal apple 2. In it, you see nothing."],
    [[], "There's nothing special about apple 2."]
  ])("%j: %s", (facts, text) => {
    expect(examined(apple, "apple 2", facts)).toBe(text)
  })

  it("what was moved away from a receptacle but lies at the same place is next to it", () => {
    const loc = "loc_bar_9_bar_9_bar_9_bar_9"
    const table = "Table_bar__plus_09_dot_00"
    const tray = "Tray_bar__plus_09_dot_00"
    const facts = [table, tray].flatMap((receptacle) => [
      `(receptacleAtLocation ${receptacle} ${loc})`,
      `(receptacleType ${receptacle} CounterTopType)`
    ])
    const file = `${dataFolder}/json_2.1.1/${kitchen}/game.tw-pddl`
    const game = Result.getOrThrow(GameFile.parse(readFileSync(file, "utf8"), file))
    const pddl_problem = game.pddl_problem
      .replace("(:objects", `(:objects ${loc} - location ${table} ${tray} - receptacle`)
      .replace("(:init", `(:init ${facts.join(" ")} (inReceptacle ${apple} ${table})`)
    const commands = [
      "go to table 1",
      "take apple 2 from table 1",
      "move apple 2 to tray 1",
      "look"
    ]
    const opening = Game.start(Result.getOrThrow(Game.load({ ...game, pddl_problem }, file)))
    expect(commands.reduce(Game.step, opening).observation).toBe(
      "You are facing the table 1, and tray 1. Next to it, you see a apple 2."
    )
  })
})
