/** Tests of files that older and newer programs wrote. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { trajectoryOf } from "./disk.ts"
import { add, all, dream, kept, place, rejected } from "./storePlace.ts"

const versionOne = fs.readFileSync(new URL("version-1.sql", import.meta.url), "utf8")

/** What `version-1.sql` says is kept. */
const keptByOne = [
  trajectoryOf("a", {
    turns: [
      ["take a", "you hold a"],
      ["drop a", "\ud800 alone"]
    ]
  }),
  dream("c"),
  {
    ...dream("d"),
    ending: { _tag: "Failed" as const, fault: "Environment" as const, message: "gone" }
  }
]

describe("a file of version 1", () => {
  it.effect("is migrated when it is opened, and holds what it held, snapshots included", () =>
    Effect.gen(function* () {
      const { script, sql, use } = yield* place
      script(versionOne)
      yield* use((store) =>
        Effect.gen(function* () {
          assert.isFalse(store.isNew)
          assert.deepStrictEqual(yield* all(store), keptByOne)
          assert.deepStrictEqual(
            store.entries().map((entry) => [entry.seq, entry.quality, entry.priority]),
            [
              [1, 2, 1],
              [3, 1, 1],
              [4, 3, 1]
            ]
          )
          assert.deepStrictEqual(yield* store.verify, [])
          yield* add(store, rejected("e"), trajectoryOf("d"))
          assert.deepStrictEqual(yield* kept(store), ["a", "c", "e", "d"])
          yield* store.restore(1)
          assert.deepStrictEqual(yield* kept(store), ["a", "b", "c"])
        })
      )
      assert.deepStrictEqual(sql("pragma user_version"), [{ user_version: 2 }])
    })
  )

  it.effect("is as it was where the migration did not come to its end", () =>
    Effect.gen(function* () {
      const { file, script, sql, use } = yield* place
      script(versionOne)
      const error = yield* Effect.flip(use(kept, { maxBytes: 1 }))
      assert.strictEqual(error.reason, "DiskFull")
      assert.include(error.message, `${file}: `)
      assert.deepStrictEqual(sql("pragma user_version"), [{ user_version: 1 }])
      assert.deepStrictEqual(yield* use(kept), ["a", "c", "d"])
    })
  )

  it.effect("is not migrated by who may only read", () =>
    Effect.gen(function* () {
      const { file, script, use } = yield* place
      script(versionOne)
      const before = fs.readFileSync(file)
      const error = yield* Effect.flip(use(kept, { readOnly: true }))
      assert.strictEqual(error.reason, "BadRequest")
      assert.include(error.message, "it is of version 1, and reading only cannot bring it to 2")
      assert.deepStrictEqual(fs.readFileSync(file), before)
    })
  )
})

describe("a file of a later version", () => {
  it.effect("is refused, also by who only reads, and not touched", () =>
    Effect.gen(function* () {
      const { file, sql, use } = yield* place
      yield* use((store) => add(store, trajectoryOf("a")))
      sql("pragma user_version = 7")
      const before = fs.readFileSync(file)
      for (const readOnly of [false, true]) {
        const error = yield* Effect.flip(use(kept, { readOnly }))
        assert.strictEqual(error.reason, "NewerVersion")
        assert.include(
          error.message,
          "it is of version 7, this program knows up to 2; open it with a newer"
        )
      }
      assert.deepStrictEqual(fs.readFileSync(file), before)
    })
  )
})
