import { assert, describe, it } from "@effect/vitest"
import { Ending, type Trajectory } from "@dreamgym/domain"
import * as fc from "fast-check"
import { Calibration, DreamTask, Fidelity } from "../src/index.ts"
import {
  boxTask,
  firstObservation,
  knownWorlds,
  listing,
  synthetic,
  trajectoryOf
} from "./boxes.ts"

const task = boxTask("a", "key")
const dreamTask = DreamTask.dreamTask(task, firstObservation(3, "key"))
const dreamt = (
  turns: Parameters<typeof trajectoryOf>[2],
  ending?: Ending.Ending
): Trajectory.Trajectory =>
  trajectoryOf("d", dreamTask, turns, { provenance: synthetic, ...(ending ? { ending } : {}) })

const pen = ["open box 1", listing("box 1", "pen 1")] as const
const found = ["open box 2", listing("box 2", "key 1"), 1] as const
const win = dreamt([found])
const loss = dreamt([pen])
const cheat = dreamt([["open box 1", listing("box 1", "pen 1"), 1]])
const muddle = dreamt([pen, ["open box 1", listing("box 1", "coin 1")]])
const rambling = dreamt([["dance", ""]], Ending.failed("Parse", "no <obs>"))
const absurd = dreamt([["open box 1", "A unicorn."]])
const timeout = dreamt([pen], Ending.failed("Timeout", "slow"))
const realWin = trajectoryOf("r", task, [found])
const realLoss = trajectoryOf("r", task, [pen])

const fit: Calibration.Calibration = {
  dreamEpisodes: 64,
  realEpisodes: 64,
  dreamWins: 20,
  dreamSuccess: 0.3125,
  realSuccess: 0.28125,
  gap: 0.03125,
  gapLow: -0.12,
  gapHigh: 0.18,
  legitimate: 0.95,
  goalSeenDream: 0.6,
  goalSeenReal: 0.6,
  contradictions: 0.02,
  malformed: 0.01
}
const faithful: Fidelity.Fidelity = {
  ...Fidelity.summarise([]),
  transitions: 500,
  nextStateExactKnown: 0.97,
  falseSuccessRate: 0
}
const bounds: Calibration.Bounds = {
  minLegitimate: 0.8,
  maxOptimism: 0.1,
  maxMalformed: 0.05,
  maxContradictions: 0.1,
  minNextStateExactKnown: 0.9,
  maxFalseSuccess: 0.01
}

const checksOf = (verdict: Calibration.Verdict) =>
  verdict._tag === "Ok" ? [] : verdict.reasons.map((reason) => reason.check)

