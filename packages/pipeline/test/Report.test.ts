/** Tests of what a run is said to have come to. */
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { markdown, summary, terminal } from "../src/Report.ts"
import { sentences } from "../src/ReportSentences.ts"
import { table, wall, words } from "../src/ReportText.ts"
import { evaluated, evaluation, wholeRun } from "./events.ts"

describe("the summary", () => {
  it("is the object that scripts read", () => {
    const { episodes, high, low, rate, successes } = evaluation("cloned", 69)
    const found = summary("test-1", wholeRun)
    expect(found).toEqual({
      run: "test-1",
      evaluation: [
        { policy: "cloned", environment: "household", episodes, successes, rate, low, high },
        expect.objectContaining({ policy: "dreamt", successes: 140 })
      ],
      realTransitions: 12_345,
      syntheticTransitions: 2400,
      accepted: 240,
      rejected: { Contradiction: 10, UnearnedReward: 6 },
      tokens: 80_000,
      seconds: { collect: 3.25, fit: 100, dream: 240, evaluate: 30 }
    })
  })

  it("of nothing is empty, not wrong", () => {
    expect(summary("empty", [])).toEqual({
      run: "empty",
      evaluation: [],
      realTransitions: 0,
      syntheticTransitions: 0,
      accepted: 0,
      rejected: {},
      tokens: 0,
      seconds: {}
    })
    expect(terminal("empty", []).join("\n")).toContain("No policy was evaluated yet.")
  })

  it("takes the last evaluation of each policy", () => {
    const found = summary("test-1", [evaluated("dreamt", 10), evaluated("dreamt", 20)])
    expect(found.evaluation.map(({ successes }) => successes)).toEqual([20])
  })
})

describe("the terminal's table", () => {
  it("is this", () => {
    expect(terminal("test-1", wholeRun).join("\n")).toMatchInlineSnapshot(`
      "Success in the real household, on held-out tasks:
        policy  success  95 % interval     episodes  steps
        ------  -------  ----------------  --------  -----
        cloned   27.0 %  21.9 % to 32.7 %       256    9.5
        dreamt   54.7 %  48.6 % to 60.7 %       256    9.5

        real transitions in all      12,345
          collected offline          12,345 (1,000 trajectories, 40 of them demonstrations)
        synthetic transitions        2,400
        dreams                       256
          accepted                   240 (93.8 %)
          rejected: contradiction    10 (3.9 %)
          rejected: unearned reward  6 (2.3 %)
        tokens dreamt                80,000
        time: collect                3.3 s
        time: fit                    1 min 40 s
        time: dream                  4 min 00 s
        time: evaluate               30 s
        time in all                  6 min 13 s

      \`dreamt\` beats \`cloned\`, and their 95 % intervals do not overlap (54.7 % against
          27.0 %, +27.7 points)."
    `)
  })
})

