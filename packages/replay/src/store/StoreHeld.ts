/**
 * What a store holds in memory of its database: the entries of all that is kept, and the trajectories used last.
 * It follows the answers of the thread in the order of commits; it decides nothing.
 */
import type { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Change, Coming, Entry } from "../Kept.ts"
import type { StoreCache } from "./StoreCache.ts"
import * as StoreRow from "./StoreRow.ts"
import type { StoreThread } from "./StoreThread.ts"
import type { Placed } from "./StoreWire.ts"

/** `changed` hears of every change, in the order of commits. `kept`: by number, oldest first. */
export interface Held {
  readonly file: string
  readonly thread: StoreThread
  readonly isReadOnly: boolean
  readonly kept: Map<number, Entry>
  readonly cache: StoreCache
  readonly changed: (change: Change) => void
}

/** After one addition. */
export const placed = (
  held: Held,
  coming: Coming | undefined,
  { evicted, seq }: Placed
): Change => {
  if (seq === undefined || coming === undefined) return { evicted: [] }
  const { fingerprint: _, trajectory, ...rest } = coming
  const entry: Entry = { seq, ...rest }
  held.cache.put(seq, trajectory)
  held.kept.set(seq, entry)
  const change = { inserted: entry, evicted: taken(held, evicted) }
  held.changed(change)
  return change
}

/** The entries of those of `seqs` that are known, which they are no longer. */
const taken = ({ cache, kept }: Held, seqs: ReadonlyArray<number>): ReadonlyArray<Entry> =>
  seqs.flatMap((seq) => {
    const entry = kept.get(seq)
    kept.delete(seq)
    cache.remove(seq)
    return entry ?? []
  })

export const remove = (held: Held, seqs: ReadonlyArray<number>): void => {
  const evicted = taken(held, seqs)
  if (evicted.length > 0) held.changed({ evicted })
}

export const clear = (held: Held): void => {
  const evicted = [...held.kept.values()]
  held.kept.clear()
  held.cache.clear()
  held.changed({ evicted })
}

const insert = (held: Held, entry: Entry): void => {
  held.kept.set(entry.seq, entry)
  held.changed({ inserted: entry, evicted: [] })
}

/** Reads the entries of everything that is kept. */
export const reload = (held: Held): Effect.Effect<void, ReplayBuffer.ReplayBufferError> =>
  held.thread.ask({ kind: "index" }, (index) => {
    clear(held)
    for (const entry of StoreRow.entriesOf(index)) insert(held, entry)
  })

/** Learns what another process wrote since. */
export const refresh = Effect.fnUntraced(function* (held: Held) {
  const hasChanged = yield* held.thread.ask({ kind: "hasChanged" }, (it) => it)
  if (!hasChanged) return
  yield* held.thread.ask({ kind: "index" }, (index) => follow(held, StoreRow.entriesOf(index)))
})

/** Where something old is there again, the other has restored a snapshot, and the order is another: all is told anew. */
const follow = (held: Held, entries: ReadonlyArray<Entry>): void => {
  const newest = [...held.kept.keys()].at(-1) ?? 0
  const fresh = entries.filter(({ seq }) => !held.kept.has(seq))
  if (fresh.some(({ seq }) => seq < newest)) {
    clear(held)
    return entries.forEach((entry) => insert(held, entry))
  }
  const there = new Set(entries.map(({ seq }) => seq))
  remove(
    held,
    [...held.kept.keys()].filter((seq) => !there.has(seq))
  )
  const other = entries.filter(({ priority, seq }) => {
    const known = held.kept.get(seq)
    return known !== undefined && known.priority !== priority
  })
  for (const entry of other) held.kept.set(entry.seq, entry)
  const prioritised = other.map(({ priority, seq }) => ({ priority, seq }))
  if (prioritised.length > 0) held.changed({ evicted: [], prioritised })
  for (const entry of fresh) insert(held, entry)
}

/** Trajectories that are read at once. */
const pageSize = 512

/** In their order, or undefined where one is not kept any more. */
export const read = Effect.fnUntraced(function* (held: Held, entries: ReadonlyArray<Entry>) {
  const found = new Map<number, Trajectory.Trajectory>()
  const wanted: Array<number> = []
  for (const seq of new Set(entries.map((entry) => entry.seq))) {
    const trajectory = held.cache.get(seq)
    if (trajectory === undefined) wanted.push(seq)
    else found.set(seq, trajectory)
  }
  for (let at = 0; at < wanted.length; at += pageSize) {
    for (const [seq, one] of yield* fetched(held, wanted.slice(at, at + pageSize))) {
      found.set(seq, one)
    }
  }
  const trajectories = entries.flatMap(({ seq }) => found.get(seq) ?? [])
  return trajectories.length === entries.length ? trajectories : undefined
})

/** What is still kept of the wanted. What is kept and not there is damage, unless another process may have evicted it. */
const fetched = Effect.fnUntraced(function* (held: Held, seqs: ReadonlyArray<number>) {
  const { expected, rows } = yield* held.thread.ask({ kind: "fetch", seqs }, (answer) => ({
    rows: answer,
    // Evictions that were committed before this answer are known by now.
    expected: seqs.filter((seq) => held.kept.has(seq))
  }))
  const trajectories = yield* StoreRow.trajectoriesOf(rows, held.file)
  const lost = expected.filter((seq) => !trajectories.has(seq))
  if (held.isReadOnly) remove(held, lost)
  else if (lost.length > 0) return yield* StoreRow.damaged(held.file, `row ${lost[0]} is gone`)
  for (const [seq, one] of trajectories) if (held.kept.has(seq)) held.cache.put(seq, one)
  return trajectories
})
