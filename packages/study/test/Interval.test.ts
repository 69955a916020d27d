/** Tests of intervals: they cover what they promise to cover, and know a pair from two strangers. */
import { Seed } from "@dreamgym/domain"
import { describe, expect, it } from "vitest"
import * as Interval from "../src/Interval.ts"

const key = (index: number) => Seed.key(1, "interval test", index)

const played = (random: () => number, seed: number, rate: number, episodes = 100) => {
  let successes = 0
  for (let i = 0; i < episodes; i++) if (random() < rate) successes++
  return { seed, episodes, successes }
}

describe("the interval of a rate", () => {
  it("covers the truth about as often as it says, where seeds differ as much as episodes", () => {
    const random = Seed.generator(key(0))
    const worlds = 60
    let covered = 0
    for (let world = 0; world < worlds; world++) {
      const outcomes = Array.from({ length: 10 }, (_, seed) =>
        played(random, seed, 0.5 + 0.2 * (random() - 0.5), 50)
      )
      const found = Interval.rate(outcomes, key(world))
      if (found !== undefined && found.low <= 0.5 && 0.5 <= found.high) covered++
    }
    // Ten seeds are few, so that a percentile bootstrap is a little narrow.
    expect(covered / worlds).toBeGreaterThan(0.85)
    expect(covered / worlds).toBeLessThan(1)
  })

  it("is that of the episodes where there is one seed", () => {
    const found = Interval.rate([{ seed: 1, episodes: 400, successes: 100 }], key(1))
    expect(found?.mean).toBe(0.25)
    expect(found?.low).toBeCloseTo(0.25 - 1.96 * Math.sqrt(0.1875 / 400), 2)
    expect(found?.high).toBeCloseTo(0.25 + 1.96 * Math.sqrt(0.1875 / 400), 2)
  })

  it("is wider the more the seeds differ, at the same mean", () => {
    const of = (rates: ReadonlyArray<number>) => {
      const outcomes = rates.map((rate, seed) => ({ seed, episodes: 100, successes: 100 * rate }))
      const found = Interval.rate(outcomes, key(2))
      return (found?.high ?? 0) - (found?.low ?? 0)
    }
    expect(of([0.2, 0.8, 0.2, 0.8])).toBeGreaterThan(2 * of([0.5, 0.5, 0.5, 0.5]))
  })

  it("is not there where nothing was played", () => {
    expect(Interval.rate([], key(3))).toBeUndefined()
    expect(Interval.mean([], key(3))).toBeUndefined()
    expect(
      Interval.difference(
        [{ seed: 1, episodes: 1, successes: 1 }],
        [{ seed: 2, episodes: 1, successes: 1 }],
        key(3)
      )
    ).toBeUndefined()
  })

  it("is the same for the same key", () => {
    const outcomes = [1, 2, 3].map((seed) => ({ seed, episodes: 50, successes: 10 * seed }))
    expect(Interval.rate(outcomes, key(4))).toEqual(Interval.rate(outcomes, key(4)))
    expect(Interval.rate(outcomes, key(4))).not.toEqual(Interval.rate(outcomes, key(5)))
  })
})

describe("episodes drawn anew", () => {
  it("have as many successes as coins would, which is known for three", () => {
    const found = [...Interval.binomial({ seed: 1, episodes: 3, successes: 1 })]
    for (const [k, share] of [8 / 27, 20 / 27, 26 / 27, 1].entries()) {
      expect(found[k]).toBeCloseTo(share, 12)
    }
  })

  it("have the mean and the variance of coins, of many and at the edges", () => {
    for (const successes of [0, 1, 200, 5000, 9999, 10_000]) {
      const episodes = 10_000
      const sums = Interval.binomial({ seed: 1, episodes, successes })
      const of = (value: (k: number) => number) =>
        sums.reduce((total, sum, k) => total + (sum - (sums[k - 1] ?? 0)) * value(k), 0)
      expect(of((k) => k)).toBeCloseTo(successes, 6)
      const variance = successes * (1 - successes / episodes)
      expect(of((k) => (k - successes) ** 2)).toBeCloseTo(variance, 4)
    }
  })
})

describe("the interval of a difference", () => {
  it("knows that hard seeds are hard for both", () => {
    const easy = [0.1, 0.5, 0.9].map((rate, seed) => ({
      seed,
      episodes: 200,
      successes: 200 * rate
    }))
    const better = easy.map((one) => ({ ...one, successes: one.successes + 16 }))
    const paired = Interval.difference(better, easy, key(6))
    expect(paired?.mean).toBeCloseTo(0.08, 10)
    expect(paired?.low).toBeGreaterThan(0)
    const alone = Interval.rate(easy, key(6))
    expect((paired?.high ?? 0) - (paired?.low ?? 0)).toBeLessThan(
      ((alone?.high ?? 0) - (alone?.low ?? 0)) / 2
    )
  })

  it("compares only seeds that both have", () => {
    const a = [
      { seed: 1, episodes: 10, successes: 5 },
      { seed: 2, episodes: 10, successes: 10 }
    ]
    const b = [
      { seed: 1, episodes: 10, successes: 5 },
      { seed: 3, episodes: 10, successes: 0 }
    ]
    expect(Interval.difference(a, b, key(7))?.mean).toBe(0)
  })
})
