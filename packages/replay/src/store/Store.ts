/**
 * A buffer's database: one writer in a thread of its own, so that no commit holds up the caller's event loop.
 * In memory are a few numbers of each trajectory and the trajectories used last; what may enter is not decided here.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Coming, Kept, Prioritised } from "../Kept.ts"
import type { Quotas, Shelf } from "../Quotas.ts"
import * as StoreCache from "./StoreCache.ts"
import * as StoreCheck from "./StoreCheck.ts"
import * as Held from "./StoreHeld.ts"
import * as StoreRow from "./StoreRow.ts"
import * as StoreThread from "./StoreThread.ts"
import * as StoreVectors from "./StoreVectors.ts"
import type { Answers, PruneRequest } from "./StoreWire.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * `maxBytes`: the size that the database may reach (default: as much as the disk has); beyond it, `DiskFull`. `cached`: how many
 * trajectories stay in memory (default 4,096). `quotas`: default, no bounds. `readOnly`: looks on while another process may write;
 * nothing is locked, migrated or written, and what would write fails as `BadRequest`.
 */
export interface Options {
  readonly file: string
  readonly maxBytes?: number
  readonly cached?: number
  readonly quotas?: Quotas
  readonly readOnly?: boolean
}

/**
 * What to take away: the `rejected`; what is below `leastQuality`; dreams with a step of a model older than `leastModelVersion`: each only
 * of `source` where one is named. Then what is over `quotas`, of any source. Where nothing is named, nothing goes.
 */
export type Prune = Omit<PruneRequest, "kind" | "at">

/** How many went, by shelf; of `held` of them the space is not free, because snapshots hold them. */
export interface Pruned {
  readonly went: Readonly<Record<Shelf, number>>
  readonly held: number
}

/** When the oldest and the youngest that are kept were added, and what snapshots there are; in milliseconds since 1970. */
export type Dates = Answers["dates"]

/** `isNew`: nothing was ever added. */
export interface Store extends Kept {
  readonly isNew: boolean
  readonly dates: Effect.Effect<Dates, Failed>
  /**
   * What is wrong, a sentence each, at most a hundred; none where all is sound: SQLite's own checks, counts, and every row read back,
   * compared with what its content says. Takes as long as reading all.
   */
  readonly verify: Effect.Effect<ReadonlyArray<string>, Failed>
  /** Then gives the space back: the file is written anew, which needs as much room once more. */
  readonly prune: (what: Prune) => Effect.Effect<Pruned, Failed>
}

/**
 * Opens or creates the database, and holds it until the scope closes. `changed` hears of every change (`Kept`).
 * Fails as `Locked` where another process writes to the file, `NewerVersion` where a later program wrote it, `Corrupt` where it
 * is damaged or no database of ours, `Io` where it cannot be opened, `BadRequest` where it must be migrated and may only be read.
 */
export const open = Effect.fn("Store.open")(function* (
  { cached = 4096, file, maxBytes, quotas = {}, readOnly = false }: Options,
  changed: Held.Held["changed"]
): Effect.fn.Return<Store, Failed, Scope.Scope> {
  const thread = yield* StoreThread.open(file)
  const size = maxBytes === undefined ? {} : { maxBytes }
  const request = { kind: "open", file, quotas, isReadOnly: readOnly, ...size } as const
  const isNew = yield* thread.ask(request, (it) => it.isNew)
  const held: Held.Held = {
    file,
    thread,
    changed,
    isReadOnly: readOnly,
    kept: new Map(),
    cache: StoreCache.make(cached)
  }
  yield* Held.reload(held)
  return {
    isNew,
    entries: () => [...held.kept.values()],
    add: (coming) => add(held, coming),
    read: (entries) => Held.read(held, entries),
    replace: (coming) => replace(held, coming),
    prioritise: (list) => prioritise(held, list),
    snapshot: Effect.flatMap(Clock.currentTimeMillis, (at) =>
      thread.ask({ kind: "snapshot", at }, (version) => version)
    ),
    restore: (version) => restore(held, version),
    release: (version) => release(held, version),
    ...(readOnly ? { refresh: Held.refresh(held) } : {}),
    vectors: StoreVectors.make(held),
    dates: thread.ask({ kind: "dates" }, (it) => it),
    verify: StoreCheck.verify(held),
    prune: (what) => prune(held, what)
  }
})

const add = Effect.fnUntraced(function* (held: Held.Held, coming: ReadonlyArray<Coming>) {
  if (coming.length === 0) return []
  const rows = yield* Effect.forEach(coming, StoreRow.rowOf)
  const at = yield* Clock.currentTimeMillis
  return yield* held.thread.ask({ kind: "add", rows, at }, (places) =>
    places.map((place, i) => Held.placed(held, coming[i], place))
  )
}, Effect.uninterruptible)

const replace = Effect.fnUntraced(function* (held: Held.Held, coming: ReadonlyArray<Coming>) {
  const rows = yield* Effect.forEach(coming, StoreRow.rowOf)
  const at = yield* Clock.currentTimeMillis
  yield* held.thread.ask({ kind: "replace", rows, at }, (seqs) => {
    Held.clear(held)
    seqs.forEach((seq, i) => Held.placed(held, coming[i], { seq, evicted: [] }))
  })
}, Effect.uninterruptible)

const prioritise = Effect.fnUntraced(function* (held: Held.Held, list: ReadonlyArray<Prioritised>) {
  if (list.length === 0) return
  const seqs = Float64Array.from(list, ({ seq }) => seq)
  const priorities = Float64Array.from(list, ({ priority }) => priority)
  yield* held.thread.ask({ kind: "prioritise", seqs, priorities }, () => {
    const prioritised = list.filter(({ seq }) => held.kept.has(seq))
    if (prioritised.length > 0) held.changed({ evicted: [], prioritised })
  })
}, Effect.uninterruptible)

const restore = Effect.fnUntraced(function* (held: Held.Held, version: number) {
  const at = yield* Clock.currentTimeMillis
  const wasThere = yield* held.thread.ask({ kind: "restore", version, at }, (it) => it)
  if (!wasThere) return yield* unknown(held.file, version)
  yield* Held.reload(held)
}, Effect.uninterruptible)

const release = Effect.fnUntraced(function* ({ file, thread }: Held.Held, version: number) {
  const wasThere = yield* thread.ask({ kind: "release", version }, (it) => it)
  if (!wasThere) return yield* unknown(file, version)
})

const unknown = (file: string, version: number) =>
  new ReplayBuffer.ReplayBufferError({
    reason: "NoSnapshot",
    file,
    message: `${file} has no snapshot ${version}; it was released, or a restoration went behind it`
  })

const prune = Effect.fn("Store.prune")(function* (held: Held.Held, what: Prune) {
  const at = yield* Clock.currentTimeMillis
  const pruned = yield* held.thread.ask(
    { kind: "prune", ...what, at },
    ({ evicted, held: count, went }): Pruned => {
      Held.remove(held, evicted)
      return { went, held: count }
    }
  )
  yield* held.thread.ask({ kind: "vacuum" }, () => undefined)
  return pruned
}, Effect.uninterruptible)
