/**
 * One unit brought to its end: begun, gone on with, or only read, as its folder has it.
 * It is an ordinary run of the command `dreamgym`, in a process of its own.
 */
import * as Checkpoint from "@dreamgym/pipeline/Checkpoint"
import * as DurableFile from "@dreamgym/pipeline/DurableFile"
import * as Lock from "@dreamgym/pipeline/Lock"
import { Saved } from "@dreamgym/pipeline/RunDirectory"
import { atFile } from "@dreamgym/pipeline/RunError"
import * as RunLog from "@dreamgym/pipeline/RunLog"
import * as Runs from "@dreamgym/pipeline/Runs"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Ledger from "./Ledger.ts"
import type { Unit } from "./Plan.ts"

/** How the command `dreamgym` is started: a program and its first arguments. */
export interface Program {
  readonly command: string
  readonly args: ReadonlyArray<string>
}

/** `directory` is the study's. `say` hears the last line of the run's progress. */
export interface Around {
  readonly directory: string
  readonly program: Program
  readonly settings: ReadonlyArray<string>
  readonly basis: Ledger.Basis
  readonly say: (line: string) => Effect.Effect<void>
}

/** The unit's run in its folder, finished; or the reason why it is not. Interrupted, the run saves itself before this ends. */
export const finish = Effect.fn("UnitRun.finish")(function* (unit: Unit, around: Around) {
  const path = yield* Path.Path
  const folder = path.join(around.directory, unit.id)
  const state = yield* stateOf(folder, unit, around.basis)
  const told = state === "finished" ? "" : yield* started(unit, state, folder, around)
  const events = yield* RunLog.read(folder)
  return Runs.isFinished(events) ? { events } : { reason: reasonOf(events.at(-1), told) }
})

type State = "new" | "begun" | "finished"

/** Waits while another process is at work there: that of a study that was killed brings its run to the end. */
const stateOf = Effect.fnUntraced(function* (folder: string, unit: Unit, basis: Ledger.Basis) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = path.join(folder, "config.json")
  yield* Lock.holderOf(folder).pipe(
    Effect.repeat({ schedule: Schedule.spaced("500 millis"), while: (one) => one !== undefined })
  )
  const at = Effect.mapError(atFile(folder))
  if (!(yield* at(fileSystem.exists(file)))) {
    yield* removeUnbegun(folder)
    return state("new")
  }
  const text = yield* at(fileSystem.readFileString(file))
  const saved = yield* Effect.option(Schema.decodeUnknownEffect(Schema.fromJsonString(Saved))(text))
  const was = saved._tag === "Some" ? saved.value : undefined
  const difference =
    was === undefined
      ? "its config.json is of another version"
      : Ledger.differenceOf(Ledger.basisOf(was.config, was.versions), basis)
  if (difference !== undefined) return yield* Ledger.mixed(folder, unit.id, difference)
  const events = yield* RunLog.read(folder)
  if (Runs.isFinished(events)) return state("finished")
  if (yield* Checkpoint.isAny(folder)) return state("begun")
  yield* at(fileSystem.remove(folder, { recursive: true }))
  return state("new")
})

const state = (found: State): State => found

/** A run that was killed before it wrote its configuration leaves no more than these. */
const unbegun = ["lock", "config.json.tmp"]

const removeUnbegun = Effect.fnUntraced(function* (folder: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const names = yield* fileSystem.readDirectory(folder).pipe(Effect.orElseSucceed(() => []))
  if (names.every((name) => unbegun.includes(name))) {
    const options = { recursive: true, force: true }
    yield* fileSystem.remove(folder, options).pipe(Effect.mapError(atFile(folder)))
  }
})

/** The last line that it said. */
const started = Effect.fnUntraced(
  function* (
    unit: Unit,
    state: State,
    folder: string,
    { directory, program, say, settings }: Around
  ) {
    const path = yield* Path.Path
    const home = path.dirname(folder)
    yield* DurableFile.makeDirectory(home)
    const own = [...settings, `run.directory=${home}`].flatMap((setting) => ["--set", setting])
    const from = unit.from === undefined ? [] : ["--from", path.join(directory, unit.from)]
    const args =
      state === "begun" ? ["resume", folder] : ["train", ...own, "--name", unit.arm, ...from]
    const child = yield* ChildProcess.make(program.command, [...program.args, ...args], {
      stdin: "ignore",
      killSignal: "SIGINT",
      forceKillAfter: "2 minutes"
    })
    let last = ""
    yield* child.all.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.filter((line) => line.trim() !== ""),
      Stream.runForEach((line) => {
        if (!line.startsWith("see `")) last = line.trim()
        return say(last)
      })
    )
    yield* Effect.ignore(child.exitCode)
    return last
  },
  Effect.scoped,
  (work, _unit, _state, folder) =>
    Effect.mapError(work, (error) => (error._tag === "RunError" ? error : atFile(folder)(error)))
)

const reasonOf = (
  last: { readonly _tag: string; readonly reason?: string } | undefined,
  told: string
): string =>
  last?._tag === "RunStopped" && last.reason !== undefined
    ? last.reason
    : told.replace(/^error: /, "") || "the process ended without a word"
