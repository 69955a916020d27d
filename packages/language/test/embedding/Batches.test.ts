import { assert, describe, it } from "vitest"
import * as fc from "fast-check"
import * as Batches from "../../src/embedding/Batches.ts"

const lengths = fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 200 })

describe("batches of texts", () => {
  it("hold each text that has a token once, in a shape that it fits into", () =>
    fc.assert(
      fc.property(lengths, (all) => {
        const batches = Batches.of(all)
        const places = batches.flatMap((batch) => batch.places).toSorted((a, b) => a - b)
        assert.deepStrictEqual(
          places,
          [...all.keys()].filter((place) => (all[place] ?? 0) > 0)
        )
        for (const batch of batches) {
          assert.isAtLeast(batch.rows, batch.places.length)
          for (const place of batch.places) assert.isAtLeast(batch.length, all[place] ?? 0)
        }
      })
    ))

  it("are of few shapes, and never much larger than what they hold", () =>
    fc.assert(
      fc.property(lengths, (all) => {
        for (const { length, places, rows } of Batches.of(all)) {
          assert.include([1, 2, 4, 8, 16], rows)
          assert.isBelow(rows, 2 * places.length)
          assert.isAtMost(rows === 1 ? 0 : rows * length, 4096)
          assert.isAtMost(length, Math.max(16, 1.5 * Math.max(...places.map((at) => all[at] ?? 0))))
        }
      })
    ))
})
