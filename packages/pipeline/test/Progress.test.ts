/** Tests of what somebody who watches a run sees, on a terminal and in a pipe. */
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Config, defaults } from "../src/Config.ts"
import { plan } from "../src/Plan.ts"
import * as Progress from "../src/Progress.ts"
import * as View from "../src/ProgressView.ts"
import { wrap } from "../src/ReportText.ts"
import * as RunLog from "../src/RunLog.ts"
import { wholeRun } from "./events.ts"

type Timed = readonly [milliseconds: number, event: RunEvent.RunEvent]

/** The lines that stay, and the last changing line. */
const watch = (events: ReadonlyArray<Timed>, width = 120) => {
  let view = View.initial
  const stayed: Array<string> = []
  let now = 0
  for (const [milliseconds, event] of events) {
    now = milliseconds
    const [next, lines] = View.step(view, event, now)
    view = next
    stayed.push(...lines)
  }
  return { stayed, live: View.live(view, now, width) }
}

const fitted = (
  done: number,
  total = 100,
  metrics: Readonly<Record<string, number>> = { loss: 1.25 }
): RunEvent.RunEvent => ({
  _tag: "PhaseProgressed",
  phase: "fit",
  done,
  total,
  metrics
})
const started: RunEvent.RunEvent = { _tag: "PhaseStarted", phase: "fit" }

describe("the changing line", () => {
  it("shows the phase, how far it is, how long it will take, and its latest numbers", () => {
    const { live } = watch([
      [0, started],
      [10_000, fitted(25)]
    ])
    expect(live).toBe(
      "⠋ fit the experience model   ━━━━━───────────────  25/100  30 s left  loss 1.25  2.5/s"
    )
  })

  it("leaves out what the filter measured", () => {
    const metrics = { "filter/characters": 1550, "dream/success_rate": 0.5 }
    const { live } = watch([
      [0, started],
      [10_000, fitted(25, 100, metrics)]
    ])
    expect(live).toContain("30 s left  success rate 0.5  2.5/s")
  })

  it("shows the time where nothing can be counted", () => {
    expect(View.live(View.step(View.initial, started, 0)[0], 65_000, 80)).toBe(
      "⠋ fit the experience model   1 min 05 s"
    )
  })

  it("measures its rate anew where a phase counts something else", () => {
    const { live } = watch([
      [0, started],
      [10_000, fitted(100)],
      [10_000, fitted(0, 40)],
      [12_000, fitted(10, 40)]
    ])
    expect(live).toContain("10/40  6.0 s left")
  })

  it("is empty between phases", () => {
    expect(watch(wholeRun.map((event) => [0, event] as const)).live).toBe("")
  })

  it("never is wider than the terminal", () => {
    const count = fc.integer({ min: 0, max: 100_000 })
    fc.assert(
      fc.property(
        count,
        count,
        count,
        fc.integer({ min: 1, max: 200 }),
        (done, total, at, width) => {
          const events: ReadonlyArray<Timed> = [
            [0, started],
            [at, fitted(done, total, { loss: Math.PI })]
          ]
          expect(watch(events, width).live.length).toBeLessThanOrEqual(width)
        }
      )
    )
  })
})

describe("the lines that stay", () => {
  it("are one for each finished phase, with its time and key numbers, and the measurements", () => {
    const events = wholeRun.flatMap((event): ReadonlyArray<RunEvent.RunEvent> => {
      if (event._tag === "ClonedPolicy") return [{ _tag: "PhaseStarted", phase: "dream" }, event]
      if (event._tag === "EvaluatedPolicy" && event.evaluation.policy === "dreamt") {
        return [{ _tag: "PhaseStarted", phase: "evaluate" }, event]
      }
      return [event]
    })
    expect(watch(events.map((event) => [0, event])).stayed.join("\n")).toMatchInlineSnapshot(`
      "✓ collect real experience         3.3 s  1,000 trajectories (40 demonstrations, 180 successes), 12,345 transitions
      ✓ fit the experience model   1 min 40 s  1,200 updates, loss 0.25
          fidelity: next state exact known 98.0 %, known 400
      • calibration before learning in dreams: legitimate 96.0 %
      ✓ dream and improve          4 min 00 s  256 dreams, 93.8 % accepted, cloned from 40 trajectories in 300 updates, loss 0.5
      ✓ evaluate in reality              30 s  dreamt 54.7 %, cloned 27.0 %"
    `)
  })

  it("say what an unfinished phase found before the run stopped", () => {
    const { live, stayed } = watch([
      [0, started],
      [1, { _tag: "MeasuredFidelity", metrics: { "fidelity/falseSuccessRate": 0.5 } }],
      [2, { _tag: "RunStopped", reason: "the experience model is not good enough" }]
    ])
    expect(live).toBe("")
    expect(stayed).toEqual(["    fidelity: false success rate 50.0 %"])
  })

  it("are broken at spaces where the terminal is narrow, and lose nothing", () => {
    const word = fc.stringMatching(/^[a-z]{1,30}$/)
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1 }),
        fc.integer({ min: 1, max: 60 }),
        (said, width) => {
          const lines = wrap(said.join(" "), width)
          expect(lines.filter((line) => line.length > width)).toEqual([])
          expect(lines.join("").replaceAll(" ", "")).toBe(said.join(""))
        }
      )
    )
  })
})

