/**
 * A customer played by a language model, in the four ways of tau-bench: straight, after a thought, under a supervisor who
 * rejects, and under one who corrects. It holds no conversation: each line carries the messages that led to it.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Chat, Message } from "./Chat.ts"
import * as UserPrompts from "./UserPrompts.ts"
import {
  greeting,
  type Line,
  stop,
  UserSimulatorError,
  type UserSimulator
} from "./UserSimulator.ts"

/** The original's strategies that need a model; `scripted` and `human` are in their own modules. */
export const strategies = ["llm", "react", "verify", "reflection"] as const
export type Strategy = (typeof strategies)[number]

/**
 * `supervisor` judges under `verify` and `reflection`; the customer's own model where absent, as in the original. `attempts`
 * bounds the lines tried there: 3 for `verify`, 2 for `reflection` where absent.
 */
export interface Options {
  readonly chat: Chat
  readonly strategy: Strategy
  readonly supervisor?: Chat
  readonly attempts?: number
}

export const make = (options: Options): UserSimulator => {
  const { chat, strategy } = options
  const way = ways[strategy]({ supervisor: chat, attempts: attempts[strategy], ...options })
  return {
    name: `${strategy}:${chat.name}`,
    start: (instruction, key) =>
      say(way, key, [
        { role: "system", content: prompts[strategy](instruction) },
        { role: "user", content: greeting }
      ])
  }
}

/** What the customer says, and how their own model remembers having said it. */
interface Answer {
  readonly line: string
  readonly memory: string
}

type Way = (
  messages: ReadonlyArray<Message>,
  key: Seed.Key
) => Effect.Effect<Answer, UserSimulatorError>

interface Setting {
  readonly chat: Chat
  readonly supervisor: Chat
  readonly attempts: number
}

const attempts = { llm: 1, react: 1, verify: 3, reflection: 2 } as const

const prompts = {
  llm: UserPrompts.speak,
  react: UserPrompts.thinkThenSpeak,
  verify: UserPrompts.speak,
  reflection: UserPrompts.speak
} as const

const say = Effect.fn("LanguageUser.say")(function* (
  way: Way,
  key: Seed.Key,
  messages: ReadonlyArray<Message>
): Effect.fn.Return<Line, UserSimulatorError> {
  const { line, memory } = yield* way(messages, Seed.key(key, "line", messages.length))
  const heard: ReadonlyArray<Message> = [...messages, { role: "assistant", content: memory }]
  return {
    text: line,
    reply: (content) => say(way, key, [...heard, { role: "user", content }])
  }
})

const straight =
  ({ chat }: Setting): Way =>
  (messages, key) =>
    Effect.map(chat.answer(messages, key), (line) => ({ line, memory: line }))

const afterThought =
  ({ chat }: Setting): Way =>
  (messages, key) =>
    Effect.flatMap(chat.answer(messages, key), (memory) => {
      const line = spokenPart(memory)
      return line === undefined
        ? Effect.fail(noResponse(chat.name))
        : Effect.succeed({ line, memory })
    })

/** The last line tried is said, even where the supervisor rejects all of them. */
const verified = (setting: Setting): Way =>
  Effect.fnUntraced(function* (messages, key) {
    let line = ""
    for (let attempt = 0; attempt < setting.attempts; attempt++) {
      line = yield* setting.chat.answer(messages, Seed.key(key, "attempt", attempt))
      if (yield* isSatisfactory(setting, messages, line, Seed.key(key, "verify", attempt))) break
    }
    return { line, memory: line }
  })

/** A rejected line is corrected and said anew; the first one stands where no correction satisfies either. */
const corrected = (setting: Setting): Way =>
  Effect.fnUntraced(function* (messages, key) {
    const first = yield* setting.chat.answer(messages, Seed.key(key, "attempt", 0))
    let line = first
    let heard = messages
    for (let attempt = 1; ; attempt++) {
      if (yield* isSatisfactory(setting, heard, line, Seed.key(key, "verify", attempt))) {
        return { line, memory: line }
      }
      if (attempt >= setting.attempts) return { line: first, memory: first }
      const correction = yield* reflect(setting, heard, first, Seed.key(key, "reflect", attempt))
      heard = [...heard, { role: "user", content: correction }]
      line = yield* setting.chat.answer(heard, Seed.key(key, "attempt", attempt))
    }
  })

const ways = {
  llm: straight,
  react: afterThought,
  verify: verified,
  reflection: corrected
} as const satisfies Record<Strategy, (setting: Setting) => Way>

const isSatisfactory = (
  { supervisor }: Setting,
  messages: ReadonlyArray<Message>,
  line: string,
  key: Seed.Key
) =>
  Effect.map(
    supervisor.answer([{ role: "user", content: UserPrompts.verify(messages, line) }], key),
    (verdict) => verdict.toLowerCase().includes("true")
  )

const reflect = Effect.fnUntraced(function* (
  { supervisor }: Setting,
  messages: ReadonlyArray<Message>,
  line: string,
  key: Seed.Key
) {
  const content = UserPrompts.reflect(messages, line)
  const answer = yield* supervisor.answer([{ role: "user", content }], key)
  const correction = after(answer, UserPrompts.correctionLabel)
  return correction ?? (yield* noResponse(supervisor.name))
})

/**
 * What is sent to the agent of a thought and a response. The original sends everything after `Thought:`, the label of the
 * response included, which tells the agent what the customer thinks; here only the response is sent.
 */
const spokenPart = (answer: string): string | undefined => {
  if (answer.includes(stop)) return stop
  return after(answer, UserPrompts.responseLabel) ?? after(answer, UserPrompts.thoughtLabel)
}

const after = (text: string, label: string): string | undefined => {
  const at = text.lastIndexOf(label)
  const rest = at < 0 ? "" : text.slice(at + label.length).trim()
  return rest === "" ? undefined : rest
}

const noResponse = (user: string) =>
  new UserSimulatorError({
    reason: "BadAnswer",
    user,
    message: `${user} did not keep to the format, "${UserPrompts.responseLabel}" or "${UserPrompts.correctionLabel}" is missing; take a larger model, more tokens, or the strategy llm`
  })
