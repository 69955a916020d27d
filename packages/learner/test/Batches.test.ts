import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Batches } from "../src/index.ts"

interface Entry {
  readonly row: {
    readonly promptIds: ReadonlyArray<number>
    readonly targetIds: ReadonlyArray<number>
    readonly weights: ReadonlyArray<number>
    readonly features: ReadonlyArray<number>
  }
  readonly place: number
}

const entriesOf = (least: number) =>
  fc
    .array(fc.tuple(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 30 })), {
      minLength: least,
      maxLength: 300
    })
    .map((lengths) =>
      lengths.map(([prompt, read], place): Entry => ({
        row: {
          promptIds: new Array<number>(prompt).fill(2),
          targetIds: new Array<number>(read).fill(2),
          weights: [],
          features: []
        },
        place
      }))
    )

const entries = entriesOf(1)

const placesOf = (batches: ReadonlyArray<Batches.Batch<Entry>>) =>
  batches.map(({ rows }) => rows.map(({ place }) => place))

describe("Batches of an epoch", () => {
  it("hold each row at most once, all but a rest, and fit it", () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 64 }), fc.nat(), (rows, batch, key) => {
        const batches = Batches.epoch(rows, batch, key)
        const seen = placesOf(batches).flat()
        assert.strictEqual(new Set(seen).size, seen.length)
        assert.isAbove(seen.length, rows.length - batch)
        const all = placesOf(Batches.inOrder(rows, batch)).flat()
        assert.deepStrictEqual(
          all.toSorted((a, b) => a - b),
          rows.map(({ place }) => place)
        )
        for (const { rows: own, sizes } of batches) {
          assert.strictEqual(sizes.batch, batch)
          assert.isAtLeast(own.length, Math.min(batch, rows.length))
          assert.isAtMost(own.length, batch)
          for (const { row } of own) {
            assert.isAtMost(row.promptIds.length, sizes.prompt)
            assert.isAtMost(row.targetIds.length, sizes.read)
          }
        }
      })
    )
  })

  it("leave out another rest in each epoch", () => {
    const [rows = []] = fc.sample(entriesOf(70), { seed: 1, numRuns: 1 })
    const left = [1, 2, 3].map((key) => {
      const seen = new Set(placesOf(Batches.epoch(rows.slice(0, 70), 64, key)).flat())
      return Array.from({ length: 70 }, (_, place) => place).filter((place) => !seen.has(place))
    })
    for (const places of left) assert.lengthOf(places, 6)
    assert.notDeepEqual(left[0], left[1])
    assert.notDeepEqual(left[1], left[2])
  })

  it("are the same from the same key only", () => {
    fc.assert(
      fc.property(entriesOf(40), fc.nat(), (rows, key) => {
        const places = (of: number) => placesOf(Batches.epoch(rows, 4, of))
        assert.deepStrictEqual(places(key), places(key))
        assert.notDeepEqual(places(key), places(key + 1))
      })
    )
  })
})

describe("Parts of a batch", () => {
  it("hold each row once, the short ones first, and at most two of them", () => {
    fc.assert(
      fc.property(entries, (rows) => {
        const parts = Batches.inParts(rows)
        assert.isAtMost(parts.length, 2)
        const lengths = parts.map((part) =>
          part.rows.map(({ row }) => row.promptIds.length + row.targetIds.length)
        )
        const [short = [], long = [Number.POSITIVE_INFINITY]] = lengths
        assert.isAtMost(Math.max(...short), Math.min(...long))
        assert.deepStrictEqual(
          placesOf(parts)
            .flat()
            .toSorted((a, b) => a - b),
          rows.map(({ place }) => place)
        )
        for (const { rows: own, sizes } of parts) {
          assert.isAtLeast(own.length, 1)
          assert.isAtLeast(sizes.batch, own.length)
          assert.isBelow(sizes.batch - own.length, 32)
          assert.isAtLeast(sizes.read, Math.max(...own.map(({ row }) => row.targetIds.length)))
        }
      })
    )
  })
})
