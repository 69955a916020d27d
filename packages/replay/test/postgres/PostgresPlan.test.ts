/** Tests of who comes and who goes: planned for many at once, it is what the plain rules do one by one. No server is needed. */
import { Arbitraries } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Kept from "../../src/Kept.ts"
import { candidates, plan, type Standing } from "../../src/postgres/PostgresPlan.ts"
import { type Quotas, type Shelf, shelfOf, shelves } from "../../src/Quotas.ts"
import * as PlainRules from "../../src/Shelf.ts"

const template = Kept.comingOf(
  fc.sample(Arbitraries.trajectory, { numRuns: 1, seed: 1 })[0]!,
  () => 1
)

/** Few contents and qualities, so that there are twins and ties. */
const coming = fc
  .record({
    content: fc.integer({ min: 0, max: 9 }),
    quality: fc.integer({ min: 0, max: 3 }),
    isReal: fc.boolean(),
    isRejected: fc.boolean()
  })
  .map(({ content, isReal, isRejected, quality }): Kept.Coming => ({
    ...template,
    fingerprint: `${content}`,
    quality,
    isReal,
    isRejected
  }))

const bound = fc.integer({ min: 0, max: 5 })
const quotas: fc.Arbitrary<Quotas> = fc.record(
  { all: bound, real: bound, synthetic: bound, rejected: bound },
  { requiredKeys: [] }
)

/** A database of rows: it shows the planner only as much as the SQL does. */
const database = (limits: Quotas) => {
  let rows: Array<Standing> = []
  let next = 1
  const count = (shelf: Shelf) => rows.filter((row) => shelfOf(row) === shelf).length
  return {
    rows: () => rows,
    add: (list: ReadonlyArray<Kept.Coming>) => {
      const counts = {
        real: count("real"),
        synthetic: count("synthetic"),
        rejected: count("rejected")
      }
      const limit = candidates(limits, counts, list)
      const worst = shelves.flatMap((shelf) =>
        rows
          .filter((row) => shelfOf(row) === shelf)
          .toSorted((a, b) => a.quality - b.quality || a.seq - b.seq)
          .slice(0, limit[shelf])
      )
      const contents = new Set(list.map(({ fingerprint }) => fingerprint))
      const twins = rows.filter(({ fingerprint }) => contents.has(fingerprint))
      const standing = list.map((one): Standing => ({ ...one, seq: next++ }))
      const planned = plan({ quotas: limits, counts, twins, worst }, standing)
      const gone = new Set([...planned.evicted, ...planned.replaced])
      rows = [
        ...rows.filter(({ seq }) => !gone.has(seq)),
        ...standing.filter(({ seq }) => planned.kept.has(seq))
      ]
      return planned
    }
  }
}

const seen = (
  rows: ReadonlyArray<{
    readonly quality: number
    readonly isReal: boolean
    readonly isRejected: boolean
  }>
) => rows.map(({ isReal, isRejected, quality }) => [quality, isReal, isRejected])

describe("a plan for many", () => {
  it.effect("keeps and tells what adding one after the other would", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          quotas,
          fc.array(fc.array(coming, { maxLength: 12 }), { maxLength: 5 }),
          (limits, batches) =>
            Effect.gen(function* () {
              const rows = database(limits)
              const plain = PlainRules.make(limits, () => undefined)
              for (const batch of batches) {
                const planned = rows.add(batch)
                const expected = yield* plain.add(batch)
                assert.deepStrictEqual(
                  planned.placed.map(({ evicted, isNew }) => [isNew, evicted.length]),
                  expected.map(({ evicted, inserted }) => [inserted !== undefined, evicted.length])
                )
                assert.deepStrictEqual(seen(rows.rows()), seen(plain.entries()))
              }
            }).pipe(Effect.runPromise)
        ),
        { numRuns: 300, seed: 7 }
      )
    )
  )

  it("follows quotas that became smaller since", () => {
    const standing = (seq: number): Standing => ({
      seq,
      fingerprint: `${seq}`,
      quality: 1,
      isReal: false,
      isRejected: false
    })
    const there = [1, 2, 3, 4].map(standing)
    const counts = { real: 0, synthetic: 4, rejected: 0 }
    const limit = candidates({ all: 2 }, counts, [standing(5)])
    assert.deepStrictEqual(limit, { real: 0, synthetic: 3, rejected: 0 })
    const planned = plan({ quotas: { all: 2 }, counts, twins: [], worst: there.slice(0, 3) }, [
      standing(5)
    ])
    assert.deepStrictEqual(planned, {
      placed: [{ isNew: true, evicted: [1, 2, 3] }],
      kept: new Set([5]),
      evicted: [1, 2, 3],
      replaced: []
    })
  })
})
