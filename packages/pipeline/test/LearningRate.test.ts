/** Tests of the learning rate of trainings, long and short. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { upAndDown } from "../src/LearningRate.ts"

describe("the learning rate", () => {
  it("goes up and then down a line", () => {
    const rate = upAndDown(1, 8, 2)
    expect(Array.from({ length: 8 }, (_, i) => rate(i))).toEqual(
      [1 / 2, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6].map((value) => expect.closeTo(value, 9))
    )
  })

  it("is positive at every update, of however many, and never above what was asked", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 0, max: 40 }),
        (updates, up) => {
          const rate = upAndDown(0.003, updates, up)
          for (let update = 0; update < updates; update++) {
            expect(rate(update)).toBeGreaterThan(0)
            expect(rate(update)).toBeLessThan(0.003001)
          }
        }
      )
    )
  })
})
