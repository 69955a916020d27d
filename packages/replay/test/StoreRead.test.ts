/** Tests of a database that is greater than its memory, or written by another process. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import type * as Kept from "../src/Kept.ts"
import * as StoreCache from "../src/store/StoreCache.ts"
import { trajectoryOf } from "./disk.ts"
import { add, all, dream, kept, place } from "./storePlace.ts"

describe("what is not in memory", () => {
  it.effect("is read in order and as often as asked, also beyond one page", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const list = Array.from({ length: 1100 }, (_, i) => trajectoryOf(`${i}`))
      const store = yield* open({ cached: 10 })
      yield* add(store, ...list)
      const entries = store.entries()
      const [first, second] = entries
      const [one, two] = [trajectoryOf("0"), trajectoryOf("1")]
      assert.deepStrictEqual(yield* store.read(entries.toReversed()), list.toReversed())
      const twice = first === undefined || second === undefined ? [] : [second, first, second]
      assert.deepStrictEqual(yield* store.read(twice), [two, one, two])
    })
  )

  it.effect("and was evicted meanwhile is not given out", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open({ cached: 0, quotas: { synthetic: 2 } })
      yield* add(store, dream("a"), dream("b"))
      const before = store.entries()
      const [, found] = yield* Effect.all([add(store, dream("c")), store.read(before)], {
        concurrency: "unbounded"
      })
      assert.isUndefined(found)
      assert.deepStrictEqual(yield* kept(store), ["b", "c"])
    })
  )

  it("is what was used longest ago", () => {
    const cache = StoreCache.make(2)
    cache.put(1, trajectoryOf("a"))
    cache.put(2, trajectoryOf("b"))
    cache.get(1)
    cache.put(3, trajectoryOf("c"))
    assert.deepStrictEqual(
      [1, 2, 3].map((seq) => cache.get(seq)?.task.id),
      ["a", undefined, "c"]
    )
  })
})

describe("who only reads", () => {
  const look = (store: Kept.Kept) => Effect.andThen(store.refresh ?? Effect.void, kept(store))

  it.effect(
    "sees what another process writes, and is told what came, went and was prioritised",
    () =>
      Effect.gen(function* () {
        const { open } = yield* place
        const writer = yield* open({ quotas: { synthetic: 2 } })
        assert.isUndefined(writer.refresh)
        yield* add(writer, dream("a"), dream("b"))
        const heard: Array<Kept.Change> = []
        const reader = yield* open({ readOnly: true, cached: 0 }, (change) => heard.push(change))
        assert.deepStrictEqual(yield* look(reader), ["a", "b"])
        heard.length = 0
        yield* add(writer, dream("c"))
        yield* writer.prioritise([{ seq: 2, priority: 5 }])
        assert.isUndefined(yield* reader.read(reader.entries()))
        assert.deepStrictEqual(yield* look(reader), ["b", "c"])
        assert.deepStrictEqual(
          heard.map(({ evicted, inserted, prioritised }) => ({
            inserted: inserted?.seq,
            evicted: evicted.map(({ seq }) => seq),
            prioritised
          })),
          [
            { inserted: undefined, evicted: [1], prioritised: undefined },
            { inserted: undefined, evicted: [], prioritised: [{ seq: 2, priority: 5 }] },
            { inserted: 3, evicted: [], prioritised: undefined }
          ]
        )
        assert.deepStrictEqual(
          reader.entries(),
          writer.entries().map((entry) => (entry.seq === 2 ? { ...entry, priority: 5 } : entry))
        )
      })
  )

  it.effect("follows a restoration, in the order of those that are there again", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const writer = yield* open({ quotas: { synthetic: 2 } })
      yield* add(writer, dream("a"), dream("b"))
      const version = yield* writer.snapshot
      yield* add(writer, dream("c"))
      const reader = yield* open({ readOnly: true })
      assert.deepStrictEqual(yield* look(reader), ["b", "c"])
      yield* writer.restore(version)
      assert.deepStrictEqual(yield* look(reader), ["a", "b"])
    })
  )

  it.effect("can change nothing, and leaves the file as it is", () =>
    Effect.gen(function* () {
      const { file, use } = yield* place
      yield* use((store) => add(store, dream("a")))
      const before = fs.readFileSync(file)
      yield* use(
        (store) =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* all(store), [dream("a")])
            assert.deepStrictEqual(yield* store.verify, [])
            const refused = [
              add(store, dream("b")),
              store.replace([]),
              store.prioritise([{ seq: 1, priority: 2 }]),
              store.snapshot,
              store.restore(1),
              store.release(1),
              store.prune({ rejected: true })
            ]
            for (const one of refused) {
              const error = yield* Effect.flip<unknown, { readonly reason: string }, never>(one)
              assert.strictEqual(error.reason, "BadRequest")
            }
            assert.isUndefined(store.vectors?.sideCar)
            const some = [{ seq: 1, vectors: new Float32Array(1) }]
            yield* store.vectors?.write({ embedder: "e", dimension: 1 }, some) ?? Effect.void
          }),
        { readOnly: true }
      )
      assert.deepStrictEqual(fs.readFileSync(file), before)
    })
  )
})
