import * as fc from "fast-check"
import { assert, describe, it } from "@effect/vitest"
import { Seed } from "@dreamgym/domain"
import * as Ranking from "../../src/sampling/Ranking.ts"
import * as SumTree from "../../src/sampling/SumTree.ts"
import { countsOf, excess } from "./chiSquare.ts"

const changes = (values: fc.Arbitrary<number>) =>
  fc.array(fc.tuple(fc.nat(300), values), { maxLength: 400 })

/** The total as the definition has it: sums of eight, and of eight of those, from the left. */
const totalOf = (weights: ReadonlyArray<number>): number => {
  if (weights.length === 1) return weights[0] ?? 0
  const sums = Array.from({ length: Math.ceil(weights.length / 8) }, (_, i) =>
    weights.slice(8 * i, 8 * i + 8).reduce((sum, x) => sum + x, 0)
  )
  return totalOf(sums)
}

describe("a sum tree", () => {
  it("keeps exact sums, however often weights change and however it grows", () => {
    const weight = fc.oneof(
      fc.constant(0),
      fc.double({ min: 0, max: 1e12, noNaN: true }),
      fc.double({ min: 0, max: 1e-12, noNaN: true })
    )
    fc.assert(
      fc.property(changes(weight), fc.nat(400), (list, capacity) => {
        const tree = SumTree.make(capacity)
        const model = new Array<number>(304).fill(0)
        for (const [slot, value] of list) {
          tree.update(slot, value)
          model[slot] = value
        }
        assert.strictEqual(tree.total(), totalOf(model))
        assert.strictEqual(tree.count(), model.filter((value) => value > 0).length)
        model.forEach((value, slot) => assert.strictEqual(tree.weight(slot), value))
      }),
      { seed: 1, numRuns: 200 }
    )
  })

  it.each(["Any", "ZeroOrOne"] as const)(
    "finds the slot whose share holds the point: %s",
    (leaves) => {
      const weight = leaves === "Any" ? fc.nat(9) : fc.nat(1)
      fc.assert(
        fc.property(changes(weight), (list) => {
          const tree = SumTree.make(0, leaves)
          const model = new Array<number>(301).fill(0)
          for (const [slot, value] of list) {
            tree.update(slot, value)
            model[slot] = value
          }
          const owners = model.flatMap((value, slot) => new Array<number>(value).fill(slot))
          const found = owners.map((_, i) => tree.find((i + 0.5) / owners.length))
          assert.deepStrictEqual(found, owners)
          assert.strictEqual(tree.find(1), owners.at(-1) ?? -1)
          assert.strictEqual(tree.find(0), owners[0] ?? -1)
        }),
        { seed: 2, numRuns: 100 }
      )
    }
  )

  it("of ones counts thousands of them", () => {
    const tree = SumTree.make(0, "ZeroOrOne")
    const slots = Array.from({ length: 5000 }, (_, slot) => slot)
    for (const slot of slots) tree.update(slot, 1)
    assert.strictEqual(tree.total(), 5000)
    assert.deepStrictEqual(
      slots.map((slot) => tree.find((slot + 0.5) / 5000)),
      slots
    )
  })

  it("is drawn from as the weights say, and as the changed weights say", () => {
    const random = Seed.generator(5)
    const tree = SumTree.make()
    const weights = Array.from({ length: 100 }, (_, i) => (i % 7 === 0 ? 0 : random() ** 3))
    weights.forEach((weight, slot) => tree.update(slot, weight))
    for (const factor of [1, 0.5]) {
      weights.forEach((weight, slot) => {
        if (slot % 2 === 0) weights[slot] = weight * factor
        tree.update(slot, weights[slot] ?? 0)
      })
      const drawn = Array.from({ length: 200_000 }, () => tree.find(random()))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const wrong = excess(
        countsOf(drawn, 100),
        weights.map((weight) => weight / total)
      )
      assert.isBelow(wrong, 0)
    }
  })
})

describe("a ranking", () => {
  it("is the sorted order, whatever came, changed and went", () => {
    const values = fc.oneof(fc.nat(5), fc.constant(-1), fc.double({ noNaN: true }))
    fc.assert(
      fc.property(changes(values), (list) => {
        const ranking = Ranking.make()
        const model = new Map<number, number>()
        for (const [slot, value] of list) {
          if (value === -1) {
            ranking.remove(slot)
            model.delete(slot)
          } else {
            ranking.set(slot, value)
            model.set(slot, value)
          }
        }
        const order = [...model].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([slot]) => slot)
        assert.strictEqual(ranking.size(), order.length)
        assert.deepStrictEqual(
          order.map((_, rank) => ranking.at(rank)),
          order
        )
        assert.deepStrictEqual(order.map(ranking.rankOf), [...order.keys()])
        assert.strictEqual(ranking.at(order.length), -1)
      }),
      { seed: 3, numRuns: 200 }
    )
  })
})
