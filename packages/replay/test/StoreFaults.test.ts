/** Tests of databases that cannot be used: each is named, with what is wrong and what to do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import { trajectoryOf } from "./disk.ts"
import { add, all, coming, dream, kept, place } from "./storePlace.ts"

const many = Array.from({ length: 60 }, (_, i) => trajectoryOf(`${i}`))

describe("a database that cannot be used", () => {
  it.effect("is refused while another one writes to it, and free when that one is done", () =>
    Effect.gen(function* () {
      const { file, use } = yield* place
      yield* use((store) =>
        Effect.gen(function* () {
          yield* add(store, trajectoryOf("a"))
          const error = yield* Effect.flip(use(kept))
          assert.deepStrictEqual([error.reason, error.file], ["Locked", file])
          assert.include(error.message, "another process writes to it")
          yield* add(store, trajectoryOf("b"))
        })
      )
      assert.deepStrictEqual(yield* use(kept), ["a", "b"])
    })
  )

  it.effect("is named, with what is wrong and what to do, and not touched", () =>
    Effect.gen(function* () {
      const { file, sql, use } = yield* place
      const refused = Effect.fnUntraced(function* (readOnly: boolean) {
        const before = fs.readFileSync(file)
        const error = yield* Effect.flip(use(kept, { readOnly }))
        assert.deepStrictEqual(fs.readFileSync(file), before)
        assert.isTrue(error.message.startsWith(`${file}: `))
        assert.strictEqual(error.reason, "Corrupt")
        return error.message
      })
      for (const readOnly of [false, true]) {
        fs.writeFileSync(file, "no database at all. ".repeat(300))
        assert.include(yield* refused(readOnly), "it is no database; move it away")
        fs.rmSync(file)
        sql("create table other (a)")
        assert.include(yield* refused(readOnly), "the database of another program")
        fs.rmSync(file)
      }
    })
  )

  it.effect("is corrupt where a page is none, or the end is missing", () =>
    Effect.gen(function* () {
      const { file, use } = yield* place
      yield* use((store) => add(store, ...many))
      const whole = fs.readFileSync(file)
      fs.writeFileSync(file, Buffer.from(whole).fill(0xab, 4096, 4096 * 6))
      assert.strictEqual((yield* Effect.flip(use(all))).reason, "Corrupt")
      fs.writeFileSync(file, whole.subarray(0, 4096 * 9))
      assert.strictEqual((yield* Effect.flip(use(all))).reason, "Corrupt")
    })
  )

  it.effect("is corrupt where a row is no trajectory, and says which", () =>
    Effect.gen(function* () {
      const { sql, use } = yield* place
      yield* use((store) => add(store, trajectoryOf("a")))
      sql("update trajectory set ending = 'nonsense'")
      const error = yield* Effect.flip(use(all))
      assert.strictEqual(error.reason, "Corrupt")
      assert.include(error.message, "row 1 is no trajectory")
      sql('update trajectory set ending = \'{"_tag":"Terminated","success":true}\'')
      sql("update trajectory set verdict = 'rejected', verdict_scores = '{}', reason = 'Mood'")
      assert.include((yield* Effect.flip(use(all))).message, "row 1 is no trajectory")
      sql("update trajectory set verdict = null")
      sql("delete from step")
      const lost = yield* Effect.flip(use(all))
      assert.include(lost.message, "0 of the 1 steps of row 1 are there")
    })
  )

  it.effect("that is in no folder, or is not there to be read, is said to be", () =>
    Effect.gen(function* () {
      const { directory, open, use } = yield* place
      const file = `${directory}/none/replay.sqlite`
      const error = yield* Effect.flip(Effect.scoped(open({ file })))
      assert.strictEqual(error.reason, "Io")
      assert.include(error.message, "see that its folder is there")
      const missing = yield* Effect.flip(use(kept, { readOnly: true }))
      assert.strictEqual(missing.reason, "Io")
      assert.include(missing.message, "there is no such file")
      assert.deepStrictEqual(fs.readdirSync(directory), [])
    })
  )
})

describe("a full disk", () => {
  it.effect("loses nothing that was acknowledged; what has room goes in beside what has none", () =>
    Effect.gen(function* () {
      const { use } = yield* place
      const long = trajectoryOf("long", { turns: [["look", "é".repeat(400_000)]] })
      yield* use(
        (store) =>
          Effect.gen(function* () {
            // While the many are written the other two come to wait together.
            const [, refused, last] = yield* Effect.all(
              [
                add(store, ...many),
                Effect.flip(add(store, long)),
                add(store, trajectoryOf("last"))
              ],
              { concurrency: "unbounded" }
            )
            assert.strictEqual(refused.reason, "DiskFull")
            assert.include(refused.message, "what was acknowledged is kept")
            assert.isDefined(last[0]?.inserted)
            assert.deepStrictEqual(yield* all(store), [...many, trajectoryOf("last")])
          }),
        { maxBytes: 300_000 }
      )
      yield* use((store) => add(store, long))
      assert.deepStrictEqual(yield* use(all), [...many, trajectoryOf("last"), long])
    })
  )

  it.effect("stops vectors and replacements, and leaves what was there", () =>
    Effect.gen(function* () {
      const { use } = yield* place
      const space = { embedder: "e", dimension: 100_000 }
      yield* use(
        (store) =>
          Effect.gen(function* () {
            yield* add(store, dream("a"))
            const some = [{ seq: 1, vectors: new Float32Array(100_000) }]
            const refused = yield* Effect.flip(store.vectors?.write(space, some) ?? Effect.void)
            assert.strictEqual(refused.reason, "DiskFull")
            const long = trajectoryOf("long", { turns: [["look", "é".repeat(400_000)]] })
            const notReplaced = yield* Effect.flip(store.replace(coming([long])))
            assert.strictEqual(notReplaced.reason, "DiskFull")
            assert.deepStrictEqual(yield* kept(store), ["a"])
            assert.deepStrictEqual(yield* store.verify, [])
          }),
        { maxBytes: 200_000 }
      )
    })
  )
})
