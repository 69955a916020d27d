import { Seed } from "@dreamgym/domain"
import { Op, Session, type Value } from "@dreamgym/graph"
import { Decoder, DecoderModel } from "@dreamgym/language"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { columnsOf, type Entry } from "../src/Columns.ts"
import { Aggregation, DecoderPolicy, Loss } from "../src/index.ts"
import * as PolicyGraph from "../src/PolicyGraph.ts"
import type { Decision } from "../src/Decisions.ts"
import { disturbed, network, options, tokenizer } from "./corridor.ts"
import * as Numbers from "./numbers.ts"

const words = tokenizer.vocabulary.length

/** Decisions of every kind: ragged, masked and free, hot and cold, on both sides of the clip. */
const decisionsOf = (count: number): ReadonlyArray<Decision> => {
  const random = Seed.generator(3)
  const ids = (length: number) => Array.from({ length }, () => 2 + Seed.below(random, words - 2))
  return Array.from({ length: count }, (_, i) => {
    const targetIds = ids(1 + (i % 3))
    return {
      row: {
        promptIds: ids(2 + Seed.below(random, 6)),
        targetIds,
        weights: targetIds.map(() => 1),
        features: [Seed.below(random, words)],
        ...(i % 2 === 0 ? { choices: targetIds.map((id) => [id, ...ids(3)]) } : {})
      },
      oldLogProbabilities: targetIds.map(() => -0.5 - 3 * random()),
      oldValue: random() - 0.5,
      advantage: 2 * random() - 1,
      totalReturn: random(),
      temperature: i % 3 === 0 ? 0.7 : 1
    }
  })
}

/** With k2, of which value and gradient belong together. */
const full = {
  ...options,
  klLossCoef: 0.1,
  klEstimator: "k2" as const,
  valueClip: 0.2,
  clipRatioHigh: 0.3,
  entropyCoef: 0.05
}
const sizes = { batch: 8, prompt: 8, read: 3 }

const feedsOf = (
  decisions: ReadonlyArray<Decision>,
  of: Decoder.Sizes,
  counts: Aggregation.Counts = Aggregation.countsOf(decisions)
): Numbers.Feeds => ({
  ...DecoderPolicy.make(disturbed(4)).feedsOf(decisions, of),
  ...columnsOf(decisions.map(entryOf), of, counts, { ...full, klScale: 1 })
})

const entryOf = (decision: Decision): Entry<unknown> => ({
  ...decision,
  baseLogProbabilities: decision.oldLogProbabilities,
  referenceLogProbabilities: decision.oldLogProbabilities.map((old) => old + 0.3),
  corrections: []
})

const policy = (of: Decoder.Sizes = sizes) => {
  const trainable = disturbed(4)
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const { loss } = PolicyGraph.graphOf(DecoderPolicy.make(trainable), parameters, full, of)
  return { loss, parameters, arrays: trainable.parameters.arrays }
}

/** The loss of supervised rows over the same network. */
const supervised = () => {
  const trainable = disturbed(5)
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const { logitsBKV } = Decoder.forward(network, parameters, sizes)
  const loss = Loss.crossEntropy(
    Op.add(logitsBKV, Op.input("mask", [sizes.batch, sizes.read, words])),
    Op.input("target", [sizes.batch, sizes.read], "int64"),
    Op.input("weight", [sizes.batch, sizes.read])
  )
  return { loss, parameters, arrays: trainable.parameters.arrays }
}

/** Two numbers of each parameter, drawn. */
const places = (arrays: Readonly<Record<string, Float32Array>>) => {
  const random = Seed.generator(9)
  return Object.entries(arrays).flatMap(([name, array]) =>
    Array.from(
      { length: Math.min(2, array.length) },
      () => [name, Seed.below(random, array.length)] as const
    )
  )
}

