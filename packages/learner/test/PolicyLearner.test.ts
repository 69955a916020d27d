import { Learner, type Trajectory } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  Decisions,
  DecoderPolicy,
  type Options,
  PolicyGradient,
  PolicyLearner
} from "../src/index.ts"
import { disturbed, modelOf, network, options, play, successRate, trainableOf } from "./corridor.ts"
import { distance } from "./numbers.ts"
import * as Table from "./table.ts"

const inline = Effect.provide(Session.layerInline)

type Settings = Partial<Options.PolicyLearnerOptions>

const learnerOf = (trainable: Trainable.Trainable, settings: Settings) =>
  PolicyLearner.make(DecoderPolicy.make(trainable), {
    ...options,
    advEstimator: "gae",
    ...settings
  })

const groupsOf = Effect.fn(function* (trainable: Trainable.Trainable, temperature = 1, key = 1) {
  return yield* play(yield* modelOf(trainable), { groups: 4, groupSize: 4, key, temperature })
})

const bytes = ({ parameters }: Trainable.Trainable) => new Uint8Array(parameters.memory).slice()

const token: Settings = { ratioLevel: "token" }

/** As the critic sees what every walk is worth, also where all go to the same end. */
const quick: Settings = { lr: () => 0.01, entropyCoef: 0.02 }

/** Every algorithm by the settings that make it. */
const algorithms: ReadonlyArray<readonly [name: string, settings: Settings]> = [
  ["PPO with a critic at every token", { ...token, advantageLevel: "token", gaeLambda: 1 }],
  ["PPO with token ratios", { ...token, lossAgg: "token-mean" }],
  [
    "Dr.GRPO",
    { ...token, advEstimator: "dr_grpo", lossAgg: "seq-mean-token-sum-norm", lossHorizon: 2 }
  ],
  ["RLOO", { advEstimator: "rloo" }],
  [
    "REINFORCE++ by token",
    { ...token, advEstimator: "reinforce_plus_plus", advantageLevel: "token", gamma: 1 }
  ],
  [
    "DAPO",
    { ...token, advEstimator: "grpo", lossAgg: "token-mean", clipRatioHigh: 0.28, clipRatioC: 3 }
  ],
  ["GSPO", { ratioLevel: "sequence", advEstimator: "grpo", clipRatioLow: 0.1, clipRatioHigh: 0.1 }],
  ["CISPO", { ...token, advEstimator: "grpo", surrogate: "cispo", lossAgg: "token-mean" }],
  [
    "PPO with the decoupled loss",
    { isCorrection: { level: "action", threshold: 2 }, maxStaleness: 100, ...quick }
  ]
]

/**
 * Slow and curious, as some have no critic: where every walk goes to the same end, half of the
 * groups have earned nothing, the others everything, and nothing tells them apart any more.
 */
const patient: Settings = { lr: () => 0.005, entropyCoef: 0.1 }

describe("On a corridor", () => {
  it.effect.each(algorithms)("%s learns to walk to the goal", ([, settings]) =>
    Effect.gen(function* () {
      const trainable = trainableOf(2)
      const model = yield* modelOf(trainable)
      const learner = yield* learnerOf(trainable, { ...patient, ...settings })
      for (let i = 0; i < 16; i++) {
        yield* learner.update(yield* play(model, { groups: 16, groupSize: 8, key: i }))
      }
      const after = successRate(yield* play(model, { groups: 64, groupSize: 1, key: 900 }))
      assert.isAbove(after, 0.85)
    }).pipe(inline, Effect.scoped)
  )
})

