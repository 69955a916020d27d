/**
 * A real world with all that a run needs of it: tasks to collect on, held-out tasks to evaluate on, scripted demonstrators, and
 * what is known of its text. It decides nothing about learning.
 */
import { Environment, type Knowledge, type Policy, Seed, type Task } from "@dreamgym/domain"
import * as AlfWorld from "@dreamgym/environment/alfworld/AlfWorld"
import * as Demonstrator from "@dreamgym/environment/household/Demonstrator"
import * as Expert from "@dreamgym/environment/alfworld/Expert"
import * as Game from "@dreamgym/environment/alfworld/Game"
import * as GameFile from "@dreamgym/environment/alfworld/GameFile"
import * as Generator from "@dreamgym/environment/household/Generator"
import * as Goal from "@dreamgym/environment/household/Goal"
import * as Household from "@dreamgym/environment/household/Household"
import * as HouseholdKnowledge from "@dreamgym/environment/household/HouseholdKnowledge"
import * as Rung from "@dreamgym/environment/household/Rung"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import type { Config } from "./Config.ts"
import * as Difficulty from "./Difficulty.ts"

/**
 * `collection` tasks and `heldOut` tasks share no layout. `demonstrators` act from visible text only; the noisy one plays random
 * actions at its rate. `kindOf` names the kind of a task, for tables; `difficultyOf` says of a task, or a dream of it, about how many
 * steps somebody needs who knows nothing of the place.
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
  readonly difficultyOf: (task: Task.Task) => number
}

export const make = (
  config: Config
): Effect.Effect<World, Environment.EnvironmentError, FileSystem.FileSystem> =>
  config.environment.name === "household" ? Effect.sync(() => household(config)) : alfWorld(config)

/** The step limit of the original's text games. */
const alfWorldStepLimit = 50

/**
 * Collection from `train`, evaluation on `valid_seen`, as the original splits them; practice comes back to the collected games.
 * The expert is the one written for these games; the noisy player is it and the random one, mixed.
 */
const alfWorld = Effect.fn("World.alfWorld")(function* (config: Config) {
  const { data: dataFolder = "", stepLimit = alfWorldStepLimit } = config.environment
  const train = yield* AlfWorld.tasks({ dataFolder, split: "train" })
  const validation = yield* AlfWorld.tasks({ dataFolder, split: "valid_seen" })
  const random = Seed.generator(Seed.key(config.seed, "alfworld tasks"))
  const shuffled = Seed.shuffle(random, train)
  const heldOut = Seed.shuffle(random, validation).slice(0, config.evaluate.episodes)
  const { noisyRandomRate, trajectories } = config.collect
  const collection = cycled(shuffled, trajectories)
  const knowledge = yield* alfWorldKnowledge(dataFolder, [...new Set([...collection, ...heldOut])])
  const atRandom = Demonstrator.random({ invalidRate: 0.06 })
  return {
    environment: yield* AlfWorld.make({ dataFolder, knowledge }),
    knowledge,
    stepLimit,
    collection,
    heldOut,
    practice: (count: number, offset: number) =>
      cycled(shuffled.slice(0, trajectories), count, offset),
    demonstrators: {
      expert: Expert.policy,
      noisy: mixed(Expert.policy, atRandom, noisyRandomRate),
      random: atRandom
    },
    kindOf: kindOfInstruction,
    difficultyOf: Difficulty.ofText
  }
})

/** `count` values from `offset` on, round and round. */
const cycled = <A>(values: ReadonlyArray<A>, count: number, offset = 0): ReadonlyArray<A> =>
  Array.from({ length: count }, (_, i) => values[(offset + i) % values.length]).filter(
    (value) => value !== undefined
  )

/** The second player takes over at `rate` of the decisions, by their keys. */
const mixed = (
  first: Policy.Policy["Service"],
  second: Policy.Policy["Service"],
  rate: number
): Policy.Policy["Service"] => ({
  name: `${first.name}-${rate}`,
  version: first.version,
  act: (decision) => {
    const isSecond = Seed.generator(Seed.key(decision.key, "mixed"))() < rate
    return isSecond ? second.act(decision) : first.act(decision)
  }
})

const household = (config: Config): World => {
  const { rung: name, stepLimit } = config.environment
  const rung = Rung.rungs[name]
  const { noisyRandomRate, trajectories } = config.collect
  const tasks = (split: "train" | "heldout", count: number, offset: number) =>
    Generator.tasks({ rung: name, split, count, seed: config.seed, offset })
  const levels = config.curriculum.spread ? Difficulty.levelsOf(rung) : []
  const spread = (count: number, offset: number) =>
    levels.length === 0
      ? tasks("train", count, offset)
      : Difficulty.interleaved(levels, count, offset, (difficulty, size, from) =>
          Generator.tasks({
            rung: name,
            split: "train",
            count: size,
            seed: config.seed,
            offset: from,
            ...(difficulty === undefined ? {} : { difficulty })
          })
        )
  const environment = Household.make(rung)
  return {
    environment,
    knowledge: sayable(HouseholdKnowledge.ofRung(rung)),
    stepLimit: stepLimit ?? rung.stepLimit,
    collection: spread(trajectories, 0),
    heldOut: tasks("heldout", config.evaluate.episodes, 0),
    practice: (count, offset) => spread(count, trajectories + offset),
    demonstrators: {
      expert: Demonstrator.expert({ rung, randomRate: 0 }),
      noisy: Demonstrator.expert({ rung, randomRate: noisyRandomRate }),
      random: Demonstrator.random({ rung, invalidRate: 0.06 })
    },
    kindOf: kindOfInstruction,
    difficultyOf: Difficulty.ofHouse
  }
}

/** The six kinds of the original, read from the goal sentence. */
const kindOfInstruction = ({ instruction }: Task.Task): string =>
  Goal.parse(instruction)?.kind ?? "other"

/**
 * The words of these games: what each shows at its start, and the names of the things in it. Names are vocabulary, as a printed
 * dictionary is: where a thing is, and in which game, nobody learns from them.
 */
const alfWorldKnowledge = Effect.fnUntraced(function* (
  dataFolder: string,
  tasks: ReadonlyArray<Task.Task>
) {
  const names = new Set<string>()
  const starts = new Map<string, string>()
  for (const task of tasks) {
    const game = yield* loaded(dataFolder, task)
    for (const name of game.entities.names) names.add(name)
    starts.set(task.id, Game.start(game).observation)
  }
  return sayable(HouseholdKnowledge.ofAlfWorld(starts, names))
})

/** A dream may name what is no word of this world; it cannot be said again, so nothing needs to rule it out. */
const sayable = (knowledge: Knowledge.Knowledge): Knowledge.Knowledge => {
  const words = new Set(knowledge.lexicon)
  return {
    ...knowledge,
    question: (task, history, action) => {
      const question = knowledge.question(task, history, action)
      return { ...question, forbidden: question.forbidden.filter((word) => words.has(word)) }
    }
  }
}

const loaded = Effect.fnUntraced(function* (dataFolder: string, task: Task.Task) {
  const { game } = yield* Schema.decodeUnknownEffect(AlfWorld.Payload)(task.payload).pipe(
    Effect.orDie
  )
  const file = `${dataFolder}/json_2.1.1/${game}/game.tw-pddl`
  return yield* GameFile.load(file).pipe(
    Effect.flatMap((content) => Effect.fromResult(Game.load(content, file))),
    Effect.mapError(
      (cause) =>
        new Environment.EnvironmentError({
          reason: "BadData",
          environment: task.environment,
          message: cause.message,
          cause
        })
    )
  )
})
