/** Tests of the packaged trainer: whole runs, small ones, on the real engine. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import type { RunEvent, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { Report } from "../src/index.ts"
import { surviving } from "../src/Surviving.ts"
import { configOf, copyAt, deedsOf, eventsOf, filesOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "trainer-"))
const unbroken = path.join(home, "unbroken")
const inHome = (name: string) => path.join(home, name)
afterAll(() => process.env["KEEP"] ?? fs.rmSync(home, { recursive: true, force: true }))

let summary: Report.Summary | undefined
beforeAll(async () => {
  summary = await Effect.runPromise(train(configOf(home, "unbroken")))
}, 60_000)

const tagsOf = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  events.map((event) => ("phase" in event ? `${event._tag} ${event.phase}` : event._tag))

const of = <Tag extends RunEvent.RunEvent["_tag"]>(folder: string, tag: Tag) =>
  eventsOf(folder).filter(
    (event): event is Extract<RunEvent.RunEvent, { readonly _tag: Tag }> => event._tag === tag
  )

const linesOf = (folder: string, file: string): ReadonlyArray<unknown> =>
  fs
    .readFileSync(path.join(folder, file), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))

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

  it("gives the same events and parameters for the same seed", async () => {
    await Effect.runPromise(train(configOf(home, "again")))
    expect(deedsOf(inHome("again"))).toEqual(deedsOf(unbroken))
    expect(await filesOf(inHome("again"))).toEqual(await filesOf(unbroken))
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

/** Interrupts the work once `isTime` holds of the run's events. */
const interruptedWhen = <A, E>(
  work: Effect.Effect<A, E>,
  folder: string,
  isTime: (events: ReadonlyArray<RunEvent.RunEvent>) => boolean
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(work)
    const waiting = Effect.sync(() => fs.existsSync(folder) && isTime(eventsOf(folder)))
    yield* Effect.repeat(Effect.delay(waiting, "5 millis"), { until: (found) => found })
    yield* Fiber.interrupt(fiber)
    return yield* Fiber.await(fiber)
  })

describe("a run that is interrupted", () => {
  it.each([
    ["before its first update", 0, "DreamtGroups", 1],
    ["between two checkpoints", 0, "UpdatedPolicy", 3],
    ["after its last update", 2, "PhaseFinished", 0]
  ] as const)("%s goes on as if nothing had been", async (_when, from, tag, iteration) => {
    const folder = copyAt(unbroken, inHome(`interrupted-${tag}`), from)
    const before = eventsOf(folder).length
    const isTime = (events: ReadonlyArray<RunEvent.RunEvent>) =>
      events
        .slice(before)
        .some(
          (event) =>
            event._tag === tag && ("iteration" in event ? event.iteration : 0) === iteration
        )
    const exit = await Effect.runPromise(interruptedWhen(resume(folder), folder, isTime))
    expect(Exit.hasInterrupts(exit)).toBe(true)
    expect(eventsOf(folder).at(-1)).toEqual({ _tag: "RunStopped", reason: "interrupted" })
    await Effect.runPromise(resume(folder))
    expect(deedsOf(folder)).toEqual(deedsOf(unbroken))
    expect(await filesOf(folder)).toEqual(await filesOf(unbroken))
  })
})
