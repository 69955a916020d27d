/**
 * A real world with all that a run needs of it: tasks to collect on, held-out tasks to evaluate on, scripted demonstrators, and
 * what is known of its text. It decides nothing about learning.
 */
import { type Environment, type Knowledge, type Policy, Seed, type Task } from "@dreamgym/domain"
import {
  AlfWorld,
  Demonstrator,
  Generator,
  Goal,
  Household,
  HouseholdKnowledge,
  Rung
} from "@dreamgym/environment"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { Config } from "./Config.ts"

/**
 * `collection` tasks and `heldOut` tasks share no layout. `demonstrators` act from visible text only; the noisy one plays random
 * actions at its rate. `kindOf` names the kind of a task, for tables.
 */
export interface World {
  readonly environment: Environment.Environment
  readonly knowledge: Knowledge.Knowledge
  readonly stepLimit: number
  readonly collection: ReadonlyArray<Task.Task>
  readonly heldOut: ReadonlyArray<Task.Task>
  readonly practice: (count: number, offset: number) => ReadonlyArray<Task.Task>
  readonly demonstrators: {
    readonly expert: Policy.Policy["Service"]
    readonly noisy: Policy.Policy["Service"]
    readonly random: Policy.Policy["Service"]
  }
  readonly kindOf: (task: Task.Task) => string
}

export const make = (
  config: Config
): Effect.Effect<World, Environment.EnvironmentError, FileSystem.FileSystem> =>
  config.environment.name === "household" ? Effect.sync(() => household(config)) : alfWorld(config)

/** The step limit of the original's text games. */
const alfWorldStepLimit = 50

/** Collection from `train`, evaluation on `valid_seen`, as the original splits them; demonstrators read the same notebook. */
const alfWorld = Effect.fn("World.alfWorld")(function* (config: Config) {
  const { data: dataFolder = "", stepLimit = alfWorldStepLimit } = config.environment
  const train = yield* AlfWorld.tasks({ dataFolder, split: "train" })
  const validation = yield* AlfWorld.tasks({ dataFolder, split: "valid_seen" })
  const knowledge = yield* alfWorldKnowledge(dataFolder, [...train, ...validation])
  const environment = yield* AlfWorld.make({ dataFolder, knowledge })
  const random = Seed.generator(Seed.key(config.seed, "alfworld tasks"))
  const shuffled = Seed.shuffle(random, train)
  const cycled = (count: number, offset: number) =>
    Array.from({ length: count }, (_, i) => shuffled[(offset + i) % shuffled.length]).filter(
      (task) => task !== undefined
    )
  const { noisyRandomRate, trajectories } = config.collect
  return {
    environment,
    knowledge,
    stepLimit,
    collection: cycled(trajectories, 0),
    heldOut: Seed.shuffle(random, validation).slice(0, config.evaluate.episodes),
    practice: (count: number, offset: number) => cycled(count, trajectories + offset),
    demonstrators: {
      expert: Demonstrator.expert({ randomRate: 0 }),
      noisy: Demonstrator.expert({ randomRate: noisyRandomRate }),
      random: Demonstrator.random({ invalidRate: 0.06 })
    },
    kindOf: kindOfInstruction
  }
})

const household = (config: Config): World => {
  const { rung: name, stepLimit } = config.environment
  const rung = Rung.rungs[name]
  const { noisyRandomRate, trajectories } = config.collect
  const tasks = (split: "train" | "heldout", count: number, offset: number) =>
    Generator.tasks({ rung: name, split, count, seed: config.seed, offset })
  const environment = Household.make(rung)
  return {
    environment,
    knowledge: HouseholdKnowledge.ofRung(rung),
    stepLimit: stepLimit ?? rung.stepLimit,
    collection: tasks("train", trajectories, 0),
    heldOut: tasks("heldout", config.evaluate.episodes, 0),
    practice: (count, offset) => tasks("train", count, trajectories + offset),
    demonstrators: {
      expert: Demonstrator.expert({ rung, randomRate: 0 }),
      noisy: Demonstrator.expert({ rung, randomRate: noisyRandomRate }),
      random: Demonstrator.random({ rung, invalidRate: 0.06 })
    },
    kindOf: kindOfInstruction
  }
}

/** The six kinds of the original, read from the goal sentence. */
const kindOfInstruction = ({ instruction }: Task.Task): string =>
  Goal.parse(instruction)?.kind ?? "other"

/** Vocabulary of real games: the places that are seen at the start, and the names of what the games hold. */
const alfWorldKnowledge = Effect.fnUntraced(function* (
  dataFolder: string,
  tasks: ReadonlyArray<Task.Task>
) {
  const plain = yield* AlfWorld.make({ dataFolder })
  const starts = yield* Effect.forEach(tasks, (task) =>
    Effect.scoped(
      Effect.map(plain.start(task), ({ observation }) => [task.id, observation] as const)
    )
  )
  return HouseholdKnowledge.ofAlfWorld(new Map(starts), [])
})
