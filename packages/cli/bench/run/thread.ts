/**
 * The entry of a thread of sessions that notes every request it answers: which graph, when, how long, how much of the processor.
 * It answers as `SessionWorker` does; the notes are written when the thread ends.
 */
import { subscribe } from "node:diagnostics_channel"
import { readlinkSync, writeFileSync } from "node:fs"
import * as path from "node:path"
import { threadId } from "node:worker_threads"

/** Of each kind of graph, rows of [begun (ms since 1970), milliseconds, milliseconds of the processor]. */
export type Rows = Array<readonly [at: number, wall: number, processor: number]>

/** What one thread noted; `thread` is its number in the system. */
export interface Noted {
  readonly thread: string
  readonly rows: Readonly<Record<string, Rows>>
}

interface Request {
  readonly kind: "load" | "probe" | "run" | "release"
  readonly session: number
  readonly name: string
}

const thread = path.basename(readlinkSync("/proc/thread-self"))
const noted: Record<string, Rows> = {}
const names = new Map<number, string>()
const now = () => performance.timeOrigin + performance.now()
const processor = () => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1000
}

// A thread answers one request at a time.
let begun = { at: 0, processor: 0 }
const start = () => {
  begun = { at: now(), processor: processor() }
}

/** Shapes do not matter here: "the decoder of cloned (step 8 48)" is "the decoder of cloned (step)". */
const kindOf = (name: string) => name.replace(/ [\d ]+(true|false)?(@\d+)?\)$/, ")")

const nameOf = ({ kind, name, session }: Request): string => {
  if (kind === "load") names.set(session, kindOf(name))
  return kind === "run" ? (names.get(session) ?? "unknown") : kind
}

const end = (message: unknown) => {
  const { request } = message as { readonly request: Request }
  const rows = (noted[nameOf(request)] ??= [])
  rows.push([begun.at, now() - begun.at, processor() - begun.processor])
}

subscribe("tracing:dreamgym.session:start", start)
subscribe("tracing:dreamgym.session:asyncStart", end)
process.on("exit", () => {
  const file = path.join(process.env["DREAMGYM_BENCH_FOLDER"] ?? ".", `worker-${threadId}.json`)
  const notes: Noted = { thread, rows: noted }
  writeFileSync(file, JSON.stringify(notes))
})

await import("@dreamgym/graph/SessionWorker")
