/**
 * A text that grows by turns and keeps its place in the cache: each turn costs its new tokens, not the
 * whole history. What is said to it and by it are ids; it knows no roles.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Batch from "./Batch.ts"
import type { DecodingError } from "./DecodingError.ts"
import * as Row from "./Row.ts"

/** Requests of one conversation are answered one after another. */
export interface Conversation {
  /** All that was given and said. */
  readonly ids: () => ReadonlyArray<number>
  /** Says what follows the text and `append`; both are then part of it. */
  readonly generate: (
    request: Row.Request & { readonly append: ReadonlyArray<number> }
  ) => Effect.Effect<Row.Generated, DecodingError>
  /**
   * Says what follows `history`, which then is the text. Where it was edited, it is read from the first
   * difference on: the ids decide.
   */
  readonly resume: (
    request: Row.Request & { readonly history: ReadonlyArray<number> }
  ) => Effect.Effect<Row.Generated, DecodingError>
}

/** A conversation that has not begun. Its place in the cache goes with the scope. */
export const make = Effect.fn("Conversation.make")(function* (
  batch: Batch.Batch
): Effect.fn.Return<Conversation, never, Scope.Scope> {
  const row = yield* batch.open
  const turns = yield* Semaphore.make(1)
  const say = (edit: Batch.Edit, request: Row.Request) =>
    turns.withPermits(1)(batch.say(row, edit, request))
  return {
    ids: () => [...row.ids],
    generate: (request) => say(appending(request.append), request),
    resume: (request) => say(becoming(request.history), request)
  }
})

const appending =
  (append: ReadonlyArray<number>): Batch.Edit =>
  ({ ids }) => {
    const start = ids.length
    for (const id of append) ids.push(id)
    return start
  }

const becoming =
  (history: ReadonlyArray<number>): Batch.Edit =>
  (row) => {
    const start = commonLength(row.ids, history)
    Row.truncate(row, start)
    appending(history.slice(start))(row)
    return start
  }

/** The number of ids at the beginning of both. */
export const commonLength = (one: ReadonlyArray<number>, other: ReadonlyArray<number>): number => {
  const end = Math.min(one.length, other.length)
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return at
  return end
}
