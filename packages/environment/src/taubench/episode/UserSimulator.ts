/**
 * Who plays the customer: a first line, then a line to each message of the agent, the last of them with `###STOP###` in it.
 * It sees what the customer wants and what the agent says, never the database; it neither ends nor rewards an episode.
 */
import type { Seed } from "@dreamgym/domain"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * The customer cannot go on; the agent did nothing wrong, so the episode fails and is never rewarded.
 * `BadAnswer`: the model answered nothing usable; `Unavailable` and `Timeout` may pass by themselves.
 */
export class UserSimulatorError extends Schema.TaggedError<UserSimulatorError>()(
  "UserSimulatorError",
  {
    reason: Schema.Literals(["Unavailable", "Timeout", "BadAnswer"]),
    user: Schema.String,
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/**
 * What the customer says, and how they would go on. A line is a value: replying twice to the same line is two conversations
 * that know nothing of each other, so an episode may be forked or a failed reply tried again.
 */
export interface Line {
  readonly text: string
  readonly reply: (content: string) => Effect.Effect<Line, UserSimulatorError>
}

/** `instruction` is what the customer wants; `key` decides all chance of this conversation. */
export interface UserSimulator {
  readonly name: string
  readonly start: (instruction: string, key: Seed.Key) => Effect.Effect<Line, UserSimulatorError>
}

/** In a line of the customer: the conversation is over. */
export const stop = "###STOP###"

/** What the agent is taken to have said before the customer's first line. */
export const greeting = "Hi! How can I help you today?"
