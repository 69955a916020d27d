/**
 * The formats by their names: which file is read how, and what is written as what.
 * How each of them looks is told in its own file.
 */
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Stream from "effect/Stream"
import * as AlfworldRecordings from "./AlfworldRecordings.ts"
import { FormatError } from "./FormatError.ts"
import * as Jsonl from "./Jsonl.ts"
import * as Messages from "./Messages.ts"
import * as Parquet from "./Parquet.ts"
import * as TauBenchRuns from "./TauBenchRuns.ts"
import * as Verl from "./Verl.ts"

type Trajectories<E, R> = Stream.Stream<Trajectory.Trajectory, E, R>

export const readable = ["jsonl", "parquet", "alfworld", "tau-bench"] as const
export type Readable = (typeof readable)[number]

const readers: Readonly<Record<Readable, (path: string) => Trajectories<FormatError, never>>> = {
  jsonl: Jsonl.read,
  parquet: Parquet.read,
  alfworld: AlfworldRecordings.read,
  "tau-bench": TauBenchRuns.read
}

export const read = (format: Readable, path: string): Trajectories<FormatError, never> =>
  readers[format](path)

/**
 * What a name says: `.jsonl` and `.jsonl.gz` ours, `.parquet` and folders Parquet, `.json` runs of tau-bench. Recordings of ALFWorld
 * are called like ours and must be asked for. Fails as `Unsupported`.
 */
export const named = (path: string): Effect.Effect<Readable, FormatError> => {
  const [, format] = endings.find(([ending]) => ending.test(path)) ?? []
  return format === undefined
    ? Effect.fail(
        new FormatError({
          reason: "Unsupported",
          file: path,
          message: `${path}: its name does not say what it is; give one of ${readable.join(", ")} to --format`
        })
      )
    : Effect.succeed(format)
}

const endings: ReadonlyArray<readonly [RegExp, Readable]> = [
  [/\.jsonl(\.gz)?$/, "jsonl"],
  [/\.parquet$|\/$|(^|\/)[^./]+$/, "parquet"],
  [/\.json$/, "tau-bench"]
]

export const writable = ["jsonl", "parquet", "messages", "verl"] as const
export type Writable = (typeof writable)[number]

/** `written` counts trajectories, transitions, conversations or tasks, as `unit` says; `leftOut` those that the format does not take. */
export interface Written {
  readonly unit: "trajectories" | "transitions" | "conversations" | "tasks"
  readonly written: number
  readonly leftOut: number
  readonly files: ReadonlyArray<string>
}

type Writing<E, R> = Effect.Effect<Written, E | FormatError, R | FileSystem.FileSystem>

/** Writes to `out`: a file for `jsonl` and `messages`, a file or a folder for `parquet` and `verl`. */
export const write = <E, R>(
  format: Writable,
  out: string,
  trajectories: Trajectories<E, R>
): Writing<E, R> => {
  const writers: Readonly<Record<Writable, () => Writing<E, R>>> = {
    jsonl: () =>
      Effect.map(Jsonl.write(out, trajectories), (written) => ({
        unit: "trajectories",
        written,
        leftOut: 0,
        files: [out]
      })),
    messages: () =>
      Effect.map(Messages.write(out, trajectories), ({ conversations, leftOut }) => ({
        unit: "conversations",
        written: conversations,
        leftOut,
        files: [out]
      })),
    parquet: () =>
      Effect.map(Parquet.write(out, trajectories), ({ files, rows }) => ({
        unit: "transitions",
        written: rows,
        leftOut: 0,
        files
      })),
    verl: () =>
      Effect.map(Verl.write(out, trajectories), ({ files, rows }) => ({
        unit: "tasks",
        written: rows,
        leftOut: 0,
        files
      }))
  }
  return writers[format]()
}
