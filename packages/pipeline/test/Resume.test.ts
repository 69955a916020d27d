/** Tests of runs that go on: interrupted, killed, out of disk, without their database; the same end each time, or a clear word. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { ReplayBuffer, type RunEvent } from "@dreamgym/domain"
import { ReplayBuffer as Replay } from "@dreamgym/replay"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as PlatformError from "effect/PlatformError"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Buffers from "../src/Buffers.ts"
import * as Checkpoint from "../src/Checkpoint.ts"
import type { Report } from "../src/index.ts"
import { allOf, bufferOf, copyAt, eventsOf, filesOf, of, tagsOf } from "./runs.ts"
import { configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "resume-"))
const unbroken = path.join(home, "unbroken")
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

let summary: Report.Summary | undefined
beforeAll(async () => {
  summary = await Effect.runPromise(train(configOf(home, "unbroken")))
}, 60_000)

/** Interrupts the work once `isTime` holds of the run's events. */
const interruptedWhen = <A, E>(
  work: Effect.Effect<A, E>,
  folder: string,
  isTime: (events: ReadonlyArray<RunEvent.RunEvent>) => boolean
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(work)
    const waiting = Effect.sync(() => isTime(eventsOf(folder)))
    yield* Effect.repeat(Effect.delay(waiting, "5 millis"), { until: (found) => found })
    // The event is told a moment before the iteration counts as done.
    yield* Effect.sleep("50 millis")
    yield* Fiber.interrupt(fiber)
    return yield* Fiber.await(fiber)
  })

describe("a run that is interrupted", () => {
  it.each([
    ["before its first update", 0, "PhaseStarted", 0],
    ["while it evaluates", 2, "PhaseFinished", 4]
  ] as const)("%s goes on as if nothing had been", async (_when, from, tag, saved) => {
    const folder = copyAt(unbroken, inHome(`interrupted-${tag}`), from)
    const before = eventsOf(folder).length
    const isTime = (events: ReadonlyArray<RunEvent.RunEvent>) =>
      events.slice(before).some((event) => event._tag === tag)
    const exit = await Effect.runPromise(interruptedWhen(resume(folder), folder, isTime))
    expect(Exit.hasInterrupts(exit)).toBe(true)
    expect(eventsOf(folder).at(-1)).toEqual({ _tag: "RunStopped", reason: "interrupted" })
    expect(Number((await filesOf(folder))["iteration"])).toBeGreaterThanOrEqual(saved)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  })
})

describe("two runs with the same seed", () => {
  it("do the same and learn the same, though one of them is interrupted between checkpoints", async () => {
    const folder = inHome("again")
    const isTime = (events: ReadonlyArray<RunEvent.RunEvent>) =>
      events.some((event) => event._tag === "PhaseProgressed" && event.phase === "dream")
    await Effect.runPromise(interruptedWhen(train(configOf(home, "again")), folder, isTime))
    const { iteration } = await filesOf(folder)
    expect(["1", "2"]).toContain(iteration)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  })
})

describe("the seconds of a run", () => {
  it("are those of all its processes", async () => {
    const folder = copyAt(unbroken, inHome("late"), 4)
    const before = summary?.seconds["dream"] ?? 0
    const { seconds } = await Effect.runPromise(resume(folder))
    expect(seconds["dream"]).toBeGreaterThan(0.8 * before)
    expect(seconds["collect"]).toBe(summary?.seconds["collect"])
  })
})

/**
 * Works on the run in a process of its own, and kills that so long after the dreams of `iteration` were told.
 * `args` are those of `trainee.ts`.
 */
const killed = (
  args: ReadonlyArray<string>,
  folder: string,
  iteration: number,
  milliseconds: number
) =>
  new Promise<void>((resolve, reject) => {
    const trainee = fileURLToPath(new URL("trainee.ts", import.meta.url))
    const child = spawn(process.execPath, ["--conditions=source", trainee, ...args], {
      stdio: ["ignore", "ignore", "inherit"]
    })
    const watch = setInterval(() => {
      if (!of(folder, "DreamtGroups").some((event) => event.iteration >= iteration)) return
      clearInterval(watch)
      setTimeout(() => child.kill("SIGKILL"), milliseconds)
    }, 5)
    child.on("error", reject)
    child.on("close", () => {
      clearInterval(watch)
      resolve()
    })
  })

/** Less than the rest of such a run takes on a fast machine. */
const mostMilliseconds = 60

describe("a run that is killed while it dreams", () => {
  it("after its second checkpoint goes on to the same end, byte for byte", async () => {
    const folder = inHome("killed")
    const milliseconds = Math.floor(Math.random() * mostMilliseconds)
    await killed(["train", home, "killed"], folder, 3, milliseconds)
    const died = tagsOf(eventsOf(folder)).at(-1)
    expect(["RunStopped", "RunFinished"]).not.toContain(died)
    await Effect.runPromise(resume(folder))
    const when = `killed after ${milliseconds} ms, at ${died}`
    expect(await allOf(folder), when).toEqual(await allOf(unbroken))
  }, 120_000)

  it("goes on though it is killed again and again", async () => {
    const folder = copyAt(unbroken, inHome("again and again"), 0)
    for (const iteration of [1, 3]) {
      await killed(
        ["resume", folder],
        folder,
        iteration,
        Math.floor(Math.random() * mostMilliseconds)
      )
    }
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  }, 120_000)
})

