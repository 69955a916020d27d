/**
 * PostgreSQL with pgvector inside this process (PGlite), spoken to by the real client over streams that end in it.
 * It is one session for all of them: whoever is in a transaction has it alone.
 */
import { PGlite } from "@electric-sql/pglite"
import { vector } from "@electric-sql/pglite-pgvector"
import { Duplex } from "node:stream"
import type { Connection } from "../../src/postgres/PostgresServer.ts"

export interface Pglite {
  /** What any number of buffers may be opened with. */
  readonly connection: Connection
  /** SQL from outside; the rows of the last statement. */
  readonly sql: (text: string) => Promise<ReadonlyArray<object>>
  readonly stop: () => Promise<void>
}

export const startPglite = async (): Promise<Pglite> => {
  const database = await PGlite.create({ extensions: { vector } })
  const session: Session = { database, line: Promise.resolve() }
  return {
    connection: {
      host: "pglite",
      database: "postgres",
      username: "postgres",
      maxConnections: 1,
      // Names of statements would meet in the one session.
      prepare: false,
      stream: () => streamTo(session)
    },
    sql: async (text) => (await database.exec(text)).at(-1)?.rows ?? [],
    stop: () => database.close()
  }
}

/** `line` ends when the session is free. */
interface Session {
  readonly database: PGlite
  line: Promise<void>
}

const streamTo = (session: Session): Duplex => {
  let isStarted = false
  let leave: (() => void) | undefined
  const answer = async (chunk: Uint8Array): Promise<Buffer> => {
    if (!isStarted) {
      isStarted = true
      return welcome
    }
    // A client that leaves; the session goes on for the others.
    if (chunk[0] === farewell) return Buffer.alloc(0)
    if (leave === undefined) {
      const before = session.line
      const { promise, resolve } = Promise.withResolvers<void>()
      session.line = before.then(() => promise)
      leave = resolve
      await before
    }
    const bytes = Buffer.from(await session.database.execProtocolRaw(chunk))
    // It ends with whether it is idle (I) or in a transaction.
    if (bytes.at(-1) === idle) {
      leave()
      leave = undefined
    }
    return bytes
  }
  const stream: Duplex = new Duplex({
    read: () => undefined,
    write: (chunk: Uint8Array, _, done) => {
      const answered = async () => {
        const [bytes, failure] = await answer(chunk).then(
          (given) => [given, null] as const,
          (cause: unknown) => [Buffer.alloc(0), new Error(String(cause))] as const
        )
        if (bytes.length > 0) stream.push(bytes)
        done(failure)
      }
      void answered()
    },
    destroy: (cause, done) => {
      leave?.()
      done(cause)
    }
  })
  return stream
}

const idle = "I".charCodeAt(0)
const farewell = "X".charCodeAt(0)

const message = (kind: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5, kind)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const parameter = (name: string, value: string) => message("S", Buffer.from(`${name}\0${value}\0`))

/** What a server says to a client that it knows: PGlite is past that when it starts. */
const welcome = Buffer.concat([
  message("R", Buffer.alloc(4)),
  parameter("server_version", "18.0"),
  parameter("client_encoding", "UTF8"),
  parameter("standard_conforming_strings", "on"),
  parameter("integer_datetimes", "on"),
  message("K", Buffer.alloc(8)),
  message("Z", Buffer.from("I"))
])
