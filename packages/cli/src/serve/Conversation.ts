/**
 * One WebSocket as one session of the OpenEnv protocol: messages in, answers out, in order, one at a time.
 * It opens no sockets; a client that vanishes closes the scope, and with it the episode.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Socket from "effect/socket/Socket"
import type { World } from "../World.ts"
import * as JsonRpc from "./JsonRpc.ts"
import type { NoSeat, Seats } from "./Seats.ts"
import * as Session from "./Session.ts"
import type * as Upgrade from "./Upgrade.ts"
import * as Wire from "./Wire.ts"

/** What all sessions of a server share. `world` is made once per session. */
export interface House {
  readonly world: Effect.Effect<World, { readonly message: string }>
  readonly seats: Seats
  /** The number of the next episode, from 0. */
  readonly number: () => number
  /** A session that is silent for so long is closed. */
  readonly idle: Duration.Input
}

type Answer = (text: string) => Effect.Effect<unknown>

/** What `/ws` speaks. Undefined ends the conversation. */
export const openEnv =
  (world: World, session: Session.Session): Answer =>
  (text) =>
    Result.match(Wire.parse(text), {
      onFailure: () => Effect.succeed(Wire.error("INVALID_JSON", "the message is not JSON")),
      onSuccess: (message) => respond(world, session, message)
    })

/** What `/mcp` speaks. */
export const jsonRpc =
  (world: World, session: Session.Session): Answer =>
  (text) =>
    Result.match(Wire.parse(text), {
      onFailure: () =>
        Effect.succeed(JsonRpc.failure(null, JsonRpc.codes.parse, "Parse error: this is not JSON")),
      onSuccess: (message) => rpc(world, session, message)
    })

const rpc = (world: World, session: Session.Session, message: unknown) =>
  Result.match(JsonRpc.decode(message), {
    onFailure: (refused) => Effect.succeed<JsonRpc.Response>(refused),
    onSuccess: (request) => JsonRpc.answer(world, session, request)
  })

const observed = Effect.match({
  onFailure: ({ message }: { readonly message: string }) => Wire.error("EXECUTION_ERROR", message),
  onSuccess: (data: Wire.Shown): unknown => ({ type: "observation", data })
})

const invalid = (errors: ReadonlyArray<Wire.Fault>) =>
  Effect.succeed(Wire.error("VALIDATION_ERROR", "the message has invalid fields", { errors }))

type Handler = (world: World, session: Session.Session, data: unknown) => Effect.Effect<unknown>

const handlers: Readonly<Record<string, Handler>> = {
  reset: (_, session, data = {}) =>
    Result.match(Wire.decodeReset(data, ["data"]), {
      onFailure: invalid,
      onSuccess: (wanted) => observed(session.reset(wanted))
    }),
  step: (_, session, data) =>
    Result.match(Wire.decodeAction(data, ["data"]), {
      onFailure: invalid,
      onSuccess: (wanted) => observed(session.step(wanted))
    }),
  state: (_, session) => Effect.map(session.state, (data) => ({ type: "state", data })),
  close: () => Effect.undefined,
  mcp: (world, session, data) =>
    Effect.map(rpc(world, session, data), (response) => ({ type: "mcp", data: response }))
}

const respond = (world: World, session: Session.Session, message: unknown) => {
  if (!Wire.isObject(message)) {
    const fault = { type: "dict_type", loc: [], msg: "Input should be an object", input: message }
    return invalid([fault])
  }
  const type = message["type"]
  const handler = typeof type === "string" ? ownHandler(type) : undefined
  return handler === undefined
    ? Effect.succeed(
        Wire.error(
          "UNKNOWN_TYPE",
          `unknown message type ${JSON.stringify(type) ?? "(none)"}; known are ${Object.keys(handlers).join(", ")}`
        )
      )
    : handler(world, session, message["data"])
}

const ownHandler = (type: string) => (Object.hasOwn(handlers, type) ? handlers[type] : undefined)

/** Speaks until the client closes or vanishes, is silent for too long, or the server wants the seat back. */
export const hold = Effect.fn("Conversation.hold")(function* (
  { drained, socket }: Upgrade.Line,
  house: House,
  speak: (world: World, session: Session.Session) => Answer
) {
  const { write } = yield* socket.writer
  const pull = yield* Socket.readerString(socket)
  const send = (answer: unknown) => write(JSON.stringify(answer))
  const hangUp = (code: number, reason: string) => write(new Socket.CloseEvent(code, reason))
  const busy = { is: false, isLeaving: false }
  const leave = Effect.suspend(() => {
    busy.isLeaving = true
    return busy.is ? Effect.void : Effect.ignore(hangUp(goingAway, "the server is shutting down"))
  })
  const seated = yield* Effect.result(sit(house, leave))
  if (Result.isFailure(seated)) {
    yield* send(seated.failure)
    return yield* hangUp(tryLater, "no session")
  }
  const answer = speak(seated.success.world, seated.success.session)
  while (true) {
    const batch = yield* Effect.timeoutOption(pull, house.idle)
    if (Option.isNone(batch)) return yield* silent(send, hangUp, house.idle)
    busy.is = true
    for (const text of batch.value) {
      const reply = yield* answer(text).pipe(Effect.catchCause(unexpected))
      if (reply === undefined) return yield* hangUp(normal, "")
      yield* send(reply)
      yield* drained
      if (busy.isLeaving) return yield* hangUp(goingAway, "the server is shutting down")
    }
    busy.is = false
  }
})

const normal = 1000
const goingAway = 1001
const tryLater = 1013

/** A seat, a world and a session on it; failed, the answer that says why. */
const sit = (house: House, leave: Effect.Effect<void>) =>
  Effect.gen(function* () {
    yield* Effect.mapError(house.seats.take(leave), refused)
    const world = yield* Effect.mapError(house.world, ({ message }) =>
      Wire.error("FACTORY_ERROR", message)
    )
    return { world, session: yield* Session.make(world, house.number) }
  }).pipe(Effect.catchDefect((defect) => Effect.fail(Wire.error("SESSION_ERROR", String(defect)))))

const refused = ({ message, reason, seats, taken }: NoSeat) =>
  reason === "Full"
    ? Wire.error("CAPACITY_REACHED", message, { active_sessions: taken, max_sessions: seats })
    : Wire.error("SESSION_ERROR", message)

/** A defect is told, and the session goes on; an interruption is none. */
const unexpected = (cause: Cause.Cause<never>) =>
  Cause.hasInterrupts(cause)
    ? Effect.interrupt
    : Effect.as(
        Effect.logError(Cause.pretty(cause)),
        Wire.error("EXECUTION_ERROR", "the world broke; the server's log says how")
      )

const silent = Effect.fnUntraced(function* <E>(
  send: (answer: unknown) => Effect.Effect<void, E>,
  hangUp: (code: number, reason: string) => Effect.Effect<void, E>,
  idle: Duration.Input
) {
  const longest = Duration.format(Duration.fromInputUnsafe(idle))
  yield* send(Wire.error("SESSION_ERROR", `the session was silent for ${longest}`))
  yield* hangUp(goingAway, "idle")
})
