/**
 * A request that becomes a WebSocket, and the client at its other end: whether it reads, and whether it is still there.
 * What is spoken over it is not known here.
 */
import type { Socket as Connection } from "node:net"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Request from "./Request.ts"

/** `drained` waits until the client has read most of what was sent. */
export interface Line {
  readonly socket: Socket.Socket
  readonly drained: Effect.Effect<void>
}

/**
 * Holds the line until its talk ends or the client is gone, also in the middle of an answer. A socket that breaks is the
 * client's affair. A request that is no WebSocket is 426.
 */
export const held = <E>(talk: (line: Line) => Effect.Effect<void, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const socket = yield* request.upgrade
    const { socket: connection } = NodeHttpServerRequest.toIncomingMessage(request)
    const talking = Effect.ignore(talk({ socket, drained: drained(connection) }))
    yield* Effect.raceFirst(talking, gone(connection))
    return HttpServerResponse.empty()
  }).pipe(
    Effect.scoped,
    Effect.catchTag("HttpServerError", () =>
      Effect.succeed(Request.json({ detail: "this address speaks WebSocket" }, 426))
    )
  )

/** So many bytes may wait for a client before its next message is answered. */
const waiting = 1 << 20

const drained = (connection: Connection) =>
  Effect.suspend(() =>
    connection.writableLength < waiting || connection.destroyed
      ? Effect.void
      : heard(connection, ["drain", "close"])
  )

const gone = (connection: Connection) =>
  Effect.suspend(() => (connection.destroyed ? Effect.void : heard(connection, ["close"])))

/** Waits for the first of these events. */
const heard = (
  connection: Connection,
  events: ReadonlyArray<"drain" | "close">
): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const stop = () => events.forEach((event) => connection.off(event, done))
    const done = () => {
      stop()
      resume(Effect.void)
    }
    events.forEach((event) => connection.on(event, done))
    return Effect.sync(stop)
  })
