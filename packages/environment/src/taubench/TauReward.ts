/**
 * tau-bench's reward: 1 if the database ended as the task's own actions end it, and the agent said what it had to say.
 * It judges an outcome; how the agent came there is not asked.
 */
import * as Database from "./Database.ts"
import * as DatabaseHash from "./DatabaseHash.ts"
import type { Dict } from "./python/Value.ts"
import * as TauTools from "./TauTools.ts"

/** A call as a task writes it. */
export interface Call {
  readonly name: string
  readonly arguments: Dict
}

/** What the reward needs of a task: the right actions in order, and what must be said. */
export interface Goal {
  readonly actions: ReadonlyArray<Call>
  readonly outputs: ReadonlyArray<string>
}

/**
 * `reward` is 0 or 1. `differences` names the records that are not as the task's actions leave them, the task's version
 * on the right; `unsaid` the outputs that the agent never said.
 */
export interface Judgement {
  readonly reward: 0 | 1
  readonly differences: ReadonlyArray<DatabaseHash.Difference>
  readonly unsaid: ReadonlyArray<string>
}

/** The tools whose call ends an episode; a task's own call of one is not replayed. */
export const terminateTools: ReadonlyArray<string> = ["transfer_to_human_agents"]

/**
 * The database that the task's own actions leave. The original replays them with arguments that a booking shares with its
 * database, so that a second trial in the same process can start from changed arguments; here every trial is the first.
 */
export const goalDatabase = (base: Database.Tables, goal: Goal): Database.Database => {
  const database = Database.start(base)
  for (const { name, arguments: given } of goal.actions) {
    if (!terminateTools.includes(name)) TauTools.call(database, name, given)
  }
  return database
}

/**
 * Judges an episode by its last database and by what the agent said to the user, message by message. An output counts as
 * said where it occurs in a message in lower case and without commas; what the task's own actions say counts too.
 */
export const judge = (
  database: Database.Database,
  said: ReadonlyArray<string>,
  goal: Goal
): Judgement => {
  const differences = DatabaseHash.differences(database, goalDatabase(database.base, goal))
  const messages = [...said, ...saidByGoal(goal)].map((message) =>
    message.toLowerCase().replaceAll(",", "")
  )
  const unsaid = goal.outputs.filter((output) => {
    const wanted = output.toLowerCase()
    return !messages.some((message) => message.includes(wanted))
  })
  return { reward: differences.length + unsaid.length === 0 ? 1 : 0, differences, unsaid }
}

const saidByGoal = ({ actions }: Goal): ReadonlyArray<string> =>
  actions.flatMap(({ name, arguments: given }) => {
    const content = name === "respond" ? given.get("content") : undefined
    return typeof content === "string" ? [content] : []
  })
