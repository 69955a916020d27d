/**
 * What a buffer keeps in memory: nothing of it outlives the process.
 * It is also the plain form of the rules that a database follows; it neither finds nor draws.
 */
import { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import {
  type Change,
  type Coming,
  type Entry,
  type Kept,
  type Prioritised,
  type Quotas,
  room,
  type Shelf,
  shelfOf,
  shelves,
  takesThePlaceOf
} from "./Kept.ts"

/** A kept trajectory. Its `priority` changes; that of the entry does not. */
interface Row {
  readonly entry: Entry
  readonly coming: Coming
  priority: number
}

interface Snapshot {
  readonly rows: ReadonlyArray<Row>
  readonly priorities: ReadonlyArray<number>
}

/** `rows` are in the order of `seq`. */
interface Held {
  readonly quotas: Quotas
  readonly changed: (change: Change) => void
  readonly rows: Map<number, Row>
  readonly contents: Map<string, Row>
  readonly queues: Readonly<Record<Shelf, Queue>>
  readonly snapshots: Map<number, Snapshot>
  nextSeq: number
  nextSnapshot: number
}

/** An empty one. */
export const make = (quotas: Quotas, changed: Held["changed"]): Kept => {
  const held = heldOf(quotas, changed)
  return {
    entries: () => Array.from(held.rows.values(), ({ entry }) => entry),
    add: (coming) => Effect.sync(() => coming.map((one) => insert(held, one))),
    replace: (coming) => Effect.sync(() => replace(held, coming)),
    read: (entries) => Effect.sync(() => read(held, entries)),
    prioritise: (list) => Effect.sync(() => prioritise(held, list)),
    snapshot: Effect.sync(() => snapshot(held)),
    restore: (version) =>
      Effect.flatMap(found(held, version), (one) => Effect.sync(() => restore(held, version, one))),
    release: (version) =>
      Effect.map(found(held, version), () => {
        held.snapshots.delete(version)
      })
  }
}

/** What is left when these were added to an empty one, in order. */
export const remaining = (quotas: Quotas, coming: ReadonlyArray<Coming>): ReadonlyArray<Coming> => {
  const held = heldOf(quotas, () => undefined)
  for (const one of coming) insert(held, one)
  return Array.from(held.rows.values(), (row) => row.coming)
}

const heldOf = (quotas: Quotas, changed: Held["changed"]): Held => ({
  quotas,
  changed,
  rows: new Map(),
  contents: new Map(),
  queues: { real: queue(), synthetic: queue(), rejected: queue() },
  snapshots: new Map(),
  nextSeq: 1,
  nextSnapshot: 1
})

const insert = (held: Held, coming: Coming): Change => {
  const twin = held.contents.get(coming.fingerprint)
  if (twin !== undefined && !takesThePlaceOf(coming, twin.coming)) return { evicted: [] }
  const evicted = twin === undefined ? [] : [drop(held, twin)]
  const row = place(held, coming)
  for (const shelf of shelves) {
    const rows = held.queues[shelf]
    while (rows.size() > room(held.quotas, shelf, held.queues.real.size())) {
      evicted.push(...rows.worst().map((one) => drop(held, one)))
    }
  }
  const change = { inserted: row.entry, evicted }
  held.changed(change)
  return change
}

const place = (held: Held, coming: Coming): Row => {
  const { fingerprint: _, trajectory: __, ...known } = coming
  const row = {
    entry: { ...known, seq: held.nextSeq++ },
    coming,
    priority: coming.priority
  }
  put(held, row)
  return row
}

const put = (held: Held, row: Row): void => {
  held.rows.set(row.entry.seq, row)
  held.contents.set(row.coming.fingerprint, row)
  held.queues[shelfOf(row.entry)].add(row)
}

const drop = (held: Held, row: Row): Entry => {
  held.rows.delete(row.entry.seq)
  held.contents.delete(row.coming.fingerprint)
  held.queues[shelfOf(row.entry)].remove(row)
  return row.entry
}

/** Quotas do not count here: whoever replaces has counted. */
const replace = (held: Held, coming: ReadonlyArray<Coming>): void => {
  held.changed({ evicted: [...held.rows.values()].map((row) => drop(held, row)) })
  for (const one of coming) held.changed({ inserted: place(held, one).entry, evicted: [] })
}

const read = ({ rows }: Held, entries: ReadonlyArray<Entry>) => {
  const trajectories = entries.flatMap(({ seq }) => rows.get(seq)?.coming.trajectory ?? [])
  return trajectories.length === entries.length ? trajectories : undefined
}

const prioritise = (held: Held, list: ReadonlyArray<Prioritised>): void => {
  const prioritised = list.filter(({ seq }) => held.rows.has(seq))
  for (const { priority, seq } of prioritised) {
    const row = held.rows.get(seq)
    if (row !== undefined) row.priority = priority
  }
  held.changed({ evicted: [], prioritised })
}

const snapshot = (held: Held): number => {
  const rows = [...held.rows.values()]
  held.snapshots.set(held.nextSnapshot, { rows, priorities: rows.map(({ priority }) => priority) })
  return held.nextSnapshot++
}

const found = ({ snapshots }: Held, version: number) =>
  Effect.suspend(() => {
    const one = snapshots.get(version)
    return one === undefined
      ? Effect.fail(
          new ReplayBuffer.ReplayBufferError({
            reason: "NoSnapshot",
            message: `the buffer in memory has no snapshot ${version}; it was released, or a restoration went behind it`
          })
        )
      : Effect.succeed(one)
  })

/** Tells only what differs, so that whoever follows need not begin anew. */
const restore = (held: Held, version: number, { priorities, rows }: Snapshot): void => {
  const before = new Map(held.rows)
  const wanted = new Set(rows)
  const evicted = [...before.values()].filter((row) => !wanted.has(row))
  for (const row of before.values()) drop(held, row)
  for (const row of rows) put(held, row)
  for (const other of held.snapshots.keys()) if (other > version) held.snapshots.delete(other)
  held.changed({ evicted: evicted.map(({ entry }) => entry) })
  const prioritised = rows.flatMap((row, i) => {
    const { entry } = row
    const isBack = !before.has(entry.seq)
    if (isBack) held.changed({ inserted: entry, evicted: [] })
    const known = isBack ? entry.priority : row.priority
    row.priority = priorities[i] ?? row.priority
    return known === row.priority ? [] : [{ seq: entry.seq, priority: row.priority }]
  })
  if (prioritised.length > 0) held.changed({ evicted: [], prioritised })
}

type Queue = ReturnType<typeof queue>

/** Rows by quality and, among equals, by age. Few qualities differ, so that the least is soon found. */
const queue = () => {
  const byQuality = new Map<number, Set<Row>>()
  let count = 0
  return {
    size: () => count,
    add: (row: Row): void => {
      const alike = byQuality.get(row.entry.quality) ?? new Set()
      byQuality.set(row.entry.quality, alike.add(row))
      count++
    },
    remove: (row: Row): void => {
      const alike = byQuality.get(row.entry.quality)
      if (alike?.delete(row) !== true) return
      if (alike.size === 0) byQuality.delete(row.entry.quality)
      count--
    },
    /** At most one. */
    worst: (): ReadonlyArray<Row> => {
      let least = Number.POSITIVE_INFINITY
      for (const quality of byQuality.keys()) least = Math.min(least, quality)
      for (const oldest of byQuality.get(least) ?? []) return [oldest]
      return []
    }
  }
}
