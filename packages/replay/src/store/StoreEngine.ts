/**
 * The database behind a buffer, in the thread that owns it: opened, migrated, written to and read from, each call a plain function.
 * It throws what SQLite throws; when to commit is decided in `StoreWorker`, what a failure means in `StoreFailure`.
 */
import * as Result from "effect/Result"
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from "node:sqlite"
import { applicationId, migrations } from "./StoreSchema.ts"
import { Refused } from "./StoreFailure.ts"
import type { OpenRequest, Placed, Row, StepRow, TrajectoryRow } from "./StoreWire.ts"

type Source = "real" | "synthetic"
type Statements = ReturnType<typeof statementsOf>

/** An open database. `counts` follow what is kept; after a rollback they are read again. */
export interface Engine {
  readonly database: DatabaseSync
  readonly lock: DatabaseSync
  readonly quotas: OpenRequest["quotas"]
  readonly run: Statements
  readonly isNew: boolean
  counts: Record<Source, number>
}

/** Long enough for a reader in another process that is just looking. */
const patience = 5000

/** The lock is a file of its own, so that other processes may read while one writes; it goes with the process that holds it. */
export const lockName = (file: string): string => `${file}-lock`

export const open = (request: OpenRequest): Engine =>
  guarded(new DatabaseSync(lockName(request.file)), (lock) => {
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

const prepared = (
  lock: DatabaseSync,
  database: DatabaseSync,
  { maxBytes, quotas }: OpenRequest
): Engine => {
  const version = versionOf(database)
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on")
  migrate(database, version)
  if (maxBytes !== undefined) {
    const pages = Math.floor(maxBytes / numberOf(database, "pragma page_size"))
    database.exec(`pragma max_page_count = ${Math.max(1, pages)}`)
  }
  const isNew =
    numberOf(database, "select count(*) from sqlite_sequence where name = 'trajectory'") === 0
  const run = statementsOf(database)
  return { database, lock, quotas, run, isNew, counts: countsOf(database) }
}

export const close = ({ database, lock }: Engine): void => {
  database.close()
  lock.close()
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

const numberOf = (database: DatabaseSync, sql: string): number =>
  Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0)

/** After a rollback. */
export const recount = (engine: Engine): void => {
  engine.counts = countsOf(engine.database)
}

const countsOf = (database: DatabaseSync): Engine["counts"] => {
  const count = (source: Source) =>
    numberOf(
      database,
      `select count(*) from trajectory where gone is null and source = '${source}'`
    )
  return { real: count("real"), synthetic: count("synthetic") }
}

const trajectoryColumns = [
  "fingerprint",
  "id",
  "environment",
  "task_id",
  "task",
  "first_observation",
  "ending",
  "success",
  "failed",
  "policy",
  "policy_version",
  "source",
  "total_reward",
  "length",
  "real_steps",
  "quality"
] as const satisfies ReadonlyArray<keyof TrajectoryRow>

const stepColumns = [
  "idx",
  "observation",
  "action",
  "tool_call",
  "span",
  "reward",
  "next_observation",
  "source",
  "origin",
  "origin_version",
  "retrieved",
  "reasoning",
  "scores",
  "cost"
] as const satisfies ReadonlyArray<keyof StepRow>

const insertInto = (table: string, columns: ReadonlyArray<string>): string =>
  `insert into ${table} (${columns.join()}) values (${columns.map(() => "?").join()})`

/** By these a row is known to be the very one: the content, and who lived it when. */
const marks = [
  "fingerprint",
  "id",
  "source",
  "policy",
  "policy_version",
  "ending",
  "total_reward"
] as const satisfies ReadonlyArray<keyof TrajectoryRow>

/** A parameter that is a list of numbers, as JSON. */
const listed = "(select value from json_each(?))"

const statementsOf = (database: DatabaseSync) => ({
  insert: database.prepare(insertInto("trajectory", [...trajectoryColumns, "added_at"])),
  insertStep: database.prepare(insertInto("step", ["trajectory", ...stepColumns])),
  twin: database.prepare(
    "select seq, source from trajectory where fingerprint = ? and gone is null"
  ),
  worst: database.prepare(
    "select seq from trajectory where gone is null and source = ? order by quality, seq limit 1"
  ),
  hide: database.prepare(
    "update trajectory set gone = (select max(version) from snapshot) where seq = ?"
  ),
  remove: database.prepare("delete from trajectory where seq = ?"),
  newestSnapshot: database.prepare(
    "select max(version) as version from snapshot where max_seq >= ?"
  ),
  tell: database.prepare("insert into event (kind, subject, at) values (?, ?, ?)"),
  kept: database.prepare(
    `select seq, ${marks.join()} from trajectory where gone is null order by seq`
  ),
  index: database.prepare(
    "select json_group_array(seq) as seqs, json_group_array(length) as lengths, " +
      "json_group_array((source = 'real') + 2 * success + 4 * failed) as flags, " +
      "json_group_array(real_steps) as realSteps " +
      "from (select * from trajectory where gone is null order by seq)"
  ),
  fetch: database.prepare(
    "select seq, id, task, first_observation, ending, policy, policy_version, length from trajectory " +
      `where gone is null and seq in ${listed}`
  ),
  fetchSteps: database.prepare(
    `select trajectory, ${stepColumns.join()} from step where trajectory in ${listed} order by trajectory, idx`
  )
})

/** Each content once; what really happened takes the place of what was only dreamt. */
export const add = (engine: Engine, rows: ReadonlyArray<Row>, at: number): ReadonlyArray<Placed> =>
  rows.map((row) => {
    const { fingerprint, source } = row.trajectory
    const twin = engine.run.twin.get(fingerprint)
    const isReplaced = twin?.["source"] === "synthetic" && source === "real"
    if (twin !== undefined && !isReplaced) return { evicted: [] }
    const evicted =
      twin === undefined ? [] : [drop(engine, seqOf(twin), "synthetic", "replaced", at)]
    const seq = insert(engine, row, at)
    return { seq, evicted: [...evicted, ...evict(engine, at)] }
  })

const insert = ({ counts, run }: Engine, { steps, trajectory }: Row, at: number): number => {
  const values = trajectoryColumns.map((column): SQLInputValue => trajectory[column])
  const seq = Number(run.insert.run(...values, at).lastInsertRowid)
  for (const step of steps) {
    run.insertStep.run(seq, ...stepColumns.map((column): SQLInputValue => step[column]))
  }
  counts[trajectory.source === "real" ? "real" : "synthetic"]++
  return seq
}

/** The worst, then the oldest, of each source that is over its quota. */
const evict = (engine: Engine, at: number): ReadonlyArray<number> => {
  const evicted: Array<number> = []
  for (const source of ["real", "synthetic"] as const) {
    while (engine.counts[source] > roomFor(engine, source)) {
      const worst = engine.run.worst.get(source)
      if (worst === undefined) break
      evicted.push(drop(engine, seqOf(worst), source, "evicted", at))
    }
  }
  return evicted
}

const roomFor = ({ counts, quotas }: Engine, source: Source): number => {
  const own = quotas[source] ?? Number.POSITIVE_INFINITY
  const rest = (quotas.all ?? Number.POSITIVE_INFINITY) - counts.real
  return Math.max(0, source === "real" ? own : Math.min(own, rest))
}

/** What a snapshot holds is only hidden. */
const drop = (
  { counts, run }: Engine,
  seq: number,
  source: Source,
  kind: "evicted" | "replaced",
  at: number
): number => {
  const isHeld = run.newestSnapshot.get(seq)?.["version"] !== null
  ;(isHeld ? run.hide : run.remove).run(seq)
  run.tell.run(kind, seq, at)
  counts[source]--
  return seq
}

export const seqOf = (row: Record<string, SQLOutputValue>): number => Number(row["seq"])

/** Makes `rows` all that is kept, in this order; answers their numbers. What is there already, in its place, stays as it is. */
export const replace = (
  engine: Engine,
  rows: ReadonlyArray<Row>,
  at: number
): ReadonlyArray<number> => {
  const kept = engine.run.kept.all()
  const isSame = (i: number) => marks.every((mark) => kept[i]?.[mark] === rows[i]?.trajectory[mark])
  let same = 0
  while (same < Math.min(kept.length, rows.length) && isSame(same)) same++
  for (const row of kept.slice(same)) {
    const isHeld = engine.run.newestSnapshot.get(seqOf(row))?.["version"] !== null
    ;(isHeld ? engine.run.hide : engine.run.remove).run(seqOf(row))
  }
  const added = rows.slice(same).map((row) => insert(engine, row, at))
  engine.counts = countsOf(engine.database)
  return [...kept.slice(0, same).map(seqOf), ...added]
}

/** What is kept now, by a number. */
export const snapshot = ({ counts, database }: Engine, at: number): number =>
  Number(
    database
      .prepare(
        "insert into snapshot (max_seq, trajectories, taken_at) " +
          "select coalesce(max(seq), 0), ?, ? from trajectory where gone is null"
      )
      .run(counts.real + counts.synthetic, at).lastInsertRowid
  )

/** What was kept at that snapshot is kept now, and nothing else. False where there is no such snapshot. */
export const restore = (engine: Engine, version: number, at: number): boolean => {
  const { database } = engine
  const found = database.prepare("select max_seq from snapshot where version = ?").get(version)
  if (found === undefined) return false
  const maxSeq = Number(found["max_seq"])
  database.prepare("delete from trajectory where seq > ?").run(maxSeq)
  database.prepare("delete from snapshot where version > ?").run(version)
  database.prepare("update trajectory set gone = null where gone >= ?").run(version)
  engine.run.tell.run("restored", version, at)
  engine.counts = countsOf(database)
  return true
}

/** Forgets a snapshot, and the rows that only it held. */
export const release = ({ database }: Engine, version: number): boolean => {
  const { changes } = database.prepare("delete from snapshot where version = ?").run(version)
  database.exec(
    "delete from trajectory where gone is not null and not exists " +
      "(select 1 from snapshot where version <= gone and max_seq >= trajectory.seq)"
  )
  return changes === 1
}
