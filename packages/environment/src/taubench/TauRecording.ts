/**
 * Recordings of the original tau-bench tools, and their replay on these: every observation and the last hash are compared.
 * It judges the tools, never an agent. No row is excused: the texts of CPython's exceptions are compared as well.
 *
 * A recording is JSON lines, gzipped or plain; one line is an episode: a task's own actions, or mutated calls.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { gunzipSync } from "node:zlib"
import * as Database from "./Database.ts"
import * as DatabaseHash from "./DatabaseHash.ts"
import * as JsonReader from "./python/JsonReader.ts"
import { json } from "./python/Text.ts"
import { type Dict, isDict, isList, type Value } from "./python/Value.ts"
import * as TauData from "./TauData.ts"
import * as TauTools from "./TauTools.ts"

/** A recorded call. `observation` is null where the original returned None, undefined where it skipped the call. */
export interface RecordedCall {
  readonly name: string
  readonly arguments: Dict
  readonly observation: string | null | undefined
}

/** One episode of the original on a fresh database; `episode` names it, `initialHash` is there for tasks. */
export interface RecordedEpisode {
  readonly domain: Database.Domain
  readonly episode: string
  readonly calls: ReadonlyArray<RecordedCall>
  readonly initialHash: string | undefined
  readonly finalHash: string
}

export type Recording = ReadonlyArray<RecordedEpisode>

/** The first thing in which these tools differ. `call` counts from 1; 0 is the start, one past the last the end. */
export interface Difference {
  readonly call: number
  readonly command: string
  readonly what: "observation" | "hash"
  readonly expected: string
  readonly actual: string
}

/** What became of one episode; it passed when there is no `difference`. `skipped` calls the original skipped too. */
export interface Verdict {
  readonly episode: string
  readonly calls: number
  readonly skipped: number
  readonly difference?: Difference
}

export interface Report {
  readonly verdicts: ReadonlyArray<Verdict>
  readonly passed: number
  readonly failed: number
  readonly calls: number
  readonly skipped: number
}

/** The recording cannot be read; `line` counts from 1, 0 is the whole file. */
export class TauRecordingError extends Schema.TaggedError<TauRecordingError>()(
  "TauRecordingError",
  {
    reason: Schema.Literals(["unreadable", "damaged", "field"]),
    file: Schema.String,
    line: Schema.Int,
    detail: Schema.String
  }
) {
  override get message(): string {
    const place = this.line === 0 ? this.file : `${this.file}, line ${this.line}`
    return `${place}: ${this.detail}; fetch the recording again`
  }
}

/** Reads a recording, gzipped or plain. */
export const read = Effect.fn("TauRecording.read")(function* (file: string) {
  const files = yield* FileSystem.FileSystem
  const bytes = yield* Effect.mapError(
    files.readFile(file),
    (cause) => new TauRecordingError({ reason: "unreadable", file, line: 0, detail: cause.message })
  )
  const isZipped = bytes[0] === 0x1f && bytes[1] === 0x8b
  const text = yield* Effect.try({
    try: () => new TextDecoder().decode(isZipped ? gunzipSync(bytes) : bytes),
    catch: () =>
      new TauRecordingError({ reason: "damaged", file, line: 0, detail: "the gzip is damaged" })
  })
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  return yield* Effect.forEach(lines, (line, index) =>
    Effect.fromResult(
      Result.mapError(parseLine(line), (detail) => {
        const reason = detail.startsWith("no JSON") ? "damaged" : "field"
        return new TauRecordingError({ reason, file, line: index + 1, detail })
      })
    )
  )
})

/** Replays a recording on the tables below `dataFolder`. Data that cannot be read are an error, no difference. */
export const replay = Effect.fn("TauRecording.replay")(function* (
  recording: Recording,
  dataFolder: string
) {
  const domains = Array.from(new Set(recording.map(({ domain }) => domain)))
  const loaded = yield* Effect.forEach(domains, (domain) => TauData.tables(dataFolder, domain))
  const verdicts = recording.flatMap((episode) => {
    const base = loaded.find(({ domain }) => domain === episode.domain)
    return base === undefined ? [] : [judge(episode, base)]
  })
  return reportOf(verdicts)
})

