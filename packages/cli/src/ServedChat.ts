/**
 * A server's chat model as the partner of a conversation: OpenAI's, or any that answers `/v1/chat/completions` as it does.
 * It plays nobody: what the messages say and what becomes of the answer is its caller's business.
 */
import type * as Chat from "@dreamgym/environment/taubench/episode/Chat"
import type * as UserSimulator from "@dreamgym/environment/taubench/episode/UserSimulator"
import { UserSimulatorError } from "@dreamgym/environment/taubench/episode/UserSimulator"
import * as Server from "@dreamgym/language/embedding/Server"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import { UsageError } from "./Failure.ts"

/** The server, and how long it is waited for. */
export interface Options {
  /** As `https://api.openai.com/v1`; `/chat/completions` is added. */
  readonly url: string
  readonly model: string
  readonly key?: Redacted.Redacted
  /** For a line and its whole answer; default a minute. */
  readonly timeout?: Duration.Input
  /** How often a line is asked for again after 429 or 5xx; default 5. */
  readonly retries?: number
  /** The wait before the first of these, doubled each time; default half a second. */
  readonly firstWait?: Duration.Input
}

/** The model. Fails where the address is none; whether a server is there shows with the first line. */
export const make = Effect.fn("ServedChat.make")(function* (
  options: Options
): Effect.fn.Return<Chat.Chat, UsageError, HttpClient.HttpClient> {
  const { model } = options
  const problem = problemOf(options)
  if (problem !== undefined) return yield* new UsageError({ message: problem })
  const server = yield* serverOf(options)
  const answer: Chat.Chat["answer"] = Effect.fn("ServedChat.answer")(function* (messages, key) {
    const said = yield* Server.ask(server, { model, messages, seed: key }).pipe(
      Effect.mapError((cause) => failed(model, reasons[cause.reason], cause.message, cause))
    )
    return yield* lineOf(model, said)
  })
  return { name: model, answer }
})

const Answer = Schema.Struct({
  choices: Schema.NonEmptyArray(
    Schema.Struct({ message: Schema.Struct({ content: Schema.NullOr(Schema.String) }) })
  )
})

const lineOf = (model: string, answer: unknown) =>
  Schema.decodeUnknownEffect(Answer)(answer).pipe(
    Effect.mapError(({ message }) =>
      failed(
        model,
        "BadAnswer",
        `the answer is no chat completion: ${message.replaceAll(/\s+/g, " ")}`
      )
    ),
    Effect.flatMap(({ choices: [first] }) => {
      const line = first.message.content?.trim() ?? ""
      return line === ""
        ? Effect.fail(failed(model, "BadAnswer", "the answer has no text"))
        : Effect.succeed(line)
    })
  )

const reasons = {
  Unavailable: "Unavailable",
  Refused: "BadAnswer"
} as const satisfies Record<Server.ServerError["reason"], Reason>

type Reason = UserSimulator.UserSimulatorError["reason"]

const remedies = {
  Unavailable: "see that the server runs and that its address is right, and try again",
  Timeout: "give it more time, or take a smaller model",
  BadAnswer: "look at the address, the model and the key, or take another model"
} as const satisfies Record<Reason, string>

const failed = (user: string, reason: Reason, said: string, cause?: unknown) =>
  new UserSimulatorError({
    reason,
    user,
    message: `${user}: ${said}; ${remedies[reason]}`,
    ...(cause === undefined ? {} : { cause })
  })

/** No line of a customer is longer, in bytes of its JSON. */
const longestAnswer = 2 ** 20

const serverOf = Effect.fnUntraced(function* (options: Options) {
  const { firstWait = 500, key, retries = 5, timeout = 60_000 } = options
  const url = new URL(options.url)
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/chat/completions`
  const server: Server.Server = {
    client: HttpClient.withScope(yield* HttpClient.HttpClient),
    url,
    turns: yield* Semaphore.make(4),
    timeout: Duration.fromInputUnsafe(timeout),
    retries,
    firstWait: Duration.fromInputUnsafe(firstWait),
    longestWait: Duration.seconds(60),
    longestAnswer,
    ...(key === undefined ? {} : { apiKey: key })
  }
  return server
})

/** Why this is no server, in words without the key. */
const problemOf = ({ key, model, url: address }: Options): string | undefined => {
  const words = {
    address: "the address of the model",
    key: "the key of the model",
    remedy: "give the key by its variable"
  }
  const problem = Server.problemOf(words, address, key)
  return problem ?? (model.trim() === "" ? "the model has no name" : undefined)
}
