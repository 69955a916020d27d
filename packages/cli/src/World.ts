/**
 * The worlds that the front door knows by name: what they are, and their tasks by number or id.
 * An experience model is no world of this table: it belongs to a run.
 */
import { Environment, Seed, type Task } from "@dreamgym/domain"
import * as AlfWorld from "@dreamgym/environment/alfworld/AlfWorld"
import * as Generator from "@dreamgym/environment/household/Generator"
import * as Household from "@dreamgym/environment/household/Household"
import * as Rung from "@dreamgym/environment/household/Rung"
import * as TauBench from "@dreamgym/environment/taubench/episode/TauBench"
import type * as UserSimulator from "@dreamgym/environment/taubench/episode/UserSimulator"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import type * as Schema from "effect/Schema"
import { UsageError } from "./Failure.ts"
import * as ToolFile from "./serve/ToolFile.ts"
import * as Wire from "./serve/Wire.ts"
import * as Settings from "./Settings.ts"

/** One world, ready to be played. */
export interface World {
  readonly environment: Environment.Environment
  readonly description: string
  /** After so many steps an episode is over. */
  readonly stepLimit: number
  /** What tools it offers, in the form of MCP; a world of words offers one, `act`. */
  readonly tools: ReadonlyArray<Schema.JsonObject>
  /** How many tasks there are; undefined where there is no end of them. */
  readonly size: number | undefined
  /** The first `count` tasks at most, from number `offset`. */
  readonly tasks: (offset: number, count: number) => ReadonlyArray<Task.Task>
  /** A task by number (any integer; they repeat where there is an end of them) or by id. */
  readonly task: (wanted: number | string) => Effect.Effect<Task.Task, Environment.EnvironmentError>
}

/** What may be said of a world: each reads what concerns it, and refuses the rest. */
export interface Given {
  readonly rung: Option.Option<Rung.RungName>
  readonly split: Option.Option<string>
  readonly seed: Option.Option<number>
  readonly data: Option.Option<string>
  /** Which of ALFWorld's games, and how they are told: see `AlfWorld.TasksOptions`. None or absent: all. */
  readonly taskType?: ReadonlyArray<AlfWorld.TaskType>
  readonly goals?: Option.Option<"template" | "human">
  readonly wording?: Option.Option<"either" | "current">
  readonly domainRandomization?: boolean
  /** Who plays the customers, where a world has them and not the script is to; the others do not look at it. */
  readonly customer?: UserSimulator.UserSimulator | undefined
}

export const names = ["household", "alfworld", "tau-bench"] as const
export type Name = (typeof names)[number]

/** Why a world could not be opened. */
export type OpenError = UsageError | Environment.EnvironmentError

type Open = (given: Given) => Effect.Effect<World, OpenError, FileSystem.FileSystem>

interface Entry {
  readonly description: string
  readonly splits: ReadonlyArray<string>
  readonly open: Open
}

/** What not every world reads, by its flag. */
const flags = {
  rung: "--rung",
  seed: "--seed",
  data: "--data",
  taskType: "--task-type",
  goals: "--goals",
  wording: "--wording",
  domainRandomization: "--domain-randomization"
} as const
type Part = keyof typeof flags

const isGiven = (value: unknown): boolean =>
  Option.isOption(value)
    ? Option.isSome(value)
    : Array.isArray(value)
      ? value.length > 0
      : value === true

/** Refuses what the world does not read, `because`, before it is opened. */
const reading =
  (parts: ReadonlyArray<Part>, because: string, open: Open): Open =>
  (given) => {
    const unread = Record.findFirst(
      flags,
      (_, part) => !parts.includes(part) && isGiven(given[part])
    )
    return Option.match(unread, {
      onNone: () => open(given),
      onSome: ([, flag]) => Effect.fail(unreadBy(flag, because))
    })
  }

/** The folder that a flag or the variable names. */
export const alfworldFolder = Effect.fnUntraced(function* (given: Option.Option<string>) {
  const folder = Option.getOrUndefined(given) ?? (yield* Settings.alfworldData)
  if (folder !== undefined) return folder
  return yield* new UsageError({
    message:
      "where are ALFWorld's games? give their folder to --data, or set the variable ALFWORLD_DATA"
  })
})

const household = Effect.fnUntraced(function* ({ rung: name, seed, split }: Given) {
  const rung = Rung.rungs[Option.getOrElse(name, () => "L2" as const)]
  const chosen = yield* oneOf(["train", "heldout"] as const, split, "household")
  const base = Option.getOrElse(seed, () => 1)
  // Each number is drawn on its own, so that a large one costs no more than a small one.
  const numbered = (number: number) =>
    Generator.tasks({
      rung: rung.name,
      split: chosen,
      count: 1,
      seed: Seed.key(base, "world/household", number)
    })
  const byNumber = (number: number) => Effect.fromNullishOr(numbered(number)[0]).pipe(Effect.orDie)
  const world: World = {
    environment: Household.make(rung),
    description: worlds.household.description,
    stepLimit: rung.stepLimit,
    tools: [Wire.act],
    size: undefined,
    tasks: (offset, count) => Array.from({ length: count }, (_, i) => numbered(offset + i)).flat(),
    task: (wanted) =>
      typeof wanted === "number" ? byNumber(wanted) : Effect.fail(noHouse(rung.name, wanted))
  }
  return world
})

