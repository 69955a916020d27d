/**
 * A server that answers JSON with JSON, asked politely: few questions at once, again later where it says so, never for ever.
 * What is asked and answered is the caller's business; its key is in no error.
 */
import * as ByteSize from "effect/ByteSize"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"

/** Where it is, and how patient we are. */
export interface Server {
  /** Whose connections end with the scope of a question. */
  readonly client: HttpClient.HttpClient.With<HttpClientError.HttpClientError, Scope.Scope>
  readonly url: URL
  readonly apiKey?: Redacted.Redacted
  /** One permit for each question that may be open. */
  readonly turns: Semaphore.Semaphore
  /** For one question and its whole answer. */
  readonly timeout: Duration.Duration
  /** How often a question is asked again after 429 or 5xx. */
  readonly retries: number
  /** The wait before the first of these, doubled each time; about half of it is chance. */
  readonly firstWait: Duration.Duration
  /** The longest wait, ours or the server's. */
  readonly longestWait: Duration.Duration
  /** In bytes; no answer that is meant is longer. */
  readonly longestAnswer: number
}

/** `Unavailable`: no answer came, try again. `Refused`: this question will never be answered. */
export class ServerError extends Schema.TaggedError<ServerError>()("ServerError", {
  reason: Schema.Literals(["Unavailable", "Refused"]),
  message: Schema.String
}) {}

/** What the caller calls these, for the people who set them; `remedy`: where the key goes instead. */
export interface Words {
  readonly address: string
  readonly key: string
  readonly remedy: string
}

/** Why there can be no server at this address with this key, in words without the key. */
export const problemOf = (
  words: Words,
  address: string,
  key: Redacted.Redacted | undefined
): string | undefined => {
  const url = URL.parse(address)
  if (url === null || !/^https?:$/.test(url.protocol))
    return `${words.address} is no http address; give one as https://api.openai.com/v1`
  if (url.username !== "" || url.password !== "")
    return `${words.address} holds a name or a password; ${words.remedy}`
  return key !== undefined && !/^[\u0021-\u007e]+$/.test(Redacted.value(key))
    ? `${words.key} is empty or holds blanks, line ends or foreign characters; give the key alone`
    : undefined
}

/** The answer to a question, parsed. */
export const ask = Effect.fn("Server.ask")(function* (
  server: Server,
  question: unknown
): Effect.fn.Return<unknown, ServerError> {
  for (let attempt = 0; ; attempt++) {
    const outcome = yield* once(server, question)
    if ("answer" in outcome) return outcome.answer
    const { said, waits } = outcome
    if (attempt >= server.retries)
      return yield* problem(server, "Unavailable", `${said}, asked ${attempt + 1} times`)
    if (waits !== undefined && Duration.isGreaterThan(waits, server.longestWait))
      return yield* problem(
        server,
        "Unavailable",
        `${said} and wants to be left alone for ${Duration.format(waits)}, longer than ` +
          Duration.format(server.longestWait)
      )
    yield* Effect.sleep(yield* waitOf(server, attempt, waits))
  }
})

/** An answer, or that it is to be asked later, perhaps when. */
type Outcome =
  | { readonly answer: unknown }
  | { readonly said: string; readonly waits: Duration.Duration | undefined }

const once = (server: Server, question: unknown): Effect.Effect<Outcome, ServerError> =>
  server.turns.withPermits(1)(
    server.client.execute(requestOf(server, question)).pipe(
      Effect.flatMap((response) => outcomeOf(server, response)),
      Effect.scoped,
      Effect.catchTag("HttpClientError", (error) =>
        Effect.fail(problem(server, "Unavailable", `no answer came: ${causeOf(error)}`))
      ),
      Effect.timeoutOrElse({
        duration: server.timeout,
        orElse: () =>
          Effect.fail(
            problem(
              server,
              "Unavailable",
              `no whole answer came within ${Duration.format(server.timeout)}`
            )
          )
      })
    )
  )

const requestOf = ({ apiKey, url }: Server, question: unknown) => {
  const request = HttpClientRequest.post(url).pipe(
    HttpClientRequest.acceptJson,
    HttpClientRequest.bodyJsonUnsafe(question)
  )
  return apiKey === undefined ? request : HttpClientRequest.bearerToken(request, apiKey)
}

const outcomeOf = Effect.fnUntraced(function* (
  server: Server,
  response: HttpClientResponse.HttpClientResponse
): Effect.fn.Return<Outcome, ServerError | HttpClientError.HttpClientError> {
  const { headers, status } = response
  if (status === 429 || status >= 500) {
    const header = Headers.parseRetryAfter(headers["retry-after"] ?? "")
    const now = yield* Clock.currentTimeMillis
    const waits = Result.isSuccess(header)
      ? Headers.retryAfterDelay(header.success, now)
      : undefined
    return { said: `the server answered ${status}`, waits }
  }
  if (status === 401 || status === 403)
    return yield* problem(server, "Refused", `the server answered ${status}: look at the key`)
  const text = yield* textOf(server, response)
  if (status < 200 || status >= 300) {
    const reason = status === 408 ? "Unavailable" : "Refused"
    return yield* problem(server, reason, `the server answered ${status}: ${excerpt(text)}`)
  }
  return yield* Effect.try({
    try: () => ({ answer: JSON.parse(text) }),
    catch: () => problem(server, "Refused", `the answer is not JSON: ${excerpt(text)}`)
  })
})

const textOf = Effect.fnUntraced(function* (
  server: Server,
  { stream }: HttpClientResponse.HttpClientResponse
): Effect.fn.Return<string, ServerError | HttpClientError.HttpClientError> {
  const parts: Array<Uint8Array> = []
  let size = 0
  yield* Stream.runForEach(stream, (part) => {
    size += part.length
    parts.push(part)
    const said = `the answer is longer than ${ByteSize.format(ByteSize.bytes(server.longestAnswer))}`
    return size > server.longestAnswer ? Effect.fail(problem(server, "Refused", said)) : Effect.void
  })
  return new TextDecoder().decode(Buffer.concat(parts))
})

/** What a person needs of a long text. */
const excerpt = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ").trim()
  return line.length > 300 ? `${line.slice(0, 300)}...` : line
}

/** Our wait, or the server's and half of our first one, so that not all who were sent away come back together. */
const waitOf = (
  { firstWait, longestWait }: Server,
  attempt: number,
  waits: Duration.Duration | undefined
) =>
  Effect.map(Random.next, (chance) => {
    const own = Duration.min(Duration.times(firstWait, 2 ** attempt), longestWait)
    return waits === undefined
      ? Duration.times(own, 0.5 + chance / 2)
      : Duration.sum(waits, Duration.times(firstWait, chance / 2))
  })

/** The innermost of what went wrong: fetch hides it. */
const causeOf = ({ reason }: HttpClientError.HttpClientError): string => {
  let innermost: unknown = "cause" in reason ? reason.cause : undefined
  while (innermost instanceof Error && innermost.cause !== undefined) innermost = innermost.cause
  return innermost === undefined ? reason._tag : excerpt(String(innermost))
}

/** Says where, without what may be secret in an address, and never the key. */
const problem = ({ apiKey, url }: Server, reason: ServerError["reason"], said: string) => {
  const message = `${url.origin}${url.pathname}: ${said}`
  const key = apiKey === undefined ? "" : Redacted.value(apiKey)
  return new ServerError({
    reason,
    message: key === "" ? message : message.replaceAll(key, "<the key>")
  })
}
