import { Ending, Learner, Seed, type Trajectory } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import { Law, LearnerLaws } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { DecoderPolicy, Decisions, Grpo, PolicyGradient, Ppo } from "../src/index.ts"
import { disturbed, modelOf, network, options, play } from "./corridor.ts"

const inline = Effect.provide(Session.layerInline)

const groupsOf = Effect.fn(function* (trainable: Trainable.Trainable, temperature = 1, key = 1) {
  return yield* play(yield* modelOf(trainable), { groups: 4, groupSize: 4, key, temperature })
})

const bytes = ({ parameters }: Trainable.Trainable) => new Uint8Array(parameters.memory).slice()

/** One group whose rewards are as given, each trajectory one decision. */
const rewarded = (
  group: Trajectory.TrajectoryGroup,
  rewards: ReadonlyArray<number>
): Trajectory.TrajectoryGroup => ({
  ...group,
  trajectories: rewards.flatMap((reward, i) => {
    const trajectory = group.trajectories[i]
    const first = trajectory?.transitions[0]
    return trajectory === undefined || first === undefined
      ? []
      : [{ ...trajectory, transitions: [{ ...first, reward }], ending: Ending.terminated(true) }]
  })
})

const decisionsOf = (groups: ReadonlyArray<Trajectory.TrajectoryGroup>, of: Ppo.PpoOptions) =>
  Decisions.decisionsOf(groups, { advEstimator: "gae", ...of }).decisions

const lawsOf = (
  name: string,
  make: (trainable: Trainable.Trainable) => ReturnType<typeof Ppo.make>,
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>
) =>
  LearnerLaws.learnerLaws({
    name,
    learner: Effect.suspend(() => inline(make(disturbed(1)))),
    groups,
    ...(name === "GRPO"
      ? {
          zeroAdvantage: {
            groups: groups.map((group) => rewarded(group, [1, 1, 1])),
            distance: (before, after) => (isSame(before, after) ? 0 : 1),
            tolerance: 0
          }
        }
      : {})
  })

/** Everything that reads before it learns, or keeps more than parameters and moments. */
const byToken: Ppo.PpoOptions = {
  ...options,
  ratioLevel: "token",
  advantageLevel: "token",
  lossAgg: "token-mean",
  klInRewardCoef: 0.1,
  klLossCoef: 0.1,
  adaptiveKl: { target: 0.01, horizon: 100 },
  isCorrection: { level: "token", threshold: 2 },
  reference: disturbed(2)
}

const isSame = (a: LearnerLaws.State, b: LearnerLaws.State): boolean =>
  Object.keys(a).every((name) => String(a[name]) === String(b[name]))

describe("The laws of a learner", () => {
  it.effect.each([
    ["PPO", (trainable: Trainable.Trainable) => Ppo.make(trainable, options)],
    ["GRPO", (trainable: Trainable.Trainable) => Grpo.make(trainable, options)],
    ["PPO by token", (trainable: Trainable.Trainable) => Ppo.make(trainable, byToken)]
  ] as const)("hold for %s", ([name, make]) =>
    Effect.gen(function* () {
      const groups = yield* groupsOf(disturbed(1))
      const broken = yield* Law.violations(lawsOf(name, make, groups))
      assert.deepStrictEqual(
        broken.map(({ law, message }) => `${law}: ${message}`),
        []
      )
    }).pipe(inline, Effect.scoped)
  )
})

describe("The first minibatch", () => {
  it.effect.each([1, 0.6, 1.8, 0])("has ratio 1 at temperature %f", (temperature) =>
    Effect.gen(function* () {
      const trainable = disturbed(2)
      const groups = yield* groupsOf(trainable, temperature)
      const learner = yield* Ppo.make(trainable, options)
      const { metrics } = yield* learner.update(groups)
      assert.closeTo(metrics["losses/first_ratio_max"] ?? 0, 1, 1e-4)
      assert.isBelow(metrics["losses/first_ratio_deviation"] ?? 1, 1e-4)
      assert.isAbove(metrics["losses/ratio_deviation"] ?? 0, 1e-3)
    }).pipe(inline, Effect.scoped)
  )

  it.effect.each([
    ["free", {}],
    ["cut by min-p", { minP: 0.2 }],
    ["with words ruled out", { forbidden: ["stay", "go"], once: ["left"] }]
  ] as const)("has ratio 1 where decoding was %s", ([, overrides]) =>
    Effect.gen(function* () {
      const trainable = disturbed(3)
      const model = yield* modelOf(trainable)
      const base = { text: "goal is room 1", maxTokens: 4, temperature: 1.3 }
      const prompts = Array.from({ length: 20 }, (_, key) => ({ ...base, key, ...overrides }))
      const completions = yield* model.generate(prompts)
      const decisions = completions.map(({ choices, ids, logProbabilities, promptIds }) => ({
        row: {
          promptIds,
          targetIds: ids,
          weights: ids.map(() => 1),
          features: [],
          ...(choices === undefined ? {} : { choices })
        },
        oldLogProbabilities: logProbabilities,
        oldValue: 0,
        advantage: 1,
        totalReturn: 1,
        temperature: 1.3
      }))
      const gradient = yield* PolicyGradient.make(DecoderPolicy.make(trainable), options)
      const metrics = yield* gradient.update(decisions)
      assert.isBelow(metrics["losses/first_ratio_deviation"] ?? 1, 1e-4)
    }).pipe(inline, Effect.scoped)
  )
})

