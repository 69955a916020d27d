/**
 * A server as a buffer uses it: a pool of connections, one schema of its own in it, brought to the version of this program.
 * What is asked of the tables is said elsewhere.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import { failed, failureOf } from "./PostgresFailure.ts"
import { type Answer, integer, numberIn, text } from "./PostgresRow.ts"
import { isSchemaName, migrationsFrom, newest, program, quoted } from "./PostgresSchema.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** How to reach the server: `url`, or host, port, database and the rest; pool sizes, timeouts and `ssl` as `PgClient` takes them. */
export type Connection = Omit<
  PgClient.PgPoolConfig,
  "transformResultNames" | "transformQueryNames" | "transformJson" | "types" | "multiplex"
>

/**
 * `url` is `postgresql://user:password@host:port/database?sslmode=...`. `patience`: how long one who wants to write waits for another
 * who does, and how long one who writes may stand still, in milliseconds.
 */
export interface Options {
  readonly url: Redacted.Redacted | Connection
  readonly schema: string
  readonly patience: number
}

/** `name` is the place in words, without a password; `schema` is quoted. */
export interface Server {
  readonly name: string
  readonly schema: string
  /** Fails as the server does: `told` says it in the words of the contract. */
  readonly ask: (
    sql: string,
    parameters?: ReadonlyArray<unknown>
  ) => Effect.Effect<ReadonlyArray<Answer>, SqlError.SqlError>
  /** All of it or nothing, seen by nobody before its end; one at a time among all processes that write to this schema. */
  readonly alone: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError.SqlError>
  /** Inside `alone`, or by itself: all that `work` reads is of one moment. */
  readonly atOnce: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError.SqlError>
  readonly told: <A>(work: Effect.Effect<A, Failed | SqlError.SqlError>) => Effect.Effect<A, Failed>
}

/**
 * Connects, and makes or migrates the tables. Fails as `Io` where the server cannot be reached or refuses, `NewerVersion` where a later
 * program made the tables, `Corrupt` where the schema is another program's, `BadRequest` where it has no proper name.
 */
export const open = Effect.fn("PostgresServer.open")(function* ({
  patience,
  schema,
  url
}: Options): Effect.fn.Return<Server, Failed, Scope.Scope> {
  const options = Redacted.isRedacted(url) ? { url } : url
  const name = `${yield* placeOf(options)} (schema ${schema})`
  if (!isSchemaName(schema)) {
    return yield* failed(
      name,
      "BadRequest",
      "a schema is called by small letters, digits and underscores, 63 at most, and not pg_*"
    )
  }
  const reactivity = yield* Reactivity.make
  const client = yield* PgClient.make({ maxMessageSize: longestRow, ...options }).pipe(
    Effect.provideService(Reactivity.Reactivity, reactivity),
    Effect.mapError((error) => failureOf(name, error))
  )
  const server = serverOf(client, name, quoted(schema), patience)
  yield* server.told(migrate(server))
  return server
})

/** As long as PostgreSQL's own can be: the vectors of a long trajectory pass the driver's 16 MiB. */
const longestRow = 2 ** 30

/** What of an address may be told. A URL that is none is not repeated, because it holds a password. */
const placeOf = ({ database, host, path, port, url }: Connection) =>
  Effect.gen(function* () {
    const parsed = url === undefined ? undefined : URL.parse(Redacted.value(url))
    if (parsed === null || !/^(postgres(ql)?:)?$/.test(parsed?.protocol ?? "")) {
      return yield* failed(
        "the database's address",
        "BadRequest",
        "it is no URL of PostgreSQL; write postgresql://user:password@host:port/database"
      )
    }
    const at = path ?? host ?? parsed?.searchParams.get("host") ?? (parsed?.hostname || "localhost")
    const by = port ?? parsed?.searchParams.get("port") ?? (parsed?.port || 5432)
    const named = parsed?.searchParams.get("dbname") ?? parsed?.pathname.slice(1)
    return `postgresql://${at}:${by}/${database ?? named ?? ""}`
  })

/** Whatever the server's defaults are. Isolation is a transaction's own. */
const readCommitted = "begin isolation level read committed"
const oneMoment = "begin isolation level repeatable read, read only"

