/**
 * A conversation with a language model by messages, as far as a user simulator needs one: all messages in, one text out.
 * It holds no conversation and knows nothing of customers. It stands on the domain's `LanguageModel` and not on a chat
 * client: that contract batches, is keyed by seed, and our own models obey it, so a customer needs no server.
 */
import type { LanguageModel, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { UserSimulatorError } from "./UserSimulator.ts"

/** The roles are those of the model: it answers as `assistant`, so the agent of the episode is its `user`. */
export interface Message {
  readonly role: "system" | "user" | "assistant"
  readonly content: string
}

/** The same messages and key give the same answer, as far as the model can promise it. An empty answer is an error. */
export interface Chat {
  readonly name: string
  readonly answer: (
    messages: ReadonlyArray<Message>,
    key: Seed.Key
  ) => Effect.Effect<string, UserSimulatorError>
}

/** `maxTokens` bounds one answer (default 512); `temperature` 0 is greedy (default 1, as the original leaves it). */
export interface Options {
  readonly maxTokens?: number
  readonly temperature?: number
}

/** A model that continues text, as a conversation partner: it reads the transcript and writes the next `Customer:` line. */
export const fromModel = (model: LanguageModel.Model, options: Options = {}): Chat => {
  const { maxTokens = 512, temperature = 1 } = options
  const answer = Effect.fn("Chat.answer")(function* (
    messages: ReadonlyArray<Message>,
    key: Seed.Key
  ) {
    const prompt = { text: promptOf(messages), key, maxTokens, temperature, stop: [agentTurn] }
    const [completion] = yield* Effect.mapError(model.generate([prompt]), faultOf(model.name))
    const text = completion?.text.split(agentTurn)[0]?.trim() ?? ""
    return text === "" ? yield* emptyAnswer(model.name) : text
  })
  return { name: model.name, answer }
}

/** How each speaker is called where a conversation is written out, for models and for judges. */
export const labels = {
  system: "System",
  user: "Agent",
  assistant: "Customer"
} as const satisfies Record<Message["role"], string>

const agentTurn = `\n${labels.user}:`

/** A lone message is a question and is put as it is; a conversation is written out, and the customer's turn opened. */
const promptOf = (messages: ReadonlyArray<Message>): string => {
  const [first, ...rest] = messages
  if (first === undefined) return ""
  if (rest.length === 0) return first.content
  const turns = messages.map(({ content, role }) =>
    role === "system" ? `${content}\n` : `${labels[role]}: ${content}`
  )
  return [...turns, `${labels.assistant}:`].join("\n")
}

const reasons = {
  Unavailable: "Unavailable",
  Timeout: "Timeout",
  Refused: "BadAnswer",
  BadRequest: "BadAnswer",
  BadResponse: "BadAnswer"
} as const satisfies Record<
  LanguageModel.LanguageModelError["reason"],
  UserSimulatorError["reason"]
>

const faultOf = (user: string) => (cause: LanguageModel.LanguageModelError) =>
  new UserSimulatorError({ reason: reasons[cause.reason], user, message: cause.message, cause })

const emptyAnswer = (user: string) =>
  new UserSimulatorError({
    reason: "BadAnswer",
    user,
    message: `${user} answered nothing as the customer; allow it more tokens or take another model`
  })
