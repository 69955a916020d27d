/** Tests of the packaged trainer: whole runs, small ones, on the real engine. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Report } from "../src/index.ts"
import { surviving } from "../src/Surviving.ts"
import { allOf, copyAt, eventsOf, filesOf, linesOf, of, tagsOf } from "./runs.ts"
import { configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "trainer-"))
const unbroken = path.join(home, "unbroken")
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

let summary: Report.Summary | undefined
beforeAll(async () => {
  summary = await Effect.runPromise(train(configOf(home, "unbroken")))
}, 60_000)

describe("a run", () => {
  it("tells its phases in their order", () => {
    const said = tagsOf(eventsOf(unbroken)).filter(
      (tag) => !tag.startsWith("PhaseProgressed") && tag !== "RejectedTrajectory"
    )
    const iteration = ["DreamtGroups", "UpdatedPolicy"]
    expect(said).toEqual([
      "RunStarted",
      "PhaseStarted collect",
      "CollectedRealExperience",
      "PhaseFinished collect",
      "PhaseStarted fit",
      "FittedExperienceModel",
      "MeasuredFidelity",
      "PhaseFinished fit",
      "PhaseStarted clone",
      "ClonedPolicy",
      "PhaseFinished clone",
      "PhaseStarted dream",
      "MeasuredCalibration",
      "SavedCheckpoint",
      ...iteration,
      ...iteration,
      "SavedCheckpoint",
      ...iteration,
      ...iteration,
      "SavedCheckpoint",
      "PhaseFinished dream",
      "PhaseStarted evaluate",
      "EvaluatedPolicy",
      "EvaluatedPolicy",
      "PhaseFinished evaluate",
      "RunFinished"
    ])
  })

  it("ends with what its events come to, and leaves everything on disk", () => {
    expect(summary).toEqual(Report.summary("unbroken", surviving(eventsOf(unbroken))))
    expect(summary?.evaluation.map(({ episodes, policy }) => [policy, episodes])).toEqual([
      ["cloned", 8],
      ["dreamt", 8]
    ])
    expect(fs.readdirSync(unbroken).toSorted()).toEqual([
      "checkpoints",
      "config.json",
      "eval",
      "events.jsonl",
      "latest",
      "metrics.jsonl",
      "replay.sqlite",
      "replay.sqlite-lock",
      "report.md",
      "trajectories"
    ])
    expect(fs.readdirSync(path.join(unbroken, "checkpoints")).toSorted()).toEqual([
      "step-000000",
      "step-000002",
      "step-000004"
    ])
    expect(fs.readdirSync(path.join(unbroken, "eval"))).toEqual(["cloned-4.json", "dreamt-4.json"])
    expect(fs.readFileSync(path.join(unbroken, "report.md"), "utf8")).toContain("Finished in ")
  })

  it("counts every real transition, those of calibration too, and each token once", () => {
    const [collected] = of(unbroken, "CollectedRealExperience")
    const [measured] = of(unbroken, "MeasuredCalibration")
    const offline = ["demonstrations", "train", "heldOut"].map((part) =>
      linesOf(unbroken, `trajectories/offline-${part}.jsonl`)
    )
    const [, train = [], heldOut = []] = offline
    expect(transitionsOf([...train, ...heldOut])).toBe(collected?.transitions)
    const calibrating = measured?.metrics["calibration/realTransitions"] ?? 0
    expect(calibrating).toBeGreaterThan(6)
    expect(summary?.realTransitions).toBe((collected?.transitions ?? 0) + calibrating)
    const perIteration = of(unbroken, "DreamtGroups").map(({ tokens }) => tokens)
    expect(Math.max(...perIteration)).toBeLessThan(2 * Math.min(...perIteration))
  })

  it("learns from one iteration before it dreams the next", () => {
    for (const iteration of [2, 4]) {
      const versions = linesOf(unbroken, `trajectories/dreams-${iteration}.jsonl`).map(
        (line) => (line as Trajectory.Trajectory).policyVersion
      )
      expect(new Set(versions)).toEqual(new Set([iteration - 1]))
    }
  })

  it("dreams of tasks that the curriculum wrote", () => {
    const records = JSON.stringify(linesOf(unbroken, "checkpoints/step-000004/curriculum.json"))
    expect(records).toContain('"Generated"')
  })
})

const transitionsOf = (trajectories: ReadonlyArray<unknown>): number =>
  trajectories.reduce<number>(
    (sum, one) => sum + (one as Trajectory.Trajectory).transitions.length,
    0
  )

describe("a run with GRPO, shown experience, and all baselines", () => {
  it("goes on after an interruption as if nothing had been", async () => {
    const settings = [
      "learner.algorithm=grpo",
      "experience.demonstrations=1",
      "train.iterations=2",
      "train.checkpointEvery=1",
      "train.start=cloned+",
      "evaluate.clonedPlus=true",
      "evaluate.real=true",
      "seed=2"
    ]
    const { evaluation } = await Effect.runPromise(train(configOf(home, "other", settings)))
    expect(evaluation.map(({ policy }) => policy)).toEqual(["cloned", "cloned+", "dreamt", "real"])
    const folder = copyAt(inHome("other"), inHome("resumed"), 1)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(inHome("other")))
    const dreams = linesOf(folder, "trajectories/dreams-2.jsonl").flatMap(
      (line) => (line as Trajectory.Trajectory).transitions
    )
    const retrieved = dreams.map(({ provenance }) =>
      provenance._tag === "Synthetic" ? provenance.retrieved.length : -1
    )
    expect(new Set(retrieved)).toEqual(new Set([1]))
  })
})

describe("a run that should not go on", () => {
  it("stops with advice before any update, where the experience model is unfit", async () => {
    const settings = ["experience.updates=20", "calibration.maxMalformed=0.1"]
    const config = configOf(home, "unfit", [...settings, "fidelity.minNextStateExact=0.9"])
    const error = await Effect.runPromise(Effect.flip(train(config)))
    expect(error).toMatchObject({ _tag: "UnfitExperienceModel" })
    const events = eventsOf(inHome("unfit"))
    const last = events.at(-1)
    expect(last?._tag === "RunStopped" && last.reason).toMatch(
      /^Malformed is .* \(bound 0.1\): .*train longer/m
    )
    expect(tagsOf(events)).toContain("MeasuredCalibration")
    expect(tagsOf(events)).not.toContain("UpdatedPolicy")
    expect(fs.existsSync(path.join(inHome("unfit"), "checkpoints"))).toBe(false)
  })

  it("stops before it learns from what is left, where the filter takes too much", async () => {
    const folder = copyAt(unbroken, inHome("few"), 0)
    const config = configOf(home, "unbroken", ["train.minAcceptRate=0.99"])
    const error = await Effect.runPromise(Effect.flip(resume(folder, config)))
    expect(error).toMatchObject({ _tag: "TooFewAccepted" })
    expect(String(error)).toMatch(/only \d+ of 12 trajectories .*or lower train.minAcceptRate/)
    const learnt = eventsOf(folder).filter(({ _tag }) => _tag === "UpdatedPolicy")
    const { iteration } = await filesOf(folder)
    expect(iteration).toBe(String(learnt.length))
  })
})
