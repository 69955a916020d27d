/** Tests of outcomes: each number of a run is that of the events that count. */
import { describe, expect, it } from "vitest"
import * as Outcome from "../src/Outcome.ts"
import { collected, dreamt, evaluated, lived, phase, progressed, updated } from "./invented.ts"

describe("an outcome", () => {
  it("counts transitions by what they were for, and success along the way", () => {
    const found = Outcome.of("L0/1/ppo_s2r", [
      { _tag: "RunStarted", run: "a", seed: 1 },
      ...phase("collect", 2, [collected(900)]),
      ...phase("fit", 30, [{ _tag: "MeasuredFidelity", metrics: { "fidelity/x": 0.5 } }]),
      {
        _tag: "MeasuredCalibration",
        metrics: { "calibration/gap": 0.1, "calibration/realTransitions": 70 }
      },
      dreamt(1, 700),
      updated(1, 0.6),
      progressed(1, { "curriculum/difficulty": 9.5 }),
      evaluated("sim-to-real", 1, 40),
      progressed(1, { "curve/transitions": 90 }),
      lived(2, 55),
      updated(2, 2 / 3),
      progressed(2, { "curriculum/difficulty": 31 / 3 }),
      {
        _tag: "PhaseProgressed",
        phase: "evaluate",
        done: 0,
        total: 1,
        metrics: { "dpo/transitions": 33 }
      },
      evaluated("cloned+", 2, 20),
      evaluated("sim-to-real", 2, 60),
      { _tag: "RunFinished", seconds: 40 }
    ])
    const point = { policy: "sim-to-real", episodes: 100 }
    expect(found).toMatchObject({
      evaluation: [
        { policy: "cloned+", successes: 20 },
        { policy: "sim-to-real", successes: 60 }
      ],
      offline: 900,
      lived: 55,
      preferring: 33,
      calibrating: 70,
      synthetic: 700,
      tokens: 1000,
      seconds: { collect: 2, fit: 30 },
      fidelity: { "fidelity/x": 0.5 },
      calibration: { "calibration/gap": 0.1 },
      curve: [
        { ...point, iteration: 1, lived: 0, dreamt: 700, successes: 40 },
        { policy: "cloned+", iteration: 2, lived: 55, dreamt: 700, successes: 20 },
        { ...point, iteration: 2, lived: 55, dreamt: 700, successes: 60 }
      ],
      believed: [
        [1, 0.6],
        [2, 0.66667]
      ],
      played: [
        [1, 9.5],
        [2, 10.333]
      ]
    })
  })

  it("does not count what was done again after a resumption", () => {
    const { lived: real, synthetic } = Outcome.of("u", [
      { _tag: "RunStarted", run: "a", seed: 1 },
      dreamt(1, 10),
      lived(1, 20),
      { _tag: "SavedCheckpoint", iteration: 1, path: "" },
      dreamt(2, 100),
      lived(2, 200),
      { _tag: "RunStopped", reason: "interrupted" },
      { _tag: "RunResumed", run: "a", iteration: 1 },
      dreamt(2, 100),
      lived(2, 200)
    ])
    expect([synthetic, real]).toEqual([110, 220])
  })

  it("of a run that did nothing is nothing", () => {
    expect(Outcome.of("u", [])).toMatchObject({
      evaluation: [],
      offline: 0,
      curve: [],
      believed: [],
      played: []
    })
  })
})
