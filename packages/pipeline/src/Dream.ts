/**
 * The layers under `Improve`: what makes a dream of it, and what makes the real world of it.
 * They assemble parts; none of them is decided here.
 */
import {
  Curriculum,
  Environment,
  ExperienceModel,
  LanguageModel,
  Policy,
  ReplayBuffer as Buffer,
  Seed,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import * as Curricula from "@dreamgym/experience/Curriculum"
import type * as Growth from "@dreamgym/experience/Growth"
import * as ReasoningModel from "@dreamgym/experience/ReasoningModel"
import * as SyntheticEnvironment from "@dreamgym/experience/SyntheticEnvironment"
import * as TaskGenerator from "@dreamgym/experience/TaskGenerator"
import type * as Trainable from "@dreamgym/language/Trainable"
import type { PolicyLearnerOptions } from "@dreamgym/learner/Options"
import * as PolicyLearner from "@dreamgym/learner/PolicyLearner"
import * as ReplayBuffer from "@dreamgym/replay/ReplayBuffer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Algorithm from "./Algorithm.ts"
import * as Buffers from "./Buffers.ts"
import type { Offline } from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as DreamFilter from "./DreamFilter.ts"
import * as Evaluate from "./Evaluate.ts"
import type { Fitted } from "./Fit.ts"
import type * as Improve from "./Improve.ts"
import * as LearningRate from "./LearningRate.ts"
import * as Networks from "./Networks.ts"
import type { World } from "./World.ts"

/** What a run has when it begins to learn; a run that never dreams has no experience model. */
export interface Learning extends Buffers.Lived {
  readonly fitted: Fitted | undefined
}

/** What a run has when it begins to dream. */
export interface Dreaming extends Learning {
  readonly fitted: Fitted
}

/** The synthetic environment over a fitted model, with the buffer as its memory; `newTokens`: what the model read and wrote since it was last asked. */
export const synthetic = Effect.fn("Dream.synthetic")(function* (dreaming: Dreaming) {
  const { environment, usage } = yield* SyntheticEnvironment.make({
    knowledge: dreaming.world.knowledge,
    ...Buffers.demonstrations(dreaming)
  }).pipe(Effect.provideService(ExperienceModel.ExperienceModel, modelOf(dreaming)))
  const told = yield* Ref.make(0)
  const newTokens = Effect.flatMap(usage, ({ tokens }) =>
    Effect.map(Ref.getAndSet(told, tokens), (before) => tokens - before)
  )
  return { environment, newTokens }
})

const modelOf = ({ config, fitted, world }: Dreaming) => {
  const { attempts, demonstrations, history, maxTokens, minP, reasoning, temperature } =
    config.experience
  const { contradiction, missedReward, unearnedReward } = config.filter
  return ReasoningModel.make(fitted.model, {
    knowledge: () => world.knowledge,
    consistency: { attempts, contradiction, missedReward, unearnedReward },
    temperature,
    minP,
    maxTokens,
    demonstrations,
    history,
    reasoning
  })
}

/** Dream tasks: the houses and goals of the offline trajectories, as their first observations show them. */
export const pool = (offline: Offline) => offline.train.map(dreamOf)

const dreamOf = ({ firstObservation, task }: Trajectory.Trajectory) =>
  SyntheticEnvironment.dreamTask(task, firstObservation)

/** How a pool opens; undefined where all of it is open from the beginning. */
export const growingOf = (
  { curriculum: { order, startShare, target } }: Config,
  { difficultyOf }: World
): Growth.Growing | undefined =>
  order === "growing" ? { difficultyOf, start: startShare, target } : undefined

/** What a configuration says of the order in which tasks come; nothing where it is the usual one. */
const orderOf = (config: Config, world: World) => {
  const { againShare, score } = config.curriculum
  const growing = growingOf(config, world)
  return {
    againShare,
    ...(score === "variance" ? {} : { score }),
    ...(growing === undefined ? {} : { growing })
  }
}

/** Everything that `Improve.iterations` needs but the policy and the learner, in dreams. */
export const layer = (dreaming: Dreaming, environment: Environment.Environment) => {
  const { buffer, config, fitted, offline, world } = dreaming
  const knowledge = () => world.knowledge
  const { failQuota, generate, lambda, perSeed } = config.curriculum
  const order = orderOf(config, world)
  const generator = TaskGenerator.layer({ knowledge }).pipe(
    Layer.provide(Layer.succeed(LanguageModel.LanguageModel, fitted.model))
  )
  return Layer.mergeAll(
    Curricula.layer({
      pool: pool(offline),
      lambda: generate ? lambda : 0,
      failedShare: failQuota,
      perSeed,
      ...order
    }).pipe(Layer.provide(generator)),
    DreamFilter.layer({
      config,
      world,
      offline,
      buffer,
      model: modelOf(dreaming),
      ...Buffers.demonstrations(dreaming)
    }),
    Layer.succeed(Buffer.ReplayBuffer, buffer),
    Environment.layerEnvironments([world.environment, environment])
  )
}

/** Fresh real tasks, as many as the iterations in dreams and reality take. */
const freshTasks = ({ config: { train }, world }: Buffers.Lived): ReadonlyArray<Task.Task> =>
  world.practice(train.iterations * train.tasksPerIteration, 0)

/**
 * The same in the real world: no generated tasks, nothing to filter but faults. `tasks`: its pool, which comes again after the last;
 * `buffer`: where the experience goes (default: a memory of its own).
 */
export const layerReal = (
  lived: Buffers.Lived,
  options: {
    readonly tasks?: ReadonlyArray<Task.Task>
    readonly buffer?: Buffer.ReplayBuffer["Service"]
  } = {}
) => {
  const { config, world } = lived
  const { buffer, tasks = freshTasks(lived) } = options
  const noVariations = Layer.succeed(Curriculum.TaskGenerator, {
    variations: () => Stream.empty
  })
  return Layer.mergeAll(
    Curricula.layer({
      pool: tasks,
      lambda: 0,
      failedShare: 0,
      ...orderOf(config, world)
    }).pipe(Layer.provide(noVariations)),
    DreamFilter.layerReal({ config, world }),
    buffer === undefined ? ReplayBuffer.layerMemory() : Layer.succeed(Buffer.ReplayBuffer, buffer),
    Environment.layerEnvironments([world.environment])
  )
}

/** What randomness is keyed by, the first thread, and how many; `usedShare` as in `Sources`, 0 where nobody counts. */
export interface Place {
  readonly purpose: string
  readonly worker: number
  readonly shards: number
  readonly usedShare?: () => number
}

/** The policy and its learner, over one set of parameters, which is trained in place; `reference` is what it was cloned as. */
export const learning = (
  trainable: Trainable.Trainable,
  reference: Trainable.Trainable,
  { config, world }: Buffers.Lived,
  options: Place
) => {
  const learner = PolicyLearner.layer(
    Networks.modelOf(trainable, config),
    optionsOf(config, reference, options)
  )
  const policy = Layer.effect(
    Policy.Policy,
    Evaluate.policyOf(options.purpose, trainable, world, {
      temperature: 1,
      shards: options.shards,
      firstWorker: options.worker
    })
  )
  return Layer.merge(learner, policy)
}

const optionsOf = (
  config: Config,
  reference: Trainable.Trainable,
  { purpose, usedShare = () => 0, worker }: Place
): PolicyLearnerOptions => {
  const { lr } = config.learner
  return {
    ...Algorithm.optionsOf(config),
    lr: (update) => LearningRate.ofPolicy(lr, update, config, usedShare()),
    seed: Seed.key(config.seed, purpose),
    reference,
    worker
  }
}

export const improveOptions = (
  config: Config,
  world: World,
  from: number,
  purpose: string
): Improve.Options => ({
  from,
  to: config.train.iterations + config.train.realIterations,
  tasksPerIteration: config.train.tasksPerIteration,
  groupSize: config.train.groupSize,
  samplingRounds: config.train.samplingRounds,
  minGroupSize: Algorithm.comparesGroup(config) ? 2 : 1,
  groupRules: DreamFilter.groupRules(config),
  judgedAtOnce: config.filter.concurrency,
  minAcceptRate: config.train.minAcceptRate,
  stepLimit: world.stepLimit,
  seed: Seed.key(config.seed, purpose)
})

/** Trajectories of a policy on the same tasks of the dream pool, dreamt and real, for calibration. */
export const both = Effect.fn("Dream.both")(function* (
  policy: Policy.Policy["Service"],
  dreaming: Dreaming,
  environment: Environment.Environment
) {
  const { config, offline, world } = dreaming
  const count = config.calibration.tasks
  const key = Seed.key(config.seed, "calibration")
  const chosen = Seed.shuffle(Seed.generator(key), offline.train).slice(0, count)
  const dream: ReadonlyArray<Trajectory.Trajectory> = yield* Evaluate.play(
    policy,
    { ...world, environment },
    chosen.map(dreamOf),
    key
  ).pipe(Effect.provideService(SyntheticEnvironment.DreamKey, key))
  const tasks = chosen.map(({ task }) => task)
  const real = yield* Evaluate.play(policy, world, tasks, key)
  return { dream, real }
})
