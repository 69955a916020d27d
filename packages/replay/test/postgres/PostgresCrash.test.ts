/** What a buffer in PostgreSQL is worth when a process that writes to it, or the server itself, is killed. Commits are synced here. */
import { Seed } from "@dreamgym/domain"
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { execFileSync, spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { trajectoryOf } from "../disk.ts"
import { add } from "../storePlace.ts"
import { all, place } from "./place.ts"
import { startServer, type TestServer } from "./server.ts"

const server = await startServer(true)

const writer = fileURLToPath(new URL("writer.ts", import.meta.url))

/** Runs until it has acknowledged something and `more` milliseconds longer; then it is killed. Answers what it acknowledged. */
const killedWriter = (url: string, schema: string, prefix: string, per: number, more: number) =>
  Effect.callback<ReadonlyArray<string>>((resume) => {
    const child = spawn(
      process.execPath,
      ["--conditions=source", writer, url, schema, prefix, `${per}`],
      { stdio: ["ignore", "pipe", "inherit"] }
    )
    let told = ""
    child.stdout.on("data", (some) => {
      if (told === "") setTimeout(() => child.kill("SIGKILL"), more)
      told += String(some)
    })
    child.on("close", () => {
      const lines = told.slice(0, told.lastIndexOf("\n") + 1)
      resume(Effect.succeed(lines.split(/\s+/).filter((id) => id !== "")))
    })
  })

/** The server and all that it started, at once; answers when the server is gone. */
const killServer = Effect.fnUntraced(function* (directory: string) {
  const server = yield* Effect.sync(() => {
    const [first = ""] = fs.readFileSync(path.join(directory, "postmaster.pid"), "utf8").split("\n")
    const children = execFileSync("ps", ["-o", "pid=", "--ppid", first], { encoding: "utf8" })
    for (const pid of [first, ...children.trim().split(/\s+/)]) {
      if (/^\d+$/.test(pid.trim())) process.kill(Number(pid), "SIGKILL")
    }
    return Number(first)
  })
  while (yield* isThere(server)) yield* Effect.sleep("10 millis")
})

const isThere = (pid: number) =>
  Effect.sync(() => process.kill(pid, 0)).pipe(Effect.catchCause(() => Effect.succeed(false)))

const suite = (url: string) => {
  it.live(
    "writers that are killed at random moments lose nothing that they acknowledged, and leave nothing half",
    () =>
      Effect.gen(function* () {
        const { open, schema, sql } = yield* place(url)
        const random = Seed.generator(Seed.key(1, "postgres-crash"))
        const runs = [1, 40].map((per, i) =>
          killedWriter(url, schema, `w${i}`, per, Math.floor(random() * 200))
        )
        const acknowledged = (yield* Effect.all(runs, { concurrency: 2 })).flat()
        const kept = yield* open()
        const there = (yield* all(kept)).map(({ task }) => task.id)
        assert.isAbove(acknowledged.length, 40)
        assert.deepStrictEqual(
          acknowledged.filter((id) => !there.includes(id)),
          []
        )
        const perAddition = Map.groupBy(
          there.filter((id) => id.startsWith("w1")),
          (id) => id.slice(0, id.lastIndexOf("-"))
        )
        assert.deepStrictEqual(
          [...perAddition.values()].filter((ids) => ids.length !== 40),
          []
        )
        assert.deepStrictEqual(
          yield* sql(
            "select * from @.step s where not exists (select 1 from @.trajectory t where t.seq = s.trajectory)"
          ),
          []
        )
        yield* add(kept, trajectoryOf("after"))
      }).pipe(Effect.scoped)
  )
}

const crash = ({ directory = "", start, url }: TestServer) => {
  it.live(
    "a server that is killed in the middle of additions has all that was acknowledged, and those who used it go on",
    () =>
      Effect.gen(function* () {
        const { open } = yield* place(url)
        const kept = yield* open()
        const acknowledged: Array<string> = []
        const adding = Effect.gen(function* () {
          for (let i = 0; ; i++) {
            yield* add(kept, trajectoryOf(`t${i}`))
            acknowledged.push(`t${i}`)
          }
        })
        const end = yield* Effect.forkChild(Effect.flip(adding))
        yield* Effect.sleep("400 millis")
        yield* killServer(directory)
        const error = yield* end.pipe(Fiber.join)
        assert.strictEqual(error.reason, "Io")
        const whileAway = yield* Effect.flip(add(kept, trajectoryOf("away")))
        assert.deepStrictEqual(
          [whileAway.reason, whileAway.message.includes("127.0.0.1")],
          ["Io", true]
        )
        // Not stopped first: the package would wait for ever for one that is gone already.
        yield* Effect.promise(start)
        yield* add(kept, trajectoryOf("again"))
        const fresh = yield* open()
        const there = (yield* all(fresh)).map(({ task }) => task.id)
        assert.deepStrictEqual(
          acknowledged.filter((id) => !there.includes(id)),
          []
        )
        assert.include(there, "again")
        assert.deepStrictEqual(kept.entries(), fresh.entries())
      }).pipe(Effect.scoped)
  )
}

if (typeof server === "string") {
  it.skip(server)
} else {
  afterAll(server.remove)
  describe("a kill", () => {
    suite(server.url)
    if (server.directory !== undefined) crash(server)
  })
}
