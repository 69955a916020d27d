import type { Environment } from "@dreamgym/domain"
import { Effect, Exit, Result, Schema, Scope } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Game from "../src/alfworld/Game.ts"
import * as GameEpisode from "../src/alfworld/GameEpisode.ts"
import * as SavedGame from "../src/alfworld/SavedGame.ts"
import { room } from "./room.ts"

const game = Result.getOrThrow(Game.load(room, "room"))
const world = { name: "alfworld", version: "json_2.1.1" }

/** A walk through the room: each number chooses among what can be done. */
const walked = (choices: ReadonlyArray<number>): Game.GameState =>
  choices.reduce(
    (state, choice) => Game.step(state, state.admissible[choice % state.admissible.length] ?? ""),
    Game.start(game)
  )

const walks = fc.array(fc.nat({ max: 50 }), { maxLength: 12 })

/** What a player can tell of a state, now and after one more command. */
const shown = ({ observation, won, admissible }: Game.GameState) => ({
  observation,
  won,
  admissible
})

const run = <A, E>(
  use: (episode: GameEpisode.GameEpisode) => Effect.Effect<A, E, Scope.Scope>,
  options: GameEpisode.Options = {}
) => Effect.runPromise(Effect.scoped(Effect.flatMap(GameEpisode.open(game, world, options), use)))

const say = (episode: GameEpisode.GameEpisode, text: string) =>
  Effect.map(episode.step({ text }), ({ observation }) => observation)

describe("What can be said", () => {
  it("after any walk is what can be said in that state by itself", () => {
    fc.assert(
      fc.property(walks, (walk) => {
        const { admissible, situation } = walked(walk)
        expect(admissible).toEqual(Game.at(game, situation.state, "").admissible)
      })
    )
  })
})

describe("A saved state", () => {
  it("resumed, shows and does what the state did, also after a journey as JSON", () => {
    fc.assert(
      fc.property(walks, fc.nat({ max: 50 }), (walk, next) => {
        const state = walked(walk)
        const json = JSON.stringify(SavedGame.save(state))
        const saved = Schema.decodeUnknownSync(SavedGame.SavedGame)(JSON.parse(json))
        const resumed = Result.getOrThrow(SavedGame.resume(game, saved))
        expect(shown(resumed)).toEqual(shown(state))
        const command = state.admissible[next % state.admissible.length] ?? ""
        expect(shown(Game.step(resumed, command))).toEqual(shown(Game.step(state, command)))
      })
    )
  })

  it("holds only what changed", () => {
    const { added, removed } = SavedGame.save(Game.step(Game.start(game), "go to shelf 2"))
    expect([added, removed]).toEqual([
      [["atlocation", "agent1", "near"]],
      [["atlocation", "agent1", "start"]]
    ])
  })

  it.each(["atlocation agent2 near", "atlocation agent1 near nobody", "rained", "holdsany"])(
    "of another game is refused, and the fact is named: %s",
    (fact) => {
      const { observation } = Game.start(game)
      for (const part of ["added", "removed"]) {
        const bad = { observation, added: [], removed: [], [part]: [fact.split(" ")] }
        expect(Result.getFailure(SavedGame.resume(game, bad))).toMatchObject({
          value: { message: expect.stringContaining(`(${fact})`) }
        })
      }
    }
  )
})

