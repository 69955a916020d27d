import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Correction, Penalty } from "../src/index.ts"

const log = fc.double({ min: -4, max: 0, noNaN: true })
const decision = fc.array(fc.tuple(log, log), { minLength: 1, maxLength: 6 }).map((pairs) => ({
  oldLogProbabilities: pairs.map(([old]) => old),
  proximalLogProbabilities: pairs.map(([, proximal]) => proximal)
}))

const probability = (logs: ReadonlyArray<number>) => logs.reduce((p, one) => p * Math.exp(one), 1)

describe("Importance weights", () => {
  it("of an action are its probability now over that then, cut or masked above the threshold", () => {
    fc.assert(
      fc.property(decision, fc.double({ min: 0.1, max: 4, noNaN: true }), (one, threshold) => {
        const ratio =
          probability(one.proximalLogProbabilities) / probability(one.oldLogProbabilities)
        fc.pre(Math.abs(ratio - threshold) > 1e-9)
        for (const mode of ["truncate", "mask"] as const) {
          const found = Correction.weightsOf(one, { level: "action", threshold, mode })
          const beyond = mode === "mask" ? 0 : threshold
          const wanted = ratio > threshold ? beyond : ratio
          for (const weight of found) assert.closeTo(weight, wanted, 1e-9 * (1 + wanted))
          assert.strictEqual(found.length, one.oldLogProbabilities.length)
        }
      })
    )
  })

  it("of tokens are each its own, and their product is that of the action", () => {
    fc.assert(
      fc.property(decision, (one) => {
        const threshold = Number.POSITIVE_INFINITY
        const tokens = Correction.weightsOf(one, { level: "token", threshold })
        const [action = 0] = Correction.weightsOf(one, { level: "action", threshold })
        const product = tokens.reduce((p, weight) => p * weight, 1)
        assert.closeTo(product, action, 1e-9 * action)
      })
    )
  })

  it("are 1 where the policy has not moved, and nothing is apart then", () => {
    const same = { oldLogProbabilities: [-1, -2], proximalLogProbabilities: [-1, -2] }
    const options = { level: "token" as const, threshold: 2 }
    assert.deepStrictEqual(Correction.weightsOf(same, options), [1, 1])
    assert.deepStrictEqual(Correction.mismatch([same], options), {
      "training/mismatch_kl": 0,
      "training/mismatch_probability_max": 0,
      "training/is_weight_mean": 1,
      "training/is_beyond_threshold": 0
    })
  })

  it("tell how far sampler and learner are apart", () => {
    const moved = {
      oldLogProbabilities: [Math.log(0.1), Math.log(0.5)],
      proximalLogProbabilities: [Math.log(0.4), Math.log(0.5)]
    }
    const found = Correction.mismatch([moved], { level: "token", threshold: 2 })
    assert.closeTo(found["training/mismatch_probability_max"] ?? 0, 0.3, 1e-12)
    assert.closeTo(found["training/mismatch_kl"] ?? 0, (4 - 1 - Math.log(4)) / 2, 1e-12)
    assert.closeTo(found["training/is_weight_mean"] ?? 0, 1.5, 1e-12)
    assert.strictEqual(found["training/is_beyond_threshold"], 0.5)
  })
})

describe("The penalty of KL in the reward", () => {
  it("is the coefficient times what the sampled token is likelier than under the reference", () => {
    assert.deepStrictEqual(Penalty.klInReward(0.5, [-1, -2, -3], [-2, -2, -1]), [0.5, 0, -1])
    assert.deepStrictEqual(Penalty.klInReward(1, [0], [-100]), [20])
  })
})

describe("The adaptive coefficient", () => {
  it.each([
    ["far beyond the target grows by a fifth of the share of the horizon", 9, 1.02],
    ["far below shrinks as much", 0, 0.98],
    ["a little beyond grows a little", 0.11, 1.01],
    ["at the target stays", 0.1, 1]
  ])("%s", (_, kl, wanted) => {
    const own = { target: 0.1, horizon: 1000 }
    assert.closeTo(Penalty.nextScale(1, kl, 100, own), wanted, 1e-12)
  })

  it("measures the mean over tokens, not over decisions", () => {
    const one = { oldLogProbabilities: [-1], referenceLogProbabilities: [-4] }
    const long = { oldLogProbabilities: [-1, -1], referenceLogProbabilities: [-1, -1] }
    assert.closeTo(Penalty.meanApart([one, long]), 1, 1e-12)
  })
})