const alfworld = Effect.fnUntraced(function* (given: Given) {
  const { domainRandomization = false, goals = Option.none(), taskType = [] } = given
  const isDrawn = domainRandomization || Option.contains(goals, "human")
  if (Option.isSome(given.seed) && !isDrawn) {
    return yield* unreadBy("--seed", "alfworld without --goals human or --domain-randomization")
  }
  const dataFolder = yield* alfworldFolder(given.data)
  const split = yield* oneOf(AlfWorld.splits, given.split, "alfworld")
  if (domainRandomization && split !== "train") {
    return yield* unreadBy("--domain-randomization", `alfworld's ${split}; it is for train`)
  }
  const tasks = yield* AlfWorld.tasks({
    dataFolder,
    split,
    domainRandomization,
    ...(taskType.length === 0 ? {} : { types: taskType }),
    goals: Option.getOrElse(goals, () => "template" as const),
    seed: Option.getOrElse(given.seed, () => 0)
  })
  const wording = Option.getOrElse(given.wording ?? Option.none(), () => "either" as const)
  return ofTasks({
    environment: yield* AlfWorld.make({ dataFolder, wording }),
    tasks,
    description: worlds.alfworld.description,
    stepLimit: AlfWorld.stepLimit,
    tools: [Wire.act]
  })
})

const tauSplits = ["airline/test", "retail/test", "retail/dev", "retail/train"] as const

const tauBench = Effect.fnUntraced(function* ({ customer, data, split }: Given) {
  const dataFolder = Option.getOrUndefined(data) ?? (yield* Settings.tauBenchData)
  if (dataFolder === undefined) {
    return yield* new UsageError({
      message:
        "where are tau-bench's data? give their folder to --data, or set the variable TAU_BENCH_DATA"
    })
  }
  const chosen = yield* oneOf(tauSplits, split, "tau-bench")
  const [domain, of] = tauParts[chosen]
  const tasks = yield* TauBench.tasks({ dataFolder, domain, split: of })
  const played = customer === undefined ? {} : { user: customer }
  const environment = yield* TauBench.make({ dataFolder, ...played })
  const tools = yield* ToolFile.read(`${dataFolder}/${domain}/tools.json`)
  return ofTasks({
    environment,
    tasks,
    tools,
    description: worlds["tau-bench"].description,
    stepLimit: tauSteps
  })
})

const tauParts = {
  "airline/test": ["airline", "test"],
  "retail/test": ["retail", "test"],
  "retail/dev": ["retail", "dev"],
  "retail/train": ["retail", "train"]
} as const

/** tau-bench's own limit. */
const tauSteps = 30

/** Every world, by name. */
export const worlds: Readonly<Record<Name, Entry>> = {
  household: {
    description: "Generated houses: find things, clean, heat or cool them, and put them away",
    splits: ["train", "heldout"],
    open: reading(["rung", "seed"], "household, which makes its own games", household)
  },
  alfworld: {
    description: "ALFWorld's text games, from the data folder of the original",
    splits: AlfWorld.splits,
    open: reading(
      ["seed", "data", "taskType", "goals", "wording", "domainRandomization"],
      "alfworld, whose games are given",
      alfworld
    )
  },
  "tau-bench": {
    description:
      "tau-bench's customers of a shop and an airline, by policy and tools; the customer reads a script",
    splits: tauSplits,
    open: reading(["data"], "tau-bench, whose tasks are given", tauBench)
  }
}

/** A world of given tasks. */
export const ofTasks = (
  world: Pick<World, "description" | "environment" | "stepLimit" | "tools"> & {
    readonly tasks: ReadonlyArray<Task.Task>
  }
): World => {
  const { tasks } = world
  const find = (wanted: number | string) =>
    typeof wanted === "string"
      ? tasks.find(({ id }) => id === wanted)
      : tasks[((wanted % tasks.length) + tasks.length) % tasks.length]
  return {
    ...world,
    size: tasks.length,
    tasks: (offset, count) => tasks.slice(offset, offset + count),
    task: (wanted) => {
      const task = find(wanted)
      return task === undefined
        ? Effect.fail(noTask(world.environment.name, wanted, tasks.length))
        : Effect.succeed(task)
    }
  }
}

const noTask = (environment: string, wanted: number | string, size: number) =>
  new Environment.EnvironmentError({
    reason: "BadTask",
    environment,
    message: `there is no task ${wanted} among these ${size}; give a number, or an id as \`dreamgym env tasks ${environment}\` lists them`
  })

const noHouse = (rung: string, wanted: string) =>
  new Environment.EnvironmentError({
    reason: "BadTask",
    environment: "household",
    message: `household makes its tasks by number (rung ${rung}); ${wanted} is none: give a number`
  })

const oneOf = <Split extends string>(
  splits: readonly [Split, ...ReadonlyArray<Split>],
  wanted: Option.Option<string>,
  world: string
) => {
  const split = Option.isNone(wanted) ? splits[0] : splits.find((one) => one === wanted.value)
  return split === undefined
    ? Effect.fail(
        new UsageError({
          message: `--split ${Option.getOrElse(wanted, () => "")}: ${world} has ${splits.join(", ")}`
        })
      )
    : Effect.succeed(split)
}

const unreadBy = (flag: string, world: string) =>
  new UsageError({
    message: `${flag}: nothing would read it with the world ${world}; leave it out`
  })
