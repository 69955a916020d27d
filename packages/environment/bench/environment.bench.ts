/**
 * How fast the real games are played, loaded, forked and planned: `npm run bench -- environment`.
 * It says nothing of whether the texts are right; the recordings in the tests do.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { existsSync, globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import * as Game from "../src/alfworld/Game.ts"
import * as GameEpisode from "../src/alfworld/GameEpisode.ts"
import * as GameFile from "../src/alfworld/GameFile.ts"
import * as Planner from "../src/alfworld/Planner.ts"
import * as Generator from "../src/household/Generator.ts"
import { cost, heap, median, rate, took } from "./questions.ts"

const questions = {
  play: rate("random steps with admissible lists, real games", 20_000),
  load: cost("load of a real game, domain known, median", "ms", 5),
  forks: cost("10,000 live forks, each a step from its origin", "MB", 200),
  plan: cost("shortest plan of a real game, median", "ms", 50),
  house: rate("the same steps, generated houses L4", 20_000),
  rooms: rate("the same steps, generated houses L4 of four rooms", 20_000)
}

const here = fileURLToPath(new URL("../../..", import.meta.url))

const dataFolder = [process.env["ALFWORLD_DATA"], `${here}/../shared/data/alfworld`].find(
  (folder) => folder !== undefined && existsSync(`${folder}/json_2.1.1/valid_seen`)
)

const load = (text: string): Game.Game =>
  Result.getOrThrow(Result.flatMap(GameFile.parse(text, "game"), (file) => Game.load(file)))

const stepsOfEpisode = 50

/** Steps per second over `episodes` of 50 random admissible commands. */
const playing = (games: ReadonlyArray<Game.Game>, episodes: number): number => {
  const random = Seed.generator(1)
  const milliseconds = took(() => {
    for (let episode = 0; episode < episodes; episode++) {
      const game = games[episode % games.length]
      if (game === undefined) return
      let state = Game.start(game)
      for (let step = 0; step < stepsOfEpisode; step++) {
        state = Game.step(
          state,
          state.admissible[Seed.below(random, state.admissible.length)] ?? ""
        )
      }
    }
  })
  return (episodes * stepsOfEpisode * 1000) / milliseconds
}

/** The median of five runs after one to warm up. */
const steady = (games: ReadonlyArray<Game.Game>): number => {
  playing(games, 200)
  return median(Array.from({ length: 5 }, () => playing(games, 400)))
}

/** Megabytes that 10,000 open forks keep, each gone its own way and its commands listed. */
const forking = (game: Game.Game) =>
  Effect.scoped(
    Effect.gen(function* () {
      const random = Seed.generator(2)
      const origin = yield* GameEpisode.open(game, { name: "bench", version: "1" })
      const before = heap()
      const forks: Array<GameEpisode.GameEpisode> = []
      for (let count = 0; count < 10_000; count++) {
        const fork = yield* origin.fork
        const commands = yield* fork.admissible
        yield* fork.step({ text: commands[Seed.below(random, commands.length)] ?? "look" })
        yield* fork.admissible
        forks.push(fork)
      }
      const kept = (heap() - before) / 2 ** 20
      // Read only now, so that all of them are alive until here.
      return forks.length === 10_000 ? kept : Number.NaN
    })
  )

const houses = (rooms: number): ReadonlyArray<Game.Game> =>
  Array.from({ length: 40 }, (_, seed) => {
    const difficulty = { rooms: [rooms, rooms] } as const
    return Result.getOrThrow(Game.load(Generator.generate({ rung: "L4", seed, difficulty })))
  })

const onRealGames = async (folder: string): Promise<ReadonlyArray<Figure>> => {
  const files = globSync(`${folder}/json_2.1.1/valid_seen/*/*/game.tw-pddl`).toSorted()
  const texts = files.map((file) => readFileSync(file, "utf8"))
  texts.forEach(load)
  const loads = texts.map((text) => took(() => load(text)))
  const games = texts.map(load)
  const plans = games.map((game) => took(() => Planner.plan(Game.start(game))))
  const [first] = games
  const forks = first === undefined ? Number.NaN : await Effect.runPromise(forking(first))
  return [
    { ...questions.play, value: steady(games.slice(0, 40)) },
    { ...questions.load, value: median(loads) },
    { ...questions.forks, value: forks },
    { ...questions.plan, value: median(plans) }
  ]
}

const missing = [questions.play, questions.load, questions.forks, questions.plan].map(
  (question): Figure => ({ ...question, missing: "needs real games: set ALFWORLD_DATA" })
)

const bench: Bench = async () => [
  ...(dataFolder === undefined ? missing : await onRealGames(dataFolder)),
  { ...questions.house, value: steady(houses(1)) },
  { ...questions.rooms, value: steady(houses(4)) }
]

export default bench