describe("a run that is finished", () => {
  it("has nothing to do, and stays as it is", async () => {
    const folder = copyAt(unbroken, inHome("finished"), 4)
    fs.copyFileSync(path.join(unbroken, "events.jsonl"), path.join(folder, "events.jsonl"))
    const before = eventsOf(folder)
    const error = await Effect.runPromise(Effect.flip(resume(folder)))
    expect(error).toMatchObject({ _tag: "NothingToDo" })
    expect(eventsOf(folder)).toEqual(before)
  })
})

describe("a run whose database", () => {
  it("is gone cannot go on, and stays as it is", async () => {
    const folder = copyAt(unbroken, inHome("no database"), 2)
    const before = eventsOf(folder)
    fs.rmSync(path.join(folder, "replay.sqlite"))
    const error = await Effect.runPromise(Effect.flip(resume(folder)))
    expect(error).toMatchObject({ reason: "Missing", file: `${folder}/replay.sqlite` })
    expect(eventsOf(folder)).toEqual(before)
    expect(fs.existsSync(path.join(folder, "replay.sqlite"))).toBe(false)
  })

  it("has lost a snapshot goes on from the checkpoint before, to the same end", async () => {
    const folder = copyAt(unbroken, inHome("lost snapshot"), 2)
    await inBuffer(folder, (buffer, snapshot) => buffer.release(snapshot))
    const said = await warningsOf(resume(folder))
    expect(said).toEqual([
      expect.stringMatching(
        /step-000002: .*replay.sqlite has no snapshot \d+; .*step-000000 is used/
      )
    ])
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  })

  it("is that of another run cannot go on, and the other is left as it is", async () => {
    const folder = copyAt(unbroken, inHome("foreign"), 4)
    const [first] = await bufferOf(unbroken)
    const theirs = first === undefined ? [] : [{ ...first, id: "theirs" }]
    fs.rmSync(Buffers.fileOf(folder))
    await inBuffer(folder, (buffer) => buffer.add(theirs))
    const error = await Effect.runPromise(Effect.flip(resume(folder)))
    expect(error).toMatchObject({ _tag: "RunError", reason: "Damaged" })
    expect(String(error)).toMatch(/is not the buffer of this run; none of the 3 checkpoints/)
    expect(await bufferOf(folder)).toEqual(theirs)
  })
})

/** Does `work` with a run's buffer and the snapshot of its newest checkpoint, and closes it. */
const inBuffer = <A, E>(
  folder: string,
  work: (buffer: ReplayBuffer.ReplayBuffer["Service"], snapshot: number) => Effect.Effect<A, E>
) =>
  Effect.gen(function* () {
    const { state } = yield* Checkpoint.loadLatest(folder)
    const buffer = yield* ReplayBuffer.ReplayBuffer
    return yield* work(buffer, state.buffer?.snapshot ?? -1)
  }).pipe(
    Effect.provide(
      Replay.layerSqlite({ file: Buffers.fileOf(folder) }).pipe(
        Layer.provideMerge(NodeServices.layer)
      )
    ),
    Effect.runPromise
  )

/** What the work warned of. */
const warningsOf = async <A, E>(work: Effect.Effect<A, E>) => {
  const said: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (logLevel === "Warn") said.push(String(message))
  })
  await Effect.runPromise(Effect.provide(work, Logger.layer([logger])))
  return said
}

/** The true file system, on which nothing more can be written where `isFull` holds of the path. */
const fullWhere = (isFull: (file: string) => boolean) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (real) => ({
      ...real,
      open: (file, options) =>
        isFull(file) && options?.flag !== "r"
          ? Effect.fail(
              PlatformError.systemError({
                _tag: "Unknown",
                module: "FileSystem",
                method: "write",
                cause: Object.assign(new Error("no space left on device"), { code: "ENOSPC" })
              })
            )
          : real.open(file, options)
    }))
  )

describe("a full disk", () => {
  it("in the middle of an iteration stops the run with advice, and what was saved goes on", async () => {
    const folder = copyAt(unbroken, inHome("full"), 0)
    const isFull = (file: string) => file.includes("dreams-2")
    const error = await Effect.runPromise(Effect.flip(resume(folder, undefined, fullWhere(isFull))))
    expect(error).toMatchObject({ _tag: "RunError", reason: "DiskFull" })
    const last = eventsOf(folder).at(-1)
    expect(last?._tag === "RunStopped" && last.reason).toMatch(/the disk is full; .* make room/)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(unbroken))
  })

  it("under the run log is an error of the run, not a defect", async () => {
    const folder = copyAt(unbroken, inHome("full log"), 2)
    let count = 0
    const isFull = (file: string) => file.endsWith("events.jsonl") && ++count > 4
    const error = await Effect.runPromise(Effect.flip(resume(folder, undefined, fullWhere(isFull))))
    expect(error).toMatchObject({ _tag: "RunError", reason: "DiskFull" })
  })
})
