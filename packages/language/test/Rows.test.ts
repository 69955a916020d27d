import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Rows } from "../src/index.ts"

describe("memory that is lent again", () => {
  it("is as long as was asked, zero, and nobody else's until it is taken back", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(lengths, { maxLength: 4 }), (rounds) => {
        const room = Rows.lending()
        for (const round of rounds) {
          const lent = round.flatMap((length) => [room.floats(length), room.bigints(length)])
          assert.deepStrictEqual(
            lent.map(({ length }) => length),
            round.flatMap((length) => [length, length])
          )
          for (const array of lent) assert.isTrue(array.every((one) => Number(one) === 0))
          const memories = lent.map(({ buffer }) => buffer)
          assert.strictEqual(new Set(memories).size, memories.length)
          for (const array of lent)
            if (array instanceof Float32Array) array.fill(7)
            else array.fill(7n)
          room.clear()
        }
      }),
      { numRuns: 50 }
    )
  })

  it("is the same memory, also for another shape of about that size", () => {
    const room = Rows.lending()
    const first = room.floats(1000).buffer
    assert.notStrictEqual(room.floats(1000).buffer, first)
    room.clear()
    const again = [room.floats(900).buffer, room.bigints(450).buffer]
    assert.include(again, first)
    assert.notStrictEqual(room.floats(4000).buffer, first)
  })
})
