/**
 * What a sampling profile of a JavaScript thread says: how long it was in whose code, by phase.
 * It knows no processor: a sample is of time that passed, and what of it was worked is said by the thread's own clock.
 */
import type { Profiler } from "node:inspector"

/** A profile and when it began, in ms since 1970. */
export interface Taken {
  readonly began: number
  readonly profile: Profiler.Profile
}

/** A stretch of time, in ms since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** Samples of a stretch by whose code they were in; `idle` ones are in none. */
export interface Sampled {
  readonly idle: number
  readonly items: ReadonlyMap<string, number>
}

/** Code that works for whoever called it: its time is its caller's. */
const isHelp = (url: string, name: string) =>
  url.includes("/packages/domain/") || (url === "" && !name.startsWith("("))

/** Whose code a function is; nothing where its caller answers for it. */
export const ownerOf = (url: string, name: string): string | undefined => {
  const ours = /\/packages\/(\w+)\/src\/(.+?)\.[jt]s$/.exec(url)
  if (name === "(idle)") return "idle"
  if (name === "(garbage collector)") return "garbage collection"
  if (name === "(program)" || name === "(root)") return "the engine of JavaScript"
  if (isHelp(url, name)) return undefined
  if (ours?.[1] === "environment") return "the world and its notebook"
  if (ours !== null) return `${ours[1]}/${ours[2]}`
  if (url.includes("/node_modules/effect/") || url.includes("/node_modules/@effect/"))
    return "Effect"
  if (url.startsWith("node:")) return "Node: messages, files, modules"
  return "other modules"
}

/** Owner of each node of the profile's tree, by the node's id. */
const owners = ({ nodes }: Profiler.Profile): ReadonlyMap<number, string> => {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(
    nodes.flatMap(({ children = [], id }) => children.map((child) => [child, id] as const))
  )
  const found = new Map<number, string>()
  const ownerAt = (id: number): string => {
    const known = found.get(id)
    if (known !== undefined) return known
    const frame = byId.get(id)?.callFrame
    const parent = parents.get(id)
    const own = frame === undefined ? undefined : ownerOf(frame.url, frame.functionName)
    const owner = own ?? (parent === undefined ? "other modules" : ownerAt(parent))
    found.set(id, owner)
    return owner
  }
  for (const { id } of nodes) ownerAt(id)
  return found
}

/** The samples of each span, in milliseconds of time that passed. */
export const sampled = (
  { began, profile }: Taken,
  spans: ReadonlyArray<Span>
): ReadonlyArray<Sampled> => {
  const owner = owners(profile)
  const { samples = [], startTime, timeDeltas = [] } = profile
  const sums = spans.map(() => new Map<string, number>())
  let at = startTime
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i] ?? 0
    const time = began + (at - startTime) / 1000
    // A sample stands for the time until the next.
    const lasted = (timeDeltas[i + 1] ?? 0) / 1000
    const name = owner.get(id) ?? "other modules"
    for (const [place, { from, to }] of spans.entries()) {
      const sum = sums[place]
      if (time >= from && time < to) sum?.set(name, (sum.get(name) ?? 0) + lasted)
    }
  }
  return sums.map((items) => {
    const idle = items.get("idle") ?? 0
    items.delete("idle")
    return { idle, items }
  })
}
