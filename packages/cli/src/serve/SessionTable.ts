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
  usedAt: number
}

/** The sessions of one server, closed with its scope. */
export const make = Effect.fn("SessionTable.make")(function* (house: House) {
  const entries = new Map<number, Entry>()
  let last = -1
  const close = (id: number) =>
    Effect.suspend(() => {
      const entry = entries.get(id)
      entries.delete(id)
      return entry === undefined ? Effect.void : Scope.close(entry.scope, Exit.void)
    })
  const open = Effect.uninterruptible(
    Effect.gen(function* () {
      const id = ++last
      const scope = yield* Scope.make()
      const made = Effect.gen(function* () {
        yield* house.seats.take(close(id))
        const world = yield* house.world
        const session = yield* Session.make(world, house.number)
        const turn = yield* Semaphore.make(1)
        return { world, session, turn, usedAt: yield* Clock.currentTimeMillis }
      })
      const entry = yield* Effect.provideService(made, Scope.Scope, scope).pipe(
        Effect.onError(() => Scope.close(scope, Exit.void))
      )
      entries.set(id, { ...entry, scope })
      return id
    })
  )
  const find = (id: number) => {
    const entry = entries.get(id)
    return entry === undefined
      ? Effect.fail(new NoSession({ id: String(id) }))
      : Effect.succeed(entry)
  }
  const use = <A, E>(id: number, body: (open: Open) => Effect.Effect<A, E>) =>
    Effect.flatMap(find(id), (entry) =>
      entry.turn.withPermits(1)(
        Effect.gen(function* () {
          entry.usedAt = yield* Clock.currentTimeMillis
          return yield* body(entry)
        })
      )
    )
  const idle = Duration.toMillis(Duration.fromInputUnsafe(house.idle))
  const sweep = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const old = [...entries].filter(([, { usedAt }]) => now - usedAt > idle)
    yield* Effect.forEach(old, ([id]) => close(id), { discard: true })
  })
  yield* Effect.addFinalizer(() => Effect.forEach([...entries.keys()], close, { discard: true }))
  yield* Effect.forkScoped(Effect.repeat(sweep, Schedule.spaced(Math.max(idle / 4, 10))))
  return { open, use, close, has: (id: number) => entries.has(id) }
})

export type SessionTable = Effect.Success<ReturnType<typeof make>>