/**
 * Waits for the one who writes. What is acknowledged is on the server's disk whatever its default (a stronger `synchronous_commit` is
 * left as it is), nobody waits for ever, and who stands still while writing is thrown out.
 */
const lock = `select
  set_config('synchronous_commit', case current_setting('synchronous_commit')
    when 'off' then 'on' when 'local' then 'on' else current_setting('synchronous_commit') end, true),
  set_config('lock_timeout', $2, true), set_config('idle_in_transaction_session_timeout', $2, true),
  pg_advisory_xact_lock(hashtextextended('dreamgym.replay.' || $1, 0))`

const serverOf = (
  client: PgClient.PgClient,
  name: string,
  schema: string,
  patience: number
): Server => {
  const ask: Server["ask"] = (sql, parameters) => client.unsafe<Answer>(sql, parameters)
  const within =
    (begin: string) =>
    <A, E>(work: Effect.Effect<A, E>) =>
      Effect.provideService(
        rolledBack(work, client.withTransaction),
        SqlClient.BeginTransaction,
        begin
      )
  const locked = ask(lock, [text(schema), text(`${patience}ms`)])
  return {
    name,
    schema,
    ask,
    alone: (work) => within(readCommitted)(Effect.andThen(locked, work)),
    atOnce: within(oneMoment),
    told: (work) => Effect.catchTag(work, "SqlError", (error) => failureOf(name, error))
  }
}

/** Where not even the rollback gets through, what failed first is the failure: `withTransaction` would die of the rollback. */
const rolledBack = <A, E>(
  work: Effect.Effect<A, E>,
  transact: (work: Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError.SqlError>
): Effect.Effect<A, E | SqlError.SqlError> =>
  Effect.suspend(() => {
    const failures: Array<E> = []
    const noted = Effect.tapError(work, (error) => Effect.sync(() => failures.push(error)))
    return Effect.catchDefect(
      transact(noted),
      (defect): Effect.Effect<never, E | SqlError.SqlError> => {
        const [first] = failures
        if (first !== undefined) return Effect.fail(first)
        return SqlError.isSqlError(defect) ? Effect.fail(defect) : Effect.die(defect)
      }
    )
  })

const migrate = Effect.fnUntraced(function* (server: Server) {
  if ((yield* versionOf(server)) === newest) return
  yield* server.alone(
    Effect.gen(function* () {
      // Another process may have been faster.
      const version = yield* versionOf(server)
      if (version === newest) return
      if (version < 0) yield* server.ask(`create schema ${server.schema}`)
      for (const statement of migrationsFrom(Math.max(0, version), server.schema)) {
        yield* server.ask(statement)
      }
      yield* server.ask(`update ${server.schema}.store set version = $1`, [integer(newest)])
    })
  )
})

/** -1: there is no such schema. 0: it is empty. */
const versionOf = Effect.fnUntraced(function* ({ ask, name, schema }: Server) {
  const [found] = yield* ask(
    `select current_setting('server_encoding') as encoding, to_regnamespace($1) is null as missing,
      to_regclass($2) is null as foreign,
      (select count(*) from pg_class where relnamespace = to_regnamespace($1)) as tables`,
    [text(schema), text(`${schema}.store`)]
  )
  if (found?.["encoding"] !== "UTF8") {
    return yield* failed(
      name,
      "Io",
      `the database is in ${String(found?.["encoding"])}; make one with the encoding UTF8`
    )
  }
  if (found["missing"] === true) return -1
  if (found["foreign"] === true) {
    return found["tables"] === 0n ? 0 : yield* others(name)
  }
  const [store] = yield* ask(`select * from ${schema}.store`)
  if (store?.["program"] !== program) return yield* others(name)
  const version = yield* checked(name, () => numberIn(store, "version"))
  if (version <= newest) return version
  return yield* failed(
    name,
    "NewerVersion",
    `it is of version ${version}, this program knows up to ${newest}; open it with a newer DreamGym`
  )
})

const others = (name: string) =>
  failed(name, "Corrupt", "the tables are another program's; name another schema")

/** What `read` makes of an answer; where that throws, the row is none of ours. */
export const checked = <A>(name: string, read: () => A): Effect.Effect<A, Failed> =>
  Effect.try({
    try: read,
    catch: (cause) =>
      failed(name, "Corrupt", `a row is none of ours (${String(cause)}); restore it from a copy`)
  })
