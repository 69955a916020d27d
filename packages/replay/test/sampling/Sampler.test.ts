import type { ReplayBuffer as Contract } from "@dreamgym/domain"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Annealing from "../../src/sampling/Annealing.ts"
import * as Sampler from "../../src/sampling/Sampler.ts"
import { countsOf, excess } from "./chiSquare.ts"

const size = 40
const values = Array.from({ length: size }, (_, slot) => ((slot * 13) % size) + 1)
const settings = values.map((value, slot) => ({ slot, value }))

/** Each strategy with the weights that its definition gives to `values` (value 1 to 40, each once). */
const strategies: ReadonlyArray<readonly [Contract.Strategy, (value: number) => number]> = [
  [{ _tag: "Uniform" }, () => 1],
  [Sampler.proportional(0.6, 0.01), (value) => (value + 0.01) ** 0.6],
  [{ _tag: "RankBased", alpha: 0.7 }, (value) => (size + 1 - value) ** -0.7],
  [{ _tag: "Recency", halfLife: 8 }, (value) => 2 ** (value / 8)]
]

const probabilitiesOf = (weightOf: (value: number) => number) => {
  const weights = values.map(weightOf)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

const samplerOf = (
  strategy: Contract.Strategy,
  list: ReadonlyArray<Sampler.Setting> = settings
) => {
  const sampler = Sampler.make(strategy)
  Effect.runSync(sampler.set(list))
  return sampler
}

const slotsOf = (drawn: ReadonlyArray<Sampler.Drawn>) => drawn.map(({ slot }) => slot)

describe.each(strategies)("a sampler by $_tag", (strategy, weightOf) => {
  const probabilities = probabilitiesOf(weightOf)

  it("draws as often as the weights say", () => {
    for (const key of [1, 2, 3]) {
      const drawn = samplerOf(strategy).draw({ count: 50_000, key, replacement: true })
      assert.isBelow(excess(countsOf(slotsOf(drawn), size), probabilities), 0, `key ${key}`)
      for (const { probability, slot } of drawn.slice(0, 100)) {
        assert.approximately(probability, probabilities[slot] ?? Number.NaN, 1e-9)
      }
    }
  })

  it("draws the first without replacement as often as the weights say, and the second of the rest", () => {
    const sampler = samplerOf(strategy)
    const keys = Array.from({ length: 10_000 }, (_, key) => key)
    const pairs = keys.map((key) => slotsOf(sampler.draw({ count: 2, key, replacement: false })))
    const first = pairs.flatMap(([slot]) => slot ?? [])
    assert.isBelow(excess(countsOf(first, size), probabilities), 0)
    const second = probabilities.map((own, i) =>
      probabilities.reduce((sum, p, j) => (i === j ? sum : sum + (p * own) / (1 - p)), 0)
    )
    assert.isBelow(
      excess(
        countsOf(
          pairs.flatMap(([, slot]) => slot ?? []),
          size
        ),
        second
      ),
      0
    )
  })

  it("draws none twice before all came once, and the same again by the same key", () => {
    const sampler = samplerOf(strategy)
    const request = { count: 2 * size + 7, key: 4, replacement: false }
    const drawn = sampler.draw(request)
    const counts = countsOf(slotsOf(drawn), size)
    assert.strictEqual(drawn.length, request.count)
    assert.isTrue(counts.every((n) => n === 2 || n === 3))
    assert.deepStrictEqual(sampler.draw(request), drawn)
    assert.notDeepEqual(sampler.draw({ ...request, key: 5 }), drawn)
  })

  it("draws alike however its settings came about", () => {
    const roundabout = samplerOf(strategy, [
      { slot: 90, value: 8 },
      ...settings.toReversed().map(({ slot, value }) => ({ slot, value: value / 2 })),
      ...settings
    ])
    roundabout.remove([90, 1000])
    const request = { count: 500, key: 4, replacement: true }
    assert.deepStrictEqual(
      slotsOf(roundabout.draw(request)),
      slotsOf(samplerOf(strategy).draw(request))
    )
    assert.strictEqual(roundabout.size(), size)
    roundabout.remove(settings.map(({ slot }) => slot))
    assert.deepStrictEqual(roundabout.draw(request), [])
  })
})

describe("importance weights", () => {
  it("are (N p)^-beta over the greatest of the sample", () => {
    const sampler = samplerOf(Sampler.proportional())
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (key, beta) => {
        const drawn = sampler.draw({ count: 16, key, replacement: true, beta })
        const raw = drawn.map(({ probability }) => (size * probability) ** -beta)
        drawn.forEach(({ importance }, i) =>
          assert.approximately(importance, (raw[i] ?? 0) / Math.max(...raw), 1e-12)
        )
      }),
      { seed: 1, numRuns: 100 }
    )
  })

  it("undo the bias with beta 1, and nothing with beta 0", () => {
    const sampler = samplerOf(Sampler.proportional(1))
    const drawn = sampler.draw({ count: 100_000, key: 2, replacement: true, beta: 1 })
    const total = drawn.reduce((sum, { importance }) => sum + importance, 0)
    const mean = drawn.reduce((sum, one) => sum + one.importance * (values[one.slot] ?? 0), 0)
    assert.approximately(mean / total, (size + 1) / 2, 0.2)
    const plain = sampler.draw({ count: 9, key: 2, replacement: true, beta: 0 })
    assert.isTrue(plain.every(({ importance }) => importance === 1))
  })

  it("are annealed in a straight line", () => {
    const beta = { from: 0.4, to: 1, over: 10 }
    const found = [-1, 0, 5, 10, 99].map((step) => Annealing.at(beta, step))
    assert.deepStrictEqual(found, [0.4, 0.4, 0.7, 1, 1])
    assert.strictEqual(Annealing.at(0.3, 7), 0.3)
  })
})

describe("a sampler", () => {
  it("by youth goes on where weights would leave the numbers", () => {
    const late = Array.from({ length: 20_000 }, (_, slot) => ({ slot, value: slot }))
    const sampler = samplerOf({ _tag: "Recency", halfLife: 1 }, late)
    const drawn = sampler.draw({ count: 60_000, key: 1, replacement: true, beta: 1 })
    const ages = countsOf(
      slotsOf(drawn).map((slot) => 19_999 - slot),
      20_000
    )
    assert.isBelow(
      excess(
        ages.slice(0, 8),
        Array.from({ length: 8 }, (_, i) => 2 ** -(i + 1) / (1 - 2 ** -8))
      ),
      0
    )
    assert.isTrue(drawn.every(({ importance }) => importance > 0 && importance <= 1))
    assert.strictEqual(sampler.size(), 20_000)
  })

  it("refuses what is no slot or no number, and all that comes with it", () => {
    const sampler = samplerOf(Sampler.proportional())
    const wrong = [
      [-1, 1, "NoSlot"],
      [1.5, 1, "NoSlot"],
      [90, Number.NaN, "OutOfRange"],
      [90, Number.POSITIVE_INFINITY, "OutOfRange"]
    ] as const
    for (const [slot, value, reason] of wrong) {
      const error = Effect.runSync(
        Effect.flip(
          sampler.set([
            { slot: 91, value: 1 },
            { slot, value }
          ])
        )
      )
      assert.strictEqual(error.reason, reason)
    }
    assert.strictEqual(sampler.size(), size)
  })
})
