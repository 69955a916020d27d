import { assert, describe, it } from "vitest"
import * as Curves from "../../control/Curves.ts"

const episodes = [3, 9, 12, 27].map((step, i) => ({ step, totalReward: 10 * i, length: 1 }))

describe("A learning curve", () => {
  it("is at every mark the mean of the episodes that ended last by then, and begins with the first", () => {
    const curve = Curves.curveOf(7, episodes, { every: 5, total: 30, window: 2 })
    const points = [
      [5, 0],
      [10, 5],
      [15, 15],
      [20, 15],
      [25, 15],
      [30, 25]
    ]
    assert.deepStrictEqual<unknown>(curve, { seed: 7, points })
    const late = Curves.curveOf(7, episodes.slice(2), { every: 5, total: 30, window: 2 })
    assert.deepStrictEqual(late.points[0], [15, 20])
  })

  it("is told as text, a row for every point", () => {
    const points = [
      [5, 1],
      [10, 0.25]
    ] as const
    assert.strictEqual(
      Curves.csv([{ seed: 1, points }]),
      "seed,step,return\n1,5,1.0000\n1,10,0.2500\n"
    )
  })

  it("is drawn once for every seed, and once for their mean", () => {
    const flat = (seed: number, value: number) => ({
      seed,
      points: [[0, value] as const, [100, value] as const]
    })
    const figure = { title: "t", low: 0, high: 10, total: 100, goal: ["g", 8] as const }
    const svg = Curves.svg([flat(1, 2), flat(2, 6)], figure)
    const heights = [...svg.matchAll(/<polyline[^>]*points="([^"]*)"/g)].map(([, points = ""]) =>
      Number(points.split(" ")[0]?.split(",")[1])
    )
    assert.strictEqual(heights.length, 3)
    const [low = 0, high = 0, mean = 0] = heights
    assert.closeTo(mean, (low + high) / 2, 0.11)
    assert.isAbove(low, high)
  })
})
