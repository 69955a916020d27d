/**
 * ALFWorld's text games as an environment: the tasks of a data folder, and episodes on them.
 * It ships no games: `ALFWORLD_DATA` of the original, or a folder of the same layout, must be at hand.
 */
import { Environment, Seed, Task, type Knowledge } from "@dreamgym/domain"
import * as Cache from "effect/Cache"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Game from "./Game.ts"
import * as GameBatch from "./GameBatch.ts"
import * as GameEpisode from "./GameEpisode.ts"
import * as GameFile from "./GameFile.ts"
import * as HumanGoals from "./HumanGoals.ts"

/** The original's splits: training games, and validation games in rooms seen in training or not. */
export const splits = ["train", "valid_seen", "valid_unseen"] as const
export type Split = (typeof splits)[number]

/** The six task types of the original's configuration, in its order (1 to 6). */
export const TaskType = Schema.Literals([
  "pick_and_place_simple",
  "look_at_obj_in_light",
  "pick_clean_then_place_in_recep",
  "pick_heat_then_place_in_recep",
  "pick_cool_then_place_in_recep",
  "pick_two_obj_and_place"
])
export type TaskType = typeof TaskType.Type

/** After how many commands the original ends an episode, whatever they did: for the rollout, which counts them. */
export const stepLimit = GameBatch.stepLimit

/**
 * The payload of a task. `game` is `SPLIT/TASK/TRIAL` under `json_2.1.1`; `goal` the goal in other words; `numbering` the
 * key of another numbering of its things.
 */
export const Payload = Schema.Struct({
  game: Schema.String,
  type: TaskType,
  goal: Schema.optionalKey(Schema.String),
  numbering: Schema.optionalKey(Schema.Int)
})

/**
 * `dataFolder` holds `json_2.1.1`. `types`: all six where absent. `goals`: the sentences of the games (`template`, where
 * absent), or for each game one of its people's own (`human`), drawn by `seed` (0 where absent). `domainRandomization`:
 * in the training split the things of a game get their numbers in an order drawn by `seed`, so that nobody learns
 * "mug 1" by heart; as in the original it does nothing in the others, but there each start draws anew, without a seed.
 */
export interface TasksOptions {
  readonly dataFolder: string
  readonly split: Split
  readonly types?: ReadonlyArray<TaskType>
  readonly goals?: "template" | "human"
  readonly domainRandomization?: boolean
  readonly seed?: number
}

/** `wording`: see `GameEpisode.Options`. */
export interface Options {
  readonly dataFolder: string
  readonly knowledge?: Knowledge.Knowledge
  readonly wording?: GameEpisode.Options["wording"]
}

/** `start` gives episodes that can be forked and gone back in; `game` the game of a task, for planners. */
export interface AlfWorld extends Environment.Environment {
  readonly start: (
    task: Task.Task
  ) => Effect.Effect<GameEpisode.GameEpisode, Environment.EnvironmentError, Scope.Scope>
  readonly game: (task: Task.Task) => Effect.Effect<Game.Game, Environment.EnvironmentError>
}

const world: GameEpisode.World = { name: "alfworld", version: "json_2.1.1" }

/**
 * The tasks of a split, in the order of their paths. As in the original, games with movable receptacles or sliced
 * objects, of other types, and unsolvable ones are left out. The instruction is the game's goal sentence.
 */
export const tasks = Effect.fn("AlfWorld.tasks")(function* (options: TasksOptions) {
  const files = yield* FileSystem.FileSystem
  const folder = `${options.dataFolder}/json_2.1.1/${options.split}`
  const entries = yield* Effect.mapError(
    files.readDirectory(folder, { recursive: true }),
    (cause) =>
      badData(
        `${folder}: the folder cannot be listed; set ALFWORLD_DATA to the folder of json_2.1.1`,
        cause
      )
  )
  const types = options.types ?? TaskType.literals
  if (!entries.some((entry) => entry.endsWith("game.tw-pddl"))) {
    return yield* badData(
      `${folder}: there is no game.tw-pddl in it; fetch json_2.1.3_tw-pddl.zip (dreamgym env download alfworld), or set ALFWORLD_DATA to the folder of json_2.1.1`
    )
  }
  const found = entries.map(payloadIn(options.split)).filter((payload) => payload !== undefined)
  const wanted = found.filter(({ type }) => types.includes(type)).toSorted(byGame)
  const read = yield* Effect.forEach(wanted, (payload) => readTask(options, payload), {
    concurrency: 8
  })
  return read.filter((task) => task !== undefined)
})

