/**
 * A world on a port: the OpenEnv protocol and AgentGym's routes over one HTTP server.
 * It is no place for secrets: who can reach the port can play.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as AgentGymRoutes from "./AgentGymRoutes.ts"
import type { House } from "./Conversation.ts"
import * as Guard from "./Guard.ts"
import * as OpenApi from "./OpenApi.ts"
import * as OpenEnvRoutes from "./OpenEnvRoutes.ts"
import * as Seats from "./Seats.ts"
import * as SessionTable from "./SessionTable.ts"
import * as WebInterface from "./WebInterface.ts"

/** The address cannot be used. */
export class ServeError extends Schema.TaggedError<ServeError>()("ServeError", {
  reason: Schema.Literals(["Address"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/**
 * `port` 0 takes a free one. `longest`: bytes of one message. `idle`: after so long without a message a session is closed.
 * `grace`: how long sessions may take to leave when the server closes.
 */
export interface Options {
  readonly world: House["world"]
  readonly host: string
  readonly port: number
  readonly maxSessions: number
  readonly longest: number
  readonly idle: Duration.Input
  readonly grace: Duration.Input
  readonly version: string
  /** What is served besides that which every server has. */
  readonly parts: ReadonlyArray<OpenApi.Part>
}

/** What a server is asked while it runs. */
export interface Running {
  readonly url: string
  readonly sessions: Effect.Effect<number>
}

/** Serves until the scope closes: then it takes nobody in, lets what is being answered be answered, and closes. */
export const serve = Effect.fn("EnvironmentServer.serve")(function* (options: Options) {
  const seats = yield* Seats.make(options.maxSessions)
  let episodes = 0
  const house: House = {
    world: options.world,
    seats,
    number: () => episodes++,
    idle: options.idle
  }
  const server = yield* Effect.mapError(
    Layer.build(NodeHttpServer.layer(createServer, listening(options))),
    (cause) => unusable(options, cause)
  )
  const watchers = yield* Seats.make(options.maxSessions)
  const routes = yield* routesOf(options, house, watchers)
  const quiet = { disableLogger: true, disableListenLog: true }
  const served = HttpRouter.serve(Guard.guarded(routes), quiet)
  yield* Layer.build(Layer.provide(served, Layer.succeedContext(server)))
  // The last finalizer runs first: the house empties while the server still answers.
  yield* Effect.addFinalizer(() =>
    Effect.all([seats.empty(options.grace), watchers.empty(options.grace)], {
      concurrency: "unbounded"
    })
  )
  const { address } = yield* Effect.provide(HttpServer.HttpServer, server)
  const port = "port" in address ? address.port : options.port
  const running: Running = {
    url: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
    sessions: seats.taken
  }
  return running
})

/** The routes of the parts that are wanted. */
const routesOf = Effect.fnUntraced(function* (
  { longest, parts, version }: Options,
  house: House,
  watchers: Seats.Seats
) {
  const table = yield* SessionTable.make(house)
  const all = [
    ...OpenEnvRoutes.routes({ house, table, version, longest, parts }),
    ...(yield* WebInterface.routes({ table, watchers, longest })),
    ...AgentGymRoutes.routes({ table, longest })
  ]
  const shown = new Set(OpenApi.served(parts).map(({ method, path }) => `${method} ${path}`))
  return all.filter(({ method, path }) => shown.has(`${method.toLowerCase()} ${path}`))
})

const listening = ({ grace, host, longest, port }: Options): NodeHttpServer.Options => ({
  host,
  port,
  gracefulShutdownTimeout: grace,
  websocket: { maxPayload: longest }
})

const unusable = ({ host, port }: Options, cause: { readonly cause?: unknown }) => {
  const why = cause.cause instanceof Error ? cause.cause.message : "it is refused"
  return new ServeError({
    reason: "Address",
    message: `${host}:${port} cannot be listened on (${why}); choose another --port or --host`,
    cause
  })
}