describe("The first minibatch", () => {
  it.effect.each(["token", "action", "sequence"] as const)(
    "has ratio 1 where it is of each %s, at any temperature",
    (ratioLevel) =>
      Effect.gen(function* () {
        const trainable = disturbed(2)
        const groups = yield* groupsOf(trainable, 1.4)
        const { metrics } = yield* (yield* learnerOf(trainable, { ratioLevel })).update(groups)
        assert.isBelow(metrics["losses/first_ratio_deviation"] ?? 1, 1e-4)
        assert.isAbove(metrics["losses/ratio_deviation"] ?? 0, 1e-3)
      }).pipe(inline, Effect.scoped)
  )

  it.effect("has ratio 1 with the decoupled loss too, however old the decisions are", () =>
    Effect.gen(function* () {
      const groups = yield* groupsOf(disturbed(2))
      const isCorrection = { level: "action" as const, threshold: 1.1 }
      const [coupled, decoupled] = yield* Effect.forEach([{}, { isCorrection }], (settings) =>
        Effect.flatMap(learnerOf(disturbed(3), settings), (learner) => learner.update(groups))
      )
      assert.isAbove(coupled?.metrics["losses/first_ratio_deviation"] ?? 0, 0.1)
      assert.isBelow(decoupled?.metrics["losses/first_ratio_deviation"] ?? 1, 1e-5)
      assert.isAbove(decoupled?.metrics["training/mismatch_kl"] ?? 0, 1e-3)
      assert.isAtMost(decoupled?.metrics["training/is_weight_mean"] ?? 9, 1.1)
      assert.isAbove(decoupled?.metrics["training/is_beyond_threshold"] ?? 0, 0)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("has ratio 1 exactly where the same graph said what it is over", () =>
    Effect.gen(function* () {
      const trained = { parameters: Table.parametersOf(3), version: 0 }
      const gradient = yield* PolicyGradient.make(Table.tableOf(trained), {
        ...Table.gradientOptions,
        klLossCoef: 0,
        ratioLevel: "token",
        isCorrection: { level: "token", threshold: 2 }
      })
      const metrics = yield* gradient.update(Table.decisionsOf(1))
      assert.strictEqual(metrics["losses/first_ratio_max"], 1)
      assert.strictEqual(metrics["losses/first_ratio_deviation"], 0)
      assert.strictEqual(metrics["losses/ratio_min"], 1)
    }).pipe(inline, Effect.scoped)
  )
})

describe("Reading decisions", () => {
  it.effect("says of every token what the sampler said, and the value before the first", () =>
    Effect.gen(function* () {
      const trainable = disturbed(7)
      const groups = yield* groupsOf(trainable, 0.7)
      const { decisions } = Decisions.decisionsOf(groups, { ...options, advEstimator: "gae" })
      const gradient = yield* PolicyGradient.make(DecoderPolicy.make(trainable), {
        ...options,
        miniBatchSize: 5
      })
      const read = yield* gradient.read("present", decisions)
      assert.strictEqual(read.length, decisions.length)
      for (const [n, { oldLogProbabilities, oldValue }] of decisions.entries()) {
        const { logProbabilities = [], values = [] } = read[n] ?? {}
        assert.isBelow(distance(logProbabilities, oldLogProbabilities), 1e-4)
        assert.closeTo(values[0] ?? Number.NaN, oldValue, 1e-4)
        assert.strictEqual(values.length, oldLogProbabilities.length)
      }
    }).pipe(inline, Effect.scoped)
  )
})

describe("An update", () => {
  it.effect.each([
    { ratioLevel: "token", lossAgg: "token-mean", advantageLevel: "token" },
    { ratioLevel: "token", lossAgg: "seq-mean-token-sum-norm", lossHorizon: 5 },
    { ratioLevel: "action", lossAgg: "token-mean" },
    { ratioLevel: "sequence" }
  ] satisfies ReadonlyArray<Settings>)(
    "is the same in one part and in three, padded or not: %o",
    (settings) =>
      Effect.gen(function* () {
        const after = yield* Effect.forEach(
          [{}, { parts: 3 }, { parts: 5, padding: 2 }],
          (shapes) =>
            Effect.gen(function* () {
              const trained = { parameters: Table.parametersOf(4), version: 0 }
              const gradient = yield* PolicyGradient.make(Table.tableOf(trained, shapes), {
                ...Table.gradientOptions,
                ...settings,
                klLossCoef: 0,
                normalizeAdvantages: true
              })
              const metrics = yield* gradient.update(Table.decisionsOf(2))
              return { metrics, numbers: Array.from(trained.parameters.arrays["logits"] ?? []) }
            })
        )
        const [whole, ...others] = after
        for (const other of others) {
          for (const [name, value] of Object.entries(whole?.metrics ?? {})) {
            assert.closeTo(other.metrics[name] ?? Number.NaN, value, 1e-5, name)
          }
          // Adam divides by the size of the slope: where that is rounding, so is the step.
          const far = other.numbers.filter((x, i) => Math.abs(x - (whole?.numbers[i] ?? 9)) > 1e-4)
          assert.isAtMost(far.length, 2)
        }
      }).pipe(inline, Effect.scoped)
  )

  it.effect("of groups that are too old, or all alike, changes nothing and is no fault", () =>
    Effect.gen(function* () {
      const trainable = disturbed(4)
      trainable.version = 10
      const groups = yield* groupsOf(trainable)
      const before = bytes(trainable)
      const stale = yield* learnerOf(trainable, { maxStaleness: 3 })
      const { metrics, policyVersion } = yield* stale.update(groups)
      assert.deepStrictEqual(bytes(trainable), before)
      assert.strictEqual(policyVersion, 10)
      assert.strictEqual(metrics["training/stale_groups"], 4)
      assert.strictEqual(metrics["training/staleness_max"], 10)
    }).pipe(inline, Effect.scoped)
  )

  it.effect.each([
    ["grpo", false],
    ["dr_grpo", false],
    ["rloo", false],
    ["reinforce_plus_plus", true]
  ] as const)("of %s trains no critic, and normalizes as its definition says: %s", (row) =>
    Effect.gen(function* () {
      const [advEstimator, isNormalized] = row
      const groups = yield* groupsOf(disturbed(5))
      const metrics = yield* Effect.forEach([true, false], (normalizeAdvantages) =>
        Effect.gen(function* () {
          const once = { ppoEpochs: 1, miniBatchSize: 1000, normalizeAdvantages }
          const learner = yield* learnerOf(disturbed(5), { ...once, advEstimator })
          return (yield* learner.update(groups)).metrics
        })
      )
      // At ratio 1 it is minus the mean advantage, over decisions.
      const [asked = 0, unasked = 0] = metrics.map((one) => one["losses/policy_loss"])
      assert.strictEqual(asked, unasked)
      if (isNormalized) assert.closeTo(asked, 0, 1e-4)
      else assert.isAbove(Math.abs(asked), 1e-3)
      assert.isTrue(metrics.every((one) => !("losses/value_loss" in one)))
    }).pipe(inline, Effect.scoped)
  )

  it.effect("charges what is likelier than under the reference", () =>
    Effect.gen(function* () {
      const groups = yield* groupsOf(disturbed(5))
      const settings = { klInRewardCoef: 0.5, gamma: 1, gaeLambda: 1, vfCoef: 0.5 }
      const reference = disturbed(6)
      const learner = yield* learnerOf(disturbed(5), { ...settings, reference })
      const same = yield* learnerOf(disturbed(5), { ...settings, reference: disturbed(5) })
      const plain = yield* learnerOf(disturbed(5), { ...settings, klInRewardCoef: 0 })
      const losses = yield* Effect.forEach([learner, same, plain], (one) =>
        Effect.map(one.update(groups), ({ metrics }) => metrics["losses/value_loss"] ?? 0)
      )
      const [charged = 0, free = 0, none = 0] = losses
      assert.closeTo(free, none, 1e-4)
      assert.isAbove(Math.abs(charged - none), 0.01)
    }).pipe(inline, Effect.scoped)
  )
})

describe("The adaptive coefficient", () => {
  const settings = { klLossCoef: 0.1, adaptiveKl: { target: 1e-4, horizon: 100 } }
  const reference = disturbed(9)
  reference.parameters.arrays["logit.scale"]?.fill(1)
  const make = (key: number) => learnerOf(disturbed(key), { ...settings, reference })
  const scaleOf = (stats: Learner.UpdateStats) => stats.metrics["losses/kl_scale"] ?? Number.NaN

  it.effect("grows while the policy is too far, is saved, and goes on where it was", () =>
    Effect.gen(function* () {
      const groups = yield* groupsOf(disturbed(8))
      const learner = yield* make(8)
      const first = yield* learner.update(groups)
      const state = yield* learner.state
      const second = yield* learner.update(groups)
      assert.strictEqual(scaleOf(first), 1)
      assert.isAbove(first.metrics["losses/kl_mean"] ?? 0, 1e-4)
      assert.closeTo(scaleOf(second), 1 + (0.2 * first.decisions) / 100, 1e-9)
      const again = yield* make(10)
      yield* again.restore(state)
      assert.deepStrictEqual((yield* again.update(groups)).metrics, second.metrics)
      assert.deepStrictEqual(yield* again.state, yield* learner.state)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("is refused a state that was saved without it, and nothing changes", () =>
    Effect.gen(function* () {
      const plain = yield* learnerOf(disturbed(8), {})
      const learner = yield* make(8)
      const before = yield* learner.state
      const error = yield* Effect.flip(learner.restore(yield* plain.state))
      assert.include(error.message, "klScale")
      assert.deepStrictEqual(yield* learner.state, before)
    }).pipe(inline, Effect.scoped)
  )
})

const reference = disturbed(1)
const noCritic = { ...network, config: { ...network.config, hasValue: false } }

/** Settings, what the refusal names, and the remedy that it gives. */
const contradictions: ReadonlyArray<readonly [Settings, option: string, remedy: string]> = [
  [{ advEstimator: "grpo", groupSize: 1 }, "groupSize is 1", "set groupSize to 2 or more"],
  [{ advEstimator: "rloo", ...token, advantageLevel: "token" }, "rloo", 'advantageLevel to "step"'],
  [{ adaptiveKl: { target: 0.1, horizon: 1e4 } }, "adaptiveKl needs a reference", "give one"],
  [{ adaptiveKl: { target: 0.1, horizon: 1e4 }, reference }, "both are 0", "set one of them"],
  [{ adaptiveKl: { target: 0, horizon: 1 }, reference, klLossCoef: 1 }, "target", "above 0"],
  [{ klLossCoef: 0.1 }, "klLossCoef > 0 needs a reference", "set klLossCoef to 0"],
  [{ klInRewardCoef: 0.1 }, "klInRewardCoef > 0 needs a reference", "set klInRewardCoef to 0"],
  [{ clipRatioC: 1 }, "clipRatioC is 1", "above 1"],
  [{ clipRatioC: 3, surrogate: "cispo" }, "cispo", "set clipRatioC to 0"],
  [{ surrogate: "cispo", ratioLevel: "sequence" }, "cispo", "set ratioLevel"],
  [{ lossAgg: "seq-mean-token-sum-norm" }, "lossAgg", "set lossHorizon"],
  [{ advantageLevel: "token" }, 'ratioLevel is "action"', 'set ratioLevel to "token"'],
  [{ isCorrection: { level: "token", threshold: 2 } }, "isCorrection.level", "ratioLevel"],
  [{ isCorrection: { level: "action", threshold: 0 } }, "isCorrection.threshold", "above 0"],
  [{ entropyCoef: -0.1 }, "entropyCoef is -0.1", "0 or more"],
  [{ klLossCoef: Number.NaN }, "klLossCoef is NaN", "0 or more"],
  [{ klInRewardCoef: -1, reference }, "klInRewardCoef is -1", "0 or more"],
  [{ miniBatchSize: 0 }, "miniBatchSize is 0", "more than 0"],
  [{ gamma: 1.2 }, "gamma is 1.2", "from 0 to 1"],
  [{ maxStaleness: -1 }, "maxStaleness is -1", "0 or more"],
  [{ overlong: { maxTokens: 5, bufferTokens: 9, penalty: 1 } }, "overlong", "at most maxTokens"]
]

describe("Settings that contradict one another", () => {
  it.effect.each(contradictions)("are refused: %o", ([settings, option, remedy]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(learnerOf(disturbed(1), settings))
      assert.instanceOf(error, Learner.LearnerError)
      assert.strictEqual(error.reason, "BadOptions")
      assert.include(error.message, option)
      assert.include(error.message, remedy)
    }).pipe(inline, Effect.scoped)
  )

  it.effect("are refused: advantages of tokens with a model that has no critic there", () =>
    Effect.gen(function* () {
      const settings: Settings = { ...token, advantageLevel: "token" }
      const error = yield* Effect.flip(learnerOf(disturbed(1, noCritic), settings))
      assert.strictEqual(error.reason, "BadOptions")
      assert.include(error.message, 'set advantageLevel to "step"')
    }).pipe(inline, Effect.scoped)
  )

  it.effect("are refused at the update where every group has one episode", () =>
    Effect.gen(function* () {
      const trainable = disturbed(1)
      const model = yield* modelOf(trainable)
      const groups: ReadonlyArray<Trajectory.TrajectoryGroup> = yield* play(model, {
        groups: 4,
        groupSize: 1,
        key: 1
      })
      const learner = yield* learnerOf(trainable, { advEstimator: "grpo" })
      const error = yield* Effect.flip(learner.update(groups))
      assert.strictEqual(error.reason, "BadOptions")
      assert.include(error.message, "groupSize 2 or more")
    }).pipe(inline, Effect.scoped)
  )
})
