import { Generator, GameEpisode, Game } from "../src/index.ts"
import { Law, RevisitLaws } from "@dreamgym/laws"
import { Effect, Result } from "effect"
import { describe, it } from "vitest"

const file = Generator.generate({ rung: "L1", seed: 5 })
const game = Result.getOrThrow(Game.load(file, "a house"))

Law.describeLaws(
  { describe, it },
  RevisitLaws.revisitLaws({
    name: "An episode of a text game",
    start: Effect.suspend(() => GameEpisode.open(game, { name: "household", version: "1" })),
    actions: file.walkthrough ?? []
  })
)