describe("The gradient of the full loss", () => {
  it.effect.each([
    ["PPO", policy, () => feedsOf(decisionsOf(7), sizes)],
    ["SFT", supervised, () => feedsOf(decisionsOf(7), sizes)]
  ] as const)("is the finite difference, and the runtime computes it: %s", ([, make, feeds]) =>
    Effect.gen(function* () {
      const { arrays, loss, parameters } = make()
      const data = { ...feeds(), ...arrays }
      const slopes = Numbers.slopesOf(loss, parameters)
      const exact = Numbers.exactly(slopes, data)
      const largest = Object.values(exact).flatMap((slope) => Array.from(slope, Math.abs))
      assert.isAbove(Math.max(...largest), 0.01)
      for (const [name, place] of places(arrays)) {
        const wanted = Numbers.difference(loss, data, name, place)
        const found = exact[`out ${name}`]?.[place] ?? Number.NaN
        assert.closeTo(found, wanted, 1e-6 + 1e-4 * Math.abs(wanted), `${name} ${place}`)
      }
      const fast = yield* Numbers.run(slopes, data)
      for (const [name, slope] of Object.entries(fast)) {
        assert.isBelow(Numbers.distance(slope, exact[name] ?? []), 2e-5, name)
      }
    }).pipe(Effect.provide(Session.layerInline), Effect.scoped)
  )

  it("does not depend on the order of the rows, on padding, or on the size of the batch", () => {
    const decisions = decisionsOf(7)
    const gradient = (rows: ReadonlyArray<Decision>, of: Decoder.Sizes) => {
      const { arrays, loss, parameters } = policy(of)
      const values = { ...Numbers.slopesOf(loss, parameters), loss }
      return Numbers.exactly(values, { ...feedsOf(rows, of), ...arrays })
    }
    const wanted = gradient(decisions, sizes)
    for (const other of [
      gradient(decisions.toReversed(), sizes),
      gradient(decisions, { batch: 7, prompt: 8, read: 3 }),
      gradient(decisions, { batch: 11, prompt: 13, read: 5 })
    ]) {
      for (const [name, slope] of Object.entries(other)) {
        assert.isBelow(Numbers.distance(slope, wanted[name] ?? []), 1e-9, name)
      }
    }
  })

  it("is the same from one batch as from the mean of its halves", () => {
    const decisions = decisionsOf(8)
    const { arrays, loss, parameters } = policy({ ...sizes, batch: 4 })
    const values = { ...Numbers.slopesOf(loss, parameters), loss }
    const [left, right] = [decisions.slice(0, 4), decisions.slice(4)].map((half) =>
      Numbers.exactly(values, { ...feedsOf(half, { ...sizes, batch: 4 }), ...arrays })
    )
    const all = policy()
    const whole = Numbers.exactly(
      { ...Numbers.slopesOf(all.loss, all.parameters), loss: all.loss },
      { ...feedsOf(decisions, sizes), ...arrays }
    )
    for (const [name, slope] of Object.entries(whole)) {
      const mean = slope.map((_, i) => ((left?.[name]?.[i] ?? 0) + (right?.[name]?.[i] ?? 0)) / 2)
      assert.isBelow(Numbers.distance(slope, mean), 1e-9, name)
    }
  })
})

const one = Op.constant(1, [1])
const zero = Op.constant(0, [1])
const column = (name: string) => Op.input(name, [1])

/** One row of one token, of which everything is known. */
const inputsOf = (logProbabilityB: Value.Value, advantage = 0): Loss.PolicyLossInputs => ({
  scores: {
    logProbabilityB,
    logProbabilityBK: Op.reshape(logProbabilityB, [1, 1]),
    entropyB: zero,
    entropyBK: Op.constant(0, [1, 1]),
    weightBK: Op.constant(1, [1, 1])
  },
  rowB: one,
  oldLogProbabilityE: zero,
  policyWeightE: one,
  advantageE: Op.constant(advantage, [1])
})

/** The policy loss of one row with this ratio and nothing else in it. */
const oneRow = (ratio: number, advantage: number, overrides: Partial<Loss.PolicyLossOptions>) => {
  const logProbabilityB = column("new")
  const { loss, metrics } = Loss.policyLoss(inputsOf(logProbabilityB, advantage), {
    ...options,
    ...overrides
  })
  const feeds = { new: [Math.log(ratio)] }
  const values = { ...Numbers.slopesOf(loss, { new: logProbabilityB }), loss, ...metrics }
  const found = Numbers.exactly(values, feeds)
  return (name: string) => found[`out ${name}`]?.[0] ?? Number.NaN
}

