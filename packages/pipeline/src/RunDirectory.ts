/**
 * A run's folder: its configuration, and the records that stay when the process is gone.
 * What happened in the run is told by its `RunLog`.
 *
 * runs/<name>/  config.json  events.jsonl  metrics.jsonl  trajectories/*.jsonl  eval/*.json  checkpoints/  latest  report.md
 *               replay.sqlite (the buffer, see `Buffers`)
 */
import { Evaluation, Trajectory } from "@dreamgym/domain"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Checkpoint from "./Checkpoint.ts"
import type { State } from "./CheckpointManifest.ts"
import { Config } from "./Config.ts"
import * as DurableFile from "./DurableFile.ts"
import { holdLock } from "./Lock.ts"
import { atFile, RunError } from "./RunError.ts"
import { versions } from "./Versions.ts"

export class RunDirectory extends Context.Service<
  RunDirectory,
  {
    readonly name: string
    readonly path: string
    readonly config: Config
    /** Replaces trajectories/<name>.jsonl. */
    readonly saveTrajectories: (
      name: string,
      trajectories: ReadonlyArray<Trajectory.Trajectory>
    ) => Effect.Effect<void, RunError>
    readonly loadTrajectories: (
      name: string
    ) => Effect.Effect<ReadonlyArray<Trajectory.Trajectory>, RunError>
    /** Replaces eval/<policy>-<iteration>.json. */
    readonly saveEvaluation: (
      evaluation: Evaluation.Evaluation,
      iteration: number
    ) => Effect.Effect<void, RunError>
    /** See `Checkpoint.save`; gives the checkpoint's path. */
    readonly saveCheckpoint: (
      iteration: number,
      files: Checkpoint.Files,
      state: State,
      options?: Checkpoint.SaveOptions
    ) => Effect.Effect<string, RunError>
    /** See `Checkpoint.loadLatest`; what is skipped, and other versions than ours, are also logged as warnings. */
    readonly loadCheckpoint: Effect.Effect<Checkpoint.Checkpoint, RunError>
    /** See `Checkpoint.loadUsable`; it warns alike. */
    readonly loadUsable: <A, E, R>(
      use: (checkpoint: Checkpoint.Whole) => Effect.Effect<A, E | RunError, R>
    ) => Effect.Effect<Checkpoint.Used<A>, E | RunError, R>
    /** See `Checkpoint.states`. */
    readonly checkpointStates: Effect.Effect<ReadonlyArray<State>, RunError>
  }
>()("@dreamgym/pipeline/RunDirectory") {}

/** What config.json holds: the resolved configuration and the versions that it ran with. */
export const Saved = Schema.Struct({
  config: Config,
  versions: Schema.Record(Schema.String, Schema.String)
})

/**
 * A new run in `config.run.directory`, called `config.run.name`, or else after its preset and seed. Fails where a run of that name
 * is there already. The folder is this process's until the scope closes.
 */
export const layerNew = (
  config: Config
): Layer.Layer<RunDirectory, RunError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(RunDirectory, create(config))

/** The run that `run` names: a folder, or a name in `directory`. */
export const layerExisting = (
  run: string,
  directory: string
): Layer.Layer<RunDirectory, RunError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(RunDirectory, open(run, directory))

const create = Effect.fn("RunDirectory.create")(function* (config: Config) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const home = path.resolve(config.run.directory)
  const name = config.run.name ?? (yield* freeName(home, `${config.preset}-${config.seed}`))
  const directory = path.join(home, name)
  yield* DurableFile.makeDirectory(home)
  yield* fileSystem
    .makeDirectory(directory)
    .pipe(Effect.mapError((error) => existing(directory, name, atFile(directory)(error))))
  yield* holdLock(directory)
  const saved = Schema.encodeSync(Saved)({ config, versions: yield* versions })
  const text = `${JSON.stringify(saved, null, 2)}\n`
  yield* DurableFile.replace(path.join(directory, "config.json"), text)
  return yield* make(name, directory, config)
})

/** The run that `run` names, for who only reads it: the folder may be another process's at the same time. */
export const reading = Effect.fn("RunDirectory.reading")(function* (
  run: string,
  directory: string
) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const isRun = (folder: string) =>
    fileSystem.exists(path.join(folder, "config.json")).pipe(Effect.orElseSucceed(() => false))
  const folder = (yield* isRun(run)) ? path.resolve(run) : path.resolve(directory, run)
  const file = path.join(folder, "config.json")
  if (!(yield* isRun(folder))) return yield* unknownRun(run, directory, file)
  const text = yield* fileSystem.readFileString(file).pipe(Effect.mapError(atFile(file)))
  const { config } = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Saved))(text).pipe(
    Effect.mapError(
      (error) =>
        new RunError({
          reason: "Damaged",
          file,
          message: `${file}: this is no configuration of this version (${error.message.replaceAll(/\s+/g, " ")}); restore it from a copy`
        })
    )
  )
  return yield* make(path.basename(folder), folder, config)
})

