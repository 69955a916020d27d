/**
 * The HTTP half of the OpenEnv protocol: health, metadata, schemas, and requests that each get a fresh episode.
 * Who trains uses the WebSocket: a stateless `/step` knows nothing of the one before.
 */
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { World } from "../World.ts"
import * as Conversation from "./Conversation.ts"
import * as JsonRpc from "./JsonRpc.ts"
import * as OpenApi from "./OpenApi.ts"
import * as PlayPage from "./PlayPage.ts"
import * as Request from "./Request.ts"
import * as Session from "./Session.ts"
import type { SessionTable } from "./SessionTable.ts"
import * as Upgrade from "./Upgrade.ts"
import * as Wire from "./Wire.ts"

/** `longest`: bytes of a body. `parts`: what the pages say is served. */
export interface Options {
  readonly house: Conversation.House
  readonly table: SessionTable
  readonly version: string
  readonly longest: number
  readonly parts: ReadonlyArray<OpenApi.Part>
}

export const routes = (options: Options) => [
  HttpRouter.route("GET", "/health", Request.json({ status: "healthy" })),
  HttpRouter.route("GET", "/metadata", metadata(options)),
  HttpRouter.route("GET", "/web/metadata", metadata(options)),
  HttpRouter.route("GET", "/schema", Request.json(OpenApi.schemas)),
  HttpRouter.route("GET", "/state", fresh(options, stateOf)),
  HttpRouter.route("POST", "/reset", fresh(options, reset(options))),
  HttpRouter.route("POST", "/step", fresh(options, step(options))),
  HttpRouter.route("POST", "/mcp", mcp(options)),
  HttpRouter.route("GET", "/ws", talk(options, Conversation.openEnv)),
  HttpRouter.route("GET", "/mcp", talk(options, Conversation.jsonRpc)),
  HttpRouter.route("GET", "/openapi.json", Request.json(OpenApi.document(options))),
  HttpRouter.route("GET", "/docs", page(OpenApi.page(options))),
  HttpRouter.route(
    "GET",
    "/",
    HttpServerResponse.redirect(options.parts.includes("web") ? "/web/" : "/docs")
  ),
  // The router reads `/web/` as the same.
  HttpRouter.route("GET", "/web", page(PlayPage.html))
]

/** No page of ours loads anything from elsewhere, nor may be framed. */
const page = (html: string) =>
  HttpServerResponse.text(html, {
    contentType: "text/html; charset=utf-8",
    headers: {
      "content-security-policy":
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff"
    }
  })

const metadata = ({ house, version }: Options) =>
  house.world.pipe(
    Effect.map(({ description, environment }) =>
      Request.json({
        name: environment.name,
        description,
        readme_content: null,
        version: environment.version,
        author: null,
        documentation_url: "/docs",
        server_version: version
      })
    ),
    Effect.catch(({ message }) => Effect.succeed(Request.json({ detail: message }, 500)))
  )

/** A session of its own for one request. It takes a seat no longer than that. */
const alone = <A, E, R>(
  house: Conversation.House,
  answer: (session: Session.Session, world: World) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    yield* Effect.mapError(
      house.seats.take(Effect.void),
      ({ message }) => new Request.Refused({ status: 503, detail: message })
    )
    const world = yield* Effect.mapError(house.world, broken)
    return yield* answer(yield* Session.make(world, house.number), world)
  }).pipe(Effect.scoped)

type Answer = Effect.Effect<unknown, Request.Refused, HttpServerRequest.HttpServerRequest>

const fresh = ({ house }: Options, answer: (session: Session.Session) => Answer) =>
  Request.answered(Effect.map(alone(house, answer), (value) => Request.json(value)))

const stateOf = (session: Session.Session) => session.state

const reset = (options: Options) => (session: Session.Session) =>
  Effect.gen(function* () {
    const input = yield* Request.body(options.longest)
    const wanted = yield* Request.valid(Wire.decodeReset(input, ["body"]))
    return yield* Effect.mapError(session.reset(wanted), broken)
  })

