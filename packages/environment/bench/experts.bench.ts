/**
 * How many of ALFWorld's validation games each player of ours wins in the original's 50 commands: `npm run bench -- experts`.
 * It judges the players; whether the games are the original's is for the recordings in the tests.
 */
import { History, Seed, Task, type Policy } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { existsSync, globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Bench, Figure } from "../../../scripts/figures.ts"
import * as Expert from "../src/alfworld/Expert.ts"
import * as Game from "../src/alfworld/Game.ts"
import * as GameBatch from "../src/alfworld/GameBatch.ts"
import * as GameFile from "../src/alfworld/GameFile.ts"
import * as GamePolicy from "../src/alfworld/GamePolicy.ts"
import * as Planner from "../src/alfworld/Planner.ts"

const here = fileURLToPath(new URL("../../..", import.meta.url))

const dataFolder = [process.env["ALFWORLD_DATA"], `${here}/../shared/data/alfworld`].find(
  (folder) => folder !== undefined && existsSync(`${folder}/json_2.1.1/valid_seen`)
)

const question = (player: string, goal: number) => ({
  name: `real games won in ${GameBatch.stepLimit} commands: ${player}`,
  unit: "%",
  goal,
  higherIsBetter: true
})

const straying = { rate: 0.2 }

/** Each player for one game; the planners know it, the expert reads the text alone. */
const players: ReadonlyArray<
  readonly [string, number, (gameOf: GamePolicy.GameOf) => Policy.Policy["Service"]]
> = [
  ["planner", 100, (gameOf) => Planner.policy(gameOf)],
  [
    "planner, straying at a fifth of its steps",
    95,
    (gameOf) => GamePolicy.noisy(Planner.policy(gameOf), gameOf, straying)
  ],
  ["expert (the original's, of 60 commands: 90)", 95, () => Expert.policy],
  [
    "expert, straying at a fifth of its steps",
    90,
    (gameOf) => GamePolicy.noisy(Expert.policy, gameOf, straying)
  ],
  ["random among what is admissible", 0, GamePolicy.random]
]

const taskOf = (id: string): Task.Task => ({
  id,
  environment: "alfworld",
  instruction: "",
  seed: 0,
  payload: {},
  origin: Task.original
})

const isWon = Effect.fnUntraced(function* (
  file: string,
  game: Game.Game,
  policy: Policy.Policy["Service"]
) {
  const task = taskOf(file)
  let state = Game.start(game)
  let history = History.start(state.observation)
  for (let step = 0; step < GameBatch.stepLimit && !state.won; step++) {
    const key = Seed.key(0, `bench/${file.slice(-60)}`, step)
    const { text } = yield* policy.act({ task, history, key })
    state = Game.step(state, text)
    history = History.append(history, text, state.observation)
  }
  return state.won
})

const onRealGames = (folder: string) =>
  Effect.gen(function* () {
    const files = globSync(`${folder}/json_2.1.1/valid_*/*/*/game.tw-pddl`).toSorted()
    const games = files.map((file): readonly [string, Game.Game] => {
      const parsed = GameFile.parse(readFileSync(file, "utf8"), file)
      return [file, Result.getOrThrow(Result.flatMap(parsed, (each) => Game.load(each, file)))]
    })
    return yield* Effect.forEach(players, ([player, goal, policyFor]) =>
      Effect.forEach(games, ([file, game]) =>
        isWon(
          file,
          game,
          policyFor(() => Effect.succeed(game))
        )
      ).pipe(
        Effect.map((won): Figure => {
          const count = won.filter((each) => each).length
          const name = `${question(player, goal).name}, of ${won.length}`
          return { ...question(player, goal), name, value: (100 * count) / won.length }
        })
      )
    )
  })

const missing = players.map(([player, goal]): Figure => ({
  ...question(player, goal),
  missing: "needs real games: set ALFWORLD_DATA"
}))

const bench: Bench = () =>
  dataFolder === undefined ? Promise.resolve(missing) : Effect.runPromise(onRealGames(dataFolder))

export default bench
