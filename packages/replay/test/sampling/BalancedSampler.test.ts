import * as fc from "fast-check"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Balance from "../../src/sampling/Balance.ts"
import * as BalancedSampler from "../../src/sampling/BalancedSampler.ts"
import { countsOf, excess } from "./chiSquare.ts"

const sum = (values: ReadonlyArray<number>) => values.reduce((total, x) => total + x, 0)

describe("apportioning", () => {
  it("gives all that is wanted or there is, and no part more than it has", () => {
    const part = fc.tuple(fc.nat(20), fc.constantFrom(0, 0, 0.1, 0.5, 1, 3))
    fc.assert(
      fc.property(fc.nat(60), fc.array(part, { minLength: 1, maxLength: 6 }), (count, parts) => {
        const sizes = parts.map(([size]) => size)
        const shares = parts.map(([, share]) => share)
        const given = Balance.apportion(count, sizes, shares)
        assert.strictEqual(sum(given), Math.min(count, sum(sizes)))
        given.forEach((n, i) => {
          assert.isTrue(Number.isInteger(n) && n >= 0 && n <= (sizes[i] ?? 0))
          // Below its share is only who has no more; without a share only who is needed gets any.
          const share = (shares[i] ?? 0) / (sum(shares) || 1)
          assert.isAbove(n, Math.min(sizes[i] ?? 0, count * share) - 1)
          const others = sum(sizes.filter((_, j) => (shares[j] ?? 0) > 0))
          if (shares[i] === 0 && others >= count) assert.strictEqual(n, 0)
        })
      }),
      { seed: 1, numRuns: 500 }
    )
    assert.deepStrictEqual(Balance.apportion(10, [9, 9, 9], [1, 1, 1]), [4, 3, 3])
    assert.deepStrictEqual(Balance.apportion(10, [1, 9, 9], [2, 1, 1]), [1, 5, 4])
    assert.deepStrictEqual(Balance.apportion(10, [99, 99, 99], [1, 1, 2.9]), [2, 2, 6])
  })

  it("within bounds reaches the target as nearly as the bounds let it", () => {
    const part = fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)).map(([a, b, kind]) => ({
      count: Math.min(a + b, kind + b),
      bounds: Balance.boundsOf(Math.min(a + b, kind + b), kind, b)
    }))
    fc.assert(
      fc.property(fc.nat(30), fc.array(part, { minLength: 1, maxLength: 3 }), (target, parts) => {
        const bounds = parts.map((one) => one.bounds)
        const given = Balance.within(
          target,
          bounds,
          parts.map(({ count }) => count)
        )
        const [low, high] = [sum(bounds.map((b) => b.low)), sum(bounds.map((b) => b.high))]
        assert.strictEqual(sum(given), Math.max(low, Math.min(high, target)))
        given.forEach((n, i) =>
          assert.isTrue(n >= (bounds[i]?.low ?? 0) && n <= (bounds[i]?.high ?? 0))
        )
      }),
      { seed: 2, numRuns: 500 }
    )
  })
})

const settingsOf = (size: number): ReadonlyArray<BalancedSampler.Setting> =>
  Array.from({ length: size }, (_, slot) => ({
    slot,
    value: 1 + (slot % 3),
    isReal: slot % 5 === 0,
    isSuccess: slot % 4 === 0,
    environment: ["hall", "kitchen", "toString"][slot % 3] ?? ""
  }))

const samplerOf = (
  strategy: BalancedSampler.Strategy,
  settings: ReadonlyArray<BalancedSampler.Setting>
) => {
  const sampler = BalancedSampler.make(strategy)
  Effect.runSync(sampler.set(settings))
  return sampler
}

describe("a balanced sampler", () => {
  const settings = settingsOf(600)
  const kindsOf = (drawn: ReadonlyArray<{ readonly slot: number }>) =>
    drawn.flatMap(({ slot }) => settings[slot] ?? [])

  it("draws as much real, successful and of each environment as is wished", () => {
    const targets = { real: 0.5, success: 0.3, environments: { hall: 0.75, kitchen: 0.25 } }
    for (const replacement of [true, false]) {
      const sampler = samplerOf({ _tag: "Uniform" }, settings)
      const drawn = kindsOf(sampler.draw({ count: 40, key: 7, replacement, targets }))
      assert.strictEqual(drawn.length, 40)
      assert.strictEqual(drawn.filter(({ isReal }) => isReal).length, 20)
      assert.strictEqual(drawn.filter(({ isSuccess }) => isSuccess).length, 12)
      const halls = drawn.filter(({ environment }) => environment === "hall").length
      assert.isTrue(halls >= 28 && halls <= 32, `${halls} halls`)
      assert.isFalse(drawn.some(({ environment }) => environment === "toString"))
    }
  })

  it("draws within a kind as often as the weights say, over several kinds where they are not told apart", () => {
    const sampler = samplerOf({ _tag: "Proportional", alpha: 1, epsilon: 0 }, settings)
    const weight = ({ isReal, value }: BalancedSampler.Setting, isOf: boolean) =>
      isReal === isOf ? value : 0
    const [real, dreamt] = [true, false].map((isOf) =>
      sum(settings.map((one) => weight(one, isOf)))
    )
    for (const key of [1, 2]) {
      const drawn = sampler.draw({
        count: 120_000,
        key,
        replacement: true,
        targets: { real: 0.25 }
      })
      const expected = settings.map(
        (one) =>
          (0.25 * weight(one, true)) / (real ?? 1) + (0.75 * weight(one, false)) / (dreamt ?? 1)
      )
      const slots = drawn.map(({ slot }) => slot)
      assert.isBelow(excess(countsOf(slots, 600), expected), 0)
      for (const { probability, slot } of drawn.slice(0, 50)) {
        assert.approximately(probability, expected[slot] ?? Number.NaN, 1e-9)
      }
    }
  })

  it("draws none twice before all came once, and the same again by the same key", () => {
    const targets = { real: 0.9, success: 0.9, environments: { hall: 1 } }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(100), fc.nat(), (size, count, key) => {
        const some = settingsOf(size)
        const sampler = samplerOf({ _tag: "Uniform" }, some.toReversed())
        const request = { count, key, replacement: false, targets }
        const drawn = sampler.draw(request)
        const counts = countsOf(
          drawn.map(({ slot }) => slot),
          size
        )
        const rounds = Math.floor(count / size)
        assert.strictEqual(drawn.length, count)
        assert.isTrue(counts.every((n) => n === rounds || n === rounds + 1))
        assert.deepStrictEqual(sampler.draw(request), drawn)
        assert.deepStrictEqual(samplerOf({ _tag: "Uniform" }, some).draw(request), drawn)
      }),
      { seed: 3, numRuns: 150 }
    )
  })

  it("forgets what was removed, and moves what changed its kind", () => {
    const sampler = samplerOf({ _tag: "Uniform" }, settings)
    sampler.remove(settings.slice(10).map(({ slot }) => slot))
    Effect.runSync(sampler.set(settings.slice(0, 10).map((one) => ({ ...one, isReal: true }))))
    const drawn = sampler.draw({ count: 10, key: 1, replacement: false, targets: { real: 1 } })
    assert.deepStrictEqual(
      drawn.map(({ slot }) => slot).sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    )
    assert.strictEqual(sampler.size(), 10)
    const any = sampler.draw({ count: 10, key: 1, replacement: false, targets: {} })
    assert.strictEqual(new Set(any.map(({ slot }) => slot)).size, 10)
  })
})
