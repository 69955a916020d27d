import { Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Grpo, Ppo } from "../src/index.ts"
import { modelOf, options, play, successRate, trainableOf } from "./corridor.ts"

const algorithms = [
  ["PPO", Ppo.make],
  ["GRPO", (trainable, options) => Grpo.make(trainable, options)]
] satisfies ReadonlyArray<readonly [string, typeof Ppo.make]>

describe("On a corridor", () => {
  it.effect.each(algorithms)("%s learns to walk to the goal", ([, make]) =>
    Effect.gen(function* () {
      const trainable = trainableOf(1)
      const model = yield* modelOf(trainable)
      const learner = yield* make(trainable, options)
      const before = successRate(yield* play(model, { groups: 64, groupSize: 1, key: 900 }))
      for (let i = 0; i < 12; i++) {
        yield* learner.update(yield* play(model, { groups: 16, groupSize: 8, key: i }))
      }
      const after = successRate(yield* play(model, { groups: 64, groupSize: 1, key: 900 }))
      assert.isBelow(before, 0.4)
      assert.isAbove(after, 0.85)
    }).pipe(Effect.provide(Session.layerInline), Effect.scoped)
  )
})
