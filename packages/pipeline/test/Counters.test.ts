/** Tests of what a checkpoint counts: the iterations that it stands for, and no more. */
import { describe, expect, it } from "vitest"
import { countersOf } from "../src/Counters.ts"
import { dreamt, updated, wholeRun } from "./events.ts"

const iteration = { episodes: 128, transitions: 1200, tokens: 40_000, updates: 1 }

describe("the counters of a checkpoint", () => {
  it.each([0, 1, 2])("are the sums of what was told of %i iterations", (count) => {
    expect(countersOf(wholeRun, count, 7.5)).toEqual({
      realTransitions: 12_345,
      episodes: count * iteration.episodes,
      transitions: count * iteration.transitions,
      tokens: count * iteration.tokens,
      updates: count * iteration.updates,
      seconds: 7.5
    })
  })

  it("leave out an iteration that was begun after it", () => {
    expect(countersOf([...wholeRun, dreamt(3), updated(3)], 2, 0)).toEqual(
      countersOf(wholeRun, 2, 0)
    )
  })
})