describe("An update", () => {
  it.effect.each([
    ["without a critic", Grpo.make, { hasValue: false }, {}],
    ["of PPO without a critic", Ppo.make, { hasValue: false }, { valueClip: 0.2 }],
    ["with a value clip", Ppo.make, {}, { valueClip: 0.2 }],
    ["that leaves the critic alone", Ppo.make, {}, { vfCoef: 0 }]
  ] as const)("is possible %s", ([, make, config, overrides]) =>
    Effect.gen(function* () {
      const trainable = disturbed(4, { ...network, config: { ...network.config, ...config } })
      const before = bytes(trainable)
      const groups = yield* groupsOf(trainable)
      const learner = yield* make(trainable, { ...options, ...overrides })
      const { metrics, policyVersion } = yield* learner.update(groups)
      assert.strictEqual(policyVersion, 1)
      assert.isTrue(Object.values(metrics).every(Number.isFinite))
      assert.notDeepEqual(bytes(trainable), before)
    }).pipe(inline, Effect.scoped)
  )

  it.effect(
    "that meets a number that is none changes nothing, however many minibatches went well",
    () =>
      Effect.gen(function* () {
        const trainable = disturbed(5)
        const [group, ...others] = yield* groupsOf(trainable)
        assert.isDefined(group)
        const learner = yield* Ppo.make(trainable, {
          ...options,
          normalizeAdvantages: false,
          miniBatchSize: 2,
          ppoEpochs: 1
        })
        yield* learner.update(others)
        const before = [bytes(trainable), yield* learner.state]
        const poisoned = rewarded(group ?? others[0] ?? never(), [0, Number.POSITIVE_INFINITY])
        const error = yield* Effect.flip(learner.update([...others, poisoned]))
        assert.instanceOf(error, Learner.LearnerError)
        assert.strictEqual(error.reason, "NotFinite")
        assert.deepStrictEqual([bytes(trainable), yield* learner.state], before)
        assert.strictEqual(trainable.version, 1)
      }).pipe(inline, Effect.scoped)
  )

  it.effect("is bit for bit the same, however many threads there are", () =>
    Effect.gen(function* () {
      const groups = yield* inline(Effect.scoped(groupsOf(disturbed(12))))
      const layers = [Session.layerInline, Session.layer(), Session.layer({ workers: 2 })]
      const states = yield* Effect.forEach(layers, (pool) =>
        Effect.gen(function* () {
          const learner = yield* Ppo.make(disturbed(12), options)
          yield* learner.update(groups)
          return yield* learner.state
        }).pipe(Effect.provide(pool), Effect.scoped)
      )
      assert.deepStrictEqual(states[1], states[0])
      assert.deepStrictEqual(states[2], states[0])
    })
  )

  it.effect("is of the mean over all decisions, also where short ones are computed apart", () =>
    Effect.gen(function* () {
      const trainable = disturbed(13)
      const model = yield* modelOf(trainable)
      const groups = yield* play(model, { groups: 9, groupSize: 4, key: 5 })
      const whole = { ...options, normalizeAdvantages: false, ppoEpochs: 1, miniBatchSize: 1000 }
      const decisions = decisionsOf(groups, whole)
      assert.isAbove(decisions.length, 100)
      const mean = decisions.reduce((sum, one) => sum + one.advantage, 0) / decisions.length
      const { metrics } = yield* (yield* Ppo.make(trainable, whole)).update(groups)
      assert.closeTo(metrics["losses/policy_loss"] ?? 0, -mean, 1e-5)
      assert.closeTo(
        metrics["losses/loss"] ?? 0,
        (metrics["losses/policy_loss"] ?? 0) +
          0.5 * (metrics["losses/value_loss"] ?? 0) -
          0.02 * (metrics["losses/entropy"] ?? 0),
        1e-5
      )
    }).pipe(inline, Effect.scoped)
  )

  it.effect("ends its epochs once the policy has moved too far", () =>
    Effect.gen(function* () {
      const groups = yield* groupsOf(disturbed(6))
      const far = { ...options, ppoEpochs: 8, miniBatchSize: 16, lr: () => 0.05 }
      const counts = yield* Effect.forEach([0, 0.01], (targetKl) =>
        Effect.gen(function* () {
          const learner = yield* Ppo.make(disturbed(6), { ...far, targetKl })
          const { metrics } = yield* learner.update(groups)
          return metrics["losses/minibatches"] ?? 0
        })
      )
      assert.strictEqual(counts[0], 8 * Math.ceil(decisionsOf(groups, options).length / 16 - 0.25))
      assert.isBelow(counts[1] ?? 99, 6)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("is pulled towards the reference, from which it starts at distance 0", () =>
    Effect.gen(function* () {
      const groups = yield* groupsOf(disturbed(7))
      const distances = yield* Effect.forEach([0.001, 30], (klLossCoef) =>
        Effect.gen(function* () {
          const own = { ...options, klLossCoef, reference: disturbed(7), miniBatchSize: 1000 }
          const learner = yield* Ppo.make(disturbed(7), { ...own, ppoEpochs: 1 })
          const seen: Array<number> = []
          for (let i = 0; i < 6; i++) {
            const { metrics } = yield* learner.update(groups)
            seen.push(metrics["losses/kl_to_reference"] ?? Number.NaN)
          }
          return seen
        })
      )
      const [loose = [], tight = []] = distances
      assert.closeTo(loose[0] ?? 1, 0, 1e-6)
      assert.closeTo(tight[0] ?? 1, 0, 1e-6)
      for (const distance of [...loose, ...tight]) assert.isAtLeast(distance, -1e-7)
      assert.isAbove(loose.at(-1) ?? 0, 2 * (tight.at(-1) ?? 0))
    }).pipe(inline, Effect.scoped)
  )

  it.effect("without the reference that its loss needs is refused", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Ppo.make(disturbed(8), { ...options, klLossCoef: 0.1 }))
      assert.strictEqual(error.reason, "BadOptions")
    }).pipe(inline, Effect.scoped)
  )

  it.effect("has the learning rate of its own count, not of the version", () =>
    Effect.gen(function* () {
      const trainable = disturbed(9)
      trainable.version = 500
      const groups = yield* groupsOf(trainable)
      const lr = (update: number) => (update + 1) * 1e-3
      const learner = yield* Ppo.make(trainable, { ...options, lr })
      const rates: Array<number | undefined> = []
      for (let i = 0; i < 2; i++) {
        rates.push((yield* learner.update(groups)).metrics["charts/learning_rate"])
      }
      const again = yield* Ppo.make(disturbed(9), { ...options, lr })
      yield* again.restore(yield* learner.state)
      rates.push((yield* again.update(groups)).metrics["charts/learning_rate"])
      assert.deepStrictEqual(rates, [1e-3, 2e-3, 3e-3])
      assert.strictEqual(trainable.version, 502)
    }).pipe(inline, Effect.scoped)
  )
})

