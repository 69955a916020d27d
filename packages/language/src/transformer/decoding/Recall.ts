/**
 * For callers that send a whole history each turn: continues, of the texts said before, the one that the
 * history begins with, so that they too pay only for what is new.
 * What is shared is decided by ids alone; an edited history is read from the first difference on.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Conversation } from "./Conversation.ts"
import * as Conversations from "./Conversation.ts"
import type { DecodingError } from "./DecodingError.ts"
import type * as Row from "./Row.ts"

/** Says what follows a history. */
export type Recall = (
  request: Row.Request & { readonly history: ReadonlyArray<number> }
) => Effect.Effect<Row.Generated, DecodingError>

interface Memory {
  readonly conversation: Conversation
  isBusy: boolean
  used: number
}

/** Keeps up to `count` texts; beyond them a history is read anew. */
export const make = Effect.fn("Recall.make")(function* (
  conversation: Effect.Effect<Conversation, never, Scope.Scope>,
  count: number
): Effect.fn.Return<Recall, never, Scope.Scope> {
  const memories = yield* Effect.forEach(Array.from({ length: count }), () =>
    Effect.map(conversation, (one): Memory => ({ conversation: one, isBusy: false, used: 0 }))
  )
  let clock = 0
  const take = (history: ReadonlyArray<number>) =>
    Effect.sync(() => {
      const memory = nearest(memories, history)
      if (memory === undefined) return undefined
      memory.isBusy = true
      memory.used = ++clock
      return memory
    })
  const giveBack = (memory: Memory | undefined) =>
    Effect.sync(() => {
      if (memory !== undefined) memory.isBusy = false
    })
  return (request) =>
    Effect.acquireUseRelease(
      take(request.history),
      (memory) =>
        memory === undefined
          ? Effect.scoped(Effect.flatMap(conversation, ({ resume }) => resume(request)))
          : memory.conversation.resume(request),
      giveBack
    )
})

/**
 * The free text that shares most with the history, if that is most of the text itself: else the one
 * that has been silent longest, rather than one that its own episode may yet want.
 */
const nearest = (
  memories: ReadonlyArray<Memory>,
  history: ReadonlyArray<number>
): Memory | undefined => {
  const free = memories
    .filter(({ isBusy }) => !isBusy)
    .map((memory) => {
      const ids = memory.conversation.ids()
      const shared = Conversations.commonLength(ids, history)
      return { memory, shared: 2 * shared > ids.length ? shared : 0 }
    })
  return free.toSorted((a, b) => b.shared - a.shared || a.memory.used - b.memory.used)[0]?.memory
}
