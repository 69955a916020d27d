/** Tests of a database that is looked through, and of one that is cut back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type { Trajectory } from "@dreamgym/domain"
import type * as Kept from "../src/Kept.ts"
import { trajectoryOf } from "./disk.ts"
import { add, dream, kept, place, rejected } from "./storePlace.ts"

const world: ReadonlyArray<Trajectory.Trajectory> = [
  { ...trajectoryOf("a"), policyVersion: 0 },
  { ...dream("b"), policyVersion: 0 },
  { ...trajectoryOf("c"), policyVersion: 2 },
  { ...dream("d"), policyVersion: 2 },
  { ...rejected("e", true), policyVersion: 2 },
  { ...rejected("f"), policyVersion: 0 }
]

/** A dream of an older model. */
const old: Trajectory.Trajectory = {
  ...dream("old"),
  transitions: dream("old").transitions.map((one) => ({
    ...one,
    provenance:
      one.provenance._tag === "Real" ? one.provenance : { ...one.provenance, modelVersion: -1 }
  }))
}

describe("a database that is cut back", () => {
  it.effect("loses what is named, of the source that is named, and tells how many of each", () =>
    Effect.gen(function* () {
      const cases = [
        [{}, "a b c d e f old", [0, 0, 0]],
        [{ rejected: true }, "a b c d old", [0, 0, 2]],
        [{ rejected: true, source: "real" }, "a b c d f old", [0, 0, 1]],
        [{ leastQuality: 1 }, "c d e", [1, 2, 1]],
        [{ leastQuality: 1, source: "synthetic" }, "a c d e", [0, 2, 1]],
        [{ leastModelVersion: 3 }, "a b c d e f", [0, 1, 0]],
        [{ leastModelVersion: 4, source: "real" }, "a b c d e f old", [0, 0, 0]],
        [{ quotas: { all: 3 } }, "a c d e f", [0, 2, 0]],
        [{ quotas: { real: 1, rejected: 0 } }, "b c d old", [1, 0, 2]],
        [{ rejected: true, quotas: { synthetic: 1 } }, "a c d", [0, 2, 2]]
      ] as const
      for (const [what, left, [real, synthetic, others]] of cases) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { use } = yield* place
            yield* use((store) => add(store, ...world, old))
            const pruned = yield* use((store) => store.prune(what))
            assert.deepStrictEqual(pruned, { went: { real, synthetic, rejected: others }, held: 0 })
            assert.strictEqual((yield* use(kept)).join(" "), left)
          })
        )
      }
    })
  )

  it.effect("gives its room back, tells who went, and keeps vectors of who stayed", () =>
    Effect.gen(function* () {
      const { file, open } = yield* place
      const gone: Array<number> = []
      const store = yield* open({}, ({ evicted }) => gone.push(...evicted.map(({ seq }) => seq)))
      const long = Array.from({ length: 40 }, (_, i) =>
        trajectoryOf(`${i}`, { isReal: i % 2 === 0, turns: [["look", `${i}`.repeat(20_000)]] })
      )
      yield* add(store, ...long)
      const space = { embedder: "e", dimension: 1 }
      const some = long.map((_, i) => ({ seq: i + 1, vectors: Float32Array.of(i) }))
      yield* store.vectors?.write(space, some) ?? Effect.void
      const { went } = yield* store.prune({ quotas: { synthetic: 0 } })
      assert.deepStrictEqual(went, { real: 0, synthetic: 20, rejected: 0 })
      assert.deepStrictEqual(
        gone,
        some.map(({ seq }) => seq).filter((seq) => seq % 2 === 0)
      )
      assert.isBelow(fs.statSync(file).size, 850_000)
      const found: Array<Kept.Embedded> = []
      yield* (
        store.vectors?.read(space, (page) => Effect.sync(() => found.push(...page))) ?? Effect.void
      )
      assert.deepStrictEqual(
        found,
        some.filter(({ seq }) => seq % 2 === 1)
      )
      assert.deepStrictEqual(yield* store.verify, [])
    })
  )

  it.effect("takes nothing that an older snapshot holds, a later one restored in between", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open()
      yield* add(store, trajectoryOf("a"), dream("b"), rejected("c"))
      const first = yield* store.snapshot
      yield* store.prune({ rejected: true })
      yield* store.restore(yield* store.snapshot)
      assert.deepStrictEqual(
        store.entries().map(({ task }) => task),
        ["a", "b"]
      )
      yield* store.restore(first)
      assert.deepStrictEqual(
        store.entries().map(({ task }) => task),
        ["a", "b", "c"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("says how much of it a snapshot still holds", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open()
      yield* add(store, dream("a"), dream("b"))
      const version = yield* store.snapshot
      yield* add(store, dream("c"))
      const { held, went } = yield* store.prune({ quotas: { synthetic: 0 } })
      assert.deepStrictEqual([went.synthetic, held], [3, 2])
      yield* store.restore(version)
      assert.deepStrictEqual(yield* kept(store), ["a", "b"])
    })
  )
})

