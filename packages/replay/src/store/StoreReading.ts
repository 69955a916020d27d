/**
 * What is read from an open database: the numbers of all that is kept, some of it whole, and whether the file is sound.
 * It changes nothing and makes no trajectories of the rows; that is for `StoreRow`.
 */
import type { SQLOutputValue } from "node:sqlite"
import { type Engine, seqOf } from "./StoreEngine.ts"
import type { Answers, FetchedStep, FetchedTrajectory, Index } from "./StoreWire.ts"

/** The numbers of all that is kept, oldest first; put together in the database, because a row for each would take ten times as long. */
export const index = ({ run }: Engine): Index => {
  const columns = run.index.get() ?? {}
  const numbers = (column: keyof Index): ReadonlyArray<number> =>
    JSON.parse(text(columns[column] ?? "[]"))
  return {
    seqs: Float64Array.from(numbers("seqs")),
    flags: Uint8Array.from(numbers("flags")),
    lengths: Uint32Array.from(numbers("lengths")),
    realSteps: Uint32Array.from(numbers("realSteps"))
  }
}

/** Those of `seqs` that are kept, in no order; the steps in theirs. */
export const fetch = ({ run }: Engine, seqs: ReadonlyArray<number>): Answers["fetch"] => {
  const trajectories = run.fetch.all(JSON.stringify(seqs)).map(trajectoryOf)
  const steps = run.fetchSteps.all(JSON.stringify(trajectories.map(({ seq }) => seq)))
  return { trajectories, steps: steps.map(stepOf) }
}

/** What SQLite finds wrong, sentence by sentence; nothing in a sound file. */
export const verify = ({ database }: Engine): ReadonlyArray<string> =>
  database
    .prepare("pragma integrity_check(20)")
    .all()
    .map((row) => String(row["integrity_check"]))
    .filter((finding) => finding !== "ok")

type SqlRow = Readonly<Record<string, SQLOutputValue>>

const trajectoryOf = (row: SqlRow): FetchedTrajectory => ({
  seq: seqOf(row),
  id: text(row["id"]),
  task: text(row["task"]),
  first_observation: text(row["first_observation"]),
  ending: text(row["ending"]),
  policy: text(row["policy"]),
  policy_version: Number(row["policy_version"]),
  length: Number(row["length"])
})

const stepOf = (row: SqlRow): FetchedStep => ({
  trajectory: Number(row["trajectory"]),
  idx: Number(row["idx"]),
  observation: textOrNull(row["observation"]),
  action: text(row["action"]),
  tool_call: textOrNull(row["tool_call"]),
  span: textOrNull(row["span"]),
  reward: numberOrNull(row["reward"]),
  next_observation: text(row["next_observation"]),
  source: text(row["source"]),
  origin: text(row["origin"]),
  origin_version: text(row["origin_version"]),
  retrieved: textOrNull(row["retrieved"]),
  reasoning: textOrNull(row["reasoning"]),
  scores: textOrNull(row["scores"]),
  cost: numberOrNull(row["cost"])
})

// The tables are strict: a column holds what it says, so that these conversions change nothing.
const text = (value: SQLOutputValue | undefined): string => String(value)

const textOrNull = (value: SQLOutputValue | undefined): string | null =>
  value === null || value === undefined ? null : text(value)

const numberOrNull = (value: SQLOutputValue | undefined): number | null =>
  value === null || value === undefined ? null : Number(value)