/** The environment over a data folder. The last games played are kept ready. */
export const make = Effect.fn("AlfWorld.make")(function* (options: Options) {
  const { dataFolder, knowledge, wording = "either" } = options
  const read = ({ game, ...numbering }: Edition) =>
    GameFile.load(fileOf(dataFolder, game)).pipe(
      Effect.flatMap((file) =>
        Effect.fromResult(Game.load(file, fileOf(dataFolder, game), numbering))
      ),
      Effect.mapError((error) => badData(error.message, error))
    )
  const games = yield* Cache.makeWith(read, {
    capacity: 64,
    // A file that could not be read may have been mended since.
    timeToLive: (exit) => (Exit.isSuccess(exit) ? Duration.infinity : Duration.zero)
  })
  const gameOf = Effect.fn("AlfWorld.game")(function* (task: Task.Task) {
    const { game, numbering } = yield* payloadOf(task)
    return yield* Cache.get(games, numbering === undefined ? { game } : { game, numbering })
  })
  const start = Effect.fn("AlfWorld.start")(function* (task: Task.Task) {
    const { goal } = yield* payloadOf(task)
    const words = goal === undefined ? { wording } : { wording, goal }
    return yield* GameEpisode.open(yield* gameOf(task), world, words)
  })
  const environment: AlfWorld = {
    ...world,
    start,
    game: gameOf,
    ...(knowledge === undefined ? {} : { knowledge })
  }
  return environment
})

type Payload = typeof Payload.Type

/** A game under a numbering. */
type Edition = Pick<Payload, "game" | "numbering">

const fileOf = (dataFolder: string, game: string): string =>
  `${dataFolder}/json_2.1.1/${game}/game.tw-pddl`

const byGame = (left: Payload, right: Payload): number => (left.game < right.game ? -1 : 1)

const isTaskType = Schema.is(TaskType)

const payloadIn =
  (split: Split) =>
  (entry: string): Payload | undefined => {
    const [task = "", trial, name, ...deeper] = entry.replaceAll("\\", "/").split("/")
    const [type = ""] = task.split("-")
    const isGame = name === "game.tw-pddl" && deeper.length === 0 && isTaskType(type)
    if (!isGame || task.includes("movable") || task.includes("Sliced")) return undefined
    return { game: `${split}/${task}/${trial}`, type }
  }

/** Undefined for a game that is not marked as solvable. */
const readTask = Effect.fnUntraced(function* (options: TasksOptions, payload: Payload) {
  const path = fileOf(options.dataFolder, payload.game)
  const file = yield* Effect.mapError(GameFile.load(path), (error) => badData(error.message, error))
  if (file.solvable !== true) return undefined
  const edition = isRenumbered(options) ? renumbered(payload, options) : payload
  const { numbering } = edition
  const template: Task.Task = {
    id: `${world.name}/${payload.game}${numbering === undefined ? "" : `/numbering-${numbering}`}`,
    environment: world.name,
    instruction: yield* instructionOf(file.grammar, payload),
    seed: 0,
    payload: edition,
    origin: Task.original
  }
  return options.goals === "human" ? yield* inHumanWords(template, edition, options) : template
})

const isRenumbered = ({ domainRandomization = false, split }: TasksOptions): boolean =>
  domainRandomization && split === "train"

const renumbered = (payload: Payload, { seed = 0 }: TasksOptions): Payload => ({
  ...payload,
  numbering: Seed.key(seed, `alfworld/numbering/${payload.game}`)
})

const inHumanWords = Effect.fnUntraced(function* (
  task: Task.Task,
  payload: Payload,
  { dataFolder, seed = 0 }: TasksOptions
) {
  const goals = yield* HumanGoals.load(`${dataFolder}/json_2.1.1/${payload.game}`)
  const index = Seed.below(Seed.generator(Seed.key(seed, task.id)), goals.length)
  const goal = goals[index] ?? task.instruction
  return {
    ...task,
    id: `${task.id}/human-${index}`,
    instruction: goal,
    payload: { ...payload, goal }
  }
})

/** The goal sentence is written into the grammar of each game. */
const instructionOf = (grammar: string, { game }: Payload) => {
  const sentence = /Your task is to: ([^".\\]+)/.exec(grammar)?.[1]
  return sentence === undefined
    ? Effect.fail(badData(`${game}: the grammar has no sentence "Your task is to: ..."`))
    : Effect.succeed(sentence)
}

const decodePayload = Schema.decodeUnknownResult(Payload)

const payloadOf = (task: Task.Task) =>
  Effect.fromResult(
    Result.mapError(
      decodePayload(task.payload),
      (cause) =>
        new Environment.EnvironmentError({
          reason: "BadTask",
          environment: world.name,
          message: `task ${task.id}: the payload should be { game: "SPLIT/TASK/TRIAL", type }, as AlfWorld.tasks writes it`,
          cause
        })
    )
  )

const badData = (message: string, cause?: unknown) =>
  new Environment.EnvironmentError({
    reason: "BadData",
    environment: world.name,
    message,
    ...(cause === undefined ? {} : { cause })
  })
