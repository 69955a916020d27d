import { Environment, Policy, Seed, Trajectory } from "@dreamgym/domain"
import { Schedule, Session } from "@dreamgym/graph"
import { DecoderModel, Trainable } from "@dreamgym/language"
import { Dpo, Grpo, Ppo, Preferences } from "@dreamgym/learner"
import { LanguagePolicy, Rollout } from "@dreamgym/rollout"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  bandit,
  doors,
  earnedBy,
  environmentOf,
  knowledgeOf,
  tasksOf,
  type TextWorld,
  tokenizerOf
} from "./textWorlds.ts"

const options: Ppo.PpoOptions = {
  gamma: 1,
  gaeLambda: 0.95,
  clipRatioLow: 0.2,
  clipRatioHigh: 0.2,
  valueClip: 0,
  vfCoef: 0.5,
  entropyCoef: 0.01,
  klLossCoef: 0,
  ppoEpochs: 2,
  miniBatchSize: 128,
  maxGradNorm: 1,
  targetKl: 0,
  normalizeAdvantages: true,
  seed: 1,
  lr: () => 0.01
}

const groupSize = 8

/** Episodes of `count` tasks, by a policy that asks the decoder as every run does. */
const played = Effect.fn(function* (
  world: TextWorld,
  policy: Policy.Policy["Service"],
  tasks: { readonly from: number; readonly count: number; readonly groupSize: number }
) {
  const repeated = tasksOf(world, tasks.from, tasks.count).flatMap((task) =>
    Array.from({ length: tasks.groupSize }, () => task)
  )
  const keys = repeated.map((_, i) => Seed.key(tasks.from, "episode", i))
  const trajectories = yield* Rollout.wave({ tasks: repeated, keys, stepLimit: 3 }).pipe(
    Effect.provideService(Policy.Policy, policy),
    Effect.provide(Environment.layerEnvironments([environmentOf(world)]))
  )
  return tasksOf(world, tasks.from, tasks.count).map((task, i) => ({
    task,
    policyVersion: 0,
    trajectories: trajectories.slice(i * tasks.groupSize, (i + 1) * tasks.groupSize)
  }))
})

const meanReturn = (groups: ReadonlyArray<Trajectory.TrajectoryGroup>): number =>
  mean(groups.flatMap(({ trajectories }) => trajectories).map(Trajectory.totalReward))

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, one) => sum + one, 0) / values.length

const algorithms = [
  ["PPO", Ppo.make],
  ["GRPO", Grpo.make]
] as const

const cases = [bandit, doors].flatMap((world) =>
  algorithms.map(([name, make]) => [name, world.name, world, make] as const)
)

const config = {
  dimension: 16,
  layers: 1,
  heads: 2,
  mlpRatio: 2,
  features: 1,
  hasValue: true,
  ropeBase: 1e3
}

/** A fresh decoder, and the language policy that asks it. */
const agentOf = Effect.fn(function* (world: TextWorld) {
  const network = { tokenizer: tokenizerOf(world), config }
  const trainable = Trainable.make(network, 1)
  const model = yield* DecoderModel.make({
    name: world.name,
    network,
    parameters: trainable.parameters,
    featureNames: [],
    version: Effect.sync(() => trainable.version)
  })
  const knowledge = () => knowledgeOf(world)
  const policyAt = (temperature: number) =>
    LanguagePolicy.make(model, { knowledge, temperature, maxTokens: 6 })
  return { trainable, policyAt }
})

const test = { from: 10_000, count: 256, groupSize: 1 }

/** What the best policy earns in the worlds of the test; about what is known of it. */
const wiseReturn = (world: TextWorld): number => {
  const wise = mean(tasksOf(world, test.from, test.count).map(({ seed }) => earnedBy(world, seed)))
  assert.closeTo(wise, world.best, 0.05)
  return wise
}

describe("Behind the decoder and the language policy", () => {
  it.effect.each(cases)("%s learns what is best in the world of the %s", ([, , world, make]) =>
    Effect.gen(function* () {
      const { policyAt, trainable } = yield* agentOf(world)
      const learner = yield* make(trainable, options)
      for (let i = 0; i < 16; i++) {
        yield* learner.update(
          yield* played(world, policyAt(1), { from: 16 * i, count: 16, groupSize })
        )
      }
      assert.strictEqual(meanReturn(yield* played(world, policyAt(0), test)), wiseReturn(world))
      const sampled = meanReturn(yield* played(world, policyAt(1), test))
      assert.isAbove(sampled, wiseReturn(world) - 0.1)
    }).pipe(Effect.provide(Session.layerInline), Effect.scoped)
  )

  it.effect(
    "preferences learn the world of the doors from what was lived at random, without a step more",
    () =>
      Effect.gen(function* () {
        const { policyAt, trainable } = yield* agentOf(doors)
        const offline = yield* played(doors, policyAt(1), { from: 0, count: 256, groupSize: 1 })
        const pairs = Preferences.pairsOf(
          offline.flatMap(({ trajectories }) => trajectories),
          { by: "start", mostPerGroup: 200, key: 1 }
        )
        const { tokenizer } = trainable.network
        const imitation = {
          tokenizer,
          knowledge: knowledgeOf(doors),
          prompt: LanguagePolicy.statePrompt
        }
        const preferences = Preferences.preferencesOf(pairs, imitation)
        assert.strictEqual(preferences.length, 200)
        const { metrics } = yield* Dpo.fit(trainable, preferences, {
          beta: 0.1,
          labelSmoothing: 0,
          sftCoef: 0,
          lengthNormalization: false,
          updates: 60,
          batchSize: 32,
          schedule: Schedule.linear({ from: 0.01, to: 0, steps: 60 }),
          weightDecay: 0,
          maxGradNorm: 1,
          key: 2
        })
        assert.isAbove(metrics["rewards/accuracies"], 0.9)
        assert.strictEqual(meanReturn(yield* played(doors, policyAt(0), test)), wiseReturn(doors))
      }).pipe(Effect.provide(Session.layerInline), Effect.scoped)
  )
})
