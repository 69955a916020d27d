/**
 * A buffer's database: one writer in a thread of its own, so that no commit holds up the caller's event loop.
 * What is kept is also held in memory, in the order of commits, but the file is the truth; what may enter is not decided here.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Change, Entry, Kept, Quotas } from "../Kept.ts"
import * as StoreRow from "./StoreRow.ts"
import * as StoreThread from "./StoreThread.ts"
import type { Placed } from "./StoreWire.ts"

type Failed = ReplayBuffer.ReplayBufferError

/** `maxBytes`: the size that the database may reach (default: as much as the disk has); beyond it, `DiskFull`. */
export interface Options {
  readonly file: string
  readonly maxBytes?: number
  readonly quotas: Quotas
}

/**
 * `isNew`: nothing was ever added. `replace` makes these entries all that is kept, in their order. A snapshot is a number by
 * which `restore` brings back what was kept; restoring forgets later snapshots, `release` this one.
 */
export interface Store extends Kept {
  readonly isNew: boolean
  readonly replace: (entries: ReadonlyArray<Entry>) => Effect.Effect<void, Failed>
  readonly snapshot: Effect.Effect<number, Failed>
  readonly restore: (version: number) => Effect.Effect<void, Failed>
  readonly release: (version: number) => Effect.Effect<void, Failed>
  /** What SQLite finds wrong in the file; nothing where it is sound. */
  readonly verify: Effect.Effect<ReadonlyArray<string>, Failed>
}

/** What is held in memory, by the database's numbers. `changed` hears of every change, in the order of commits. */
interface Held {
  readonly file: string
  readonly thread: StoreThread.StoreThread
  readonly kept: Map<number, Entry>
  readonly changed: (change: Change) => void
}

/**
 * Opens or creates the database, and holds it until the scope closes.
 * Fails as `Locked` where another process writes to the file, `NewerVersion` where a later program wrote it, `Corrupt` where it
 * is damaged or no database of ours, `Io` where it cannot be opened.
 */
export const open = Effect.fn("Store.open")(function* (
  { file, maxBytes, quotas }: Options,
  changed: Held["changed"]
): Effect.fn.Return<Store, Failed, Scope.Scope> {
  const thread = yield* StoreThread.open(file)
  const size = maxBytes === undefined ? {} : { maxBytes }
  const isNew = yield* thread.ask({ kind: "open", file, quotas, ...size }, (it) => it.isNew)
  const held: Held = { file, thread, changed, kept: new Map() }
  yield* reload(held)
  return {
    isNew,
    entries: () => [...held.kept.values()],
    add: (entries) => add(held, entries),
    replace: (entries) => replace(held, entries),
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

const add = Effect.fnUntraced(function* (held: Held, entries: ReadonlyArray<Entry>) {
  if (entries.length === 0) return []
  const rows = yield* Effect.forEach(entries, StoreRow.rowOf)
  const at = yield* Clock.currentTimeMillis
  return yield* held.thread.ask({ kind: "add", rows, at }, (places) =>
    places.map((place, i) => placed(held, entries[i], place))
  )
}, Effect.uninterruptible)

const placed = (held: Held, entry: Entry | undefined, { evicted, seq }: Placed): Change => {
  if (seq === undefined || entry === undefined) return { evicted: [] }
  held.kept.set(seq, entry)
  const change = { inserted: entry, evicted: evicted.flatMap((one) => taken(held, one)) }
  held.changed(change)
  return change
}

const taken = ({ kept }: Held, seq: number): ReadonlyArray<Entry> => {
  const entry = kept.get(seq)
  kept.delete(seq)
  return entry === undefined ? [] : [entry]
}

const replace = Effect.fnUntraced(function* (held: Held, entries: ReadonlyArray<Entry>) {
  const rows = yield* Effect.forEach(entries, StoreRow.rowOf)
  const at = yield* Clock.currentTimeMillis
  yield* held.thread.ask({ kind: "replace", rows, at }, (seqs) => {
    clear(held)
    entries.forEach((entry, i) => placed(held, entry, { seq: seqs[i] ?? i, evicted: [] }))
  })
}, Effect.uninterruptible)

const restore = Effect.fnUntraced(function* (held: Held, version: number) {
  const at = yield* Clock.currentTimeMillis
  const wasThere = yield* held.thread.ask({ kind: "restore", version, at }, (it) => it)
  if (!wasThere) return yield* unknown(held.file, version)
  yield* reload(held)
}, Effect.uninterruptible)

const clear = ({ changed, kept }: Held): void => {
  changed({ evicted: [...kept.values()] })
  kept.clear()
}

/** Trajectories that are read at once. */
const pageSize = 512

/** Reads everything that is kept, page by page. */
const reload = Effect.fnUntraced(function* (held: Held) {
  clear(held)
  for (let after = 0; ;) {
    const page = yield* held.thread.ask({ kind: "load", after, count: pageSize }, (it) => it)
    for (const { entry, seq } of yield* StoreRow.entriesOf(page, held.file)) {
      placed(held, entry, { seq, evicted: [] })
      after = seq
    }
    if (page.trajectories.length < pageSize) return
  }
})

const unknown = (file: string, version: number) =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Io",
    file,
    message: `${file} has no snapshot ${version}; it was released, or a restoration went behind it`
  })