const never = (): never => {
  throw new Error("no group was played")
}

describe("Restoring", () => {
  it.effect.each(["policy.safetensors", "optimizer.safetensors"])(
    "a torn %s is refused and changes nothing",
    (file) =>
      Effect.gen(function* () {
        const trainable = disturbed(10)
        const learner = yield* Ppo.make(trainable, options)
        const other = yield* Ppo.make(disturbed(11), options)
        const good = yield* other.state
        const torn = { ...good, [file]: good[file]?.slice(0, 100) ?? new Uint8Array() }
        const { [file]: _, ...missing } = good
        const before = [bytes(trainable), yield* learner.state]
        for (const bad of [torn, missing]) {
          const error = yield* Effect.flip(learner.restore(bad))
          assert.strictEqual(error.reason, "BadState")
          assert.include(error.message, file)
        }
        assert.deepStrictEqual([bytes(trainable), yield* learner.state], before)
      }).pipe(inline, Effect.scoped)
  )
})

describe("Minibatches", () => {
  it("hold every decision once per epoch, in parts that are about as large as asked", () => {
    const sizes = fc.record({
      count: fc.integer({ min: 1, max: 300 }),
      miniBatchSize: fc.integer({ min: 1, max: 70 }),
      ppoEpochs: fc.integer({ min: 1, max: 3 }),
      key: fc.nat()
    })
    fc.assert(
      fc.property(sizes, ({ count, key, miniBatchSize, ppoEpochs }) => {
        const entries = Array.from({ length: count }, (_, i) => i)
        const parts = PolicyGradient.minibatches(entries, { miniBatchSize, ppoEpochs }, key)
        const per = parts.length / ppoEpochs
        for (let epoch = 0; epoch < ppoEpochs; epoch++) {
          const seen = parts.slice(epoch * per, (epoch + 1) * per).flat()
          assert.deepStrictEqual(
            seen.toSorted((a, b) => a - b),
            entries
          )
        }
        const lengths = parts.map((part) => part.length)
        assert.isAtLeast(Math.min(...lengths), 1)
        assert.isAtMost(Math.max(...lengths) - Math.min(...lengths), 1)
        assert.isAtMost(Math.max(...lengths), Math.ceil(miniBatchSize * 1.25) + 1)
      })
    )
  })

  it("are others in each epoch", () => {
    const entries = Array.from({ length: 64 }, (_, i) => i)
    const [first, second] = PolicyGradient.minibatches(
      entries,
      { miniBatchSize: 64, ppoEpochs: 2 },
      Seed.key(1, "test")
    )
    assert.notDeepEqual(first, second)
  })
})
