/** Tests of the run log and the run directory: what was said stays said. */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as PubSub from "effect/PubSub"
import { TestClock } from "effect/testing"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { defaults } from "../src/Config.ts"
import * as RunDirectory from "../src/RunDirectory.ts"
import * as RunLog from "../src/RunLog.ts"
import { surviving } from "../src/Surviving.ts"
import { dreamt, evaluation, saved, trajectory, updated, wholeRun } from "./events.ts"
import { stateAt } from "./state.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "runs-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const config = (name?: string) => ({
  ...defaults,
  run: { directory: home, ...(name === undefined ? {} : { name }) }
})
type Services = FileSystem.FileSystem | Path.Path
const run = <A, E>(effect: Effect.Effect<A, E, Services>) =>
  Effect.runPromise(effect.pipe(Effect.provide(NodeServices.layer)))

type Log = RunLog.RunLog | RunDirectory.RunDirectory
const log = RunLog.layer
const inNewRun = <A, E>(effect: Effect.Effect<A, E, Log>, name = "test-1") =>
  effect.pipe(
    RunLog.typed,
    Effect.provide(Layer.provideMerge(log, RunDirectory.layerNew(config(name))))
  )
const inOldRun = <A, E>(effect: Effect.Effect<A, E, Log>, name = "test-1") =>
  effect.pipe(
    RunLog.typed,
    Effect.provide(Layer.provideMerge(log, RunDirectory.layerExisting(name, home)))
  )

const emit = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  Effect.forEach(events, (event) => RunLog.RunLog.use((found) => found.emit(event)))
const events = RunLog.RunLog.use((found) => found.events)
const read = (file: string) => fs.readFileSync(path.join(home, "test-1", file), "utf8")
const lines = (file: string) =>
  read(file)
    .split("\n")
    .slice(0, -1)
    .map((line): { readonly [name: string]: unknown } => JSON.parse(line))

describe("the run log", () => {
  it("keeps every event with its time, and a later process finds them", async () => {
    await run(inNewRun(emit(wholeRun).pipe(Effect.provide(TestClock.layer()))))
    expect(lines("events.jsonl")).toEqual(
      wholeRun.map((event) => ({ time: "1970-01-01T00:00:00.000Z", event }))
    )
    expect(await run(inOldRun(events))).toEqual(wholeRun)
  })

  it("keeps numbers that JSON has no word for", async () => {
    const event: RunEvent.RunEvent = {
      _tag: "MeasuredFidelity",
      metrics: { a: Number.NaN, b: Number.POSITIVE_INFINITY }
    }
    await run(inNewRun(emit([event])))
    expect(await run(inOldRun(events))).toEqual([event])
  })

  it("tells every subscriber every event, after it is kept", async () => {
    const seen = Effect.gen(function* () {
      const found = yield* RunLog.RunLog
      const subscription = yield* found.subscribe
      yield* found.emit(dreamt(1))
      return [yield* PubSub.take(subscription), yield* found.events]
    }).pipe(Effect.scoped, Effect.provide(RunLog.layerMemory))
    expect(await Effect.runPromise(seen)).toEqual([dreamt(1), [dreamt(1)]])
  })

  it("keeps the events of many fibers whole", async () => {
    const many = Array.from({ length: 40 }, (_, iteration) => dreamt(iteration))
    await run(
      inNewRun(
        Effect.forEach(many, (event) => RunLog.RunLog.use((found) => found.emit(event)), {
          concurrency: "unbounded"
        })
      )
    )
    expect(lines("events.jsonl")).toHaveLength(40)
  })

  it("writes metrics under the names that users know, and a report", async () => {
    await run(inNewRun(emit(wholeRun)))
    const updates = lines("metrics.jsonl").filter((line) => "losses/policy_loss" in line)
    expect(updates).toMatchObject([
      { phase: "dream", iteration: 1, policyVersion: 2, "losses/entropy": 1.5 },
      { phase: "dream", iteration: 2, policyVersion: 3 }
    ])
    expect(read("report.md")).toContain("# Run test-1")
  })

  it("takes away a last line that a crash cut, and says which other line it cannot read", async () => {
    await run(inNewRun(emit([dreamt(1), dreamt(2)])))
    const file = path.join(home, "test-1", "events.jsonl")
    const whole = fs.readFileSync(file, "utf8")
    fs.writeFileSync(file, whole.slice(0, -5))
    expect(await run(inOldRun(Effect.andThen(emit([updated(1)]), events)))).toEqual([
      dreamt(1),
      updated(1)
    ])
    expect(await run(inOldRun(events))).toEqual([dreamt(1), updated(1)])
    fs.writeFileSync(file, `{"broken": 1}\n${whole}`)
    const error = await run(Effect.flip(inOldRun(events)))
    expect(error).toMatchObject({ _tag: "RunError", reason: "Damaged", file })
    expect(error.message).toContain("line 1")
  })

  it("that finds the disk full is a typed error, and what was kept stays", async () => {
    const failing = Effect.gen(function* () {
      const real = yield* FileSystem.FileSystem
      let appended = 0
      const full = PlatformError.systemError({
        _tag: "Unknown",
        module: "FileSystem",
        method: "writeAll",
        cause: Object.assign(new Error("no space"), { code: "ENOSPC" })
      })
      return FileSystem.FileSystem.of({
        ...real,
        open: (file, options) =>
          options?.flag === "a" && ++appended > 1 ? Effect.fail(full) : real.open(file, options)
      })
    })
    const error = await run(
      Effect.flip(inNewRun(emit([saved(1), saved(2)]))).pipe(
        Effect.provideServiceEffect(FileSystem.FileSystem, failing)
      )
    )
    const file = path.join(home, "test-1", "events.jsonl")
    expect(error).toMatchObject({ _tag: "RunError", reason: "DiskFull", file })
    expect(await run(inOldRun(events))).toEqual([saved(1)])
  })
})

