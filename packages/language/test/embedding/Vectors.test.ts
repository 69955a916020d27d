import { Result } from "effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Vectors from "../../src/embedding/Vectors.ts"

const expected = (dimension: number, normalizes = true) => ({
  embedder: "it",
  dimension,
  normalizes,
  remedy: "look at it"
})

const numbers = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
  minLength: 1,
  maxLength: 9
})

describe("a vector", () => {
  it("has length 1 and its direction, whatever the size of its numbers; zeros stay zeros", () =>
    fc.assert(
      fc.property(numbers, (list) => {
        const vector = Result.getOrThrow(Vectors.of(list, expected(list.length)))
        const size = Math.hypot(...list)
        for (const [place, x] of list.entries())
          assert.closeTo(vector[place] ?? Number.NaN, size === 0 ? 0 : x / size, 1e-6)
        assert.closeTo(Math.hypot(...vector), size === 0 ? 0 : 1, 1e-6)
      }),
      { examples: [[[0, -0]]] }
    ))

  it("is what it is where it need not have length 1, and is never the caller's array", () =>
    fc.assert(
      fc.property(numbers, (list) => {
        const given = Float32Array.from(list)
        const vector = Result.getOrThrow(Vectors.of(given, expected(list.length, false)))
        assert.deepStrictEqual(vector, given)
        assert.notStrictEqual(vector, given)
      })
    ))

  it("is none where the count or a number is wrong", () => {
    const said = (list: ReadonlyArray<number>) => {
      const error = Result.getOrThrow(Result.flip(Vectors.of(list, expected(2))))
      return `${error.reason}: ${error.message}`
    }
    assert.strictEqual(
      said([1, 2, 3]),
      "Refused: it: expected a vector of 2 numbers, found 3; look at it"
    )
    for (const bad of [Number.NaN, Infinity, -Infinity, 1e39])
      assert.strictEqual(said([1, bad]), `Refused: it: number 1 of a vector is ${bad}; look at it`)
  })
})
