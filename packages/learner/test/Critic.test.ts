import { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Critic, Ppo } from "../src/index.ts"
import { disturbed, modelOf, network, options, play } from "./corridor.ts"

const inline = Effect.provide(Session.layerInline)
const mute = { ...network, config: { ...network.config, hasValue: false } }

const spansOf = Effect.fn(function* (trainable: Trainable.Trainable) {
  const groups = yield* play(yield* modelOf(trainable), { groups: 8, groupSize: 4, key: 3 })
  return groups.flatMap(({ trajectories }) =>
    trajectories.flatMap(({ transitions }) =>
      transitions.flatMap(({ action: { span } }) => span ?? [])
    )
  )
})

describe("A critic on the trunk of a policy", () => {
  it.effect(
    "leaves every word and its probability as they were, and says its bias until it is trained",
    () =>
      Effect.gen(function* () {
        const policy = disturbed(2, mute)
        const before = yield* spansOf(policy)
        const spans = yield* spansOf(Critic.onTrunk(policy, { bias: 0.25, key: 1 }))
        assert.deepStrictEqual(
          spans.map((span) => ({ ...span, value: 0 })),
          before.map((span) => ({ ...span, value: 0 }))
        )
        assert.deepStrictEqual(new Set(spans.map(({ value }) => value)), new Set([0.25]))
      }).pipe(inline, Effect.scoped)
  )

  it.effect(
    "begins with small values that follow the state where it is given a deviation, drawn from the key",
    () =>
      Effect.gen(function* () {
        const policy = disturbed(2)
        const valuesOf = Effect.fn(function* (key: number) {
          const spans = yield* spansOf(Critic.onTrunk(policy, { deviation: 0.01, key }))
          return spans.map(({ value }) => value)
        })
        const values = yield* valuesOf(1)
        assert.isAbove(new Set(values).size, 1)
        assert.isBelow(Math.max(...values.map(Math.abs)), 0.2)
        assert.deepStrictEqual(yield* valuesOf(1), values)
        assert.notDeepEqual(yield* valuesOf(2), values)
      }).pipe(inline, Effect.scoped)
  )

  it.effect("learns what the policy is worth", () =>
    Effect.gen(function* () {
      const trainable = Critic.onTrunk(disturbed(2, mute), { key: 1 })
      const groups = yield* play(yield* modelOf(trainable), { groups: 16, groupSize: 4, key: 3 })
      const learner = yield* Ppo.make(trainable, { ...options, criticWarmup: 5 })
      const losses: Array<number> = []
      for (let i = 0; i < 5; i++) {
        const { metrics } = yield* learner.update(groups)
        losses.push(metrics["losses/value_loss"] ?? Number.NaN)
      }
      assert.isBelow(losses[4] ?? 9, 0.95 * (losses[0] ?? 0))
    }).pipe(inline, Effect.scoped)
  )
})
