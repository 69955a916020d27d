/**
 * What one process knows of a buffer in PostgreSQL: the entries of all that is kept, how far it has heard of changes, and who waits.
 * Only the knowledge; how it comes is `PostgresFollowing`.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import type * as Deferred from "effect/Deferred"
import type * as Semaphore from "effect/Semaphore"
import { type Change, type Coming, type Entry, type Quotas, type Shelf, shelfOf } from "../Kept.ts"
import type { StoreCache } from "../store/StoreCache.ts"
import type { Row } from "../store/StoreWire.ts"
import type { Server } from "./PostgresServer.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** One that comes, ready to be written. */
export interface Arrival {
  readonly coming: Coming
  readonly row: Row
}

/** An addition that waits for its turn. */
export interface Waiting {
  readonly arrivals: ReadonlyArray<Arrival>
  readonly done: Deferred.Deferred<ReadonlyArray<Change>, Failed>
}

/**
 * `seen` is the last event that `kept`, `counts` and whoever hears `changed` know of; `horizon` the last that is not told any more.
 * `kept` is by number, oldest first. Who writes holds `turn`. `space`: whose vectors this process wrote last.
 */
export interface Held {
  readonly server: Server
  readonly quotas: Quotas
  readonly changed: (change: Change) => void
  readonly cache: StoreCache
  readonly turn: Semaphore.Semaphore
  readonly waiting: Array<Waiting>
  kept: Map<number, Entry>
  counts: Record<Shelf, number>
  seen: number
  horizon: number
  space: string
}

export const put = (held: Held, entry: Entry): Entry => {
  held.kept.set(entry.seq, entry)
  held.counts[shelfOf(entry)]++
  return entry
}

/** Those of `seqs` that were kept. */
export const dropAll = (held: Held, seqs: ReadonlyArray<number>): ReadonlyArray<Entry> =>
  seqs.flatMap((seq) => {
    const entry = held.kept.get(seq)
    if (entry === undefined || !held.kept.delete(seq)) return []
    held.counts[shelfOf(entry)]--
    held.cache.remove(seq)
    return [entry]
  })
