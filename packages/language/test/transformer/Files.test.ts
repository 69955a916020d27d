import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"
import * as Disk from "./disk.ts"
import * as Files from "../../src/transformer/Files.ts"

describe("a file", () => {
  it("of any size is written whole, and any part of it is read", () => {
    const bytesOf = fc.uint8Array({ maxLength: 40 })
    fc.assert(
      fc.property(
        bytesOf,
        fc.integer({ min: 1, max: 9 }),
        fc.nat(40),
        fc.nat(40),
        (all, most, from, count) => {
          const files: Disk.Files = new Map()
          const part = Effect.andThen(Files.write("a", all, most), Files.part("a", from, count))
          const found = Effect.runSync(Effect.provide(part, Disk.layerOf(files)))
          assert.deepStrictEqual(Array.from(files.get("a") ?? [-1]), Array.from(all))
          assert.deepStrictEqual(Array.from(found), Array.from(all.subarray(from, from + count)))
        }
      )
    )
  })
})
