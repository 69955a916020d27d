/**
 * The reward of tau-bench: 1 where the database ended as the task's own actions leave it and all outputs were said, else 0.
 * It looks at the end alone; how the agent got there does not count.
 */
import * as Database from "../Database.ts"
import { differences, type Difference } from "../DatabaseHash.ts"
import * as TauTools from "../TauTools.ts"
import type { Call, TauTask } from "./TauTask.ts"

/** `differences` are the records that ended otherwise; `missing` the outputs that nobody heard. Both empty: reward 1. */
export interface Score {
  readonly reward: 0 | 1
  readonly differences: ReadonlyArray<Difference>
  readonly missing: ReadonlyArray<string>
}

/** `said`: the agent's messages to the customer. An output counts in any of them, but for case and the message's commas. */
export const score = (
  task: TauTask,
  database: Database.Database,
  said: ReadonlyArray<string>,
  finalTools: ReadonlyArray<string>
): Score => {
  const calls = task.actions.filter(({ name }) => !finalTools.includes(name))
  const wrong = differences(database, after(database.base, calls))
  const heard = said.map((content) => content.toLowerCase().replaceAll(",", ""))
  const missing = task.outputs.filter(
    (output) => !heard.some((content) => content.includes(output.toLowerCase()))
  )
  const isRight = wrong.length === 0 && missing.length === 0
  return { reward: isRight ? 1 : 0, differences: wrong, missing }
}

/** The fresh database after these calls, in order. */
export const after = (base: Database.Tables, calls: ReadonlyArray<Call>): Database.Database => {
  const database = Database.start(base)
  for (const call of calls) TauTools.call(database, call.name, call.arguments)
  return database
}
