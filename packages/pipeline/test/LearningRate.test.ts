/** Tests of the learning rate of trainings, long and short. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { defaults } from "../src/Config.ts"
import { ofPolicy, upAndDown } from "../src/LearningRate.ts"

describe("the learning rate", () => {
  it("goes up and then down a line", () => {
    const rate = upAndDown(1, 8, 2)
    expect(Array.from({ length: 8 }, (_, i) => rate(i))).toEqual(
      [1 / 2, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6].map((value) => expect.closeTo(value, 9))
    )
  })

  it("is positive at every update, of however many, and never above what was asked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 40 }),
        (updates, up) => {
          const rate = upAndDown(0.003, updates, up)
          for (let update = 0; update < updates; update++) {
            expect(rate(update)).toBeGreaterThan(0)
            expect(rate(update)).toBeLessThan(0.003001)
          }
        }
      )
    )
  })
})

describe("the learning rate of the policy", () => {
  const train = (iterations: number, realIterations = 0) => ({
    train: { ...defaults.train, iterations, realIterations }
  })
  const ratesOf = (config: ReturnType<typeof train>, used: (update: number) => number) => {
    const { iterations, realIterations } = config.train
    return Array.from({ length: iterations + realIterations }, (_, update) =>
      ofPolicy(1, update, config, used(update))
    )
  }
  const near = (values: ReadonlyArray<number>) => values.map((value) => expect.closeTo(value, 9))

  it("goes up for three updates and down a line to a tenth, and down another in the real world", () => {
    const down = [1 / 3, (2 / 3) * 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    expect(ratesOf(train(10), () => 0)).toEqual(near(down))
    expect(ratesOf(train(10, 4), () => 0)).toEqual(near([...down, 1, 0.75, 0.5, 0.25]))
  })

  it("follows the budget of real transitions where that is used up sooner than the iterations", () => {
    const used = (update: number) => Math.min(1, update / 5)
    expect(ratesOf(train(100), used).slice(3, 7)).toEqual(near([0.4, 0.2, 0.1, 0.1]))
    expect(ratesOf(train(10), (update) => update / 100)).toEqual(ratesOf(train(10), () => 0))
  })

  it("never rises after its first updates, nor is above what was asked or below a tenth", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4, max: 60 }),
        fc.double({ min: 0, max: 0.1, noNaN: true }),
        (n, pace) => {
          const rates = ratesOf(train(n), (update) => Math.min(1, update * pace)).slice(2)
          for (const [i, rate] of rates.entries()) {
            expect(rate).toBeLessThanOrEqual(rates[i - 1] ?? 1)
            expect(rate).toBeGreaterThanOrEqual(0.1)
          }
        }
      )
    )
  })
})
