/**
 * The trajectories that a buffer holds: each content once, in the order they came, the worst and then the oldest evicted first.
 * It is a changing value in memory; what makes it durable is `Journal` or the database of `store`.
 */
import { Ending, type ReplayBuffer, Trajectory } from "@dreamgym/domain"
import type * as Effect from "effect/Effect"
import { createHash } from "node:crypto"

/** What must be known of a kept trajectory again and again; the trajectory itself is read when it is wanted. */
export interface Entry {
  readonly isReal: boolean
  readonly isSuccess: boolean
  /** An episode that failed is kept for what it shows of the world, but nobody may learn to act from it. */
  readonly isFailed: boolean
  readonly realSteps: number
  readonly syntheticSteps: number
}

/** A trajectory on its way in. `fingerprint` stands for its content, `quality` decides who goes. */
export interface Coming extends Entry {
  readonly trajectory: Trajectory.Trajectory
  readonly fingerprint: string
  readonly quality: number
}

/** What an insertion changed. `evicted` may hold the inserted one itself, where there was no room for it. */
export interface Change<E extends Entry> {
  readonly inserted?: E
  readonly evicted: ReadonlyArray<E>
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

/**
 * What is kept now, oldest first, and the way in: `add` answers one change per trajectory when all of them are kept for good.
 * `read` answers the trajectories of entries, in their order, or undefined where one of them is not kept any more.
 */
export interface Kept<E extends Entry> {
  readonly entries: () => ReadonlyArray<E>
  readonly add: (
    coming: ReadonlyArray<Coming>
  ) => Effect.Effect<ReadonlyArray<Change<E>>, ReplayBuffer.ReplayBufferError>
  readonly read: Read<E>
}

export type Read<E extends Entry> = (
  entries: ReadonlyArray<E>
) => Effect.Effect<ReadonlyArray<Trajectory.Trajectory> | undefined, ReplayBuffer.ReplayBufferError>

/** The rules in memory. `novel`: those that `insert` would take as new, were they inserted in this order and none evicted. */
export interface Shelf {
  readonly entries: () => ReadonlyArray<Coming>
  readonly novel: (coming: ReadonlyArray<Coming>) => ReadonlyArray<Coming>
  readonly insert: (coming: Coming) => Change<Coming>
}

export const shelf = (quotas: Quotas): Shelf => {
  const all = new Map<string, Coming>()
  const sources = { real: queue(), synthetic: queue() }
  const drop = (entry: Coming): Coming => {
    all.delete(entry.fingerprint)
    sources[sourceOf(entry)].remove(entry)
    return entry
  }
  const insert = (entry: Coming): Change<Coming> => {
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
  return { entries: () => [...all.values()], novel: (coming) => novelOf(all, coming), insert }
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

export const comingOf = (trajectory: Trajectory.Trajectory, quality: Quality): Coming => {
  const { ending, transitions } = trajectory
  const realSteps = transitions.filter(({ provenance }) => provenance._tag === "Real").length
  return {
    trajectory,
    fingerprint: fingerprintOf(trajectory),
    isReal: Trajectory.isReal(trajectory),
    isSuccess: Ending.isSuccess(ending),
    isFailed: ending._tag === "Failed",
    realSteps,
    syntheticSteps: transitions.length - realSteps,
    quality: quality(trajectory) || 0
  }
}

/** Entries by quality and, among equals, by age. Few qualities differ, so that the least is soon found. */
const queue = () => {
  const byQuality = new Map<number, Set<Coming>>()
  let count = 0
  return {
    size: () => count,
    add: (entry: Coming): void => {
      const alike = byQuality.get(entry.quality) ?? new Set()
      byQuality.set(entry.quality, alike.add(entry))
      count++
    },
    remove: (entry: Coming): void => {
      const alike = byQuality.get(entry.quality)
      if (alike?.delete(entry) !== true) return
      if (alike.size === 0) byQuality.delete(entry.quality)
      count--
    },
    /** At most one. */
    worst: (): ReadonlyArray<Coming> => {
      let least = Number.POSITIVE_INFINITY
      for (const quality of byQuality.keys()) least = Math.min(least, quality)
      for (const oldest of byQuality.get(least) ?? []) return [oldest]
      return []
    }
  }
}

/** The same content is kept once, but what really happened takes the place of what was only dreamt. */
const isNew = (entry: Coming, twin: Coming | undefined): boolean =>
  twin === undefined || (entry.isReal && !twin.isReal)

const novelOf = (
  all: ReadonlyMap<string, Coming>,
  entries: ReadonlyArray<Coming>
): ReadonlyArray<Coming> => {
  const coming = new Map<string, Coming>()
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
