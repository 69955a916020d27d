/** Tests of checkpoints: whole or not at all, whatever breaks and whenever the process dies. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Result from "effect/Result"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { loadLatest, loadUsable, save, states } from "../src/Checkpoint.ts"
import { format, hash } from "../src/CheckpointManifest.ts"
import * as DurableFile from "../src/DurableFile.ts"
import { RunError } from "../src/RunError.ts"
import { versions } from "../src/Versions.ts"
import { killed } from "../torture/kills.ts"
import { type Fault, failingAt, faults } from "./faults.ts"
import { stateAt } from "./state.ts"

const run = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>) =>
  Effect.runPromise(effect.pipe(Effect.provide(NodeServices.layer)))

let directory = ""
beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "checkpoint-"))
})
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }))

const bytes = (...values: ReadonlyArray<number>) => new Uint8Array(values)
const files = { "policy.safetensors": bytes(1, 2, 3, 4), "curriculum.json": bytes(5, 6) }
const older = { "policy.safetensors": bytes(9), "curriculum.json": bytes(8) }
const nameOf = (iteration: number) => `step-${String(iteration).padStart(6, "0")}`
const step = (iteration: number) => path.join(directory, "checkpoints", nameOf(iteration))
const loaded = () => run(loadLatest(directory))
const failure = () => run(Effect.flip(loadLatest(directory)))

describe("a checkpoint", () => {
  it("comes back as it was saved", async () => {
    await run(save(directory, 20, files, stateAt(20, [3, 20])))
    expect(await loaded()).toEqual({
      iteration: 20,
      path: step(20),
      files,
      state: stateAt(20, [3, 20]),
      versions: await run(versions),
      skipped: []
    })
    expect(fs.readFileSync(path.join(directory, "latest"), "utf8")).toBe("step-000020\n")
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual(["step-000020"])
  })

  it("replaces one of the same iteration", async () => {
    await run(save(directory, 20, older, stateAt(20)))
    await run(save(directory, 20, files, stateAt(20)))
    expect((await loaded()).files).toEqual(files)
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual(["step-000020"])
  })

  it("stays while it is one of the last that are kept", async () => {
    for (const iteration of [1, 2, 10]) {
      await run(save(directory, iteration, files, stateAt(iteration), { keepLast: 2 }))
    }
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual([
      "step-000002",
      "step-000010"
    ])
  })

  it("stays for ever at the multiples that are asked for", async () => {
    for (const iteration of [0, 2, 4, 5, 10, 12, 14]) {
      const options = { keepLast: 2, keepEvery: 5 }
      await run(save(directory, iteration, files, stateAt(iteration), options))
    }
    const left = [0, 5, 10, 12, 14]
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual(left.map(nameOf))
    expect(await run(states(directory))).toEqual(left.toReversed().map((at) => stateAt(at)))
  })

  it("that its user cannot use is passed over, and what else goes wrong is not", async () => {
    await run(save(directory, 10, older, stateAt(10)))
    await run(save(directory, 20, files, stateAt(20)))
    const refusing = (reason: RunError["reason"]) =>
      loadUsable(directory, ({ iteration, path: file }) =>
        iteration === 20
          ? Effect.fail(new RunError({ reason, file, message: `${file}: no` }))
          : Effect.succeed(iteration + 1)
      )
    const { checkpoint, value } = await run(refusing("Damaged"))
    expect([value, checkpoint.skipped.map(({ message }) => message)]).toEqual([
      11,
      [`${step(20)}: no`]
    ])
    expect(await run(Effect.flip(refusing("DiskFull")))).toMatchObject({ reason: "DiskFull" })
  })

  it("of another version is refused with the remedy", async () => {
    await run(save(directory, 20, files, stateAt(20)))
    const file = path.join(step(20), "manifest.json")
    const { body } = JSON.parse(fs.readFileSync(file, "utf8"))
    const later = { ...body, schema: format + 1, versions: { dreamgym: "9.9.9" }, more: true }
    fs.writeFileSync(file, JSON.stringify({ body: later, sha256: hash(JSON.stringify(later)) }))
    const error = await failure()
    expect(error).toMatchObject({ reason: "OtherVersion", file })
    expect(error.message).toContain(
      `format ${format + 1}, this version reads format ${format}; go on with the version that wrote it (dreamgym 9.9.9)`
    )
  })

  it("of a run that has none is a clear error", async () => {
    expect(await failure()).toMatchObject({ _tag: "RunError", reason: "Missing" })
  })

  it("goes with its configuration only", async () => {
    const config = path.join(directory, "config.json")
    fs.writeFileSync(config, "{}")
    await run(save(directory, 1, files, stateAt(1)))
    fs.writeFileSync(config, '{"seed":2}')
    expect(await failure()).toMatchObject({ reason: "ConfigChanged", file: config })
  })
})

const damages: Readonly<Record<string, (file: string) => void>> = {
  truncated: (file) => fs.truncateSync(file, fs.statSync(file).size - 1),
  emptied: (file) => fs.truncateSync(file, 0),
  deleted: (file) => fs.rmSync(file),
  "replaced by a folder": (file) => {
    fs.rmSync(file)
    fs.mkdirSync(file)
  }
}
const names = [...Object.keys(files), "manifest.json"]
const cases = Object.keys(damages).flatMap((damage) => names.map((name) => ({ damage, name })))

describe("a damaged checkpoint", () => {
  it.each(cases)("is seen where $name is $damage, and the one before is used", async (one) => {
    await run(save(directory, 10, older, stateAt(10)))
    await run(save(directory, 20, files, stateAt(20)))
    const file = path.join(step(20), one.name)
    damages[one.damage]?.(file)
    expect(await loaded()).toMatchObject({
      iteration: 10,
      files: older,
      skipped: [{ _tag: "RunError", file }]
    })
  })

  it("is seen whichever byte of it is changed", async () => {
    await run(save(directory, 10, older, stateAt(10)))
    for (const name of fs.readdirSync(step(10))) {
      const file = path.join(step(10), name)
      const whole = fs.readFileSync(file)
      const places = name === "manifest.json" ? whole.keys() : [0, whole.length - 1]
      for (const place of places) {
        const changed = Buffer.from(whole)
        changed[place] = (changed[place] ?? 0) ^ 1
        fs.writeFileSync(file, changed)
        expect([place, (await failure()).reason]).toEqual([place, "Damaged"])
      }
      fs.writeFileSync(file, whole)
    }
    expect((await loaded()).iteration).toBe(10)
  })

  it("is reported where its folder is gone altogether", async () => {
    await run(save(directory, 10, older, stateAt(10)))
    await run(save(directory, 20, files, stateAt(20)))
    fs.rmSync(step(20), { recursive: true })
    const { iteration, skipped } = await loaded()
    expect(iteration).toBe(10)
    expect(skipped.map(({ file }) => file)).toEqual([path.join(step(20), "manifest.json")])
  })

  it("is an error with a remedy where no other is whole", async () => {
    await run(save(directory, 10, files, stateAt(10)))
    const file = path.join(step(10), "curriculum.json")
    fs.writeFileSync(file, "")
    const error = await failure()
    expect(error).toMatchObject({ reason: "Damaged", file })
    expect(error.message).toMatch(
      /has 0 of 2 bytes; none of the 1 checkpoints can be used: restore/
    )
  })
})

/** Saves the checkpoint of 20 over one of 10, with a fault at operation `at`; says what was asked of the disk. */
const savedWith = async (at: number, fault: Fault) => {
  fs.rmSync(directory, { recursive: true })
  fs.mkdirSync(directory)
  fs.writeFileSync(path.join(directory, "config.json"), "{}")
  await run(save(directory, 10, older, stateAt(10)))
  await run(save(directory, 15, older, stateAt(15)))
  const { done, over } = failingAt(at, fault)
  const saving = save(directory, 20, files, stateAt(20), { keepLast: 2 })
  const result = await run(
    Effect.result(saving).pipe(Effect.provideServiceEffect(FileSystem.FileSystem, over))
  )
  return { error: Result.isFailure(result) ? result.failure : undefined, done }
}

