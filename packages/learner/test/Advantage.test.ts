import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Advantage } from "../src/index.ts"

const number = fc.double({ min: -5, max: 5, noNaN: true })

/**
 * Sum over all later decisions of (gamma * lambda)^(l - t) times the error of one step: Eq. 16,
 * term by term.
 */
const naive = (
  rewards: ReadonlyArray<number>,
  values: ReadonlyArray<number>,
  bootstrap: number,
  { gaeLambda, gamma }: Advantage.GaeOptions
) =>
  rewards.map((_, t) => {
    let sum = 0
    for (let l = t; l < rewards.length; l++) {
      const error = (rewards[l] ?? 0) + gamma * (values[l + 1] ?? bootstrap) - (values[l] ?? 0)
      sum += (gamma * gaeLambda) ** (l - t) * error
    }
    return sum
  })

const assertClose = (found: ReadonlyArray<number>, wanted: ReadonlyArray<number>) => {
  assert.strictEqual(found.length, wanted.length)
  for (const [i, value] of found.entries()) assert.closeTo(value, wanted[i] ?? Number.NaN, 1e-9)
}

describe("The generalized advantage estimate", () => {
  it("is the double sum of its definition", () => {
    const cases = fc.record({
      steps: fc.array(fc.tuple(number, number), { maxLength: 20 }),
      bootstrap: number,
      gamma: fc.double({ min: 0, max: 1, noNaN: true }),
      gaeLambda: fc.double({ min: 0, max: 1, noNaN: true })
    })
    fc.assert(
      fc.property(cases, ({ bootstrap, gaeLambda, gamma, steps }) => {
        const rewards = steps.map(([reward]) => reward)
        const values = steps.map(([, value]) => value)
        const options = { gamma, gaeLambda }
        const { advantagesT, returnsT } = Advantage.gae(rewards, values, bootstrap, options)
        const wanted = naive(rewards, values, bootstrap, options)
        assertClose(advantagesT, wanted)
        assertClose(
          returnsT,
          wanted.map((advantage, t) => advantage + (values[t] ?? 0))
        )
      })
    )
  })

  it("with lambda 1 is the discounted return less the value", () => {
    const { advantagesT } = Advantage.gae([0, 0, 1], [0.5, 0.2, 0.1], 0, {
      gamma: 0.9,
      gaeLambda: 1
    })
    assertClose(advantagesT, [0.81 - 0.5, 0.9 - 0.2, 1 - 0.1])
  })
})

describe("Advantages of a group", () => {
  it("have mean 0 and deviation 1, and keep the order of the returns", () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 2, maxLength: 16 }), (returns) => {
        const advantages = Advantage.groupRelative(returns)
        const isFlat = Math.max(...returns) - Math.min(...returns) < 1e-3
        fc.pre(!isFlat)
        assert.isDefined(advantages)
        const mean = (advantages ?? []).reduce((a, b) => a + b, 0) / returns.length
        const square = (advantages ?? []).reduce((a, b) => a + b * b, 0) / returns.length
        assert.closeTo(mean, 0, 1e-6)
        assert.closeTo(square, 1, 1e-2)
        for (const [i, one] of returns.entries()) {
          for (const [j, other] of returns.entries()) {
            if (one < other) assert.isAtMost(advantages?.[i] ?? 1, advantages?.[j] ?? 0)
          }
        }
      })
    )
  })

  it("are none where the returns are equal, and none of a group of one", () => {
    assert.isUndefined(Advantage.groupRelative([1, 1, 1, 1]))
    assert.isUndefined(Advantage.groupRelative([0.3, 0.3 + 1e-12]))
    assert.isUndefined(Advantage.groupRelative([1]))
    assert.isUndefined(Advantage.groupRelative([]))
  })
})

describe("Arithmetic of a batch", () => {
  it("brings advantages to mean 0 and deviation 1, whatever their scale", () => {
    assertClose(
      Advantage.normalize([1, 3]),
      [-1, 1].map((x) => x / (1 + 1e-8))
    )
    assertClose(Advantage.normalize([7]), [7])
    assertClose(Advantage.normalize([2, 2, 2]), [0, 0, 0])
  })

  it("explains all of the variance with the returns themselves, none with a constant", () => {
    assert.closeTo(Advantage.explainedVariance([1, 2, 4], [1, 2, 4]), 1, 1e-12)
    assert.closeTo(Advantage.explainedVariance([9, 9, 9], [1, 2, 4]), 0, 1e-12)
    assert.strictEqual(Advantage.explainedVariance([1, 2, 3], [5, 5, 5]), 0)
    assert.isBelow(Advantage.explainedVariance([4, 2, 1], [1, 2, 4]), 0)
  })
})
