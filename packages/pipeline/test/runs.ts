/** What a run left in its folder, as tests look at it. */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { ReplayBuffer, type RunEvent } from "@dreamgym/domain"
import { ReplayBuffer as Replay } from "@dreamgym/replay"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { fileOf } from "../src/Buffers.ts"
import { loadLatest } from "../src/Checkpoint.ts"
import * as RunLog from "../src/RunLog.ts"
import { surviving } from "../src/Surviving.ts"

/** All events on disk, in order; a line that is just being written is none yet. */
export const eventsOf = (folder: string): ReadonlyArray<RunEvent.RunEvent> => {
  const file = path.join(folder, "events.jsonl")
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [""]
  return lines.slice(0, -1).map((line) => Schema.decodeUnknownSync(Line)(line).event)
}

const Line = Schema.fromJsonString(Schema.toCodecJson(RunLog.Recorded))

/**
 * What a run did, whenever and wherever: the surviving events without names, paths and times, and without what belongs to a
 * resumption itself (its own mark, the phase that begins once more, checkpoints).
 */
export const deedsOf = (folder: string): ReadonlyArray<RunEvent.RunEvent> => {
  const events = surviving(eventsOf(folder))
  const isOfResumption = (event: RunEvent.RunEvent, i: number) =>
    event._tag === "RunResumed" ||
    event._tag === "SavedCheckpoint" ||
    (event._tag === "PhaseStarted" && events[i - 1]?._tag === "RunResumed")
  return events.filter((event, i) => !isOfResumption(event, i)).map(untimed)
}

const untimed = (event: RunEvent.RunEvent): RunEvent.RunEvent => {
  if (event._tag === "RunStarted") return { ...event, run: "" }
  return event._tag === "PhaseFinished" || event._tag === "RunFinished"
    ? { ...event, seconds: 0 }
    : event
}

/**
 * What the last checkpoint holds, as text, so that a difference is short to print: every byte of its files, and its state without
 * times and without the numbers of snapshots.
 */
export const filesOf = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const { files, iteration, state } = await Effect.runPromise(
    Effect.provide(loadLatest(folder), NodeServices.layer)
  )
  const hashes = Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)] as const)
  const counters = { ...state.counters, seconds: 0 }
  const buffer = { ...state.buffer, snapshot: 0, held: [] }
  const timeless = JSON.stringify({ ...state, counters, buffer })
  return { ...Object.fromEntries(hashes), iteration: String(iteration), state: timeless }
}

/** All that the run's buffer holds, oldest first. */
export const bufferOf = (folder: string) =>
  Effect.runPromise(
    ReplayBuffer.ReplayBuffer.use((buffer) => Stream.runCollect(buffer.trajectories())).pipe(
      Effect.provide(
        Replay.layerSqlite({ file: fileOf(folder) }).pipe(Layer.provide(NodeServices.layer))
      )
    )
  )

/** A copy of a run as it would be had its process been killed right after the checkpoint of `iteration`. */
export const copyAt = (folder: string, copy: string, iteration: number): string => {
  fs.cpSync(folder, copy, { recursive: true })
  const steps = path.join(copy, "checkpoints")
  for (const step of fs.readdirSync(steps)) {
    if (Number(step.replace("step-", "")) > iteration) fs.rmSync(path.join(steps, step), gone)
  }
  fs.rmSync(path.join(copy, "latest"), gone)
  const lines = fs.readFileSync(path.join(copy, "events.jsonl"), "utf8").split("\n")
  const last = eventsOf(folder).findIndex(
    (event) => event._tag === "SavedCheckpoint" && event.iteration === iteration
  )
  fs.writeFileSync(path.join(copy, "events.jsonl"), `${lines.slice(0, last + 1).join("\n")}\n`)
  return copy
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const gone = { recursive: true, force: true }

export const tagsOf = (events: ReadonlyArray<RunEvent.RunEvent>) =>
  events.map((event) => ("phase" in event ? `${event._tag} ${event.phase}` : event._tag))

export const of = <Tag extends RunEvent.RunEvent["_tag"]>(folder: string, tag: Tag) =>
  eventsOf(folder).filter(
    (event): event is Extract<RunEvent.RunEvent, { readonly _tag: Tag }> => event._tag === tag
  )

export const linesOf = (folder: string, file: string): ReadonlyArray<unknown> =>
  fs
    .readFileSync(path.join(folder, file), "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line))

/** What happened, and what there is: to be the same, however often the process died. */
export const allOf = async (folder: string) => ({
  deeds: deedsOf(folder),
  files: await filesOf(folder),
  buffer: await bufferOf(folder),
  metrics: linesOf(folder, "metrics.jsonl").map(withoutTimes)
})

const withoutTimes = (line: unknown) =>
  Object.entries(Object(line)).filter(([key]) => !key.startsWith("time"))
