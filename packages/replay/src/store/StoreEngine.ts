/**
 * The database behind a buffer, in the thread that owns it: opened, migrated, counted, closed.
 * It throws what SQLite throws; what is written is in `StoreWriting`, what a failure means in `StoreFailure`.
 */
import * as Result from "effect/Result"
import * as fs from "node:fs"
import { DatabaseSync } from "node:sqlite"
import { type Quotas, type Shelf, shelves } from "../Quotas.ts"
import { Refused } from "./StoreFailure.ts"
import { applicationId, migrations } from "./StoreSchema.ts"
import { type Statements, statementsOf } from "./StoreStatements.ts"
import type { OpenRequest } from "./StoreWire.ts"

/**
 * An open database. `counts` follow what is kept; after a rollback they are read again. `space` is the one whose vectors alone are
 * there, as far as that is known; `dataVersion` what SQLite counted of others' writes at the last `index`.
 */
export interface Engine {
  readonly database: DatabaseSync
  readonly lock: DatabaseSync | undefined
  readonly quotas: Quotas
  readonly run: Statements
  readonly isNew: boolean
  readonly isReadOnly: boolean
  counts: Record<Shelf, number>
  space: string | undefined
  dataVersion: number
}

/** KiB of pages: the upper levels of every index of a million steps, so that a row takes one read. */
const cacheSize = 32_768

/** Long enough for a reader in another process that is just looking. */
const patience = 5000

/** The lock is a file of its own, so that other processes may read while one writes; it goes with the process that holds it. */
export const lockName = (file: string): string => `${file}-lock`

export const open = (request: OpenRequest): Engine =>
  request.isReadOnly
    ? looking(request)
    : guarded(new DatabaseSync(lockName(request.file)), (lock) => {
        lock.exec("begin exclusive")
        return guarded(new DatabaseSync(request.file, { timeout: patience }), (database) =>
          prepared(lock, database, request)
        )
      })

/** A database that could not be used is closed again. */
const guarded = <A>(database: DatabaseSync, use: (database: DatabaseSync) => A): A => {
  const used = Result.try({ try: () => use(database), catch: (cause) => cause })
  if (Result.isSuccess(used)) return used.success
  database.close()
  throw used.failure
}

const looking = ({ file, quotas }: OpenRequest): Engine => {
  if (!fs.existsSync(file)) {
    throw new Refused("Io", "there is no such file; name the database of a buffer")
  }
  return guarded(new DatabaseSync(file, { readOnly: true, timeout: patience }), (database) => {
    const version = versionOf(database)
    if (version < migrations.length) {
      throw new Refused(
        "BadRequest",
        `it is of version ${version}, and reading only cannot bring it to ${migrations.length}; open it once to write, ` +
          "for example by resuming its run"
      )
    }
    return engineOf(database, undefined, quotas)
  })
}

const prepared = (
  lock: DatabaseSync,
  database: DatabaseSync,
  { maxBytes, quotas }: OpenRequest
): Engine => {
  const version = versionOf(database)
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on")
  if (maxBytes !== undefined) {
    const pages = Math.floor(maxBytes / numberOf(database, "pragma page_size"))
    database.exec(`pragma max_page_count = ${Math.max(1, pages)}`)
  }
  migrate(database, version)
  return engineOf(database, lock, quotas)
}

const engineOf = (
  database: DatabaseSync,
  lock: DatabaseSync | undefined,
  quotas: Quotas
): Engine => {
  const added = "select count(*) from sqlite_sequence where name = 'trajectory'"
  database.exec(`pragma cache_size = -${cacheSize}`)
  return {
    database,
    lock,
    quotas,
    run: statementsOf(database),
    isNew: numberOf(database, added) === 0,
    isReadOnly: lock === undefined,
    counts: countsOf(database),
    space: undefined,
    dataVersion: -1
  }
}

export const close = ({ database, lock }: Engine): void => {
  database.close()
  lock?.close()
}

/** Refuses before anything is changed. */
const versionOf = (database: DatabaseSync): number => {
  const version = numberOf(database, "pragma user_version")
  const owner = numberOf(database, "pragma application_id")
  const tables = numberOf(database, "select count(*) from sqlite_schema")
  if (owner !== applicationId && (tables > 0 || owner !== 0)) {
    throw new Refused("Corrupt", "it is the database of another program; name another file")
  }
  if (version > migrations.length) {
    throw new Refused(
      "NewerVersion",
      `it is of version ${version}, this program knows up to ${migrations.length}; open it with a newer DreamGym`
    )
  }
  return version
}

const migrate = (database: DatabaseSync, version: number): void => {
  if (version === migrations.length) return
  database.exec("begin immediate")
  for (const migration of migrations.slice(version)) database.exec(migration)
  database.exec(`pragma application_id = ${applicationId}`)
  database.exec(`pragma user_version = ${migrations.length}; commit`)
}

export const numberOf = (database: DatabaseSync, sql: string): number =>
  Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0)

/** After a rollback, or when much has changed. */
export const recount = (engine: Engine): void => {
  engine.counts = countsOf(engine.database)
  engine.space = undefined
}

const countsOf = (database: DatabaseSync): Record<Shelf, number> => {
  const counts: Record<Shelf, number> = { real: 0, synthetic: 0, rejected: 0 }
  for (const shelf of shelves) {
    const kept = `select count(*) from trajectory where gone is null and shelf = '${shelf}'`
    counts[shelf] = numberOf(database, kept)
  }
  return counts
}

/** What several statements read is of one moment, also while another process writes. */
export const atOnce = <A>({ database, isReadOnly }: Engine, read: () => A): A => {
  if (!isReadOnly) return read()
  database.exec("begin")
  const done = Result.try({ try: read, catch: (cause) => cause })
  if (database.isTransaction) database.exec("rollback")
  if (Result.isFailure(done)) throw done.failure
  return done.success
}
