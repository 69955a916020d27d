/**
 * The results of a study on disk: one line per unit that came to an end, with all that its result depends on.
 * It judges nothing but this: results of other settings, or of other versions, are not put beside each other.
 */
import { createHash } from "node:crypto"
import type { Config } from "@dreamgym/pipeline/Config"
import * as DurableFile from "@dreamgym/pipeline/DurableFile"
import { atFile, ifMissing, RunError } from "@dreamgym/pipeline/RunError"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { flat } from "./Arms.ts"
import { Code } from "./Code.ts"
import { Outcome } from "./Outcome.ts"
import type { Facts } from "./Plan.ts"

const Texts = Schema.Record(Schema.String, Schema.String)

/** All that a result depends on: resolved settings and versions by name; `hash` is of both. */
export const Basis = Schema.Struct({ hash: Schema.String, settings: Texts, versions: Texts })
export interface Basis extends Schema.Schema.Type<typeof Basis> {}

/** `time` is ISO 8601, UTC. `code`: with which it was brought to its end. Of a unit that failed, `reason` is the last that it said. */
export const Entry = Schema.TaggedUnion({
  Finished: {
    unit: Schema.String,
    time: Schema.String,
    basis: Basis,
    code: Schema.optionalKey(Code),
    outcome: Outcome
  },
  Failed: { unit: Schema.String, time: Schema.String, reason: Schema.String }
})
export type Entry = typeof Entry.Type
export type Finished = Extract<Entry, { readonly _tag: "Finished" }>

const Line = Schema.fromJsonString(Schema.toCodecJson(Entry))

/** Where a run lies decides nothing. */
const places = ["run.directory", "run.name"]

export const basisOf = (config: Config, versions: Versions): Basis =>
  hashed(
    Object.fromEntries(
      Object.entries(flat(config))
        .filter(([key]) => !places.includes(key))
        .map(([key, value]) => [key, String(value)] as const)
    ),
    versions
  )

type Versions = Readonly<Record<string, string>>

/** The order of names decides nothing. */
export const hashed = (settings: Readonly<Record<string, string>>, versions: Versions): Basis => {
  const sorted = { settings: inOrder(settings), versions: inOrder(versions) }
  const hash = createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 16)
  return { hash, ...sorted }
}

const inOrder = (texts: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(texts).toSorted(byKey))

const byKey = ([a]: readonly [string, string], [b]: readonly [string, string]): number =>
  a < b ? -1 : 1

/** The first thing in which two differ, in words; undefined where they are the same. */
export const differenceOf = (was: Basis, is: Basis): string | undefined => {
  if (was.hash === is.hash) return undefined
  return (["settings", "versions"] as const).flatMap((kind) =>
    [...new Set([...Object.keys(was[kind]), ...Object.keys(is[kind])])]
      .filter((key) => was[kind][key] !== is[kind][key])
      .map(
        (key) => `${key} was ${was[kind][key] ?? "not set"} and is ${is[kind][key] ?? "not set"}`
      )
  )[0]
}

/** What the settings of other units may follow from. */
export const factsOf =
  (finished: ReadonlyMap<string, Finished>): Facts =>
  (unit) => {
    const entry = finished.get(unit)
    if (entry === undefined) return undefined
    const { lived, offline } = entry.outcome
    return { lived, offline, iterations: Number(entry.basis.settings["train.iterations"]) }
  }

/** The refusal of a study's folder that holds `unit` with another basis. */
export const mixed = (file: string, unit: string, difference: string): RunError =>
  new RunError({
    reason: "ConfigChanged",
    file,
    message: `${file}: ${unit} is there already, but ${difference}; results are not mixed: give another folder with --directory, or set it as it was`
  })

/** Its name in a study's folder. */
export const fileName = "results.jsonl"

/** The text of a ledger of these entries. */
export const textOf = (entries: ReadonlyArray<Entry>): string =>
  entries.map((entry) => `${Schema.encodeSync(Line)(entry)}\n`).join("")

/**
 * The entries of a study, the last of each unit, in the order of their lines; a last line that a crash cut counts as not written.
 * Fails as `Damaged` where another line cannot be read.
 */
export const read = Effect.fn("Ledger.read")(function* (directory: string) {
  const { entries } = yield* parsed(directory)
  return entries
})

/** Takes a torn last line away, so that what is appended stands on a line of its own. */
export const mend = Effect.fn("Ledger.mend")(function* (directory: string) {
  const { file, text, whole } = yield* parsed(directory)
  if (text !== whole) yield* DurableFile.replace(file, whole)
})

/** On the disk before it returns. */
export const append = Effect.fn("Ledger.append")(function* (directory: string, entry: Entry) {
  const path = yield* Path.Path
  yield* DurableFile.append(path.join(directory, fileName), textOf([entry]))
})

const parsed = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(directory, fileName)
  const text = yield* fileSystem.readFileString(file).pipe(
    Effect.mapError(atFile(file)),
    ifMissing(() => "")
  )
  const whole = text.slice(0, text.lastIndexOf("\n") + 1)
  const entries = new Map<string, Entry>()
  for (const [index, line] of whole.split("\n").slice(0, -1).entries()) {
    const entry = Schema.decodeUnknownResult(Line)(line)
    if (Result.isFailure(entry)) return yield* damaged(file, index + 1)
    entries.delete(entry.success.unit)
    entries.set(entry.success.unit, entry.success)
  }
  return { file, text, whole, entries: [...entries.values()] }
})

const damaged = (file: string, line: number): RunError =>
  new RunError({
    reason: "Damaged",
    file,
    message: `${file}: line ${line} is no result of this version; remove that line, and its unit is read again from its run`
  })