describe("a run that resumed", () => {
  const before = [dreamt(1), updated(1), saved(1), dreamt(2), updated(2)]
  const resumed: RunEvent.RunEvent = { _tag: "RunResumed", run: "test-1", iteration: 1 }

  it("counts only what led to its present state", () => {
    expect(surviving([...before, resumed, dreamt(2)])).toEqual([
      ...before.slice(0, 3),
      resumed,
      dreamt(2)
    ])
  })

  it("that was killed before it said that it had saved is cut after that iteration", () => {
    const unsaid = before.filter(({ _tag }) => _tag !== "SavedCheckpoint")
    expect(surviving([...unsaid, resumed])).toEqual([...before.slice(0, 2), resumed])
  })

  it("that was saved on the way out, in the middle of an iteration, does that iteration anew", () => {
    const [first, second, save, ...rest] = before
    const lastWords = [first, second, ...rest, save].filter((event) => event !== undefined)
    expect(surviving([...lastWords, resumed])).toEqual([...before.slice(0, 2), resumed])
  })

  it("leaves events.jsonl whole and metrics.jsonl without what was done twice", async () => {
    await run(inNewRun(emit(before)))
    await run(inOldRun(emit([resumed, dreamt(2), updated(2)])))
    expect(lines("events.jsonl")).toHaveLength(8)
    const iterations = lines("metrics.jsonl").map(({ iteration }) => iteration)
    expect(iterations).toEqual([1, 1, 2, 2])
  })
})

const directory = RunDirectory.RunDirectory

describe("the run directory", () => {
  it("holds the resolved configuration and the versions, and opens with both", async () => {
    await run(inNewRun(Effect.void))
    const saved: { readonly versions: object } = JSON.parse(read("config.json"))
    expect(saved.versions).toMatchObject({
      dreamgym: "0.1.0",
      node: process.versions.node,
      "onnxruntime-node": expect.stringMatching(/^\d+\.\d+/)
    })
    expect(await run(inOldRun(directory.use((found) => Effect.succeed(found.config))))).toEqual(
      config("test-1")
    )
  })

  it("takes the next free name where none is given", async () => {
    const names = ["household-1", "household-1-2", "household-1-3"]
    for (const name of names) {
      const found = directory
        .use((one) => Effect.succeed(one.name))
        .pipe(Effect.provide(RunDirectory.layerNew(config())))
      expect(await run(found)).toBe(name)
    }
  })

  it("keeps trajectories and evaluations", async () => {
    const keep = Effect.gen(function* () {
      const found = yield* directory
      yield* found.saveTrajectories("offline", [trajectory, trajectory])
      yield* found.saveEvaluation(evaluation("dreamt", 100), 40)
      return yield* found.loadTrajectories("offline")
    })
    expect(await run(inNewRun(keep))).toEqual([trajectory, trajectory])
    expect(JSON.parse(read("eval/dreamt-40.json"))).toEqual(evaluation("dreamt", 100))
  })

  it("saves and loads checkpoints", async () => {
    const found = await run(
      inNewRun(
        directory.use((one) =>
          Effect.andThen(
            one.saveCheckpoint(3, { a: new Uint8Array([1]) }, stateAt(3)),
            one.loadCheckpoint
          )
        )
      )
    )
    expect(found).toMatchObject({ iteration: 3, files: { a: new Uint8Array([1]) } })
  })

  it.each([
    ["there is a run of that name", "Exists", () => fs.mkdirSync(path.join(home, "test-1"))],
    [
      "the folder of runs is a file",
      "Unusable",
      () => {
        fs.rmSync(home, { recursive: true })
        fs.writeFileSync(home, "")
      }
    ]
  ])("refuses a new run where %s", async (_, reason, arrange) => {
    arrange()
    expect(await run(Effect.flip(inNewRun(Effect.void)))).toMatchObject({
      _tag: "RunError",
      reason
    })
  })

  it("says which runs there are where one is unknown", async () => {
    await run(inNewRun(Effect.void))
    const error = await run(Effect.flip(inOldRun(Effect.void, "test-2")))
    expect(error).toMatchObject({ reason: "Missing" })
    expect(error.message).toContain('there is no run "test-2"')
    expect(error.message).toContain("the runs are test-1")
  })

  it("says where a trajectory or the configuration cannot be read", async () => {
    await run(inNewRun(directory.use((found) => found.saveTrajectories("a", [trajectory]))))
    fs.appendFileSync(path.join(home, "test-1", "trajectories", "a.jsonl"), "{}\n")
    const unread = inOldRun(directory.use((found) => found.loadTrajectories("a")))
    expect((await run(Effect.flip(unread))).message).toContain("line 2 is no trajectory")
    fs.writeFileSync(path.join(home, "test-1", "config.json"), '{"config":')
    expect(await run(Effect.flip(inOldRun(Effect.void)))).toMatchObject({ reason: "Damaged" })
  })

  it("belongs to one living process", async () => {
    await run(inNewRun(Effect.void))
    const lock = path.join(home, "test-1", "lock")
    expect(fs.existsSync(lock)).toBe(false)
    fs.writeFileSync(lock, `${process.ppid}\n`)
    const error = await run(Effect.flip(inOldRun(Effect.void)))
    expect(error).toMatchObject({ reason: "Busy" })
    expect(error.message).toContain(String(process.ppid))
    const dead = spawnSync(process.execPath, ["--version"]).pid
    fs.writeFileSync(lock, `${dead}\n`)
    await run(inOldRun(Effect.void))
  })
})