/** Emits the events, each after its seconds, and gives what was written. */
const written = (
  events: ReadonlyArray<readonly [seconds: number, event: RunEvent.RunEvent]>,
  screen: { readonly isTerminal: boolean; readonly hasColor: boolean }
) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const chunks: Array<string> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Progress.follow({
            ...screen,
            columns: Effect.succeed(60),
            write: (text) => Effect.sync(() => chunks.push(text))
          })
          for (const [seconds, event] of events) {
            if (seconds > 0) yield* TestClock.adjust(`${seconds} seconds`)
            yield* RunLog.RunLog.use((log) => log.emit(event))
            if (seconds > 0) yield* TestClock.adjust("1 millis")
          }
        })
      )
      return chunks
    }).pipe(Effect.provide([RunLog.layerMemory, TestClock.layer()]))
  )

const finished: RunEvent.RunEvent = { _tag: "PhaseFinished", phase: "fit", seconds: 20 }
const long = [
  [0, started],
  ...Array.from({ length: 20 }, (_, i) => [1, fitted(i)] as const),
  [0, finished]
] as const

describe("in a pipe", () => {
  it("there are whole plain lines, of one phase at most one in five seconds", async () => {
    const chunks = await written(long, { isTerminal: false, hasColor: false })
    expect(chunks.join("")).toMatchInlineSnapshot(`
      "fit the experience model ...
      fit the experience model  4/100  2 min 00 s left  loss 1.25  0.8/s
      fit the experience model  9/100  1 min 41 s left  loss 1.25  0.9/s
      fit the experience model  14/100  1 min 32 s left  loss 1.25  0.9/s
      fit the experience model  19/100  1 min 25 s left  loss 1.25  0.9/s
      ✓ fit the experience model         20 s
      "
    `)
  })
})

describe("on a terminal", () => {
  it("each writing begins by clearing the line, and the last one leaves it clear", async () => {
    const chunks = await written(long, { isTerminal: true, hasColor: false })
    expect(chunks.filter((chunk) => !chunk.startsWith("\r\u001b[2K"))).toEqual([])
    expect(chunks.at(-1)).toBe("\r\u001b[2K")
    const text = chunks.join("").replaceAll("\r\u001b[2K", "")
    expect(text).not.toContain("\u001b")
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeGreaterThan(0)
    expect(chunks.some((chunk) => chunk.includes("✓ fit the experience model"))).toBe(true)
  })

  it("events that came just before the end are shown", async () => {
    const many = Array.from({ length: 100 }, () => [0, started] as const)
    const chunks = await written([...many, [0, finished]], { isTerminal: true, hasColor: true })
    expect(chunks.join("").match(/⠋/g)?.length).toBeGreaterThanOrEqual(100)
    expect(chunks.join("")).toContain("\u001b[32m✓\u001b[39m fit the experience model")
  })
})

describe("the plan", () => {
  const { evaluate, train } = defaults
  const config: Config = {
    ...defaults,
    environment: { ...defaults.environment, stepLimit: 10 },
    collect: { ...defaults.collect, trajectories: 100 },
    train: { ...train, iterations: 5, tasksPerIteration: 4, groupSize: 2, start: "cloned" },
    learner: { ...defaults.learner, miniBatchSize: 30, ppoEpochs: 2 },
    evaluate: { ...evaluate, episodes: 50, clonedPlus: true, real: true }
  }
  const counted = (what: string) =>
    plan(config)
      .filter((step) => step.what === what)
      .map(({ episodes, isReal, transitions, updates }) => ({
        episodes,
        isReal,
        transitions,
        updates
      }))

  it("counts what a run may cost", () => {
    expect(counted("real offline experience")).toEqual([
      { episodes: 100, isReal: true, transitions: 1000, updates: 0 }
    ])
    expect(counted("dreams to learn from")).toEqual([
      { episodes: 40, isReal: false, transitions: 400, updates: 30 }
    ])
    expect(counted("dreamt, real")).toEqual([
      { episodes: 50, isReal: true, transitions: 500, updates: 0 }
    ])
  })

  it("leaves out baselines that are off", () => {
    const off = { ...config, evaluate: { ...config.evaluate, clonedPlus: false, real: false } }
    const names = plan(off).map(({ what }) => what)
    expect(names.filter((what) => /cloned\+|baseline/.test(what))).toEqual([])
  })
})
