import { Result } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import { after, room } from "./room.ts"

const game = Result.getOrThrow(Game.load(room, "room"))

const seen = ({ observation, admissible, won }: Game.GameState) => ({
  observation,
  admissible,
  won
})

/** Plays by numbers: each chooses an admissible command, or nonsense. */
const play = (choices: ReadonlyArray<number>): ReadonlyArray<Game.GameState> =>
  choices.reduce<ReadonlyArray<Game.GameState>>(
    (states, choice) => {
      const state = states[states.length - 1] ?? Game.start(game)
      const commands = [...state.admissible, "dance"]
      return [...states, Game.step(state, commands[choice % commands.length] ?? "")]
    },
    [Game.start(game)]
  )

const walks = fc.array(fc.nat(), { maxLength: 25 })

describe("A game", () => {
  it("opens with its text, its commands sorted by code point, and is not won", () => {
    expect(seen(Game.start(game))).toEqual({
      observation: "Hello.\n\nAround: a box 1, a shelf 2, and a shelf 1.",
      admissible: [
        "go to box 1",
        "go to shelf 1",
        "go to shelf 2",
        "look",
        "smash shelf 2",
        "wait"
      ],
      won: false
    })
  })

  it("is won when the goal holds and no longer when it is undone", () => {
    const way = [
      "go to shelf 2",
      "take lamp 1 from shelf 2",
      "go to shelf 1",
      "put lamp 1 into shelf 1"
    ]
    expect(after(...way)).toMatchObject({ won: true })
    expect(after(...way, "take lamp 1 from shelf 1")).toMatchObject({ won: false })
  })

  it("switches a lamp on and off by effects that look at the state before", () => {
    const held = ["go to shelf 2", "take lamp 1 from shelf 2"]
    expect(after(...held, "use lamp 1").observation).toBe("The lamp 1 shines.")
    expect(after(...held, "use lamp 1", "use lamp 1").observation).toBe("The lamp 1 is dark.")
  })

  it("breaks everything that lies where it smashes", () => {
    expect(after("smash shelf 2").observation).toBe("Broken: lamp 1.")
  })

  it.each([
    "",
    "dance",
    "Look",
    "go to shelf 3",
    "take mug 1 from box 1",
    "lookout",
    "go to  box 1"
  ])("answers %j with nothing and stays as it was", (command) => {
    const opening = Game.start(game)
    const { situation, ...text } = Game.step(opening, command)
    expect({ ...text, admissible: situation.choices().sorted }).toEqual({
      observation: Game.nothingHappens,
      admissible: opening.admissible,
      won: false
    })
    expect(situation).toBe(opening.situation)
  })

  it("does not mind blanks around a command", () => {
    expect(seen(Game.step(Game.start(game), "  look\n"))).toEqual(seen(after("look")))
  })

  it("answers every admissible command with more than nothing", () => {
    fc.assert(
      fc.property(walks, (choices) => {
        for (const state of play(choices)) {
          for (const command of state.admissible) {
            expect(Game.step(state, command).observation).not.toBe(Game.nothingHappens)
          }
        }
      }),
      { numRuns: 40 }
    )
  })

  it("is pure: an old state, stepped again later, gives the same again", () => {
    fc.assert(
      fc.property(walks, fc.nat(), (choices, again) => {
        const states = play(choices)
        const before = states.map(seen)
        const old = states[again % states.length] ?? Game.start(game)
        for (const command of old.admissible) {
          expect(seen(Game.step(old, command))).toEqual(seen(Game.step(old, command)))
        }
        expect(states.map(seen)).toEqual(before)
        expect(play(choices).map(seen)).toEqual(before)
      }),
      { numRuns: 40 }
    )
  })
})
