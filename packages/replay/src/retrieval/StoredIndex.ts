/**
 * An index that lies in the store itself, which searches it: what several processes write there, each of them finds.
 * It makes no vector and compares none; a store that does not search leaves both to `VectorIndex`.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Embedded, Entry, Kept, Near, Search, Space, Vectors } from "../Kept.ts"
import type * as VectorIndex from "./VectorIndex.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** `entries` may be found, by `seq`; `waiting` are those of them whose vectors are not known to be kept. */
export interface StoredIndex {
  readonly space: Space
  readonly search: Search
  readonly write: Vectors["write"]
  readonly entries: ReadonlyMap<number, Entry>
  readonly waiting: Map<number, Entry>
}

type Followed = Pick<StoredIndex, "entries" | "waiting">

/** Undefined where the store does not search in this space. */
export const of = (
  { vectors }: Kept,
  space: Space,
  { entries, waiting }: Followed
): StoredIndex | undefined => {
  const search = vectors?.search?.(space)
  if (vectors === undefined || search === undefined) return undefined
  return { space, search, write: vectors.write, entries, waiting }
}

/** What others embedded, or this process before, waits no longer. */
export const learn = Effect.fnUntraced(function* (
  index: StoredIndex
): Effect.fn.Return<void, Failed> {
  const { search, waiting } = index
  while (waiting.size > 0) {
    const known = yield* search.known([...waiting.keys()])
    if (known === undefined) {
      beginAgain(index)
      continue
    }
    for (const seq of known) waiting.delete(seq)
    return
  }
})

/** `some` are kept, and wait no longer. Unlike where memory is searched, what is not written is not found: a failure is the caller's. */
export const keep = (
  { space, waiting, write }: StoredIndex,
  some: ReadonlyArray<Embedded>
): Effect.Effect<void, Failed> =>
  Effect.map(write(space, some), () => some.forEach(({ seq }) => waiting.delete(seq)))

/** Undefined where something was found that is not known here, or vectors went: learn what changed, and ask again. */
export const search = (
  index: StoredIndex,
  queries: ReadonlyArray<VectorIndex.Query>
): Effect.Effect<ReadonlyArray<ReadonlyArray<Near>> | undefined, Failed> =>
  Effect.map(index.search.nearest(queries), (lists) => {
    if (lists === undefined) {
      beginAgain(index)
      return undefined
    }
    const isKnown = ({ seq }: Near): boolean => index.entries.has(seq)
    return lists.every((list) => list.every(isKnown)) ? lists : undefined
  })

const beginAgain = ({ entries, waiting }: StoredIndex): void => {
  for (const [seq, entry] of entries) waiting.set(seq, entry)
}
