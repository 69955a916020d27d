/**
 * A buffer's database: one writer in a thread of its own, so that no commit holds up the caller's event loop.
 * In memory are a few numbers of each trajectory and the trajectories used last; what may enter is not decided here.
 */
import { ReplayBuffer, type Trajectory } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Change, Coming, Entry, Kept, Quotas } from "../Kept.ts"
import * as StoreCache from "./StoreCache.ts"
import * as StoreRow from "./StoreRow.ts"
import * as StoreThread from "./StoreThread.ts"
import type { Placed } from "./StoreWire.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * `maxBytes`: the size that the database may reach (default: as much as the disk has); beyond it, `DiskFull`. `cached`: how many
 * trajectories stay in memory (default 4,096).
 */
export interface Options {
  readonly file: string
  readonly maxBytes?: number
  readonly cached?: number
  readonly quotas: Quotas
}

/** A kept trajectory, by its number in the database: the younger, the greater. */
export interface Stored extends Entry {
  readonly seq: number
}

/**
 * `isNew`: nothing was ever added. `replace` makes these all that is kept, in their order. A snapshot is a number by which
 * `restore` brings back what was kept; restoring forgets later snapshots, `release` this one.
 */
export interface Store extends Kept<Stored> {
  readonly isNew: boolean
  readonly replace: (coming: ReadonlyArray<Coming>) => Effect.Effect<void, Failed>
  readonly snapshot: Effect.Effect<number, Failed>
  readonly restore: (version: number) => Effect.Effect<void, Failed>
  readonly release: (version: number) => Effect.Effect<void, Failed>
  /** What SQLite finds wrong in the file; nothing where it is sound. */
  readonly verify: Effect.Effect<ReadonlyArray<string>, Failed>
}

/** `changed` hears of every change, in the order of commits. */
interface Held {
  readonly file: string
  readonly thread: StoreThread.StoreThread
  readonly kept: Map<number, Stored>
  readonly cache: StoreCache.StoreCache
  readonly changed: (change: Change<Stored>) => void
}

/**
 * Opens or creates the database, and holds it until the scope closes.
 * Fails as `Locked` where another process writes to the file, `NewerVersion` where a later program wrote it, `Corrupt` where it
 * is damaged or no database of ours, `Io` where it cannot be opened.
 */
export const open = Effect.fn("Store.open")(function* (
  { cached = 4096, file, maxBytes, quotas }: Options,
  changed: Held["changed"]
): Effect.fn.Return<Store, Failed, Scope.Scope> {
  const thread = yield* StoreThread.open(file)
  const size = maxBytes === undefined ? {} : { maxBytes }
  const isNew = yield* thread.ask({ kind: "open", file, quotas, ...size }, (it) => it.isNew)
  const held: Held = { file, thread, changed, kept: new Map(), cache: StoreCache.make(cached) }
  yield* reload(held)
  return {
    isNew,
    entries: () => [...held.kept.values()],
    add: (coming) => add(held, coming),
    read: (entries) => read(held, entries),
    replace: (coming) => replace(held, coming),
    snapshot: Effect.flatMap(Clock.currentTimeMillis, (at) =>
      thread.ask({ kind: "snapshot", at }, (version) => version)
    ),
    restore: (version) => restore(held, version),
    release: (version) =>
      thread
        .ask({ kind: "release", version }, (wasThere) => wasThere)
        .pipe(
          Effect.filterOrFail(Boolean, () => unknown(file, version)),
          Effect.asVoid
        ),
    verify: thread.ask({ kind: "verify" }, (findings) => findings)
  }
})

const add = Effect.fnUntraced(function* (held: Held, coming: ReadonlyArray<Coming>) {
  if (coming.length === 0) return []
  const rows = yield* Effect.forEach(coming, StoreRow.rowOf)
  const at = yield* Clock.currentTimeMillis
  return yield* held.thread.ask({ kind: "add", rows, at }, (places) =>
    places.map((place, i) => placed(held, coming[i], place))
  )
}, Effect.uninterruptible)

const placed = (
  held: Held,
  coming: Coming | undefined,
  { evicted, seq }: Placed
): Change<Stored> => {
  if (seq === undefined || coming === undefined) return { evicted: [] }
  const { isFailed, isReal, isSuccess, realSteps, syntheticSteps, trajectory } = coming
  held.cache.put(seq, trajectory)
  const entry = { seq, isFailed, isReal, isSuccess, realSteps, syntheticSteps }
  return kept(
    held,
    entry,
    evicted.flatMap((one) => held.kept.get(one) ?? (one === seq ? entry : []))
  )
}

/** `evicted` may hold the entry itself. */
const kept = (held: Held, entry: Stored, evicted: ReadonlyArray<Stored>): Change<Stored> => {
  const change = { inserted: entry, evicted }
  held.kept.set(entry.seq, entry)
  for (const { seq } of evicted) {
    held.kept.delete(seq)
    held.cache.remove(seq)
  }
  held.changed(change)
  return change
}

const replace = Effect.fnUntraced(function* (held: Held, coming: ReadonlyArray<Coming>) {
  const rows = yield* Effect.forEach(coming, StoreRow.rowOf)
  const at = yield* Clock.currentTimeMillis
  yield* held.thread.ask({ kind: "replace", rows, at }, (seqs) => {
    clear(held)
    seqs.forEach((seq, i) => placed(held, coming[i], { seq, evicted: [] }))
  })
}, Effect.uninterruptible)

const restore = Effect.fnUntraced(function* (held: Held, version: number) {
  const at = yield* Clock.currentTimeMillis
  const wasThere = yield* held.thread.ask({ kind: "restore", version, at }, (it) => it)
  if (!wasThere) return yield* unknown(held.file, version)
  yield* reload(held)
}, Effect.uninterruptible)

const clear = (held: Held): void => {
  const evicted = [...held.kept.values()]
  held.kept.clear()
  held.cache.clear()
  held.changed({ evicted })
}

/** Reads the numbers of everything that is kept. */
const reload = (held: Held) =>
  held.thread.ask({ kind: "index" }, (index) => {
    clear(held)
    for (const entry of StoreRow.storedOf(index)) kept(held, entry, [])
  })

/** Trajectories that are read at once. */
const pageSize = 512

const read = Effect.fnUntraced(function* (held: Held, entries: ReadonlyArray<Stored>) {
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

/** What is still kept of the wanted. What is kept and not there is damage. */
const fetched = Effect.fnUntraced(function* (held: Held, seqs: ReadonlyArray<number>) {
  const { expected, rows } = yield* held.thread.ask({ kind: "fetch", seqs }, (answer) => ({
    rows: answer,
    // Evictions that were committed before this answer are known by now.
    expected: seqs.filter((seq) => held.kept.has(seq))
  }))
  const trajectories = yield* StoreRow.trajectoriesOf(rows, held.file)
  const lost = expected.find((seq) => !trajectories.has(seq))
  if (lost !== undefined) return yield* StoreRow.damaged(held.file, `row ${lost} is gone`)
  for (const [seq, one] of trajectories) if (held.kept.has(seq)) held.cache.put(seq, one)
  return trajectories
})

const unknown = (file: string, version: number) =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Io",
    file,
    message: `${file} has no snapshot ${version}; it was released, or a restoration went behind it`
  })