describe("a database that is looked through", () => {
  /** What is found after `harm`, by who writes and by who only reads. */
  const found = (harm: string) =>
    Effect.gen(function* () {
      const { script, use } = yield* place
      yield* use((store) =>
        Effect.gen(function* () {
          yield* add(store, ...world)
          const some = world.map((_, i) => ({ seq: i + 1, vectors: Float32Array.of(i, i) }))
          yield* store.vectors?.write({ embedder: "e", dimension: 2 }, some) ?? Effect.void
        })
      )
      script(`pragma foreign_keys = off; ${harm}`)
      const findings = yield* use((store) => store.verify)
      assert.deepStrictEqual(yield* use((store) => store.verify, { readOnly: true }), findings)
      return findings
    }).pipe(Effect.scoped)

  it.effect("names every row that is not what its content says", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found("select 1"), [])
      const [changed] = yield* found("update step set action = 'other' where trajectory = 2")
      assert.match(changed ?? "", /^row 2 says fingerprint 7650e6\w+, its content says 2b04db\w+$/)
      assert.deepStrictEqual(
        yield* found("update trajectory set success = 1, total_reward = 7 where seq = 3"),
        [
          "row 3 says success 1, its content says 0",
          "row 3 says total_reward 7, its content says 0"
        ]
      )
      assert.deepStrictEqual(yield* found("delete from step where trajectory = 4"), [
        "row 4 is no trajectory (Error: 0 of the 1 steps of row 4 are there)"
      ])
    })
  )

  it.effect("names rows that belong to none, and vectors of another length", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found("delete from trajectory where seq = 6"), [
        "row 6 of embedding belongs to no row of trajectory",
        "row 6 of step belongs to no row of trajectory"
      ])
      assert.deepStrictEqual(
        yield* found("update embedding set dimension = 3 where trajectory = 5"),
        ["the vectors of row 5 should be of 12 bytes, they are of 8"]
      )
    })
  )

  it.effect("says what SQLite finds, and stops where there is much to say", () =>
    Effect.gen(function* () {
      const { script, use } = yield* place
      yield* use((store) => add(store, dream("odd")))
      script("pragma ignore_check_constraints = on; update step set source = 'other'")
      assert.deepStrictEqual(yield* use((store) => store.verify), [
        "CHECK constraint failed in step"
      ])
      // SQLite does not check this where it may only read.
      assert.deepStrictEqual(yield* use((store) => store.verify, { readOnly: true }), [
        "row 1 is no trajectory (Error: other is no source)"
      ])
      yield* use((store) => store.replace([]))
      yield* use((store) => add(store, ...Array.from({ length: 120 }, (_, i) => dream(`${i}`))))
      script("update trajectory set failed = 1")
      const many = yield* use((store) => store.verify)
      assert.strictEqual(many.length, 100)
      assert.strictEqual(many.at(-1), "and so on")
    })
  )
})
