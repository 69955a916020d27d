/**
 * Where the time of a run went: what the threads' clocks, the notes of the sessions' threads and the main thread's profile say together.
 * It takes no time itself.
 *
 * All times are milliseconds of the processor unless they are called wall. What is ours is everything but the networks and the world.
 */
import { sampled, type Span, type Taken } from "./profile.ts"
import type { Noted } from "./thread.ts"
import type { Used } from "./threads.ts"

/** A phase of the run, or all of it. */
export interface Phase extends Span {
  readonly name: string
}

/** What went into one phase. */
export interface Shares {
  readonly phase: string
  readonly wall: number
  /** The networks' kernels, by what they were run for. */
  readonly policy: number
  readonly experienceModel: number
  readonly learning: number
  readonly world: number
  /** Everything else that this process worked, and what of it was what. */
  readonly own: number
  readonly items: Readonly<Record<string, number>>
  /** By thread: how much of the wall time it worked, and how much it was ready but had no core. */
  readonly threads: Readonly<Record<string, { readonly worked: number; readonly waited: number }>>
  /** Wall time in which none, one, ... of the sessions' threads computed. */
  readonly computing: ReadonlyArray<number>
}

export interface Measured {
  readonly phases: ReadonlyArray<Phase>
  readonly usedIn: (span: Span) => ReadonlyArray<Used>
  readonly noted: ReadonlyArray<Noted>
  readonly main: Taken
}

const world = "the world and its notebook"

export const sharesOf = ({ main, noted, phases, usedIn }: Measured): ReadonlyArray<Shares> => {
  const samples = sampled(main, phases)
  return phases.map((phase, i) => {
    const used = usedIn(phase)
    const threads = byThread(used, noted)
    const kernels = kernelsIn(noted, phase)
    const mainItems = scaled(samples[i]?.items ?? new Map(), threads["main"]?.worked ?? 0)
    const { [world]: played = 0, ...ours } = mainItems
    const { load = 0, ...runs } = kernels.byPurpose
    const ran = Object.values(kernels.byPurpose).reduce((sum, time) => sum + time, 0)
    const items = {
      ...ours,
      "compiling graphs in the runtime": load,
      "messages and arrays in the sessions' threads": Math.max(0, sessionsOf(threads) - ran),
      "the buffer's threads": threads["store"]?.worked ?? 0,
      "V8's threads: garbage, compiling": threads["V8"]?.worked ?? 0,
      "reading and writing files": threads["files"]?.worked ?? 0
    }
    const { experienceModel = 0, learning = 0, policy = 0 } = runs
    return {
      phase: phase.name,
      wall: phase.to - phase.from,
      policy,
      experienceModel,
      learning,
      world: played,
      own: Object.values(items).reduce((sum, time) => sum + time, 0),
      items,
      threads,
      computing: computingIn(noted, phase)
    }
  })
}

/** The threads of sessions each, all others by their kind. */
const byThread = (used: ReadonlyArray<Used>, noted: ReadonlyArray<Noted>) => {
  const kinds = ["main", ...noted.map((_, i) => `session ${i + 1}`), "store", "V8", "files"]
  const sums: Record<string, { worked: number; waited: number }> = Object.fromEntries(
    kinds.map((kind) => [kind, { worked: 0, waited: 0 }])
  )
  for (const { id, name, waited, worked } of used) {
    const session = noted.findIndex(({ thread }) => thread === id)
    const sum = sums[session < 0 ? (kindOf[name] ?? "V8") : `session ${session + 1}`]
    if (sum === undefined) continue
    sum.worked += worked
    sum.waited += waited
  }
  return sums
}

/** What Node calls its threads, and what they are here; the others are V8's. */
const kindOf: Readonly<Record<string, string>> = {
  MainThread: "main",
  WorkerThread: "store",
  "libuv-worker": "files"
}

const sessionsOf = (threads: Shares["threads"]): number =>
  Object.entries(threads)
    .filter(([name]) => name.startsWith("session"))
    .reduce((sum, [, { worked }]) => sum + worked, 0)

/** The profile's shares of what the thread's clock says: samples are of time that passed, also while it had no core. */
const scaled = (
  items: ReadonlyMap<string, number>,
  worked: number
): Readonly<Record<string, number>> => {
  const total = [...items.values()].reduce((sum, time) => sum + time, 0)
  return Object.fromEntries([...items].map(([name, time]) => [name, (time / total) * worked]))
}

/** What a graph of this name is run for. */
export const purposeOf = (name: string): string => {
  if (name === "load" || name === "release" || name === "probe") return "load"
  if (name.startsWith("the decoder of experience model")) return "experienceModel"
  return name.startsWith("the decoder of ") ? "policy" : "learning"
}

const kernelsIn = (noted: ReadonlyArray<Noted>, { from, to }: Span) => {
  const byPurpose: Record<string, number> = {}
  for (const notes of noted) {
    for (const [name, rows] of Object.entries(notes.rows)) {
      const purpose = purposeOf(name)
      for (const [at, , processor] of rows)
        if (at >= from && at < to) byPurpose[purpose] = (byPurpose[purpose] ?? 0) + processor
    }
  }
  return { byPurpose }
}

/** How long how many threads were inside a kernel at once, wall time by their number. */
const computingIn = (noted: ReadonlyArray<Noted>, { from, to }: Span): ReadonlyArray<number> => {
  const steps = noted
    .flatMap(({ rows }) => Object.values(rows).flat())
    .filter(([at, wall]) => at < to && at + wall > from)
    .flatMap(([at, wall]) => [
      { at: Math.max(from, at), by: 1 },
      { at: Math.min(to, at + wall), by: -1 }
    ])
    .toSorted((a, b) => a.at - b.at || a.by - b.by)
  const sums = new Array<number>(noted.length + 1).fill(0)
  let [since, count] = [from, 0]
  for (const { at, by } of [...steps, { at: to, by: 0 }]) {
    sums[count] = (sums[count] ?? 0) + (at - since)
    since = at
    count += by
  }
  return sums
}
