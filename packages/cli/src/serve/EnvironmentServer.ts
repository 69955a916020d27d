/**
 * A world on a port: the OpenEnv protocol and AgentGym's routes over one HTTP server.
 * It is no place for secrets: who can reach the port can play.
 */
import { createServer } from "node:http"
import type { Socket } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as AgentGymRoutes from "./AgentGymRoutes.ts"
import type { House } from "./Conversation.ts"
import * as OpenEnvRoutes from "./OpenEnvRoutes.ts"
import * as Seats from "./Seats.ts"
import * as SessionTable from "./SessionTable.ts"

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
  const table = yield* SessionTable.make(house)
  const { longest, version } = options
  const routes = HttpRouter.addAll([
    ...OpenEnvRoutes.routes({ house, table, version, longest, client }),
    ...AgentGymRoutes.routes({ table, longest })
  ])
  const served = HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true })
  yield* Layer.build(Layer.provide(served, Layer.succeedContext(server)))
  // The last finalizer runs first: the house empties while the server still answers.
  yield* Effect.addFinalizer(() => seats.empty(options.grace))
  const { address } = yield* Effect.provide(HttpServer.HttpServer, server)
  const port = "port" in address ? address.port : options.port
  const running: Running = {
    url: `http://${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`,
    sessions: seats.taken
  }
  return running
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

/** So many bytes may wait for a client before its next message is answered. */
const waiting = 1 << 20

const client = (request: HttpServerRequest.HttpServerRequest): OpenEnvRoutes.Client => {
  const { socket } = NodeHttpServerRequest.toIncomingMessage(request)
  return {
    drained: Effect.suspend(() =>
      socket.writableLength < waiting || socket.destroyed
        ? Effect.void
        : heard(socket, ["drain", "close"])
    ),
    gone: Effect.suspend(() => (socket.destroyed ? Effect.void : heard(socket, ["close"])))
  }
}

/** Waits for the first of these events. */
const heard = (socket: Socket, events: ReadonlyArray<"drain" | "close">): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const stop = () => events.forEach((event) => socket.off(event, done))
    const done = () => {
      stop()
      resume(Effect.void)
    }
    events.forEach((event) => socket.on(event, done))
    return Effect.sync(stop)
  })