const open = Effect.fn("RunDirectory.open")(function* (run: string, directory: string) {
  const found = yield* reading(run, directory)
  yield* holdLock(found.path)
  return found
})

const make = Effect.fnUntraced(function* (name: string, directory: string, config: Config) {
  const path = yield* Path.Path
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const provided = Effect.provide(services)
  const trajectories = (of: string) => path.join(directory, "trajectories", `${of}.jsonl`)
  const evaluation = (of: string) => path.join(directory, "eval", `${of}.json`)
  return RunDirectory.of({
    name,
    path: directory,
    config,
    saveTrajectories: (of, list) => provided(putText(trajectories(of), linesOf(list))),
    loadTrajectories: (of) => provided(readTrajectories(trajectories(of))),
    saveEvaluation: (report, iteration) => {
      const text = `${JSON.stringify(Schema.encodeSync(Evaluation.Evaluation)(report), null, 2)}\n`
      return provided(putText(evaluation(`${report.policy}-${iteration}`), text))
    },
    saveCheckpoint: (iteration, files, state, options) =>
      provided(Checkpoint.save(directory, iteration, files, state, options)),
    loadCheckpoint: provided(Effect.tap(Checkpoint.loadLatest(directory), warned)),
    loadUsable: (use) =>
      provided(
        Effect.tap(Checkpoint.loadUsable(directory, use), ({ checkpoint }) => warned(checkpoint))
      ),
    checkpointStates: provided(Checkpoint.states(directory))
  })
})

/** What was skipped and why, and what else may make a difference. */
const warned = Effect.fnUntraced(function* (checkpoint: Checkpoint.Checkpoint) {
  const { path, skipped } = checkpoint
  for (const { message } of skipped) yield* Effect.logWarning(`${message}; ${path} is used`)
  const current = yield* versions
  const changed = Object.entries(checkpoint.versions).filter(
    ([name, version]) => current[name] !== version
  )
  for (const [name, version] of changed) {
    yield* Effect.logWarning(
      `${path} was saved with ${name} ${version}, this is ${current[name] ?? "none"}: results may differ in their last digits`
    )
  }
})

const TrajectoryLine = Schema.fromJsonString(Schema.toCodecJson(Trajectory.Trajectory))

/** Trajectories as JSON lines. */
export const linesOf = (trajectories: ReadonlyArray<Trajectory.Trajectory>): string =>
  trajectories.map((trajectory) => `${Schema.encodeSync(TrajectoryLine)(trajectory)}\n`).join("")

const readTrajectories = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const text = yield* fileSystem.readFileString(file).pipe(Effect.mapError(atFile(file)))
  return yield* Effect.forEach(text.split("\n").filter(Boolean), (line, index) =>
    Schema.decodeUnknownEffect(TrajectoryLine)(line).pipe(
      Effect.mapError(
        () =>
          new RunError({
            reason: "Damaged",
            file,
            message: `${file}: line ${index + 1} is no trajectory; remove that line, or collect again`
          })
      )
    )
  )
})

const putText = Effect.fnUntraced(function* (file: string, text: string) {
  const path = yield* Path.Path
  const folder = path.dirname(file)
  yield* DurableFile.makeDirectory(folder)
  yield* DurableFile.replace(file, text)
})

const freeName = Effect.fnUntraced(function* (home: string, base: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const taken = new Set(yield* fileSystem.readDirectory(home).pipe(Effect.orElseSucceed(() => [])))
  let name = base
  for (let number = 2; taken.has(name); number++) name = `${base}-${number}`
  return name
})

const existing = (directory: string, name: string, error: RunError): RunError =>
  error.reason === "Exists"
    ? new RunError({
        reason: "Exists",
        file: directory,
        message: `${directory}: there is a run of this name; go on with it by \`dreamgym resume ${name}\`, or choose another with --name`
      })
    : error

const unknownRun = Effect.fnUntraced(function* (run: string, directory: string, file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const names = yield* fileSystem.readDirectory(directory).pipe(Effect.orElseSucceed(() => []))
  const known =
    names.length === 0 ? "there are no runs" : `the runs are ${names.toSorted().join(", ")}`
  return yield* new RunError({
    reason: "Missing",
    file,
    message: `${file}: there is no run "${run}"; in ${directory} ${known}`
  })
})
