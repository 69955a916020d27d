/**
 * The trajectories that a buffer holds: each content once, in the order they came, the oldest synthetic evicted first.
 * It is a changing value in memory; what makes it durable is `Journal`.
 */
import { Ending, Trajectory } from "@dreamgym/domain"

/** A trajectory with what must be known of it again and again. */
export interface Entry {
  readonly trajectory: Trajectory.Trajectory
  readonly fingerprint: string
  readonly isReal: boolean
  readonly isSuccess: boolean
}

/** What an insertion changed. `evicted` may hold the inserted one itself, where real ones fill the capacity. */
export interface Change {
  readonly inserted?: Entry
  readonly evicted: ReadonlyArray<Entry>
}

export interface Kept {
  readonly entries: () => ReadonlyArray<Entry>
  /** Those that `insert` would take as new, were they inserted in this order. */
  readonly novel: (entries: ReadonlyArray<Entry>) => ReadonlyArray<Entry>
  readonly insert: (entry: Entry) => Change
}

/** `capacity` counts trajectories. Real ones are never evicted, even where they alone exceed it. */
export const make = (capacity: number): Kept => {
  const all = new Map<string, Entry>()
  const synthetic = new Map<string, Entry>()
  const drop = (entry: Entry): Entry => {
    all.delete(entry.fingerprint)
    synthetic.delete(entry.fingerprint)
    return entry
  }
  const insert = (entry: Entry): Change => {
    const twin = all.get(entry.fingerprint)
    if (!isNew(entry, twin)) return { evicted: [] }
    const evicted = twin === undefined ? [] : [drop(twin)]
    all.set(entry.fingerprint, entry)
    if (!entry.isReal) synthetic.set(entry.fingerprint, entry)
    for (const oldest of synthetic.values()) {
      if (all.size <= capacity) break
      evicted.push(drop(oldest))
    }
    return { inserted: entry, evicted }
  }
  return {
    entries: () => [...all.values()],
    novel: (entries) => novelOf(all, entries),
    insert
  }
}

export const entryOf = (trajectory: Trajectory.Trajectory): Entry => ({
  trajectory,
  fingerprint: fingerprintOf(trajectory),
  isReal: Trajectory.isReal(trajectory),
  isSuccess: Ending.isSuccess(trajectory.ending)
})

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

/**
 * 64 bits that stand for the content: environment, task, first observation, actions, and what they brought.
 * A million contents collide with a chance of 3e-8.
 */
const fingerprintOf = ({ firstObservation, task, transitions }: Trajectory.Trajectory): string => {
  const turns = transitions.flatMap(({ action, nextObservation }) => [action.text, nextObservation])
  const { environment, id, instruction } = task
  const text = JSON.stringify([environment, id, instruction, firstObservation, ...turns])
  let a = 0x811c9dc5
  let b = 0x9e3779b9
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul((b << 13) | (b >>> 19), 5) + Math.imul(code, 0xcc9e2d51)
  }
  return `${finalized(a ^ (b >>> 7))}${finalized(b ^ text.length)}`
}

const finalized = (value: number): string => {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return ((h ^ (h >>> 16)) >>> 0).toString(16).padStart(8, "0")
}
