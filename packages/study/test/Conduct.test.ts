/** Tests of conducting: everything is run once, whatever ends, fails or is killed in between. The trainer invents its runs. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ConfigResolve from "@dreamgym/pipeline/ConfigResolve"
import * as RunLog from "@dreamgym/pipeline/RunLog"
import * as Surviving from "@dreamgym/pipeline/Surviving"
import * as Versions from "@dreamgym/pipeline/Versions"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Code from "../src/Code.ts"
import * as Conduct from "../src/Conduct.ts"
import * as Ledger from "../src/Ledger.ts"
import { fake, units } from "./small.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "conduct-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const run = <A, E>(work: Effect.Effect<A, E, NodeServices.NodeServices>) =>
  Effect.runPromise(Effect.provide(work, NodeServices.layer))

const ids = units.map(({ id }) => id)

const conduct = (program = fake(0), told: Array<Conduct.Progress> = [], parallel = 2) =>
  Conduct.conduct(units, {
    directory: home,
    parallel,
    program,
    tell: (progress) => Effect.sync(() => told.push(progress))
  })

/** Which units were begun, each as often as its run says. */
const begun = (): Promise<Readonly<Record<string, number>>> =>
  run(
    Effect.map(
      Effect.forEach(ids, (id) =>
        Effect.map(RunLog.read(path.join(home, id)), (events) => [
          id,
          events.filter(({ _tag }) => _tag === "RunStarted").length
        ])
      ),
      Object.fromEntries
    )
  )

const once = Object.fromEntries(ids.map((id) => [id, 1]))
const results = () => run(Ledger.read(home))
const settingOf = (id: string, key: string) => {
  const saved = JSON.parse(fs.readFileSync(path.join(home, id, "config.json"), "utf8"))
  return saved.config.train[key]
}

const until = async (isThere: () => boolean) => {
  for (let i = 0; i < 600 && !isThere(); i++) await new Promise((done) => setTimeout(done, 25))
  expect(isThere()).toBe(true)
}
const hasLine = (file: string, text: string) => {
  const whole = path.join(home, file)
  return fs.existsSync(whole) && fs.readFileSync(whole, "utf8").includes(text)
}