describe("The clipped loss", () => {
  it.each([
    // Inside: the plain policy gradient.
    [1, 1, -1, -1],
    [1.19, 2, -2.38, -2.38],
    [0.81, -2, 1.62, 1.62],
    // A good action that is already likelier, a bad one that is already rarer: nothing more to
    // gain.
    [1.31, 1, -1.3, 0],
    [0.5, -1, 0.8, 0],
    // Moved to the wrong side: the way back stays open.
    [0.5, 1, -0.5, -0.5],
    [1.5, -1, 1.5, 1.5]
  ])("at ratio %f and advantage %f is %f with slope %f", (ratio, advantage, loss, slope) => {
    const of = oneRow(ratio, advantage, { clipRatioLow: 0.2, clipRatioHigh: 0.3 })
    assert.closeTo(of("loss"), loss, 1e-9)
    assert.closeTo(of("new"), slope, 1e-9)
    assert.strictEqual(of("losses/clipfrac"), ratio > 1.3 || ratio < 0.8 ? 1 : 0)
    assert.closeTo(of("losses/ratio_deviation"), Math.abs(ratio - 1), 1e-9)
    assert.closeTo(of("losses/approx_kl"), ratio - 1 - Math.log(ratio), 1e-9)
  })

  it("stays a number where the policies are far apart", () => {
    const of = oneRow(1e30, -1, {})
    assert.closeTo(of("loss"), Math.exp(20), 1)
  })
})

describe("The dual clip", () => {
  it.each([
    // A bad action that became much likelier counts three times at most, and then has no slope.
    [5, -1, 3, 0, 1],
    [2, -1, 2, 2, 0],
    [0.5, -1, 0.8, 0, 0],
    // A good one is not touched.
    [5, 1, -1.3, 0, 0]
  ])("at ratio %f and advantage %f is %f with slope %f", (ratio, advantage, loss, slope, lower) => {
    const of = oneRow(ratio, advantage, { clipRatioHigh: 0.3, clipRatioC: 3 })
    assert.closeTo(of("loss"), loss, 1e-9)
    assert.closeTo(of("new"), slope, 1e-9)
    assert.strictEqual(of("losses/clipfrac_lower"), lower)
  })
})

describe("CISPO", () => {
  it.each([
    [5, 1, 1.3],
    [1.1, -2, 1.1],
    [0.1, 1, 0.8]
  ])("at ratio %f and advantage %f weighs the log-probability with %f", (ratio, advantage, w) => {
    const of = oneRow(ratio, advantage, { clipRatioHigh: 0.3, surrogate: "cispo" })
    assert.closeTo(of("loss"), -w * advantage * Math.log(ratio), 1e-9)
    assert.closeTo(of("new"), -w * advantage, 1e-9)
    assert.closeTo(of("losses/ratio_min"), ratio, 1e-9)
  })
})

const termOf = (
  name: string,
  inputs: Partial<Loss.PolicyLossInputs>,
  overrides: Partial<Loss.PolicyLossOptions>
): Value.Value => {
  const { metrics } = Loss.policyLoss(
    { ...inputsOf(column("new")), ...inputs },
    { ...options, ...overrides }
  )
  return metrics[name] ?? zero
}