const Step = Schema.Struct({
  action: Schema.Record(Schema.String, Schema.Unknown),
  timeout_s: Schema.optionalKey(Schema.NullOr(Schema.Finite.check(Schema.isGreaterThan(0)))),
  request_id: Schema.optionalKey(Schema.NullOr(Schema.String))
})

const decodeStep = Wire.decode(Step, false)

const step = (options: Options) => (session: Session.Session) =>
  Effect.gen(function* () {
    const input = yield* Request.body(options.longest)
    const { action, timeout_s: seconds } = yield* Request.valid(decodeStep(input, ["body"]))
    const wanted = yield* Request.valid(Wire.decodeAction(action, ["body", "action"]))
    const work = Effect.andThen(session.reset({ seed: 0 }), session.step(wanted))
    const answer = yield* Effect.mapError(
      typeof seconds === "number"
        ? Effect.timeoutOption(work, `${seconds} seconds`)
        : Effect.asSome(work),
      broken
    )
    if (Option.isSome(answer)) return answer.value
    const detail = `the step took longer than ${seconds} s`
    return yield* new Request.Refused({ status: 504, detail })
  })

const broken = ({ message }: { readonly message: string }) =>
  new Request.Refused({ status: 500, detail: message })

const talk = ({ house }: Options, speak: Parameters<typeof Conversation.hold>[2]) =>
  Upgrade.held((line) => Conversation.hold(line, house, speak))

/** JSON-RPC over POST: `openenv/session/create` opens a session, which `session_id` names afterwards. */
const mcp = (options: Options) =>
  Effect.gen(function* () {
    const input = yield* Request.body(options.longest)
    const request = yield* Effect.fromResult(JsonRpc.decode(input)).pipe(Effect.result)
    if (request._tag === "Failure") return Request.json(request.failure)
    return Request.json(yield* managed(options, request.success))
  }).pipe(
    Effect.catchTag("Refused", ({ detail, status }) => {
      const isBroken = status === 422
      const code = isBroken ? JsonRpc.codes.parse : JsonRpc.codes.request
      const message = isBroken ? "Parse error: this is not JSON" : String(detail)
      return Effect.succeed(Request.json(JsonRpc.failure(null, code, message)))
    })
  )

const managed = Effect.fnUntraced(function* ({ house, table }: Options, request: JsonRpc.Request) {
  const { id, method, params = {} } = request
  const given = params["session_id"]
  if (method === "openenv/session/create") return yield* create(table, id)
  if (given === undefined) return yield* forgotten(house, request)
  const number = typeof given === "string" ? Number(given) : Number.NaN
  if (!table.has(number)) {
    return JsonRpc.failure(id, JsonRpc.codes.params, `Unknown session_id: ${String(given)}`)
  }
  if (method === "openenv/session/close") {
    yield* table.close(number)
    return JsonRpc.success(id, { session_id: given, closed: true })
  }
  return yield* table
    .use(number, ({ session, world }) => JsonRpc.answer(world, session, request))
    .pipe(Effect.catch(({ message }) => Effect.succeed(refusal(id, message))))
})

const refusal = (id: JsonRpc.Request["id"], message: string) =>
  JsonRpc.failure(id, JsonRpc.codes.server, message)

const create = (table: SessionTable, id: JsonRpc.Request["id"]) =>
  Effect.match(table.open, {
    onFailure: ({ message }) => refusal(id, message),
    onSuccess: (number) => JsonRpc.success(id, { session_id: String(number) })
  })

/** A request that names no session: the next one knows nothing of it. */
const forgotten = (house: Conversation.House, request: JsonRpc.Request) =>
  request.method === "openenv/session/close"
    ? Effect.succeed(
        JsonRpc.failure(request.id, JsonRpc.codes.params, "Missing 'session_id' in params")
      )
    : alone(house, (session, world) => JsonRpc.answer(world, session, request)).pipe(
        Effect.catch(({ detail }) => Effect.succeed(refusal(request.id, String(detail))))
      )
