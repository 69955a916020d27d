import { Learner } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Grpo, Ppo } from "../src/index.ts"
import { disturbed, modelOf, network, options, play } from "./corridor.ts"
import { distance } from "./numbers.ts"

const inline = Effect.provide(Session.layerInline)

const groupsOf = Effect.fn(function* (trainable: Trainable.Trainable, key = 1) {
  return yield* play(yield* modelOf(trainable), { groups: 8, groupSize: 4, key })
})

/** The bytes of the critic and of all else. */
const halves = ({ parameters }: Trainable.Trainable) => {
  const named = Object.entries(parameters.arrays).map(
    ([name, array]) => [name, array.slice()] as const
  )
  return {
    critic: named.filter(([name]) => name.startsWith("critic.")),
    policy: named.filter(([name]) => !name.startsWith("critic."))
  }
}

describe("While the critic warms up", () => {
  it.effect("the policy stays as it was, bit for bit, and says the same; the critic learns", () =>
    Effect.gen(function* () {
      const trainable = disturbed(2)
      const before = halves(trainable)
      const first = yield* groupsOf(trainable)
      // Weight decay would move what has no gradient.
      const adam = { weightDecay: 0.1 }
      const learner = yield* Ppo.make(trainable, { ...options, adam, criticWarmup: 3 })
      const losses: Array<number> = []
      for (let i = 0; i < 3; i++) {
        const { metrics } = yield* learner.update(first)
        losses.push(metrics["losses/value_loss"] ?? Number.NaN)
        assert.isBelow(metrics["losses/ratio_deviation"] ?? 1, 1e-4)
      }
      assert.deepStrictEqual(halves(trainable).policy, before.policy)
      assert.notDeepEqual(halves(trainable).critic, before.critic)
      assert.isBelow(losses[2] ?? 9, losses[0] ?? 0)
      const said = yield* groupsOf(trainable)
      const texts = (groups: typeof said) =>
        groups.flatMap(({ trajectories }) =>
          trajectories.map(({ transitions }) =>
            transitions.map(({ action: { span, text } }) => [text, span?.logProbabilities])
          )
        )
      assert.deepStrictEqual(texts(said), texts(first))
      yield* learner.update(first)
      assert.notDeepEqual(halves(trainable).policy, before.policy)
      assert.strictEqual(trainable.version, 4)
    }).pipe(inline, Effect.scoped)
  )

  it.effect(
    "its moments are forgotten: the policy then begins as a learner that never warmed up",
    () =>
      Effect.gen(function* () {
        const warmed = disturbed(3)
        const groups = yield* groupsOf(warmed)
        // One minibatch of all: the key of the minibatches, which counts the updates, has no say.
        const told = { ...options, ppoEpochs: 1, miniBatchSize: 1e6 }
        const learner = yield* Ppo.make(warmed, { ...told, criticWarmup: 2 })
        for (let i = 0; i < 2; i++) yield* learner.update(groups)
        const fresh = Trainable.copy(warmed)
        yield* learner.update(groups)
        yield* (yield* Ppo.make(fresh, told)).update(groups)
        for (const [name, array] of Object.entries(warmed.parameters.arrays))
          assert.isBelow(distance(array, fresh.parameters.arrays[name] ?? []), 1e-6, name)
      }).pipe(inline, Effect.scoped)
  )

  it.effect(
    "only its own loss counts: not even the length of the gradient hears of the policy's",
    () =>
      Effect.gen(function* () {
        const start = disturbed(5)
        const groups = yield* groupsOf(start)
        const warmed = yield* Effect.forEach([0, 5], (entropyCoef) =>
          Effect.gen(function* () {
            const trainable = Trainable.copy(start)
            const learner = yield* Ppo.make(trainable, { ...options, entropyCoef, criticWarmup: 1 })
            const { metrics } = yield* learner.update(groups)
            return { norm: metrics["losses/grad_norm"], ...halves(trainable) }
          })
        )
        assert.deepStrictEqual(warmed[1], warmed[0])
      }).pipe(inline, Effect.scoped)
  )

  it.effect("a checkpoint in the midst goes on as if nothing had been", () =>
    Effect.gen(function* () {
      const whole = disturbed(4)
      const groups = yield* groupsOf(whole)
      const halfway = Trainable.copy(whole)
      const told = { ...options, criticWarmup: 2 }
      const one = yield* Ppo.make(whole, told)
      for (let i = 0; i < 3; i++) yield* one.update(groups)
      const first = yield* Ppo.make(halfway, told)
      yield* first.update(groups)
      const files = yield* first.state
      const resumed = Trainable.make(network, 99)
      const second = yield* Ppo.make(resumed, told)
      yield* second.restore(files)
      for (let i = 0; i < 2; i++) yield* second.update(groups)
      assert.deepStrictEqual(halves(resumed), halves(whole))
    }).pipe(inline, Effect.scoped)
  )

  it.effect.each([
    ["a critic that does not move", Ppo.make, { criticLrFactor: 0 }],
    ["half an update", Ppo.make, { criticWarmup: 1.5 }],
    ["a critic that is not trained", Ppo.make, { criticWarmup: 1, vfCoef: 0 }],
    ["an estimator without one", Grpo.make, { criticWarmup: 1 }]
  ] as const)("refuses %s", ([, make, overrides]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(make(disturbed(1), { ...options, ...overrides }))
      assert.instanceOf(error, Learner.LearnerError)
      assert.strictEqual(error.reason, "BadOptions")
      assert.match(error.message, /^critic(Warmup|LrFactor) is/)
    }).pipe(inline, Effect.scoped)
  )
})

describe("A critic with a learning rate of its own", () => {
  it.effect("moves so many times as far, and the policy as ever", () =>
    Effect.gen(function* () {
      const start = disturbed(6)
      const groups = yield* groupsOf(start)
      const told = { ...options, ppoEpochs: 1, miniBatchSize: 1e6 }
      const [once, fast] = yield* Effect.forEach([1, 5], (criticLrFactor) =>
        Effect.gen(function* () {
          const trainable = Trainable.copy(start)
          yield* (yield* Ppo.make(trainable, { ...told, criticLrFactor })).update(groups)
          return trainable.parameters.arrays
        })
      )
      for (const [name, array] of Object.entries(start.parameters.arrays)) {
        const factor = name.startsWith("critic.") ? 5 : 1
        const expected = array.map((x, i) => x + factor * ((once?.[name]?.[i] ?? 9) - x))
        assert.isBelow(distance(fast?.[name] ?? [], expected), 1e-6, name)
      }
      assert.isAbove(
        distance(once?.["critic.weight"] ?? [], start.parameters.arrays["critic.weight"] ?? []),
        1e-3
      )
    }).pipe(inline, Effect.scoped)
  )
})
