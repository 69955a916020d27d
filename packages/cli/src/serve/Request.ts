/**
 * What the HTTP routes have in common: a JSON body within bounds, and answers in FastAPI's form where it is wrong.
 * It knows no route.
 */
import * as ByteSize from "effect/ByteSize"
import * as Effect from "effect/Effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Wire from "./Wire.ts"

/** What a request is refused with. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Int,
  detail: Schema.Unknown
}) {}

export const json = (value: unknown, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe(value, { status })

/** 422 with FastAPI's list of what is wrong. */
export const unprocessable = (faults: ReadonlyArray<Wire.Fault>): Refused =>
  new Refused({ status: 422, detail: faults })

/** The body as JSON; an empty one is `{}`. Longer than `longest` bytes is 413, no JSON 422. */
export const body = Effect.fn("Request.body")(function* (longest: number) {
  const request = yield* HttpServerRequest.HttpServerRequest
  const declared = Number(request.headers["content-length"] ?? 0)
  const tooLong = new Refused({
    status: 413,
    detail: `the body is longer than the ${longest} bytes that this server reads`
  })
  if (declared > longest) return yield* tooLong
  const text = yield* request.text.pipe(
    Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(longest)),
    Effect.mapError(() => tooLong)
  )
  if (text.trim() === "") return {}
  return yield* Effect.fromResult(
    Result.mapError(Wire.parse(text), () =>
      unprocessable([{ type: "json_invalid", loc: ["body"], msg: "JSON decode error", input: {} }])
    )
  )
})

/** A decoded value, or 422. */
export const valid = <A>(decoded: Result.Result<A, ReadonlyArray<Wire.Fault>>) =>
  Effect.fromResult(Result.mapError(decoded, unprocessable))

/** A refusal is a response too. */
export const answered = <A, R>(work: Effect.Effect<A, Refused, R>) =>
  Effect.catchTag(work, "Refused", ({ detail, status }) => Effect.succeed(json({ detail }, status)))