describe("the report", () => {
  it("is this", () => {
    expect(markdown("test-1", wholeRun)).toMatchInlineSnapshot(`
      "# Run test-1

      Seed 1. Finished in 6 min 15 s.

      ## Success on held-out real tasks

      | policy | success | 95 % interval | episodes | steps |
      | --- | --- | --- | --- | --- |
      | cloned | 27.0 % | 21.9 % to 32.7 % | 256 | 9.5 |
      | dreamt | 54.7 % | 48.6 % to 60.7 % | 256 | 9.5 |

      \`dreamt\` beats \`cloned\`, and their 95 % intervals do not overlap (54.7 % against 27.0 %, +27.7 points).

      ## What it took

      | what | how much |
      | --- | --- |
      | real transitions in all | 12,345 |
      | collected offline | 12,345 (1,000 trajectories, 40 of them demonstrations) |
      | synthetic transitions | 2,400 |
      | dreams | 256 |
      | accepted | 240 (93.8 %) |
      | rejected: contradiction | 10 (3.9 %) |
      | rejected: unearned reward | 6 (2.3 %) |
      | tokens dreamt | 80,000 |
      | time: collect | 3.3 s |
      | time: fit | 1 min 40 s |
      | time: dream | 4 min 00 s |
      | time: evaluate | 30 s |
      | time in all | 6 min 13 s |

      ## Fidelity of the experience model (held-out real transitions)

      | measure | value |
      | --- | --- |
      | next state exact known | 0.9800 |
      | known | 400 |

      ## Calibration (the same policy, dreamt and real, before it learns)

      | measure | value |
      | --- | --- |
      | legitimate | 0.9600 |

      ## Success by kind of task

      | kind of task | cloned | dreamt |
      | --- | --- | --- |
      | clean | 69 of 256 | 140 of 256 |
      "
    `)
  })

  it("says what calibration and the baseline in the real world cost", () => {
    const paid = {
      _tag: "PhaseProgressed",
      phase: "evaluate",
      done: 1,
      total: 1,
      metrics: { "real/transitions": 27_000 }
    } as const
    const measured = {
      _tag: "MeasuredCalibration",
      metrics: { "calibration/realTransitions": 1200 }
    } as const
    const report = markdown("test-1", [...wholeRun, measured, paid, paid])
    expect(report).toContain(`| real transitions in all | 13,545 |
| collected offline | 12,345 (1,000 trajectories, 40 of them demonstrations) |
| to calibrate, never learned from | 1,200 |
| beside them, the baseline \`real\` alone | 54,000 more |
`)
    expect(summary("test-1", [...wholeRun, measured, paid, paid]).realTransitions).toBe(13_545)
  })
})

describe("the plain words", () => {
  const about = (dreamt: number, other: number, policy: string) =>
    sentences([evaluation("dreamt", dreamt), evaluation(policy, other)])

  it.each([
    [140, 69, "cloned", "`dreamt` beats `cloned`"],
    [80, 69, "cloned", "Not shown that dreaming helped"],
    [60, 69, "cloned", "Dreaming did not help"],
    [20, 69, "cloned", "Dreaming did harm"],
    [140, 69, "cloned+", "It also beats `cloned+`"],
    [80, 69, "cloned+", "(`cloned+`) is as good as far as this run can tell"],
    [69, 69, "cloned+", "(`cloned+`) is as good, without any dream"],
    [20, 69, "cloned+", "(`cloned+`) is better, without any dream"],
    [60, 69, "real", "(`real`) is as good or a little better"]
  ])("%i against %i successes of %s: %s", (dreamt, other, policy, expected) => {
    expect(about(dreamt, other, policy)).toEqual([expect.stringContaining(expected)])
  })

  it("give the two rates and their difference", () => {
    expect(about(128, 64, "cloned")).toEqual([
      "`dreamt` beats `cloned`, and their 95 % intervals do not overlap (50.0 % against 25.0 %, +25.0 points)."
    ])
  })

  it("claim nothing where the intervals overlap", () => {
    const count = fc.integer({ min: 0, max: 256 })
    fc.assert(
      fc.property(count, count, (a, b) => {
        const [first, second] = [evaluation("dreamt", a), evaluation("cloned", b)]
        const isApart = first.low > second.high || first.high < second.low
        const said = sentences([first, second]).join()
        expect(/`dreamt` beats|Dreaming did harm/.test(said)).toBe(isApart)
      })
    )
  })

  it("say nothing of a policy that was not evaluated", () => {
    expect(sentences([evaluation("cloned", 3)])).toEqual([])
  })
})

describe("words and numbers", () => {
  it("read as people write them", () => {
    expect([0.04, 9.94, 9.96, 59.6, 125, 7620].map(wall)).toEqual([
      "0.0 s",
      "9.9 s",
      "10 s",
      "1 min 00 s",
      "2 min 05 s",
      "2 h 07 min"
    ])
    expect(words("nextStateExactKnown")).toBe("next state exact known")
  })

  it("stand in columns, numbers to the right", () => {
    expect(
      table(
        ["name", "value"],
        [
          ["a", "1"],
          ["bc", "1,000"]
        ]
      )
    ).toEqual(["  name  value", "  ----  -----", "  a         1", "  bc    1,000"])
  })
})
