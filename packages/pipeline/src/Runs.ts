/**
 * The runs of a folder, and which of them can go on.
 * It reads; what goes on with a run is the trainer's business.
 */
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Checkpoint from "./Checkpoint.ts"
import * as Lock from "./Lock.ts"
import { atFile, ifMissing } from "./RunError.ts"
import * as RunLog from "./RunLog.ts"
import { surviving } from "./Surviving.ts"

/** All is done that was asked for: this is no mistake, but nothing happened either. `message` says how to go on otherwise. */
export class NothingToDo extends Schema.TaggedError<NothingToDo>()("NothingToDo", {
  message: Schema.String
}) {}

/** Whether the run came to its end: what was done again after a resumption counts as not done yet. */
export const isFinished = (events: ReadonlyArray<RunEvent.RunEvent>): boolean =>
  surviving(events).some(({ _tag }) => _tag === "RunFinished")

/** `path` is the run's folder, so that what is advised works anywhere. */
export const finished = ({ name, path }: { readonly name: string; readonly path: string }) =>
  new NothingToDo({
    message: `run ${name} is finished, there is nothing to resume; measure it with \`dreamgym evaluate ${path}\`. Its settings are fixed: for more iterations start another run with \`dreamgym train --set train.iterations=N\``
  })

/** A run that is passed over, and why. */
export interface Skipped {
  readonly run: string
  readonly reason: string
}

/** The run of `directory` that something happened in last and that can go on; `skipped` are those that something happened in later. */
export const newest = Effect.fn("Runs.newest")(function* (directory: string) {
  const skipped: Array<Skipped> = []
  for (const run of yield* runsIn(directory)) {
    const reason = yield* hindranceOf(run.path)
    if (reason === undefined) return { ...run, skipped }
    skipped.push({ run: run.name, reason })
  }
  const reasons = skipped.map(({ reason, run }) => `${run}: ${reason}`).join("; ")
  return yield* new NothingToDo({
    message: `${directory} has no run that can go on${reasons === "" ? "" : ` (${reasons})`}; start one with \`dreamgym train\``
  })
})

/** Folders with a configuration, that of the latest event first. */
const runsIn = Effect.fnUntraced(function* (directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const names = yield* fileSystem.readDirectory(directory).pipe(
    Effect.mapError(atFile(directory)),
    ifMissing(() => new Array<string>())
  )
  const timeOf = (file: string) =>
    fileSystem.stat(file).pipe(
      Effect.map(({ mtime }) => Option.getOrElse(mtime, () => new Date(0)).getTime()),
      Effect.orElseSucceed(() => -1)
    )
  const found = yield* Effect.forEach(names, (name) => {
    const folder = path.join(directory, name)
    const times = Effect.all([
      timeOf(path.join(folder, "config.json")),
      timeOf(path.join(folder, "events.jsonl"))
    ])
    return Effect.map(times, ([configured, active]) => ({
      run: { name, path: folder },
      isRun: configured >= 0,
      time: Math.max(configured, active)
    }))
  })
  return found
    .filter(({ isRun }) => isRun)
    .toSorted((a, b) => b.time - a.time || (a.run.name < b.run.name ? 1 : -1))
    .map(({ run }) => run)
})

/** Why the run in this folder cannot go on; undefined where it can. */
const hindranceOf = Effect.fnUntraced(function* (folder: string) {
  const holder = yield* Lock.holderOf(folder)
  if (holder !== undefined) return `process ${holder} is at work in it`
  const events = yield* Effect.result(RunLog.read(folder))
  if (Result.isFailure(events)) return events.failure.message
  if (isFinished(events.success)) return "it is finished"
  if (!(yield* Checkpoint.isAny(folder))) return "it ended before its first checkpoint"
  return undefined
})