const latest = () => fs.readFileSync(path.join(directory, "latest"), "utf8").trim()

describe("a disk that fails at any one operation of a save", () => {
  it.each(faults)(
    "(%s) gives a typed error with a remedy, and leaves what was saved whole",
    async (fault) => {
      const count = (await savedWith(0, fault)).done.length
      expect(count).toBeGreaterThan(20)
      const failed = new Set<string>()
      for (let at = 1; at <= count; at++) {
        const { done, error } = await savedWith(at, fault)
        const where = `${fault} at ${done[at - 1]}`
        const found = await loaded()
        expect((await run(states(directory)))[0], where).toEqual(found.state)
        // Before the new one is in its place it does not count, after that it does, said or not.
        expect([15, 20], where).toContain(found.iteration)
        expect(found, where).toMatchObject({
          files: found.iteration === 20 ? files : older,
          state: stateAt(found.iteration),
          skipped: []
        })
        if (error === undefined) expect(found.iteration, where).toBe(20)
        else {
          failed.add(done[at - 1]?.split(" ")[0] ?? "")
          expect(error, where).toMatchObject({ _tag: "RunError" })
          expect(error.message, where).toContain(`${error.file}: `)
          expect(error.file.startsWith(directory), where).toBe(true)
          expect(error.message, where).toMatch(/resume|choose another folder/)
        }
        expect(fs.existsSync(path.join(directory, "checkpoints", latest())), where).toBe(true)
        await run(save(directory, 30, files, stateAt(30), { keepLast: 2 }))
        expect(await loaded(), where).toMatchObject({ iteration: 30, files, skipped: [] })
        expect(latest(), where).toBe("step-000030")
        const left = fs.readdirSync(path.join(directory, "checkpoints"))
        expect(left.toSorted(), where).toEqual([nameOf(found.iteration), "step-000030"])
      }
      const all = [
        "exists",
        "makeDirectory",
        "readDirectory",
        "readFile",
        "rename",
        "sync",
        "write"
      ]
      expect([...failed].toSorted()).toEqual(fault === "short" ? ["write"] : all)
    }
  )

  it("where the same iteration is saved again, leaves the old one or the new one", async () => {
    const savedAgain = async (at: number) => {
      fs.rmSync(directory, { recursive: true })
      fs.mkdirSync(directory)
      await run(save(directory, 20, older, stateAt(20)))
      const { done, over } = failingAt(at, "broken")
      const saving = Effect.result(save(directory, 20, files, stateAt(20)))
      await run(Effect.provideServiceEffect(saving, FileSystem.FileSystem, over))
      return done
    }
    const count = (await savedAgain(0)).length
    expect(count).toBeGreaterThan(20)
    for (let at = 1; at <= count; at++) {
      const done = await savedAgain(at)
      const found = await loaded()
      expect([files, older], done[at - 1]).toContainEqual(found.files)
      expect((await run(states(directory)))[0], done[at - 1]).toEqual(found.state)
      await run(save(directory, 30, files, stateAt(30)))
      expect((await loaded()).skipped).toEqual([])
    }
  })
})

describe("a line that is appended", () => {
  it.each(faults)("(%s) is there whole or not at all", async (fault) => {
    const file = path.join(directory, "events.jsonl")
    for (let at = 1; at <= 2; at++) {
      fs.writeFileSync(file, "first\n")
      const { over } = failingAt(at, fault)
      const result = await run(
        Effect.result(DurableFile.append(file, "second\n")).pipe(
          Effect.provideServiceEffect(FileSystem.FileSystem, over)
        )
      )
      const text = fs.readFileSync(file, "utf8")
      expect(text).toBe(Result.isSuccess(result) ? "first\nsecond\n" : "first\n")
    }
  })
})

describe("a run that is killed while it saves", () => {
  it("has its last acknowledged checkpoint or a newer one, and the buffer that belongs to it", async () => {
    const kills = await Effect.runPromise(
      killed({ directory, kills: 5, longestMs: 100, random: Math.random })
    )
    expect(kills.flatMap(({ findings }) => findings)).toEqual([])
    expect(kills.at(-1)?.found).toBeGreaterThan(0)
  })
})
