/** Tests of success over training: it is measured on the way, and the way is the same. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as ConfigResolve from "../src/ConfigResolve.ts"
import * as Curve from "../src/Curve.ts"
import { evaluationsOf } from "../src/Evaluations.ts"
import { Plan, type Report } from "../src/index.ts"
import { initial, plain, step } from "../src/ProgressView.ts"
import { apart, markdown, summary } from "../src/Report.ts"
import { surviving } from "../src/Surviving.ts"
import { evaluated, wholeRun } from "./events.ts"
import { allOf, bufferOf, copyAt, deedsOf, eventsOf, filesOf, linesOf, of } from "./runs.ts"
import { branch, configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "curve-"))
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const curves = ["train.evaluateEvery=2", "evaluate.curveEpisodes=6"]
const pointsOf = (folder: string) =>
  evaluationsOf(surviving(eventsOf(folder))).curve.map(({ evaluation, iteration }) => ({
    ...evaluation,
    iteration
  }))
const measuring = (folder: string): ReadonlyArray<number> =>
  of(folder, "PhaseProgressed").flatMap(({ metrics }) => metrics[apart.curve] ?? [])
const isOfCurve = (event: RunEvent.RunEvent) =>
  (event._tag === "EvaluatedPolicy" && event.iteration < 4) ||
  (event._tag === "PhaseProgressed" && event.metrics[apart.curve] !== undefined)

describe("a run with a curve", () => {
  let withCurve: Report.Summary | undefined
  let without: Report.Summary | undefined
  beforeAll(async () => {
    withCurve = await Effect.runPromise(train(configOf(home, "curve", curves)))
    without = await Effect.runPromise(train(configOf(home, "plain")))
  }, 60_000)

  it("evaluates the policy in training at its pace, and the final one as ever", () => {
    const said = of(inHome("curve"), "EvaluatedPolicy").map(({ evaluation, iteration }) => [
      evaluation.policy,
      iteration,
      evaluation.episodes
    ])
    expect(said).toEqual([
      ["dreamt", 0, 6],
      ["dreamt", 2, 6],
      ["cloned", 4, 8],
      ["dreamt", 4, 8]
    ])
    expect(pointsOf(inHome("curve")).map(({ iteration }) => iteration)).toEqual([0, 2])
  })

  it("learns to the bit what it would have learnt without, and ends with the same table", async () => {
    expect(await filesOf(inHome("curve"))).toEqual(await filesOf(inHome("plain")))
    expect(await bufferOf(inHome("curve"))).toEqual(await bufferOf(inHome("plain")))
    const deeds = deedsOf(inHome("curve")).filter((event) => !isOfCurve(event))
    expect(deeds).toEqual(deedsOf(inHome("plain")))
    const { seconds: _, run: __, ...rest } = withCurve ?? {}
    expect(without).toMatchObject(rest)
  })

  it("counts what the curve cost apart, and shows its points in the report alone", () => {
    const cost = measuring(inHome("curve"))
    expect(cost).toHaveLength(2)
    for (const transitions of cost) expect(transitions).toBeGreaterThanOrEqual(6)
    const report = fs.readFileSync(path.join(inHome("curve"), "report.md"), "utf8")
    const total = cost.reduce((sum, one) => sum + one, 0)
    expect(report).toContain(`| beside them, to draw curves, never learned from | ${total} more |`)
    expect(report.match(/^\| dreamt \| [02] \| .* \| 6 \|$/gm)).toHaveLength(2)
    const other = fs.readFileSync(path.join(inHome("plain"), "report.md"), "utf8")
    expect(other).not.toMatch(/curves|over training/)
    const lines = linesOf(inHome("curve"), "metrics.jsonl").map((line) => Object(line))
    expect(lines.filter((line) => line["val/episodes"] === 6)).toHaveLength(2)
  })

  it("is the same though another run prepared it, one without a curve", async () => {
    await Effect.runPromise(branch(configOf(home, "branched", curves), inHome("plain")))
    expect(pointsOf(inHome("branched"))).toEqual(pointsOf(inHome("curve")))
    expect(await filesOf(inHome("branched"))).toEqual(await filesOf(inHome("curve")))
  })

  it.each([0, 2])(
    "goes on from checkpoint %i to the same curve",
    async (from) => {
      const folder = copyAt(inHome("curve"), inHome(`curve-${from}`), from)
      await Effect.runPromise(resume(folder))
      expect(await allOf(folder)).toEqual(await allOf(inHome("curve")))
      expect(pointsOf(folder)).toEqual(pointsOf(inHome("curve")))
    },
    60_000
  )
})

describe("a baseline in the real world", () => {
  it("has the curve of the arm that learns in the real world", async () => {
    const shared = [...curves, "train.iterations=3", "evaluate.real=true", "seed=3"]
    const real = ["train.realShareStart=1", "train.realShareEnd=1", ...shared]
    await Effect.runPromise(train(configOf(home, "real", real)))
    const beside = await Effect.runPromise(train(configOf(home, "beside", shared)))
    const realIn = (name: string) =>
      pointsOf(inHome(name)).filter(({ policy }) => policy === "real")
    expect(realIn("real").map(({ iteration }) => iteration)).toEqual([0, 2])
    expect(realIn("beside")).toEqual(realIn("real"))
    expect(beside.evaluation.map(({ episodes, policy }) => [policy, episodes])).toEqual([
      ["cloned", 8],
      ["dreamt", 8],
      ["real", 8]
    ])
    expect(measuring(inHome("beside"))).toHaveLength(4)
  }, 60_000)
})

describe("points of a curve", () => {
  const due = (every: number, iterations: number) => {
    const config = { train: { ...configOf("", "due").train, evaluateEvery: every } }
    const found = Array.from({ length: iterations + 1 }, (_, i) => i).filter((iteration) =>
      Curve.isDue(iteration, iterations, config)
    )
    expect(found).toHaveLength(Curve.points(iterations, config))
    return found
  }

  it("are due from the start on, but not at the end, which is evaluated anyway", () => {
    expect(due(2, 5)).toEqual([0, 2, 4])
    expect(due(2, 4)).toEqual([0, 2])
    expect(due(9, 4)).toEqual([0])
    expect(due(2, 0)).toEqual([])
    expect(due(0, 4)).toEqual([])
  })

  const point = (policy: string, iteration: number, successes: number) => {
    const event = evaluated(policy, successes)
    return event._tag === "EvaluatedPolicy" ? { ...event, iteration } : event
  }
  const at = wholeRun.findIndex(({ _tag }) => _tag === "MeasuredCalibration")
  const evaluating = wholeRun.findIndex(({ _tag }) => _tag === "EvaluatedPolicy")
  const drawn: ReadonlyArray<RunEvent.RunEvent> = [
    ...wholeRun.slice(0, at),
    { _tag: "PhaseStarted", phase: "dream" },
    point("dreamt", 0, 7),
    ...wholeRun.slice(at, evaluating),
    { _tag: "PhaseStarted", phase: "evaluate" },
    ...wholeRun.slice(evaluating, -2),
    point("real", 0, 9),
    point("real", 1, 11),
    point("real", 2, 99),
    ...wholeRun.slice(-2)
  ]

  it("are never taken for what a run came to, in the dream or in the baseline", () => {
    const rows = summary("test-1", drawn).evaluation.map(({ policy, successes }) => [
      policy,
      successes
    ])
    expect(rows).toEqual([
      ["cloned", 69],
      ["dreamt", 140],
      ["real", 99]
    ])
    const stopped = drawn.slice(0, at + 2)
    expect(summary("test-1", stopped).evaluation).toEqual([])
    expect(markdown("test-1", stopped)).toContain("| dreamt | 0 | 2.7 % |")
  })

  it("are seen while a phase goes on, and do not crowd its last line", () => {
    const lines: Array<string> = []
    let view = initial
    const live: Array<string> = []
    for (const event of drawn) {
      const [next, said] = step(view, event, 1000)
      view = next
      lines.push(...said)
      if (event._tag === "EvaluatedPolicy" && event.iteration === 0) live.push(plain(view, 1000))
    }
    expect(live[0]).toContain("real success rate 0.0273")
    expect(live[1]).toContain("real success rate 0.0352")
    expect(lines.join("\n")).toContain("dreamt 54.7 %, cloned 27.0 %, real 38.7 %")
    expect(lines.join("\n")).not.toMatch(/dreamt 2\.7|real 3\.5/)
  })

  it("are part of what a run would cost", () => {
    const config = configOf("", "planned", [...curves, "evaluate.real=true"])
    const steps = Plan.plan(config).filter(({ what }) => what.includes("while it learns"))
    expect(
      steps.map(({ episodes, isReal, phase, what }) => [phase, what, episodes, isReal])
    ).toEqual([
      ["dream", "dreamt while it learns, real", 12, true],
      ["evaluate", "real while it learns, real", 12, true]
    ])
  })

  it.each([
    [["train.evaluateEvery=5", "evaluate.episodes=32"], /curveEpisodes \(64\) are the first of/],
    [["evaluate.curveEpisodes=9"], /nothing would read evaluate.curveEpisodes/]
  ])("that could not be drawn are refused: %j", (settings, message) => {
    const resolved = ConfigResolve.resolve({ settings })
    expect(Result.isFailure(resolved) && resolved.failure.message).toMatch(message)
  })
})
