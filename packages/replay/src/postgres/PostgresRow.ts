/**
 * Rows as PostgreSQL takes and gives them: lists of columns as parameters on the way in, checked values on the way out.
 * What a row means is `StoreRow`, which SQLite's rows come from too; here is only what PostgreSQL's types ask for.
 */
import * as PgTypes from "@effect/sql-pg/PgTypes"
import * as Result from "effect/Result"
import type { Entry } from "../Kept.ts"
import * as WellFormed from "../WellFormed.ts"
import type { FetchedStep, FetchedTrajectory, StepRow, TrajectoryRow } from "../store/StoreWire.ts"
import type { Standing } from "./PostgresPlan.ts"

/** A row of an answer; nothing is believed of it. */
export type Answer = Readonly<Record<string, unknown>>

type Cell = string | number | null
type Type = "text" | "json" | "bigint" | "double precision"

/** How the cells of a column travel: as what array, and as what element of it. */
interface Travel {
  readonly oid: number
  readonly array: string
  readonly element: (cell: Cell) => unknown
}

const travels: Readonly<Record<Type, Travel>> = {
  text: {
    oid: PgTypes.OID.text,
    array: "text[]",
    element: (cell) => (cell === null ? null : written(String(cell)))
  },
  json: { oid: PgTypes.OID.text, array: "text[]", element: (cell) => cell },
  bigint: {
    oid: PgTypes.OID.int8,
    array: "bigint[]",
    element: (cell) => (cell === null ? null : BigInt(cell))
  },
  "double precision": {
    oid: PgTypes.OID.float8,
    array: "double precision[]",
    element: (cell) => (cell === null ? null : Number(cell))
  }
}

export const trajectoryColumns = {
  fingerprint: "text",
  id: "text",
  environment: "text",
  task_id: "text",
  task: "json",
  first_observation: "text",
  ending: "json",
  success: "bigint",
  failed: "bigint",
  policy: "text",
  policy_version: "bigint",
  source: "text",
  total_reward: "double precision",
  length: "bigint",
  real_steps: "bigint",
  quality: "double precision",
  priority: "double precision",
  iteration: "bigint",
  verdict: "text",
  reason: "text",
  verdict_message: "text",
  verdict_scores: "json"
} as const satisfies Readonly<Record<keyof TrajectoryRow, Type>>

export const stepColumns = {
  idx: "bigint",
  observation: "text",
  action: "text",
  tool_call: "json",
  span: "json",
  reward: "double precision",
  next_observation: "text",
  source: "text",
  origin: "text",
  origin_version: "text",
  retrieved: "json",
  reasoning: "text",
  scores: "json",
  cost: "double precision",
  prompt_hash: "text",
  prompt_tokens: "bigint",
  completion_tokens: "bigint",
  latency: "double precision"
} as const satisfies Readonly<Record<keyof StepRow, Type>>

type Columns = Readonly<Record<string, Type>>

/** Those columns of a trajectory alone. */
export const only = (names: ReadonlyArray<keyof TrajectoryRow>): Columns =>
  Object.fromEntries(names.map((name) => [name, trajectoryColumns[name]]))

/** `a, b, c`, as a query asks for them. */
export const selected = (columns: Columns, of: string): string =>
  Object.entries(columns)
    .map(([name, type]) => (type === "json" ? `${of}.${name}::text as ${name}` : `${of}.${name}`))
    .join(", ")

/** Writes rows, each column one list: the parameters of `columns` from `$at` on. `table` is quoted. */
export const insertion = (table: string, columns: Columns, at: number): string => {
  const names = Object.keys(columns)
  const types = Object.values(columns)
  const cells = names.map((name, i) => (types[i] === "json" ? `u.${name}::json` : `u.${name}`))
  return (
    `insert into ${table} (${names.join(", ")}) select ${cells.join(", ")} ` +
    `from unnest(${arrays(columns, at)}) as u (${names.join(", ")})`
  )
}

/** The lists of `columns` as `unnest` takes them, from `$at` on. */
export const arrays = (columns: Columns, at: number): string =>
  Object.values(columns)
    .map((type, i) => `$${at + i}::${travels[type].array}`)
    .join(", ")

/** The lists of `insertion`. Throws where a whole number is none. */
export const lists = <C extends Columns>(
  columns: C,
  rows: ReadonlyArray<Readonly<Record<keyof C & string, Cell>>>
): ReadonlyArray<PgTypes.Parameter> =>
  Object.entries(columns).map(([name, type]) => {
    const { element, oid } = travels[type]
    return list(
      oid,
      rows.map((row) => element(row[name] ?? null))
    )
  })

const list = (oid: number, values: ReadonlyArray<unknown>): PgTypes.Parameter =>
  Result.getOrThrow(PgTypes.array(values, oid))

export const integers = (values: ReadonlyArray<number>): PgTypes.Parameter =>
  list(
    PgTypes.OID.int8,
    values.map((value) => BigInt(value))
  )

export const numbers = (values: ReadonlyArray<number>): PgTypes.Parameter =>
  list(PgTypes.OID.float8, values)

/** Of 32 bits. */
export const floats = (values: ReadonlyArray<number>): PgTypes.Parameter =>
  list(PgTypes.OID.float4, values)

export const texts = (values: ReadonlyArray<string>): PgTypes.Parameter =>
  list(PgTypes.OID.text, values.map(written))