describe("Calibration", () => {
  it("compares dreams with real episodes, and counts no fault as a failure of the agent", () => {
    const dream = [win, loss, cheat, muddle, rambling, absurd, timeout, win]
    const { gapHigh, gapLow, ...rest } = Calibration.calibrate(
      { dream, real: [realWin, realLoss, realLoss, realLoss] },
      knownWorlds
    )
    assert.deepStrictEqual(rest, {
      dreamEpisodes: 6,
      realEpisodes: 4,
      dreamWins: 3,
      dreamSuccess: 0.5,
      realSuccess: 0.25,
      gap: 0.25,
      legitimate: 2 / 3,
      goalSeenDream: 2 / 6,
      goalSeenReal: 0.25,
      contradictions: 1 / 8,
      malformed: 2 / 8
    })
    assert.isBelow(gapLow, 0.25)
    assert.isAbove(gapHigh, 0.25)
  })

  it("gives Newcombe's interval of the gap (1998, method 10: 56/70 and 48/80)", () => {
    const some = <A>(count: number, one: A) => Array.from({ length: count }, () => one)
    const { gap, gapHigh, gapLow } = Calibration.calibrate(
      {
        dream: [...some(56, win), ...some(14, loss)],
        real: [...some(48, realWin), ...some(32, realLoss)]
      },
      knownWorlds
    )
    assert.deepStrictEqual(
      [gap, gapLow, gapHigh].map((value) => value.toFixed(4)),
      ["0.2000", "0.0524", "0.3339"]
    )
  })

  it("holds the gap inside its interval, and the interval inside [-1, 1]", () =>
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.array(fc.boolean()), (dream, real) => {
        const { gap, gapHigh, gapLow } = Calibration.calibrate(
          {
            dream: dream.map((isWin) => (isWin ? win : loss)),
            real: real.map((isWin) => (isWin ? realWin : realLoss))
          },
          knownWorlds
        )
        assert.isAtMost(gapLow, gap)
        assert.isAtMost(gap, gapHigh)
        assert.isAtLeast(gapLow, -1 - 1e-9)
        assert.isAtMost(gapHigh, 1 + 1e-9)
      })
    ))

  it("finds nothing legitimate where nobody can audit", () => {
    const blind = Calibration.calibrate({ dream: [win], real: [realWin] }, () => undefined)
    assert.deepStrictEqual([blind.legitimate, blind.goalSeenDream, blind.contradictions], [0, 0, 0])
  })

  it("lets a model pass that keeps every bound exactly", () => {
    const atTheEdge = {
      calibration: { ...fit, legitimate: 0.8, gap: 0.1, malformed: 0.05, contradictions: 0.1 },
      fidelity: { ...faithful, nextStateExactKnown: 0.9, falseSuccessRate: 0.01 }
    }
    assert.deepStrictEqual(Calibration.verdict(atTheEdge, bounds), { _tag: "Ok" })
    assert.isUndefined(Calibration.unfit({ _tag: "Ok" }))
  })

  it("refuses for each broken bound by its own name", () => {
    const broken: ReadonlyArray<
      readonly [string, Partial<Calibration.Calibration>, Partial<Fidelity.Fidelity>]
    > = [
      ["NoEvidence", { realEpisodes: 0 }, {}],
      ["NoEvidence", {}, { transitions: 0 }],
      ["Legitimate", { legitimate: 0.79 }, {}],
      ["Optimism", { gap: 0.11 }, {}],
      ["Malformed", { malformed: 0.06 }, {}],
      ["Contradictions", { contradictions: 0.11 }, {}],
      ["NextStateExactKnown", {}, { nextStateExactKnown: 0.89 }],
      ["FalseSuccess", {}, { falseSuccessRate: 0.02 }]
    ]
    for (const [check, calibration, fidelity] of broken) {
      const measured = {
        calibration: { ...fit, ...calibration },
        fidelity: { ...faithful, ...fidelity }
      }
      assert.deepStrictEqual(checksOf(Calibration.verdict(measured, bounds)), [check])
    }
  })

  it("refuses with all reasons at once, as one error that advises", () => {
    const verdict = Calibration.verdict(
      {
        calibration: { ...fit, legitimate: 0.2 },
        fidelity: { ...faithful, falseSuccessRate: 0.5 }
      },
      bounds
    )
    const error = Calibration.unfit(verdict)
    assert.deepStrictEqual(
      error?.reasons.map(({ bound, check, value }) => ({ bound, check, value })),
      [
        { check: "Legitimate", value: 0.2, bound: 0.8 },
        { check: "FalseSuccess", value: 0.5, bound: 0.01 }
      ]
    )
    assert.strictEqual(
      error?.message,
      [
        "Legitimate is 0.200 (bound 0.8): the model rewards what was not done: train on more relabelled copies (hard negatives), or let the quality filter reject unearned rewards.",
        "FalseSuccess is 0.500 (bound 0.01): the model claims success where there is none: add failed and nearly successful trajectories."
      ].join("\n")
    )
  })

  it("gives its numbers by name", () => {
    assert.deepStrictEqual(Object.entries(Calibration.metrics(fit)).slice(0, 2), [
      ["calibration/dreamEpisodes", 64],
      ["calibration/realEpisodes", 64]
    ])
  })
})
