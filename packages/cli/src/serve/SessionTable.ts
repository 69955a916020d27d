/**
 * Sessions that live between HTTP requests, by number: opened, used one request at a time, closed or forgotten when idle.
 * A WebSocket needs none of this: its session is its connection's.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { World } from "../World.ts"
import type { House } from "./Conversation.ts"
import * as Session from "./Session.ts"

/** There is no such session: never opened, closed, or idle for too long. */
export class NoSession extends Schema.TaggedError<NoSession>()("NoSession", {
  id: Schema.String
}) {
  override get message(): string {
    return `there is no session ${this.id}; it was closed, was idle for too long, or never opened`
  }
}

export interface Open {
  readonly world: World
  readonly session: Session.Session
}

interface Entry extends Open {
  readonly scope: Scope.Closeable
  readonly turn: Semaphore.Semaphore
  /** How many requests use it or wait for their turn. */
  users: number
  usedAt: number
}

type Entries = Map<number, Entry>

/** The sessions of one server, closed with its scope. */
export const make = Effect.fn("SessionTable.make")(function* (house: House) {
  const entries: Entries = new Map()
  yield* Effect.addFinalizer(() =>
    Effect.forEach([...entries.keys()], (id) => drop(entries, id), { discard: true })
  )
  const idle = Duration.toMillis(Duration.fromInputUnsafe(house.idle))
  const often = Schedule.spaced(Math.max(idle / 4, 10))
  yield* Effect.forkScoped(Effect.repeat(sweep(entries, idle), often))
  return {
    open: opening(entries, house),
    use: <A, E>(id: number, body: (open: Open) => Effect.Effect<A, E>) =>
      Effect.flatMap(find(entries, id), (entry) => inTurn(entry, body)),
    /** Lets what is being answered be answered; whether there was such a session. */
    close: (id: number) => close(entries, id),
    has: (id: number) => entries.has(id)
  }
})

export type SessionTable = Effect.Success<ReturnType<typeof make>>

/** Takes a session out, so that no other request finds it. */
const taken = (entries: Entries, id: number) =>
  Effect.sync(() => {
    const entry = entries.get(id)
    entries.delete(id)
    return entry
  })

const drop = (entries: Entries, id: number) =>
  Effect.uninterruptible(
    Effect.flatMap(taken(entries, id), (entry) =>
      entry === undefined ? Effect.void : Scope.close(entry.scope, Exit.void)
    )
  )

/** Closes when what goes on in it is over, or when nobody waits for that any more. */
const close = (entries: Entries, id: number) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(taken(entries, id), (entry) =>
      entry === undefined
        ? Effect.succeed(false)
        : restore(entry.turn.withPermits(1)(Effect.void)).pipe(
            Effect.ensuring(Scope.close(entry.scope, Exit.void)),
            Effect.as(true)
          )
    )
  )

/** Opens a session and answers with its number. */
const opening = (entries: Entries, house: House) => {
  let last = -1
  return Effect.uninterruptible(
    Effect.gen(function* () {
      const id = ++last
      const scope = yield* Scope.make()
      const entry = yield* Effect.provideService(
        enter(house, Effect.asVoid(close(entries, id))),
        Scope.Scope,
        scope
      ).pipe(Effect.onError(() => Scope.close(scope, Exit.void)))
      entries.set(id, { ...entry, scope })
      return id
    })
  )
}

const enter = Effect.fnUntraced(function* (house: House, leave: Effect.Effect<void>) {
  yield* house.seats.take(leave)
  const world = yield* house.world
  const session = yield* Session.make(world, house.number)
  const turn = yield* Semaphore.make(1)
  return { world, session, turn, users: 0, usedAt: yield* Clock.currentTimeMillis }
})

const find = (entries: Entries, id: number) => {
  const entry = entries.get(id)
  return entry === undefined
    ? Effect.fail(new NoSession({ id: String(id) }))
    : Effect.succeed(entry)
}

/** Two requests of one session wait for each other. */
const inTurn = <A, E>(entry: Entry, body: (open: Open) => Effect.Effect<A, E>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => entry.users++),
    () => entry.turn.withPermits(1)(body(entry)),
    () =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        entry.users--
        entry.usedAt = now
      })
  )

/** One that is in use is not idle, however long its step takes. */
const sweep = (entries: Entries, idle: number) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const old = [...entries].filter(([, { usedAt, users }]) => users === 0 && now - usedAt > idle)
    yield* Effect.forEach(old, ([id]) => drop(entries, id), { discard: true })
  })
