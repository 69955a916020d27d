/**
 * A run as the front door has it: in a directory, in sight, and never without a word at its end.
 * What is done in it is the trainer's business.
 */
import { resolve } from "node:path"
import * as Progress from "@dreamgym/pipeline/Progress"
import * as Report from "@dreamgym/pipeline/Report"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as RunLog from "@dreamgym/pipeline/RunLog"
import type * as TrainerContract from "@dreamgym/pipeline/TrainerContract"
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Output from "./Output.ts"

/** A run after its work; `value` is what the work gave. */
export interface Done<A> {
  readonly value: A
  readonly name: string
  readonly path: string
  readonly events: ReadonlyArray<RunEvent.RunEvent>
}

type Work<A, R> = Effect.Effect<
  A,
  TrainerContract.TrainingError,
  R | RunLog.RunLog | RunDirectory.RunDirectory
>

/**
 * Does `work` in the run directory of `directory`, with its progress on stderr. Interrupted or failed, the run log's last event says
 * so, and where it can go on the last line says how.
 */
export const inDirectory = <A, R, E, R2>(
  directory: Layer.Layer<RunDirectory.RunDirectory, E, R2>,
  work: Work<A, R>
) =>
  Effect.gen(function* () {
    const { name, path } = yield* RunDirectory.RunDirectory
    const log = yield* RunLog.RunLog
    const before = (yield* log.events).length
    const value = yield* Effect.gen(function* () {
      yield* Progress.follow(yield* Output.screen)
      return yield* work
    }).pipe(
      Effect.scoped,
      Effect.onExit((exit) =>
        Exit.isSuccess(exit) ? Effect.void : stop(exit, { name, path, before })
      )
    )
    return { value, name, path, events: yield* log.events }
  }).pipe(RunLog.typed, Effect.provide(Layer.provideMerge(RunLog.layer, directory)))

/** Work that leaves nothing behind but its progress on stderr. */
export const inSight = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* Progress.follow(yield* Output.screen)
    return yield* work
  }).pipe(Effect.scoped, RunLog.typed, Effect.provide(RunLog.layerMemory))

/**
 * Tells the log the end that nobody has told it yet, and somebody who watches how to go on. Work that did nothing (`before` events
 * were there, and no more came) leaves the run as it was.
 */
const stop = Effect.fnUntraced(function* (
  exit: Exit.Exit<unknown, TrainerContract.TrainingError>,
  { before, name, path }: { readonly name: string; readonly path: string; readonly before: number }
) {
  const log = yield* RunLog.RunLog
  const events = yield* log.events
  if (events.length === before) return
  if (events.at(-1)?._tag !== "RunStopped") {
    yield* log.emit({ _tag: "RunStopped", reason: reasonOf(exit) })
  }
  yield* Output.remark(
    events.some(({ _tag }) => _tag === "SavedCheckpoint")
      ? `run ${name} is saved; go on with \`dreamgym resume ${reference(name, path)}\``
      : `run ${name} ended before its first checkpoint; start again with \`dreamgym train\``
  )
})

const reasonOf = (exit: Exit.Exit<unknown, TrainerContract.TrainingError>): string => {
  if (Exit.hasInterrupts(exit)) return "interrupted"
  const error = Exit.findErrorOption(exit)
  return error._tag === "Some" ? error.value.message : "a defect"
}

/** The table, where the run lies, and what to try next. */
export const closing = ({ events, name, path }: Done<unknown>): ReadonlyArray<string> => [
  "",
  ...Report.terminal(name, events),
  "",
  `The run lies in ${path} (report.md, metrics.jsonl, events.jsonl, checkpoints).`,
  "Try next:",
  `  npx dreamgym evaluate ${reference(name, path)} --episodes 512`,
  "  npx dreamgym train --preset household-quick --seed 2",
  "  npx dreamgym play"
]

/** What later commands call the run: its name where they look for it, else its folder. */
const reference = (name: string, path: string): string =>
  path === resolve("runs", name) ? name : path