describe("a study", () => {
  it("runs every unit once, gives sim-to-real its tenth, and has nothing to do the second time", async () => {
    const told: Array<Conduct.Progress> = []
    expect(await run(conduct(fake(0), told))).toEqual({
      finished: expect.arrayContaining(ids),
      failed: [],
      waiting: []
    })
    expect(await begun()).toEqual(once)
    expect(settingOf("L0/1/ppo_real_10x", "realTransitions")).toBe(9000)
    expect(settingOf("L0/1/ppo_real_10x", "iterations")).toBe(72)
    expect(settingOf("L0/1/ppo_s2r", "realTransitions")).toBe(100)
    expect(told.at(-1)).toMatchObject({ total: 5, finished: 5, running: [], secondsLeft: 0 })
    expect(Math.max(...told.map(({ running }) => running.length))).toBe(2)
    const before = await results()
    expect(before.map(({ unit }) => unit).toSorted()).toEqual(ids.toSorted())
    const hasCommit = (await run(Code.own)) !== undefined
    expect(before.map((entry) => "code" in entry)).toEqual(ids.map(() => hasCommit))
    await run(conduct({ command: "no such program", args: [] }))
    expect(await results()).toEqual(before)
  })

  it("goes on when a unit fails, says why, leaves what needs it, and runs only these again", async () => {
    const ended = await run(conduct(fake(0, "ppo_real")))
    expect(ended).toEqual({
      finished: expect.arrayContaining(["L0/1/sft", "L0/1/ppo_dream"]),
      failed: [{ unit: "L0/1/ppo_real", reason: "no luck today" }],
      waiting: ["L0/1/ppo_real_10x", "L0/1/ppo_s2r"]
    })
    expect((await results()).find(({ _tag }) => _tag === "Failed")).toMatchObject({
      unit: "L0/1/ppo_real",
      reason: "no luck today"
    })
    expect((await run(conduct())).failed).toEqual([])
    expect(await begun()).toEqual(once)
  })

  it("tells of a program that cannot be started as a failure of the unit", async () => {
    const ended = await run(conduct({ command: path.join(home, "nothing"), args: [] }))
    expect(ended.failed.map(({ unit }) => unit)).toEqual(["L0/1/sft"])
    expect(ended.waiting).toEqual(ids.slice(1))
  })

  it("that is interrupted lets its runs stop by themselves, and goes on with them", async () => {
    const work = Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(conduct(fake(40), [], 1))
      yield* Effect.promise(() => until(() => hasLine("L0/1/sft/events.jsonl", "SavedCheckpoint")))
      yield* Fiber.interrupt(fiber)
    })
    await run(work)
    const stopped = await run(RunLog.read(path.join(home, "L0/1/sft")))
    expect(stopped.at(-1)).toEqual({ _tag: "RunStopped", reason: "interrupted" })
    expect(await results()).toEqual([])
    expect((await run(conduct())).finished).toHaveLength(5)
    expect(await begun()).toEqual(once)
    const resumed = await run(RunLog.read(path.join(home, "L0/1/sft")))
    expect(resumed.map(({ _tag }) => _tag)).toContain("RunResumed")
    expect(Surviving.surviving(resumed).at(-1)?._tag).toBe("RunFinished")
  })

  it("whose conductor is killed in the middle runs only what is missing", async () => {
    const conductor = path.join(import.meta.dirname, "conductor.ts")
    const child = spawn(process.execPath, ["--conditions=source", conductor, home, "30"])
    await until(() => hasLine("results.jsonl", "L0/1/sft"))
    await until(() => hasLine("L0/1/ppo_real/events.jsonl", "SavedCheckpoint"))
    const gone = new Promise((done) => child.on("exit", done))
    child.kill("SIGKILL")
    await gone
    const before = await results()
    expect(before.map(({ unit }) => unit)).toEqual(["L0/1/sft"])
    expect((await run(conduct())).finished).toHaveLength(5)
    expect(await begun()).toEqual(once)
    expect((await results()).slice(0, 1)).toEqual(before)
  })

  it("waits while another process is at work in a unit's folder", async () => {
    const folder = path.join(home, "L0/1/sft")
    const other = spawn("sleep", ["2"])
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, "lock"), `${other.pid}\n`)
    const options = { directory: home, parallel: 1, program: fake(0), tell: () => Effect.void }
    const ended = run(Conduct.conduct(units.slice(0, 1), options))
    await new Promise((done) => setTimeout(done, 1000))
    expect(fs.readFileSync(path.join(folder, "lock"), "utf8")).toBe(`${other.pid}\n`)
    expect((await ended).finished).toEqual(["L0/1/sft"])
  })

  it("is conducted by one process at a time", async () => {
    fs.writeFileSync(path.join(home, "lock"), `${process.ppid}\n`)
    const failure = await run(Effect.flip(conduct()))
    expect(failure).toMatchObject({ reason: "Busy" })
  })

  it("does not take the run of other settings that lies in a unit's folder", async () => {
    const folder = path.join(home, "L0/1/sft")
    const [unit] = units
    const settings = [...(unit?.settings ?? []), "train.groupSize=5"]
    const config = Result.getOrThrow(ConfigResolve.resolve({ settings }))
    const versions = await run(Versions.versions)
    fs.mkdirSync(folder, { recursive: true })
    fs.writeFileSync(path.join(folder, "config.json"), JSON.stringify({ config, versions }))
    const { failed } = await run(conduct())
    expect(failed).toEqual([
      {
        unit: "L0/1/sft",
        reason: expect.stringContaining("train.groupSize was 5 and is 4; results are not mixed")
      }
    ])
    expect(fs.readdirSync(folder)).toEqual(["config.json"])
  })
})
