/**
 * The statements of a store, prepared once for an open database.
 * It runs none; what they are for is in `StoreWriting` and `StoreReading`.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite"
import type { StepRow, TrajectoryRow } from "./StoreWire.ts"

export const trajectoryColumns = [
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
  "quality",
  "priority",
  "iteration",
  "verdict",
  "reason",
  "verdict_message",
  "verdict_scores"
] as const satisfies ReadonlyArray<keyof TrajectoryRow>

export const stepColumns = [
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
  "cost",
  "prompt_hash",
  "prompt_tokens",
  "completion_tokens",
  "latency"
] as const satisfies ReadonlyArray<keyof StepRow>

/** By these a row is known to be the very one: the content, who lived it when, and what was said of it. */
export const marks = [
  "fingerprint",
  "id",
  "source",
  "policy",
  "policy_version",
  "ending",
  "total_reward",
  "quality",
  "iteration",
  "verdict",
  "reason",
  "verdict_message",
  "verdict_scores"
] as const satisfies ReadonlyArray<keyof TrajectoryRow>

/** What `index` asks for, in this order. */
export const indexColumns =
  "seq, id, environment, task_id, " +
  "(source = 'real') + 2 * success + 4 * failed + 8 * coalesce(verdict = 'rejected', 0), " +
  "length, real_steps, quality, policy_version, priority"

/** A parameter that is a list of numbers, as JSON. */
const listed = "(select value from json_each(?))"

const insertInto = (table: string, columns: ReadonlyArray<string>): string =>
  `insert into ${table} (${columns.join()}) values (${columns.map(() => "?").join()})`

/** Rows come as arrays: half the time of rows as objects. */
const asArrays = (statement: StatementSync): StatementSync => {
  statement.setReturnArrays(true)
  return statement
}

const writing = (database: DatabaseSync) => ({
  insert: database.prepare(insertInto("trajectory", [...trajectoryColumns, "added_at"])),
  insertStep: database.prepare(insertInto("step", ["trajectory", ...stepColumns])),
  twin: database.prepare(
    "select seq, shelf, source from trajectory where fingerprint = ? and gone is null"
  ),
  worst: database.prepare(
    "select seq from trajectory where gone is null and shelf = ? order by quality, seq limit 1"
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
    `select seq, shelf, priority, ${marks.join()} from trajectory where gone is null order by seq`
  ),
  prioritise: database.prepare("update trajectory set priority = ? where seq = ? and gone is null"),
  rememberPriority: database.prepare(
    "insert into former_priority (trajectory, version, priority) select seq, held.version, priority " +
      "from trajectory join (select max(version) as version from snapshot where max_seq >= $seq) held " +
      "where seq = $seq and gone is null and held.version is not null and not exists " +
      "(select 1 from former_priority former where former.trajectory = seq and former.version >= held.version)"
  ),
  embed: database.prepare(
    "insert or replace into embedding (trajectory, embedder, dimension, vectors) " +
      "select seq, ?, ?, ? from trajectory where seq = ? and gone is null"
  ),
  pruned: database.prepare(
    "select seq, shelf from trajectory where gone is null and source = coalesce($source, source) and (" +
      "($rejected = 1 and shelf = 'rejected') or quality < $leastQuality or " +
      "($leastModelVersion is not null and exists (select 1 from step " +
      "where step.trajectory = trajectory.seq and step.source = 'synthetic' " +
      "and cast(origin_version as integer) < $leastModelVersion))) order by seq"
  )
})

const reading = (database: DatabaseSync) => ({
  index: asArrays(
    database.prepare(`select ${indexColumns} from trajectory where gone is null order by seq`)
  ),
  fetch: database.prepare(
    `select seq, ${trajectoryColumns.join()} from trajectory where gone is null and seq in ${listed}`
  ),
  page: database.prepare(
    `select seq, ${trajectoryColumns.join()} from trajectory where seq > ? order by seq limit ?`
  ),
  steps: asArrays(
    database.prepare(
      `select trajectory, ${stepColumns.join()} from step where trajectory in ${listed} order by trajectory, idx`
    )
  ),
  vectors: asArrays(
    database.prepare(
      "select trajectory.seq, trajectory.length, embedding.vectors from embedding " +
        "join trajectory on trajectory.seq = embedding.trajectory " +
        "where embedding.trajectory > ? and gone is null and embedder = ? and dimension = ? " +
        "order by embedding.trajectory"
    )
  ),
  dataVersion: database.prepare("pragma data_version")
})

export type Statements = ReturnType<typeof statementsOf>

export const statementsOf = (database: DatabaseSync) => ({
  ...writing(database),
  ...reading(database)
})
