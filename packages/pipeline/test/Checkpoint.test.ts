/** Tests of checkpoints: whole or not at all, whatever breaks and whenever the process dies. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { loadLatest, save } from "../src/Checkpoint.ts"

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
const step = (iteration: number) =>
  path.join(directory, "checkpoints", `step-${String(iteration).padStart(6, "0")}`)
const loaded = () => run(loadLatest(directory))
const failure = () => run(Effect.flip(loadLatest(directory)))

describe("a checkpoint", () => {
  it("comes back as it was saved", async () => {
    await run(save(directory, 20, files, { transitions: 12, nested: { "2": 1, a: [null] } }))
    expect(await loaded()).toEqual({
      iteration: 20,
      path: step(20),
      files,
      meta: { transitions: 12, nested: { "2": 1, a: [null] } },
      damaged: []
    })
    expect(fs.readFileSync(path.join(directory, "latest"), "utf8")).toBe("step-000020\n")
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual(["step-000020"])
  })

  it("replaces one of the same iteration", async () => {
    await run(save(directory, 20, older))
    await run(save(directory, 20, files))
    expect((await loaded()).files).toEqual(files)
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual(["step-000020"])
  })

  it("stays while it is one of the last that are kept", async () => {
    for (const iteration of [1, 2, 10]) {
      await run(save(directory, iteration, files, {}, { keepLast: 2 }))
    }
    expect(fs.readdirSync(path.join(directory, "checkpoints"))).toEqual([
      "step-000002",
      "step-000010"
    ])
  })

  it("of a run that has none is a clear error", async () => {
    expect(await failure()).toMatchObject({ _tag: "RunError", reason: "Missing" })
  })

  it("goes with its configuration only", async () => {
    const config = path.join(directory, "config.json")
    fs.writeFileSync(config, "{}")
    await run(save(directory, 1, files))
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
    await run(save(directory, 10, older))
    await run(save(directory, 20, files))
    const file = path.join(step(20), one.name)
    damages[one.damage]?.(file)
    expect(await loaded()).toMatchObject({
      iteration: 10,
      files: older,
      damaged: [{ _tag: "RunError", file }]
    })
  })

  it("is seen whichever byte of it is changed", async () => {
    await run(save(directory, 10, older, { a: 1 }))
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
    await run(save(directory, 10, older))
    await run(save(directory, 20, files))
    fs.rmSync(step(20), { recursive: true })
    const { damaged, iteration } = await loaded()
    expect(iteration).toBe(10)
    expect(damaged.map(({ file }) => file)).toEqual([path.join(step(20), "manifest.json")])
  })

  it("is an error with a remedy where no other is whole", async () => {
    await run(save(directory, 10, files))
    const file = path.join(step(10), "curriculum.json")
    fs.writeFileSync(file, "")
    const error = await failure()
    expect(error).toMatchObject({ reason: "Damaged", file })
    expect(error.message).toMatch(/has 0 of 2 bytes; none of the 1 checkpoints is whole: restore/)
  })
})

/** The true file system, where every write after the first `count` ones finds the disk full. */
const fullAfter = (count: number) =>
  Effect.gen(function* () {
    const real = yield* FileSystem.FileSystem
    let writes = 0
    const full = PlatformError.systemError({
      _tag: "Unknown",
      module: "FileSystem",
      method: "write",
      cause: Object.assign(new Error("no space left on device"), { code: "ENOSPC" })
    })
    return FileSystem.FileSystem.of({
      ...real,
      open: (file, options) =>
        Effect.map(real.open(file, options), (handle) => ({
          ...handle,
          sync: handle.sync,
          writeAll: (content: Uint8Array) =>
            ++writes > count
              ? Effect.andThen(handle.writeAll(content.subarray(0, 1)), Effect.fail(full))
              : handle.writeAll(content)
        }))
    })
  })

describe("a full disk", () => {
  it.each([0, 1, 2, 3])(
    "after %i writes is an error, and what was saved is whole",
    async (count) => {
      await run(save(directory, 10, older))
      const error = await run(
        save(directory, 20, files).pipe(
          Effect.provideServiceEffect(FileSystem.FileSystem, fullAfter(count)),
          Effect.flip
        )
      )
      expect(error).toMatchObject({ _tag: "RunError", reason: "DiskFull" })
      expect(error.message).toMatch(/the disk is full; .* make room/)
      const expected = count < 3 ? { iteration: 10, files: older } : { iteration: 20, files }
      expect(await loaded()).toMatchObject({ ...expected, damaged: [] })
      await run(save(directory, 30, files))
      expect(await loaded()).toMatchObject({ iteration: 30, files, damaged: [] })
    }
  )
})

/** Runs the saver, kills it after `milliseconds`, and gives the last iteration that it acknowledged. */
const saveUntilKilled = (start: number, milliseconds: number) =>
  new Promise<number>((resolve, reject) => {
    const saver = fileURLToPath(new URL("saver.ts", import.meta.url))
    const child = spawn(
      process.execPath,
      ["--conditions=source", saver, directory, String(start)],
      { stdio: ["ignore", "pipe", "inherit"] }
    )
    let said = ""
    child.stdout.on("data", (chunk) => {
      if (said === "") setTimeout(() => child.kill("SIGKILL"), milliseconds)
      said += String(chunk)
    })
    child.on("error", reject)
    child.on("close", () => resolve(Number(said.trimEnd().split("\n").at(-1))))
  })

describe("a run that is killed while it saves", () => {
  it("has a whole checkpoint, at least as new as the last acknowledged one, each time", async () => {
    let next = 0
    for (const milliseconds of [3, 11, 19, 27, 42]) {
      const acknowledged = await saveUntilKilled(next, milliseconds)
      const { damaged, files: found, iteration, meta } = await loaded()
      expect(iteration).toBeGreaterThanOrEqual(acknowledged)
      expect(meta).toEqual({ iteration })
      expect(found["parameters"]).toEqual(new Uint8Array(200_000).fill(iteration))
      expect(damaged).toEqual([])
      next = iteration + 1
    }
  })
})
