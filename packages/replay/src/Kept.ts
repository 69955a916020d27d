/**
 * The trajectories that a buffer holds: each content once, in the order they came, the worst and then the oldest evicted first.
 * It is a changing value in memory; what makes it durable is `Journal` or the database of `store`.
 */
import { Ending, type ReplayBuffer, Trajectory } from "@dreamgym/domain"
import type * as Effect from "effect/Effect"
import { createHash } from "node:crypto"

/** A trajectory with what must be known of it again and again. `fingerprint` stands for the content, `quality` decides who goes. */
export interface Entry {
  readonly trajectory: Trajectory.Trajectory
  readonly fingerprint: string
  readonly isReal: boolean
  readonly isSuccess: boolean
  readonly quality: number
}

/** What an insertion changed. `evicted` may hold the inserted one itself, where there was no room for it. */
export interface Change {
  readonly inserted?: Entry
  readonly evicted: ReadonlyArray<Entry>
}

/**
 * How many trajectories may stay; absent: no bound. `all` bounds real and synthetic together, and only synthetic ones go for it,
 * so that real ones are never evicted by them. `real` and `synthetic` bound each source by itself.
 */
export interface Quotas {
  readonly all?: number
  readonly real?: number
  readonly synthetic?: number
}

/** What is kept now, and the way in: `add` answers one change per entry when all of them are kept for good. */
export interface Kept {
  readonly entries: () => ReadonlyArray<Entry>
  readonly add: (
    entries: ReadonlyArray<Entry>
  ) => Effect.Effect<ReadonlyArray<Change>, ReplayBuffer.ReplayBufferError>
}

/** The rules in memory. `novel`: those that `insert` would take as new, were they inserted in this order and none evicted. */
export interface Shelf {
  readonly entries: () => ReadonlyArray<Entry>
  readonly novel: (entries: ReadonlyArray<Entry>) => ReadonlyArray<Entry>
  readonly insert: (entry: Entry) => Change
}

export const shelf = (quotas: Quotas): Shelf => {
  const all = new Map<string, Entry>()
  const sources = { real: queue(), synthetic: queue() }
  const drop = (entry: Entry): Entry => {
    all.delete(entry.fingerprint)
    sources[sourceOf(entry)].remove(entry)
    return entry
  }
  const insert = (entry: Entry): Change => {
    const twin = all.get(entry.fingerprint)
    if (!isNew(entry, twin)) return { evicted: [] }
    const evicted = twin === undefined ? [] : [drop(twin)]
    all.set(entry.fingerprint, entry)
    sources[sourceOf(entry)].add(entry)
    for (const source of ["real", "synthetic"] as const) {
      while (sources[source].size() > room(quotas, source, sources.real.size())) {
        evicted.push(...sources[source].worst().map(drop))
      }
    }
    return { inserted: entry, evicted }
  }
  return { entries: () => [...all.values()], novel: (entries) => novelOf(all, entries), insert }
}

/** How many of `source` may stay beside `realCount` real ones. */
export const room = (quotas: Quotas, source: "real" | "synthetic", realCount: number): number => {
  const own = quotas[source] ?? Number.POSITIVE_INFINITY
  const rest = (quotas.all ?? Number.POSITIVE_INFINITY) - realCount
  return Math.max(0, source === "real" ? own : Math.min(own, rest))
}

export const sourceOf = ({ isReal }: Entry): "real" | "synthetic" => (isReal ? "real" : "synthetic")

/** How good a trajectory is, the greater the better; NaN counts as 0. */
export type Quality = (trajectory: Trajectory.Trajectory) => number

export const entryOf = (trajectory: Trajectory.Trajectory, quality: Quality): Entry => ({
  trajectory,
  fingerprint: fingerprintOf(trajectory),
  isReal: Trajectory.isReal(trajectory),
  isSuccess: Ending.isSuccess(trajectory.ending),
  quality: quality(trajectory) || 0
})

/** Entries by quality and, among equals, by age. Few qualities differ, so that the least is soon found. */
const queue = () => {
  const byQuality = new Map<number, Set<Entry>>()
  let count = 0
  return {
    size: () => count,
    add: (entry: Entry): void => {
      const alike = byQuality.get(entry.quality) ?? new Set()
      byQuality.set(entry.quality, alike.add(entry))
      count++
    },
    remove: (entry: Entry): void => {
      const alike = byQuality.get(entry.quality)
      if (alike?.delete(entry) !== true) return
      if (alike.size === 0) byQuality.delete(entry.quality)
      count--
    },
    /** At most one. */
    worst: (): ReadonlyArray<Entry> => {
      let least = Number.POSITIVE_INFINITY
      for (const quality of byQuality.keys()) least = Math.min(least, quality)
      for (const oldest of byQuality.get(least) ?? []) return [oldest]
      return []
    }
  }
}

/** The same content is kept once, but what really happened takes the place of what was only dreamt. */
const isNew = (entry: Entry, twin: Entry | undefined): boolean =>
  twin === undefined || (entry.isReal && !twin.isReal)

const novelOf = (
  all: ReadonlyMap<string, Entry>,
  entries: ReadonlyArray<Entry>
): ReadonlyArray<Entry> => {
  const coming = new Map<string, Entry>()
  return entries.filter((entry) => {
    const fresh = isNew(entry, coming.get(entry.fingerprint) ?? all.get(entry.fingerprint))
    if (fresh) coming.set(entry.fingerprint, entry)
    return fresh
  })
}

/** SHA-256 of the content: environment, task, first observation, actions, and what they brought. */
const fingerprintOf = ({ firstObservation, task, transitions }: Trajectory.Trajectory): string => {
  const turns = transitions.flatMap(({ action, nextObservation }) => [action.text, nextObservation])
  const { environment, id, instruction } = task
  const text = JSON.stringify([environment, id, instruction, firstObservation, ...turns])
  return createHash("sha256").update(text).digest("hex")
}