describe("An episode", () => {
  it("goes back to where it stood, and on from there", async () => {
    const seen = await run((episode) =>
      Effect.gen(function* () {
        yield* say(episode, "go to shelf 2")
        const snapshot = yield* episode.snapshot
        const first = yield* say(episode, "take lamp 1 from shelf 2")
        const back = yield* episode.restore(snapshot)
        return [first, back, yield* say(episode, "take lamp 1 from shelf 2")]
      })
    )
    expect(seen).toEqual([
      "Taken. The lamp 1 left shelf 2.",
      "You stand at shelf 2. In it: a lamp 1.",
      "Taken. The lamp 1 left shelf 2."
    ])
  })

  it("forks into two that do not disturb each other", async () => {
    const seen = await run((episode) =>
      Effect.gen(function* () {
        yield* say(episode, "go to shelf 2")
        const fork = yield* episode.fork
        yield* say(fork, "take lamp 1 from shelf 2")
        const here = yield* say(episode, "go to shelf 1")
        return [fork.observation, here, yield* fork.admissible, yield* episode.admissible]
      })
    )
    expect(seen.slice(0, 2)).toEqual([
      "You stand at shelf 2. In it: a lamp 1.",
      "You stand at shelf 1. In it: a mug 2, and a mug 1."
    ])
    expect(seen[2]).toContain("use lamp 1")
    expect(seen[3]).not.toContain("use lamp 1")
  })

  const winning = ["go to shelf 2", "take lamp 1 from shelf 2", "go to shelf 1"]

  it("that is over can be gone back in, and takes steps again", async () => {
    const seen = await run((episode) =>
      Effect.gen(function* () {
        yield* Effect.forEach(winning, (text) => say(episode, text))
        const before = yield* episode.snapshot
        yield* say(episode, "put lamp 1 into shelf 1")
        const over = yield* episode.snapshot
        const refused = yield* Effect.flip(say(episode, "look"))
        yield* episode.restore(before)
        const { ending } = yield* episode.step({ text: "put lamp 1 into shelf 1" })
        yield* episode.restore(over)
        const again = yield* Effect.flip(say(episode, "look"))
        return [over.isOver, refused.reason, ending, again.reason]
      })
    )
    expect(seen).toEqual([true, "Closed", { _tag: "Terminated", success: true }, "Closed"])
  })

  it("of a closed scope gives nothing more, but its fork lives on in its own scope", async () => {
    const program = Effect.gen(function* () {
      const scope = yield* Scope.make()
      const episode = yield* Scope.provide(GameEpisode.open(game, world), scope)
      const fork = yield* episode.fork
      const snapshot = yield* episode.snapshot
      yield* Scope.close(scope, Exit.void)
      const refused: ReadonlyArray<
        Effect.Effect<unknown, Environment.EnvironmentError, Scope.Scope>
      > = [
        episode.step({ text: "look" }),
        episode.fork,
        episode.snapshot,
        episode.restore(snapshot)
      ]
      const reasons = yield* Effect.forEach(refused, (use) =>
        Effect.map(Effect.flip(use), (e) => e.reason)
      )
      return [reasons, yield* say(fork, "look")]
    })
    expect(await Effect.runPromise(Effect.scoped(program))).toEqual([
      ["Closed", "Closed", "Closed", "Closed"],
      "Around: nothing."
    ])
  })

  it("does not take the snapshot of another game", async () => {
    const game: SavedGame.SavedGame = { observation: "", added: [["rained"]], removed: [] }
    const error = await run((episode) => Effect.flip(episode.restore({ game, isOver: false })))
    expect([error.reason, error.message]).toEqual(["BadData", expect.stringContaining("(rained)")])
  })

  it("never changes and never breaks by what cannot be said, whatever it is", async () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.constantFrom(
        "💡".repeat(9),
        "'; DROP TABLE rooms;--",
        "(define (domain x))",
        "x".repeat(1 << 20),
        "__proto__"
      )
    )
    await fc.assert(
      fc.asyncProperty(odd, async (text) => {
        const [before, answer, after] = await run((episode) =>
          Effect.gen(function* () {
            const before = yield* episode.snapshot
            const answer = yield* say(episode, text)
            return [before.game.added, answer, (yield* episode.snapshot).game.added] as const
          })
        )
        expect([answer, after]).toEqual(["Nothing happens.", before])
      }),
      { numRuns: 60 }
    )
  })
})

describe("The opening text", () => {
  const grammar = room.grammar.replace("Hello.", "Hello.\\n\\nYour task is to: put a mug by lamp.")
  const asking = Result.getOrThrow(
    Game.load({ ...room, grammar: grammar.replace("\\n\\n#seen#", "") })
  )

  it("says the goal in other words where asked to, even with signs that patterns know", async () => {
    const opened = GameEpisode.open(asking, world, { goal: "mugs & $1 lamps" })
    const { observation } = await Effect.runPromise(Effect.scoped(opened))
    expect(observation).toBe("Hello.\n\nYour task is to: mugs & $1 lamps.")
  })
})

describe("The wording", () => {
  const old = "put mug 1 in/on shelf 1"
  const told = { ...room, grammar: room.grammar.replace("put {o} into {r}", "move {o} to {r}") }
  const today = Result.getOrThrow(Game.load(told, "room"))

  it.each([
    ["either", "The mug 1 never left."],
    ["current", "Nothing happens."]
  ] as const)("%s answers the old put: %s", async (wording, answer) => {
    const program = Effect.gen(function* () {
      const episode = yield* GameEpisode.open(today, world, { wording })
      yield* Effect.forEach(["go to shelf 1", "take mug 1 from shelf 1"], (text) =>
        say(episode, text)
      )
      return yield* say(episode, old)
    })
    expect(await Effect.runPromise(Effect.scoped(program))).toBe(answer)
  })
})
