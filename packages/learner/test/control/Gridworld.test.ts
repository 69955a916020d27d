import { Seed } from "@dreamgym/domain"
import { assert, describe, it } from "vitest"
import * as Gridworld from "../../control/Gridworld.ts"

/** Figure 17.3 of the book (3rd edition): the utilities under the best policy. */
const published = new Map([
  [0, 0.705],
  [1, 0.655],
  [2, 0.611],
  [3, 0.388],
  [4, 0.762],
  [6, 0.66],
  [8, 0.812],
  [9, 0.868],
  [10, 0.918]
])

/** Value iteration, written again from its equation. */
const best = (): ReadonlyMap<number, number> => {
  const values = new Map<number, number>()
  for (let sweep = 0; sweep < 200; sweep++) {
    for (const cell of Gridworld.cells) {
      const worth = [0, 1, 2, 3].map((action) => Gridworld.worthOf(values, cell, action))
      values.set(cell, Math.max(...worth))
    }
  }
  return values
}

describe("The 4 x 3 world", () => {
  it("has the utilities that the book prints", () => {
    const values = best()
    for (const [cell, utility] of published) assert.closeTo(values.get(cell) ?? 9, utility, 6e-4)
    assert.strictEqual(values.size, published.size)
  })

  it("gives the greedy policy of those utilities the same value", () => {
    const values = best()
    const greedy = (cell: number) => {
      const worth = [0, 1, 2, 3].map((action) => Gridworld.worthOf(values, cell, action))
      return worth.map((one) => (one === Math.max(...worth) ? 1 : 0))
    }
    for (const [cell, value] of Gridworld.valueOf(greedy))
      assert.closeTo(value, values.get(cell) ?? 9, 1e-9)
  })

  it("plays as its chances say", () => {
    const random = Seed.generator(3)
    const seen = new Map<number, number>()
    for (let i = 0; i < 20_000; i++) {
      const { state } = Gridworld.gridworld.step(2, 0, random)
      seen.set(state, (seen.get(state) ?? 0) + 1 / 20_000)
    }
    for (const { cell, probability } of Gridworld.chances(2, 0))
      assert.closeTo(seen.get(cell) ?? 0, probability, 0.01)
    assert.strictEqual(seen.size, 3)
  })
})
