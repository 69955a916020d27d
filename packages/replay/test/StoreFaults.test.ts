/** Tests of databases that cannot be used: each is named, with what is wrong and what to do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as Store from "../src/store/Store.ts"
import { place } from "./database.ts"
import { add, idsOf, snapshot, trajectoryOf } from "./disk.ts"

describe("a database that cannot be used", () => {
  it.effect("is refused while another one writes to it, and free when that one is done", () =>
    Effect.gen(function* () {
      const { file, use } = yield* place
      yield* use()(
        Effect.gen(function* () {
          yield* add(trajectoryOf("a"))
          const error = yield* Effect.flip(use()(snapshot))
          assert.deepStrictEqual([error.reason, error.file], ["Locked", file])
          assert.include(error.message, "another process writes to it")
          yield* add(trajectoryOf("b"))
        })
      )
      assert.deepStrictEqual(idsOf(yield* use()(snapshot)), ["a", "b"])
    })
  )

  it.effect("is named, with what is wrong and what to do, and not touched", () =>
    Effect.gen(function* () {
      const { file, sql, use } = yield* place
      const refused = Effect.gen(function* () {
        const before = fs.readFileSync(file)
        const error = yield* Effect.flip(use()(snapshot))
        assert.deepStrictEqual(fs.readFileSync(file), before)
        assert.isTrue(error.message.startsWith(`${file}: `))
        return [error.reason, error.message] as const
      })
      fs.writeFileSync(file, "no database at all. ".repeat(300))
      assert.deepInclude(yield* refused, "Corrupt")
      fs.rmSync(file)
      sql("create table other (a)")
      assert.include((yield* refused)[1], "the database of another program")
      fs.rmSync(file)
      yield* use()(add(trajectoryOf("a")))
      sql("pragma user_version = 7")
      const [reason, message] = yield* refused
      assert.strictEqual(reason, "NewerVersion")
      assert.include(message, "it is of version 7, this program knows up to 1")
    })
  )

  it.effect("is corrupt where a page or a row is none", () =>
    Effect.gen(function* () {
      const { file, sql, use } = yield* place
      yield* use()(add(...Array.from({ length: 50 }, (_, i) => trajectoryOf(`${i}`))))
      const whole = fs.readFileSync(file)
      fs.writeFileSync(file, whole.fill(0xab, 4096, 4096 * 6))
      assert.strictEqual((yield* Effect.flip(use()(snapshot))).reason, "Corrupt")
      fs.rmSync(file)
      yield* use()(add(trajectoryOf("a")))
      sql("update trajectory set ending = 'nonsense'")
      const error = yield* Effect.flip(use()(snapshot))
      assert.strictEqual(error.reason, "Corrupt")
      assert.include(error.message, "a row is no trajectory")
      sql('update trajectory set ending = \'{"_tag":"Terminated","success":true}\'')
      sql("delete from step")
      const lost = yield* Effect.flip(use()(snapshot))
      assert.include(lost.message, "0 of the 1 steps of row 1 are there")
    })
  )

  it.effect("that is in no folder is said to be", () =>
    Effect.gen(function* () {
      const { directory } = yield* place
      const error = yield* Effect.flip(
        Effect.scoped(
          Store.open({ file: `${directory}/none/replay.sqlite`, quotas: {} }, () => undefined)
        )
      )
      assert.strictEqual(error.reason, "Io")
      assert.include(error.message, "see that its folder is there")
    })
  )

  it.effect(
    "is full: nothing acknowledged is lost, what has room still goes in beside what has none",
    () =>
      Effect.gen(function* () {
        const { use } = yield* place
        const long = trajectoryOf("long", { turns: [["look", "é".repeat(400_000)]] })
        const many = Array.from({ length: 60 }, (_, i) => trajectoryOf(`${i}`))
        yield* use({ maxBytes: 300_000 })(
          Effect.gen(function* () {
            // While the many are written the other two come to wait together.
            const [, refused, last] = yield* Effect.all(
              [add(...many), Effect.flip(add(long)), add(trajectoryOf("last"))],
              { concurrency: "unbounded" }
            )
            assert.strictEqual(refused.reason, "DiskFull")
            assert.include(refused.message, "what was acknowledged is kept")
            assert.strictEqual(last, 1)
            assert.deepStrictEqual(yield* snapshot, [...many, trajectoryOf("last")])
          })
        )
        assert.strictEqual(yield* use()(add(long)), 1)
        assert.deepStrictEqual(yield* use()(snapshot), [...many, trajectoryOf("last"), long])
      })
  )
})
