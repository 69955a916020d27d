import { Session } from "@dreamgym/graph"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cartPole } from "../../control/CartPole.ts"
import * as Gridworld from "../../control/Gridworld.ts"
import * as Mlp from "../../control/Mlp.ts"
import * as Practice from "../../control/Practice.ts"

const inline = Effect.provide(Session.layerInline)

describe("The learner that trains decoders, on two towers", () => {
  it.effect("comes to the optimum of the 4 x 3 world", () =>
    Effect.gen(function* () {
      const settings = {
        ...Practice.onGridworld,
        totalSteps: 20_000,
        hidden: 32,
        learningRate: 5e-3
      }
      const { parameters, reports } = yield* Practice.practise(Gridworld.gridworld, settings, 1)
      const value = Practice.greedyValue(
        (cell) => Mlp.judge(parameters, Gridworld.gridworld.observe(cell)).logProbabilities
      )
      assert.isAbove(value, 0.7)
      for (const { metrics } of reports)
        assert.isBelow(metrics["losses/first_ratio_deviation"] ?? 1, 1e-5)
    }).pipe(inline, Effect.scoped)
  )

  it.effect(
    "learns to hold the pole three times as long in 12,000 steps, and the same from the same seed",
    () =>
      Effect.gen(function* () {
        const settings = { ...Practice.cleanRl, totalSteps: 12_288, learningRate: 1e-3 }
        const practised = yield* Practice.practise(cartPole, settings, 1)
        const first = Practice.lastReturn({ episodes: practised.episodes.slice(0, 20) }, 20)
        assert.isAbove(Practice.lastReturn(practised, 20), 3 * first)
        const short = { ...settings, totalSteps: 1024 }
        const [once, again, other] = yield* Effect.forEach([1, 1, 2], (seed) =>
          Practice.practise(cartPole, short, seed)
        )
        assert.deepStrictEqual(once?.reports, again?.reports)
        assert.notDeepEqual(once?.reports, other?.reports)
      }).pipe(inline, Effect.scoped)
  )
})
