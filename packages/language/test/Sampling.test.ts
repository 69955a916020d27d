import { assert, describe, it } from "@effect/vitest"
import { Seed } from "@dreamgym/domain"
import * as fc from "fast-check"
import { Constraint, Sampling } from "../src/index.ts"

const nothing: ReadonlySet<number> = new Set()
const logits = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 2, maxLength: 9 })

describe("Sampling", () => {
  it("draws each token as often as its probability says", () => {
    const random = Seed.generator(7)
    const counts = [0, 0, 0]
    const row = Float32Array.of(0, Math.log(2), Math.log(5))
    for (let i = 0; i < 8000; i++) {
      const drawn = Sampling.sample(row, 0, 3, { temperature: 1, minP: 0, banned: nothing }, random)
      if (drawn !== undefined) counts[drawn.id] = (counts[drawn.id] ?? 0) + 1
    }
    for (const [id, share] of [1 / 8, 2 / 8, 5 / 8].entries()) {
      assert.approximately((counts[id] ?? 0) / 8000, share, 0.02)
    }
  })

  it("reports the log-probability of the distribution that it drew from", () => {
    fc.assert(
      fc.property(logits, fc.integer(), fc.constantFrom(0.5, 1, 2), (row, seed, temperature) => {
        const allowed = [...row.keys()].filter((id) => id % 2 === 0)
        const random = Seed.generator(seed)
        const options = { temperature, minP: 0, allowed, banned: nothing }
        const drawn = Sampling.sample(Float32Array.from(row), 0, row.length, options, random)
        const weight = (id: number) => Math.exp(Math.fround(row[id] ?? 0) / temperature)
        const total = allowed.reduce((sum, id) => sum + weight(id), 0)
        assert.isTrue(drawn !== undefined && allowed.includes(drawn.id))
        assert.approximately(
          drawn?.logProbability ?? 0,
          Math.log(weight(drawn?.id ?? 0) / total),
          1e-6
        )
      })
    )
  })

  it("never draws what is banned or below min-p, and takes the largest at temperature 0", () => {
    const row = Float32Array.of(1, 9, 8.9, 0)
    const options = { temperature: 1, minP: 0.5, banned: new Set([1]) }
    for (let seed = 0; seed < 50; seed++) {
      assert.strictEqual(Sampling.sample(row, 0, 4, options, Seed.generator(seed))?.id, 2)
    }
    const greedy = { temperature: 0, minP: 0, banned: nothing }
    assert.strictEqual(Sampling.sample(row, 0, 4, greedy, Seed.generator(1))?.id, 1)
  })

  it("finds nothing where all is masked or not a number", () => {
    const options = { temperature: 1, minP: 0, allowed: [0], banned: new Set([0]) }
    assert.isUndefined(Sampling.sample(Float32Array.of(1), 0, 1, options, Seed.generator(1)))
    const open = { temperature: 1, minP: 0, banned: nothing }
    const broken = Float32Array.of(Number.NaN, 1)
    assert.isUndefined(Sampling.sample(broken, 0, 2, open, Seed.generator(1)))
  })
})

describe("Constraint", () => {
  it("holds exactly its sequences", () => {
    const sequences = fc.uniqueArray(
      fc.array(fc.integer({ min: 2, max: 5 }), { minLength: 1, maxLength: 4 }),
      {
        selector: String,
        minLength: 1
      }
    )
    fc.assert(
      fc.property(sequences, (list) => {
        const end = 9
        const walk = (at: Constraint.Constraint, path: ReadonlyArray<number>): Array<string> =>
          at.next.size === 0
            ? [path.filter((id) => id !== end).join()]
            : [...at.next].flatMap(([id, next]) => walk(next, [...path, id]))
        const held = walk(Constraint.fromSequences(list, end), [])
        assert.deepStrictEqual(held.toSorted(), list.map((ids) => ids.join()).toSorted())
      })
    )
  })

  it("knows the forced rest of a sequence", () => {
    const constraint = Constraint.fromSequences(
      [
        [1, 2, 3],
        [4, 5],
        [4, 6]
      ],
      9
    )
    const after = (id: number) => {
      const next = constraint.next.get(id)
      return next && Constraint.forcedTail(next)
    }
    assert.deepStrictEqual(after(1), [2, 3])
    assert.isUndefined(after(4))
  })
})
