/**
 * JSON-RPC 2.0 over a session: the tools of a world as MCP clients ask for them.
 * It keeps no sessions; those of `openenv/session/*` are the server's.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { World } from "../World.ts"
import type { Session } from "./Session.ts"
import * as Wire from "./Wire.ts"

const Id = Schema.NullOr(Schema.Union([Schema.String, Schema.Finite]))

export const Request = Schema.Struct({
  jsonrpc: Schema.Literal("2.0"),
  method: Schema.String,
  id: Schema.optionalKey(Id),
  params: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})
export type Request = typeof Request.Type

type Id = typeof Id.Type

/** The codes of the specification, and the server's own for a full house. */
export const codes = {
  parse: -32700,
  request: -32600,
  method: -32601,
  params: -32602,
  internal: -32603,
  server: -32000
} as const

export type Response = Readonly<Record<string, unknown>>

export const success = (id: Id | undefined, result: unknown): Response => ({
  jsonrpc: "2.0",
  id: id ?? null,
  result
})

export const failure = (
  id: Id | undefined,
  code: number,
  message: string,
  data?: unknown
): Response => ({
  jsonrpc: "2.0",
  id: id ?? null,
  error: { code, message, ...(data === undefined ? {} : { data }) }
})

/** Decodes a request; what it failed by is a response already. */
export const decode = (input: unknown): Result.Result<Request, Response> =>
  Result.mapError(Schema.decodeUnknownResult(Request)(input), ({ message }) =>
    failure(null, codes.request, `Invalid request: ${message.replaceAll("\n", "")}`)
  )

/** Answers `tools/list` and `tools/call`; a call before any reset starts the next episode. */
export const answer = Effect.fn("JsonRpc.answer")(function* (
  world: World,
  session: Session,
  { id, method, params = {} }: Request
) {
  if (method === "tools/list") return success(id, { tools: world.tools })
  if (method !== "tools/call") return failure(id, codes.method, `Method not found: ${method}`)
  const { arguments: given = {}, name } = params
  if (typeof name !== "string" || name === "") {
    return failure(id, codes.params, "Missing 'name' in params")
  }
  if (!world.tools.some((tool) => tool["name"] === name)) {
    return failure(id, codes.params, `Tool not found: ${name}`)
  }
  if (!Wire.isObject(given)) return failure(id, codes.params, "'arguments' must be an object")
  return yield* call(session, Wire.callOf(name, given)).pipe(
    Effect.match({
      onFailure: ({ message }) => failure(id, codes.internal, message),
      onSuccess: (result) => success(id, result)
    })
  )
})

const call = Effect.fnUntraced(function* (session: Session, wanted: Wire.Wanted) {
  const { episode_id: started } = yield* session.state
  if (started === null) yield* session.reset({})
  const { done, observation, reward } = yield* session.step(wanted)
  const text = observation["text"]
  return { content: [{ type: "text", text }], isError: false, reward, done }
})