/** Compares one recorded episode with these tools on a fresh database. */
export const judge = (episode: RecordedEpisode, base: Database.Tables): Verdict => {
  const difference = differenceOf(episode, base)
  return {
    episode: episode.episode,
    calls: episode.calls.length,
    skipped: episode.calls.filter(({ observation }) => observation === undefined).length,
    ...(difference === undefined ? {} : { difference })
  }
}

const reportOf = (verdicts: ReadonlyArray<Verdict>): Report => {
  const failed = verdicts.filter(({ difference }) => difference !== undefined).length
  return {
    verdicts,
    passed: verdicts.length - failed,
    failed,
    calls: verdicts.reduce((sum, { calls }) => sum + calls, 0),
    skipped: verdicts.reduce((sum, { skipped }) => sum + skipped, 0)
  }
}

const differenceOf = (
  { calls, initialHash, finalHash }: RecordedEpisode,
  base: Database.Tables
): Difference | undefined => {
  const database = Database.start(base)
  const opening = initialHash === undefined ? undefined : differentHash(database, initialHash, 0)
  if (opening !== undefined) return opening
  for (const [index, { name, arguments: given, observation }] of calls.entries()) {
    if (observation === undefined) continue
    const actual = TauTools.call(database, name, given).observation
    if (actual !== observation) {
      return {
        call: index + 1,
        command: `${name} ${json(given)}`,
        what: "observation",
        expected: observation ?? "None",
        actual: actual ?? "None"
      }
    }
  }
  return differentHash(database, finalHash, calls.length + 1)
}

const differentHash = (
  database: Database.Database,
  expected: string,
  call: number
): Difference | undefined => {
  const actual = DatabaseHash.hashOf(database)
  return actual === expected ? undefined : { call, command: "", what: "hash", expected, actual }
}

/** The episode of a line, or what is wrong with the line. */
const parseLine = (line: string): Result.Result<RecordedEpisode, string> =>
  Result.gen(function* () {
    const value = yield* Result.mapError(
      JsonReader.read(line),
      ({ message }) => `no JSON: ${message}`
    )
    const fields: Dict = isDict(value) ? value : new Map()
    const domain = fields.get("domain")
    if (domain !== "retail" && domain !== "airline") return yield* Result.fail("no known domain")
    const [hash, calls, initialHash] = ["final_hash", "calls", "initial_hash"].map((key) =>
      fields.get(key)
    )
    if (typeof hash !== "string") return yield* Result.fail("no final_hash")
    if (!isList(calls)) return yield* Result.fail("no calls")
    return {
      domain,
      episode: nameOf(fields, domain),
      calls: yield* Result.all(calls.map(parseCall)),
      initialHash: typeof initialHash === "string" ? initialHash : undefined,
      finalHash: hash
    }
  })

const nameOf = (fields: Dict, domain: Database.Domain): string => {
  const [split, index, episode] = ["split", "task_index", "episode"].map((key) =>
    String(fields.get(key))
  )
  return fields.has("split") ? `${domain} ${split} ${index}` : `${domain} fuzz ${episode}`
}

const parseCall = (value: Value, index: number): Result.Result<RecordedCall, string> => {
  const fields: Dict = isDict(value) ? value : new Map()
  const [name, given] = [fields.get("name"), fields.get("kwargs")]
  const observation = fields.get("observation")
  const isShown =
    observation === undefined || observation === null || typeof observation === "string"
  return typeof name === "string" && isDict(given) && isShown
    ? Result.succeed({ name, arguments: given, observation })
    : Result.fail(`call ${index + 1} has no name, no kwargs or an odd observation`)
}
