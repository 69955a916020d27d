import { Session } from "@dreamgym/graph"
import { Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  Critic,
  DecoderPolicy,
  PolicyGradient,
  PolicyLearner,
  SeparateCritic
} from "../src/index.ts"
import { disturbed, modelOf, options, play, successRate } from "./corridor.ts"
import { distance } from "./numbers.ts"

const inline = Effect.provide(Session.layerInline)
const head = { deviation: 0.5, bias: 0.1, key: 3 }
const gae = { ...options, advEstimator: "gae" } as const

const groupsOf = Effect.fn(function* (trainable: Trainable.Trainable, key = 1) {
  return yield* play(yield* modelOf(trainable), { groups: 8, groupSize: 4, key })
})

const spansOf = (groups: Effect.Success<ReturnType<typeof groupsOf>>) =>
  groups.flatMap(({ trajectories }) =>
    trajectories.flatMap(({ transitions }) =>
      transitions.flatMap(({ action: { span } }) => span ?? [])
    )
  )

const decisionsOf = (groups: Effect.Success<ReturnType<typeof groupsOf>>, advantage: number) =>
  spansOf(groups).map(({ choices, ids, logProbabilities, promptIds }) => ({
    row: {
      promptIds,
      targetIds: ids,
      weights: ids.map(() => 1),
      features: [],
      ...(choices === undefined ? {} : { choices })
    },
    oldLogProbabilities: logProbabilities,
    oldValue: 0,
    advantage,
    totalReturn: 1,
    temperature: 1
  }))

const isCritics = (name: string) => name.startsWith("critic.")

describe("A critic with a trunk of its own", () => {
  it.effect(
    "begins with what a critic on the policy's trunk would say, and the policy with what it said",
    () =>
      Effect.gen(function* () {
        const policy = disturbed(2)
        const { model, trainable } = SeparateCritic.make(policy, head)
        const groups = yield* groupsOf(policy)
        const words = (of: typeof groups) => spansOf(of).map((span) => ({ ...span, value: 0 }))
        assert.deepStrictEqual(words(yield* groupsOf(trainable)), words(groups))
        const shared = DecoderPolicy.make(Critic.onTrunk(policy, head))
        const decisions = decisionsOf(groups, 0)
        const [own, on] = yield* Effect.forEach([model, shared], (one) =>
          Effect.flatMap(PolicyGradient.make(one, options), ({ read }) =>
            read("present", decisions)
          )
        )
        for (const [n, { logProbabilities, values }] of (own ?? []).entries()) {
          assert.isBelow(distance(values, on?.[n]?.values ?? []), 1e-5)
          assert.isBelow(distance(logProbabilities, on?.[n]?.logProbabilities ?? []), 1e-5)
        }
      }).pipe(inline, Effect.scoped)
  )

  it.effect("learns without disturbing the policy, and the policy without disturbing it", () =>
    Effect.gen(function* () {
      const policy = disturbed(3)
      const groups = yield* groupsOf(policy)
      const told = { ...options, entropyCoef: 0, normalizeAdvantages: false }
      const moved = yield* Effect.forEach(
        [
          [0, { vfCoef: 0.5 }],
          [1, { vfCoef: 0 }]
        ] as const,
        ([advantage, overrides]) =>
          Effect.gen(function* () {
            const { model, trainable } = SeparateCritic.make(policy, head)
            const before = Trainable.copy(trainable).parameters.arrays
            const gradient = yield* PolicyGradient.make(model, { ...told, ...overrides })
            yield* gradient.update(decisionsOf(groups, advantage))
            return Object.entries(trainable.parameters.arrays).flatMap(([name, array]) =>
              distance(array, before[name] ?? []) > 0 ? [name] : []
            )
          })
      )
      const [byCritic = [], byPolicy = []] = moved
      assert.isTrue(byCritic.every(isCritics))
      assert.include(byCritic, "critic.trunk.layers.0.up")
      assert.isFalse(byPolicy.some(isCritics))
      assert.include(byPolicy, "layers.0.up")
    }).pipe(inline, Effect.scoped)
  )

  it.effect("tells a learner of trajectories the values that no sampler said", () =>
    Effect.gen(function* () {
      const policy = disturbed(2)
      const { model, trainable } = SeparateCritic.make(policy, head)
      const shared = Critic.onTrunk(policy, head)
      const one = { ...gae, ppoEpochs: 1, miniBatchSize: 1e6 }
      const told = yield* Effect.forEach(
        [
          [model, trainable],
          [DecoderPolicy.make(shared), shared]
        ] as const,
        ([learnt, sampled]) =>
          Effect.gen(function* () {
            const learner = yield* PolicyLearner.make(learnt, one)
            const { metrics } = yield* learner.update(yield* groupsOf(sampled))
            return ["losses/value_loss", "losses/explained_variance", "losses/policy_loss"].map(
              (name) => metrics[name] ?? Number.NaN
            )
          })
      )
      assert.isBelow(distance(told[0] ?? [], told[1] ?? []), 1e-4)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("learns to walk to the goal", () =>
    Effect.gen(function* () {
      const { model, trainable } = SeparateCritic.make(Trainable.make(disturbed(1).network, 1), {
        key: 1
      })
      const sampled = yield* modelOf(trainable)
      const learner = yield* PolicyLearner.make(model, { ...gae, criticWarmup: 1 })
      for (let i = 0; i < 13; i++) {
        yield* learner.update(yield* play(sampled, { groups: 16, groupSize: 8, key: i }))
      }
      assert.isAbove(
        successRate(yield* play(sampled, { groups: 64, groupSize: 1, key: 900 })),
        0.85
      )
    }).pipe(inline, Effect.scoped)
  )
})
