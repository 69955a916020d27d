/**
 * How many sessions a server has at once, and how it empties: no new ones, and a word to those that sit.
 * What a session does is not known here.
 */
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** There is no seat: all are taken, or the server is closing. */
export class NoSeat extends Schema.TaggedError<NoSeat>()("NoSeat", {
  reason: Schema.Literals(["Full", "Closing"]),
  taken: Schema.Int,
  seats: Schema.Int
}) {
  override get message(): string {
    return this.reason === "Full"
      ? `all ${this.seats} sessions are in use; close one, or start the server with a larger --max-sessions`
      : "the server is shutting down"
  }
}

export interface Seats {
  readonly seats: number
  readonly taken: Effect.Effect<number>
  /** A seat until the scope closes. `leave` is run when the server wants it back. */
  readonly take: (leave: Effect.Effect<void>) => Effect.Effect<void, NoSeat, Scope.Scope>
  /** Gives no more seats, asks everybody to leave, and waits for them, but not longer than this. */
  readonly empty: (longest: Duration.Input) => Effect.Effect<void>
}

export const make = (seats: number): Effect.Effect<Seats> =>
  Effect.sync(() => {
    const sitting = new Set<Effect.Effect<void>>()
    const left = Deferred.makeUnsafe<void>()
    let isClosing = false
    const sit = (leave: Effect.Effect<void>) =>
      Effect.suspend(() => {
        const reason = isClosing ? "Closing" : sitting.size >= seats ? "Full" : undefined
        if (reason !== undefined) {
          return Effect.fail(new NoSeat({ reason, taken: sitting.size, seats }))
        }
        // A value of its own, so that the same effect may sit twice.
        const seat = Effect.suspend(() => leave)
        sitting.add(seat)
        return Effect.succeed(seat)
      })
    const rise = (seat: Effect.Effect<void>) =>
      Effect.suspend(() => {
        sitting.delete(seat)
        return isClosing && sitting.size === 0 ? Deferred.succeed(left, undefined) : Effect.void
      })
    const empty = (longest: Duration.Input) =>
      Effect.suspend(() => {
        isClosing = true
        if (sitting.size === 0) return Effect.void
        const all = { concurrency: "unbounded", discard: true } as const
        return Effect.forEach([...sitting], (leave) => leave, all).pipe(
          Effect.andThen(Deferred.await(left)),
          Effect.timeoutOption(longest),
          Effect.asVoid
        )
      })
    return {
      seats,
      taken: Effect.sync(() => sitting.size),
      take: (leave) => Effect.asVoid(Effect.acquireRelease(sit(leave), rise)),
      empty
    }
  })
