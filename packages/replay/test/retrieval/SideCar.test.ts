import { assert, describe, it } from "@effect/vitest"
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as SideCar from "../../src/retrieval/SideCar.ts"
import { disk, temporaryDirectory } from "../disk.ts"
import { filesOf } from "./files.ts"

const contents: SideCar.Contents = {
  embedder: "tester-é",
  dimension: 3,
  count: 5000,
  greatest: 9999
}
const random = Seed.generator(1)
const rows: ReadonlyArray<SideCar.Row> = Array.from({ length: 5000 }, (_, i) => ({
  sequence: 2 * i + 1,
  vector: Float32Array.from({ length: 3 }, random)
}))

const read = (path: string, expected: SideCar.Contents = contents) =>
  Effect.gen(function* () {
    const found: Array<SideCar.Row> = []
    yield* SideCar.read(path, expected, (some) =>
      Effect.sync(() => {
        for (const row of some) found.push({ ...row, vector: row.vector.slice() })
      })
    )
    return found
  })

const files = disk()

describe("a side-car", () => {
  it.effect("gives back what was written, in order, after it was synced and renamed", () =>
    Effect.gen(function* () {
      const path = `${yield* temporaryDirectory}/vectors`
      yield* SideCar.write(path, contents, rows)
      assert.deepStrictEqual(yield* read(path), rows)
      assert.deepStrictEqual(files.log.slice(-3), ["sync", "rename", "sync"])
      const none = { ...contents, count: 0, greatest: 0 }
      yield* SideCar.write(path, none, [])
      assert.deepStrictEqual(yield* read(path, none), [])
    }).pipe(Effect.scoped, Effect.provide(filesOf(files)))
  )

  it.effect("is refused where it is torn, wherever it is torn", () =>
    Effect.gen(function* () {
      const path = `${yield* temporaryDirectory}/vectors`
      yield* SideCar.write(path, contents, rows)
      const whole = fs.readFileSync(path)
      const reasonOf = (bytes: Uint8Array) => {
        fs.writeFileSync(path, bytes)
        return Effect.map(Effect.flip(read(path)), ({ reason }) => reason)
      }
      for (const length of [0, 5, 20, 40, 50, 60, whole.length - 4, whole.length - 1]) {
        assert.strictEqual(yield* reasonOf(whole.subarray(0, length)), "Torn", `${length} bytes`)
      }
      assert.strictEqual(yield* reasonOf(Buffer.concat([whole, Buffer.of(0)])), "Torn")
      for (const at of [13, 20, 33, 37, 46, 60, 50_000, whole.length - 2]) {
        const flipped = Buffer.from(whole)
        flipped.writeUInt8(flipped.readUInt8(at) ^ 4, at)
        assert.strictEqual(yield* reasonOf(flipped), "Torn", `byte ${at}`)
      }
    }).pipe(Effect.scoped, Effect.provide(filesOf(files)))
  )

  it.effect("is refused where it is missing, foreign, of a later format, or of other vectors", () =>
    Effect.gen(function* () {
      const path = `${yield* temporaryDirectory}/vectors`
      assert.strictEqual((yield* Effect.flip(read(path))).reason, "Missing")
      fs.writeFileSync(path, "SQLite format 3, or whatever this may be")
      assert.strictEqual((yield* Effect.flip(read(path))).reason, "Foreign")
      yield* SideCar.write(path, contents, rows)
      const later = Buffer.from(fs.readFileSync(path))
      const others = [
        ["embedder", "tester"],
        ["embedder", "tester-éclair"],
        ["dimension", 4],
        ["count", 4999],
        ["greatest", 10_001]
      ] as const
      for (const [field, value] of others) {
        const error = yield* Effect.flip(read(path, { ...contents, [field]: value }))
        assert.strictEqual(error.reason, "Stale")
        assert.include(error.message, `its ${field} is ${contents[field]}, not ${value}`)
      }
      later.writeUInt32LE(2, 8)
      fs.writeFileSync(path, later)
      const error = yield* Effect.flip(read(path))
      assert.strictEqual(error.reason, "Foreign")
      assert.include(error.message, "its format is version 2, this program reads 1")
    }).pipe(Effect.scoped, Effect.provide(filesOf(files)))
  )

  it.effect("stays as it was where a new one cannot be written", () =>
    Effect.gen(function* () {
      const directory = yield* temporaryDirectory
      const path = `${directory}/vectors`
      yield* SideCar.write(path, contents, rows)
      const few = { ...contents, count: 2 }
      const wrong = [{ sequence: 1, vector: Float32Array.of(1, 2) }]
      const attempts = [
        SideCar.write(path, few, rows.slice(0, 1)),
        SideCar.write(path, few, rows),
        SideCar.write(path, { ...contents, count: 1 }, wrong)
      ]
      for (const attempt of attempts) {
        assert.strictEqual((yield* Effect.flip(attempt)).reason, "Stale")
      }
      const full = SideCar.write(path, contents, rows).pipe(
        Effect.provide(filesOf(disk({ failAfter: 60_000 })))
      )
      assert.strictEqual((yield* Effect.flip(full)).reason, "Io")
      assert.deepStrictEqual(fs.readdirSync(directory), ["vectors"])
      assert.deepStrictEqual(yield* read(path), rows)
    }).pipe(Effect.scoped, Effect.provide(filesOf(files)))
  )
})
