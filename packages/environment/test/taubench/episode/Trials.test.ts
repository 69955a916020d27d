import { Result } from "effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Trials from "../../../src/taubench/episode/Trials.ts"

const rateOf = (result: Result.Result<Trials.Rate, Trials.TrialsError>) =>
  Result.getOrThrow(result).rate

const options = { seed: 1, resamples: 200 }

const task = fc
  .tuple(fc.integer({ min: 4, max: 12 }), fc.nat(12))
  .map(([trials, c]) => ({ trials, successes: Math.min(trials, c) }))
const tasks = fc.array(task, { minLength: 1, maxLength: 20 })

const choose = (n: number, k: number): number =>
  k === 0 ? 1 : n < k ? 0 : (choose(n - 1, k - 1) * n) / k

describe("Over repeated trials", () => {
  it("pass^k is the mean of C(c,k)/C(n,k), and pass@k of 1 - C(n-c,k)/C(n,k)", () => {
    fc.assert(
      fc.property(tasks, fc.integer({ min: 1, max: 4 }), (list, k) => {
        const mean = (values: ReadonlyArray<number>) =>
          values.reduce((sum, value) => sum + value, 0) / values.length
        const hat = list.map((t) => choose(t.successes, k) / choose(t.trials, k))
        const at = list.map((t) => 1 - choose(t.trials - t.successes, k) / choose(t.trials, k))
        expect(rateOf(Trials.passHatK(list, k, options))).toBeCloseTo(mean(hat), 10)
        expect(rateOf(Trials.passAtK(list, k, options))).toBeCloseTo(mean(at), 10)
      }),
      { numRuns: 50 }
    )
  })

  it("pass^k falls and pass@k rises with k, and both begin at the success rate of equal trials", () => {
    fc.assert(
      fc.property(tasks, (list) => {
        const hat = [1, 2, 3, 4].map((k) => rateOf(Trials.passHatK(list, k, options)))
        const at = [1, 2, 3, 4].map((k) => rateOf(Trials.passAtK(list, k, options)))
        expect(hat).toEqual(hat.toSorted((a, b) => b - a))
        expect(at[0]).toBeCloseTo(hat[0] ?? -1, 10)
        for (const [i, rate] of at.entries())
          expect(rate + 1e-12).toBeGreaterThanOrEqual(at[i - 1] ?? 0)
      }),
      { numRuns: 30 }
    )
  })

  it("the interval holds the rate, repeats with its seed and is a point where all tasks are alike", () => {
    const list = [0, 1, 2, 3, 4, 4, 4, 0].map((successes) => ({ trials: 4, successes }))
    const one = Result.getOrThrow(Trials.passHatK(list, 2, options))
    expect(Result.getOrThrow(Trials.passHatK(list, 2, options))).toEqual(one)
    expect(one.low).toBeLessThan(one.rate)
    expect(one.high).toBeGreaterThan(one.rate)
    const alike = [4, 4, 4].map((successes) => ({ trials: 4, successes }))
    expect(Result.getOrThrow(Trials.passHatK(alike, 4, options))).toEqual({
      rate: 1,
      low: 1,
      high: 1
    })
  })

  it("many trials do not overflow", () => {
    const list = [{ trials: 100_000, successes: 99_999 }]
    expect(rateOf(Trials.passHatK(list, 2, options))).toBeCloseTo(0.99998, 10)
  })

  it.each([
    [[], 1, "NoTasks"],
    [[{ trials: 2, successes: 1 }], 3, "TooFewTrials"],
    [[{ trials: 2, successes: 3 }], 1, "BadCount"],
    [[{ trials: 2, successes: 1 }], 0, "BadCount"]
  ] as const)("bad counts are refused (%#)", (list, k, reason) => {
    const result = Trials.passAtK(list, k, options)
    expect(Result.isFailure(result) && result.failure.reason).toBe(reason)
  })

  it("the success rate has Wilson's interval", () => {
    const { high, low, rate } = Trials.successRate([
      { trials: 4, successes: 1 },
      { trials: 4, successes: 3 }
    ])
    expect([rate, low.toFixed(3), high.toFixed(3)]).toEqual([0.5, "0.215", "0.785"])
  })
})