export const bytes = (values: ReadonlyArray<Uint8Array>): PgTypes.Parameter =>
  list(PgTypes.OID.bytea, values)

export const integer = (value: number): PgTypes.Parameter => PgTypes.int8(BigInt(value))

export const text = (value: string): PgTypes.Parameter => PgTypes.text(written(value))

/** What of a trajectory an entry is made of. */
export const entryColumns =
  "t.seq, t.id, t.environment, t.task_id, t.source, t.verdict, t.success, t.failed, t.length, " +
  "t.real_steps, t.quality, t.policy_version, t.priority"

export const entryOf = (row: Answer): Entry => {
  const realSteps = numberIn(row, "real_steps")
  return {
    seq: numberIn(row, "seq"),
    id: WellFormed.read(textIn(row, "id")),
    environment: WellFormed.read(textIn(row, "environment")),
    task: WellFormed.read(textIn(row, "task_id")),
    isReal: textIn(row, "source") === "real",
    isSuccess: numberIn(row, "success") === 1,
    isFailed: numberIn(row, "failed") === 1,
    isRejected: textOrNull(row, "verdict") === "rejected",
    realSteps,
    syntheticSteps: numberIn(row, "length") - realSteps,
    quality: numberIn(row, "quality"),
    version: numberIn(row, "policy_version"),
    priority: numberIn(row, "priority")
  }
}

export const standingOf = (row: Answer): Standing => ({
  seq: numberIn(row, "seq"),
  fingerprint: textIn(row, "fingerprint"),
  quality: numberIn(row, "quality"),
  isReal: textIn(row, "shelf") !== "synthetic",
  isRejected: textIn(row, "shelf") === "rejected"
})

export const trajectoryOf = (row: Answer): FetchedTrajectory => ({
  seq: numberIn(row, "seq"),
  fingerprint: textIn(row, "fingerprint"),
  id: textIn(row, "id"),
  environment: textIn(row, "environment"),
  task_id: textIn(row, "task_id"),
  task: textIn(row, "task"),
  first_observation: textIn(row, "first_observation"),
  ending: textIn(row, "ending"),
  success: numberIn(row, "success"),
  failed: numberIn(row, "failed"),
  policy: textIn(row, "policy"),
  policy_version: numberIn(row, "policy_version"),
  source: textIn(row, "source"),
  total_reward: numberOrNull(row, "total_reward"),
  length: numberIn(row, "length"),
  real_steps: numberIn(row, "real_steps"),
  quality: numberIn(row, "quality"),
  priority: numberIn(row, "priority"),
  iteration: numberOrNull(row, "iteration"),
  verdict: textOrNull(row, "verdict"),
  reason: textOrNull(row, "reason"),
  verdict_message: textOrNull(row, "verdict_message"),
  verdict_scores: textOrNull(row, "verdict_scores")
})

export const stepOf = (row: Answer): FetchedStep => ({
  trajectory: numberIn(row, "trajectory"),
  idx: numberIn(row, "idx"),
  observation: textOrNull(row, "observation"),
  action: textIn(row, "action"),
  tool_call: textOrNull(row, "tool_call"),
  span: textOrNull(row, "span"),
  reward: numberOrNull(row, "reward"),
  next_observation: textIn(row, "next_observation"),
  source: textIn(row, "source"),
  origin: textIn(row, "origin"),
  origin_version: textIn(row, "origin_version"),
  retrieved: textOrNull(row, "retrieved"),
  reasoning: textOrNull(row, "reasoning"),
  scores: textOrNull(row, "scores"),
  cost: numberOrNull(row, "cost"),
  prompt_hash: textOrNull(row, "prompt_hash"),
  prompt_tokens: numberOrNull(row, "prompt_tokens"),
  completion_tokens: numberOrNull(row, "completion_tokens"),
  latency: numberOrNull(row, "latency")
})

/** Whatever a column may hold. */
export const cellIn = (row: Answer, column: string): Cell =>
  typeof row[column] === "string" ? textOrNull(row, column) : numberOrNull(row, column)

/** A number, from `bigint` or `double precision`. Throws where there is none. */
export const numberIn = (row: Answer, column: string): number => {
  const value = numberOrNull(row, column)
  if (value === null) throw new Error(`column ${column} is empty`)
  return value
}

export const numberOrNull = (row: Answer, column: string): number | null => {
  const value = row[column] ?? null
  if (value === null || typeof value === "number") return value
  if (typeof value === "bigint") return Number(value)
  throw new Error(`column ${column} holds no number`)
}

export const textIn = (row: Answer, column: string): string => {
  const value = textOrNull(row, column)
  if (value === null) throw new Error(`column ${column} is empty`)
  return value
}

const textOrNull = (row: Answer, column: string): string | null => {
  const value = row[column] ?? null
  if (value === null) return null
  if (typeof value === "string") return read(value)
  throw new Error(`column ${column} holds no text`)
}

/** PostgreSQL's text has no U+0000: it is written as U+0001 `0`, and U+0001 as U+0001 `1`. */
const written = (text: string): string =>
  text.includes("\u0000") || text.includes("\u0001")
    ? text.replaceAll("\u0001", "\u00011").replaceAll("\u0000", "\u00010")
    : text

const read = (text: string): string =>
  text.includes("\u0001")
    ? text.replaceAll("\u00010", "\u0000").replaceAll("\u00011", "\u0001")
    : text
