/**
 * The texts of tau2-bench's gym interface: an observation is lines of `role: content`.
 * What the agent writes is read by `AgentAction`; the one tool that only the gym has is `done`.
 */
import type { Entry } from "../taubench/episode/Conversation.ts"
import * as Text from "../taubench/python/Text.ts"

/** In solo mode, without a customer, the agent ends the episode with this tool. */
export const done = "done"

/** Everything said and done so far, or the last of it, as the gym shows it. A call is written as Python would. */
export const observation = (entries: ReadonlyArray<Entry>): string => entries.map(lineOf).join("\n")

const lineOf = (entry: Entry): string => {
  if (entry._tag === "Agent") return `assistant: ${entry.content}`
  if (entry._tag === "User") return `user: ${entry.content}`
  const given = [...entry.arguments].map(([name, value]) => `${name}=${Text.repr(value)}`)
  return `assistant: ${entry.name}(${given.join(", ")})\ntool: ${entry.result}`
}
