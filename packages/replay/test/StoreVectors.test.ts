/** Tests of the vectors beside the trajectories of a database. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Kept from "../src/Kept.ts"
import { trajectoryOf } from "./disk.ts"
import { add, dream, place } from "./storePlace.ts"

const space = { embedder: "hashed", dimension: 3 }

const vectorsOf = (store: Kept.Kept): Kept.Vectors => {
  assert.isDefined(store.vectors)
  return store.vectors
}

const read = Effect.fnUntraced(function* (store: Kept.Kept, of: Kept.Space = space) {
  const found: Array<Kept.Embedded> = []
  const pages: Array<number> = []
  yield* vectorsOf(store).read(of, (some) =>
    Effect.sync(() => {
      found.push(...some)
      pages.push(some.length)
    })
  )
  return { found, pages }
})

const embedded = (seq: number, ...vectors: ReadonlyArray<number>): Kept.Embedded => ({
  seq,
  vectors: Float32Array.from(vectors)
})

const two = trajectoryOf("two", {
  turns: [
    ["take", "taken"],
    ["drop", "dropped"]
  ]
})
const empty = trajectoryOf("empty", { turns: [] })

describe("vectors in a database", () => {
  it.effect(
    "come back to the bit, in the order of their trajectories, without those that went",
    () =>
      Effect.gen(function* () {
        const { file, sql, use } = yield* place
        const bounds = { quotas: { synthetic: 1 } }
        const odd = [1, -0, Number.NaN, 1e-45, Number.NEGATIVE_INFINITY, 0.1]
        yield* use(
          (store) =>
            Effect.gen(function* () {
              assert.strictEqual(vectorsOf(store).sideCar, `${file}-vectors`)
              yield* add(store, dream("a"), two, empty)
              const some = [embedded(3), embedded(1, 1, 2, 3), embedded(2, ...odd), embedded(99, 1)]
              yield* vectorsOf(store).write(space, some)
              yield* add(store, dream("b"))
              yield* vectorsOf(store).write(space, [embedded(1, 9, 9, 9)])
              assert.deepStrictEqual((yield* read(store)).found, [embedded(2, ...odd), embedded(3)])
            }),
          bounds
        )
        assert.deepStrictEqual((yield* use((store) => read(store), bounds)).found, [
          embedded(2, ...odd),
          embedded(3)
        ])
        assert.deepStrictEqual(sql("select trajectory from embedding"), [
          { trajectory: 2 },
          { trajectory: 3 }
        ])
      })
  )

  it.effect("are read page by page, none left out and none twice, while additions go on", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open()
      const wide = { embedder: "wide", dimension: 100_000 }
      const some = Array.from({ length: 35 }, (_, i) => ({
        seq: i + 1,
        vectors: new Float32Array(wide.dimension).fill(i)
      }))
      yield* add(store, ...some.map(({ seq }) => dream(`${seq}`)))
      yield* vectorsOf(store).write(wide, some)
      const [{ found, pages }] = yield* Effect.all([read(store, wide), add(store, dream("new"))], {
        concurrency: 2
      })
      assert.deepStrictEqual(found, some)
      assert.deepStrictEqual(pages, [11, 11, 11, 2])
    })
  )

  it.effect("of another embedder are not given out, and go when new ones come", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const others = [
        { embedder: "hashed", dimension: 1 },
        { embedder: "learned", dimension: 3 }
      ]
      yield* use((store) =>
        Effect.andThen(
          add(store, dream("a"), dream("b")),
          vectorsOf(store).write(space, [embedded(1, 1, 2, 3), embedded(2, 4, 5, 6)])
        )
      )
      for (const other of others) {
        assert.deepStrictEqual((yield* use((store) => read(store, other))).found, [])
      }
      yield* use((store) =>
        vectorsOf(store).write({ embedder: "learned", dimension: 1 }, [embedded(2, 7)])
      )
      assert.deepStrictEqual(sql("select trajectory, embedder, dimension from embedding"), [
        { trajectory: 2, embedder: "learned", dimension: 1 }
      ])
    })
  )

  it.effect("of another length than their trajectory's are refused with both named", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      const error = yield* Effect.flip(
        use((store) =>
          Effect.andThen(add(store, two), vectorsOf(store).write(space, [embedded(1, 1, 2, 3, 4)]))
        )
      )
      assert.strictEqual(error.reason, "Embedding")
      assert.include(
        error.message,
        "of trajectory trajectory-two by hashed should be 2 x 3 numbers, they are 4"
      )
      yield* use((store) => vectorsOf(store).write(space, [embedded(1, 1, 2, 3, 4, 5, 6)]))
      sql("update embedding set vectors = x'0000803f'")
      const torn = yield* Effect.flip(use((store) => read(store)))
      assert.strictEqual(torn.reason, "Embedding")
      assert.include(torn.message, "the vectors of row 1 should be 6 numbers, they are 4 bytes")
    })
  )

  it.effect("stop with the page that fails", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open()
      yield* add(store, dream("a"))
      yield* vectorsOf(store).write(space, [embedded(1, 1, 2, 3)])
      const error = yield* Effect.flip(vectorsOf(store).read(space, () => Effect.fail("enough")))
      assert.strictEqual(error, "enough")
    })
  )

  it.effect("stay with what a snapshot holds", () =>
    Effect.gen(function* () {
      const { open } = yield* place
      const store = yield* open({ quotas: { synthetic: 1 } })
      yield* add(store, dream("a"))
      yield* vectorsOf(store).write(space, [embedded(1, 1, 2, 3)])
      const version = yield* store.snapshot
      yield* add(store, dream("b"))
      assert.deepStrictEqual((yield* read(store)).found, [])
      yield* store.restore(version)
      assert.deepStrictEqual((yield* read(store)).found, [embedded(1, 1, 2, 3)])
    })
  )
})