describe("The value loss", () => {
  const critic = {
    valueE: column("v"),
    oldValueE: column("old"),
    returnE: column("r"),
    weightE: one
  }
  const at = (v: number, old: number, r: number, valueClip: number) =>
    Numbers.scalar(termOf("losses/value_loss", { critic }, { valueClip }), {
      v: [v],
      old: [old],
      r: [r],
      new: [0]
    })

  it("is half the squared error without a clip", () => {
    assert.closeTo(at(0.9, 0, 0.1, 0), 0.32, 1e-9)
  })

  it("says how often the clipped one was the larger", () => {
    const share = (v: number, r: number) =>
      Numbers.scalar(termOf("losses/value_clipfrac", { critic }, { valueClip: 0.2 }), {
        v: [v],
        old: [0],
        r: [r],
        new: [0]
      })
    assert.strictEqual(share(0.9, 1), 1)
    assert.strictEqual(share(0.9, 0.1), 0)
  })

  it("is the larger of the clipped and the plain one with a clip", () => {
    assert.closeTo(at(0.9, 0, 1, 0.2), 0.5 * 0.8 ** 2, 1e-9)
    assert.closeTo(at(0.9, 0, 0.1, 0.2), 0.5 * 0.8 ** 2, 1e-9)
    assert.closeTo(at(0.1, 0, 1, 0.2), 0.5 * 0.9 ** 2, 1e-9)
  })
})

describe("The divergence from a reference", () => {
  it("is 0 where the policies agree, and never negative", () => {
    const term = termOf(
      "losses/kl_to_reference",
      { reference: { logProbabilityE: column("reference"), weightE: one } },
      { klLossCoef: 1 }
    )
    const logProbability = fc.double({ min: -30, max: 0, noNaN: true })
    fc.assert(
      fc.property(logProbability, logProbability, (mine, other) => {
        assert.isAtLeast(Numbers.scalar(term, { new: [mine], reference: [other] }), -1e-12)
        assert.strictEqual(Numbers.scalar(term, { new: [mine], reference: [mine] }), 0)
      })
    )
  })
})

describe("Scores", () => {
  it("are of the distribution that was sampled, and masked tokens have no part in them", () => {
    const [batch, read] = [2, 2]
    const inputs = [
      Op.input("logits", [batch, read, 3]),
      Op.input("inverseTemperature", [batch]),
      Op.input("mask", [batch, read, 3]),
      Op.input("target", [batch, read], "int64"),
      Op.input("weight", [batch, read])
    ] as const
    const [logits, inverseTemperature, mask, target, weight] = inputs
    const scores = Loss.scores(Loss.sampled(logits, inverseTemperature, mask), target, weight)
    const found = Numbers.exactly(
      { log: scores.logProbabilityB, entropy: scores.entropyB },
      {
        logits: [1, 2, 9, 0, 0, 0, 1, 2, 3, 7, 7, 7],
        inverseTemperature: [2, 1],
        mask: [0, 0, -1e9, 0, -1e9, -1e9, 0, 0, 0, 0, 0, 0],
        target: [1, 0, 2, 1],
        weight: [1, 1, 1, 0]
      }
    )
    const share = 1 / (1 + Math.exp(2 - 4))
    const third = [1, 2, 3].map((x) => Math.exp(x) / (Math.exp(1) + Math.exp(2) + Math.exp(3)))
    const entropy = (shares: ReadonlyArray<number>) =>
      -shares.reduce((sum, p) => sum + p * Math.log(p), 0)
    assert.isBelow(
      Numbers.distance(found["out log"] ?? [], [Math.log(share), Math.log(third[2] ?? 0)]),
      1e-9
    )
    assert.isBelow(
      Numbers.distance(found["out entropy"] ?? [], [entropy([share, 1 - share]), entropy(third)]),
      1e-9
    )
  })
})

describe("The cross-entropy", () => {
  it("is the weighted mean over tokens, and padding has no part in it", () => {
    const loss = Loss.crossEntropy(
      Op.input("logits", [2, 2, 2]),
      Op.input("target", [2, 2], "int64"),
      Op.input("weight", [2, 2])
    )
    const log = (a: number, b: number) => a - Math.log(Math.exp(a) + Math.exp(b))
    const feeds = {
      logits: [1, 0, 2, 0, 0, 3, 9, -9],
      target: [0, 1, 1, 1],
      weight: [1, 2, 0.5, 0]
    }
    const wanted = -(log(1, 0) + 2 * log(0, 2) + 0.5 * log(3, 0)) / 3.5
    assert.closeTo(Numbers.scalar(loss, feeds), wanted, 1e-9)
    assert.strictEqual(Numbers.scalar(loss, { ...feeds, weight: [0, 0, 0, 0] }), -0)
  })
})
