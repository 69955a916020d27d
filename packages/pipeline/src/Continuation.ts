/**
 * Where another run's dreams ended, for the arm of a study that goes on from there in the real world: sim-to-real without dreaming twice.
 * It reads the other run and writes nothing there; what both prepared alike is the business of `Branch`.
 */
import { isDeepStrictEqual } from "node:util"
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Arm from "./Arm.ts"
import type * as Branch from "./Branch.ts"
import * as Buffers from "./Buffers.ts"
import type { Config } from "./Config.ts"
import { isDue } from "./Phases.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { atFile } from "./RunError.ts"
import { RunLog } from "./RunLog.ts"
import * as Runs from "./Runs.ts"

/** `dreamt`: what the other run told of its dreams, in the words of the arm that goes on; `seconds`: what they took. */
export interface Continuation {
  readonly source: RunDirectory["Service"]
  readonly dreamt: ReadonlyArray<RunEvent.RunEvent>
  readonly seconds: number
}

/**
 * Undefined where the other run is no finished dream that this one would begin with, setting for setting, or its buffer is not to be
 * copied: then this arm dreams itself.
 */
export const read = Effect.fn("Continuation.read")(function* (
  config: Config,
  source: RunDirectory["Service"],
  { checkpoint, events }: Branch.Shared
) {
  const [theirs, ours] = [Arm.of(source.config), Arm.of(config)]
  const isEnd = Runs.isFinished(events) && checkpoint.iteration === theirs.iterations
  if (!isEnd || theirs.name !== "dreamt" || ours.name !== "sim-to-real") return undefined
  const isSame = isDeepStrictEqual(dreaming(source.config), dreaming(config))
  const file = Buffers.fileOf(source.path)
  const isHere = config.replay.url === undefined && (yield* isThere(file))
  if (!isSame || !isHere) return undefined
  const continuation: Continuation = {
    source,
    dreamt: toldOf(events, theirs, ours),
    seconds: checkpoint.state.counters.seconds
  }
  return continuation
})

const isThere = (file: string) =>
  FileSystem.FileSystem.use((fileSystem) => fileSystem.exists(file)).pipe(
    Effect.mapError(atFile(file))
  )

/** The settings on which dreaming and what is told of it rest. */
const dreaming = ({
  dpo: _,
  evaluate: { clonedPlus: __, dpo: ___, real: ____, ...evaluate },
  preset: _____,
  run: ______,
  train: { realIterations: _______, realTransitions: ________, ...train },
  ...config
}: Config) => ({ ...config, evaluate, train })

/** Alarms are raised anew by what raised them, and checkpoints are another run's. */
const untold: ReadonlySet<string> = new Set<RunEvent.RunEvent["_tag"]>([
  "PhaseStarted",
  "RaisedAlarm",
  "RunResumed",
  "SavedCheckpoint"
])

const toldOf = (events: Branch.Shared["events"], theirs: Arm.Arm, ours: Arm.Arm) => {
  const isOfDream = (event: RunEvent.RunEvent) => "phase" in event && event.phase === "dream"
  const start = events.findIndex((event) => event._tag === "PhaseStarted" && isOfDream(event))
  const end = events.findIndex((event) => event._tag === "PhaseFinished" && isOfDream(event))
  return events
    .slice(start, end)
    .filter(({ _tag }) => !untold.has(_tag))
    .map((event): RunEvent.RunEvent => {
      if (event._tag === "PhaseProgressed") return { ...event, total: ours.iterations }
      const isTheirs = event._tag === "EvaluatedPolicy" && event.evaluation.policy === theirs.name
      return isTheirs ? { ...event, evaluation: { ...event.evaluation, policy: ours.name } } : event
    })
}

/** Copies the other run's buffer into this run's folder: the one that its last checkpoint speaks of. */
export const copyBuffer = Effect.fn("Continuation.copyBuffer")(function* ({
  source
}: Continuation) {
  const fileSystem = yield* FileSystem.FileSystem
  const { path } = yield* RunDirectory
  // What a killed process had not moved into the database yet lies beside it.
  for (const part of ["", "-wal"]) {
    const from = `${Buffers.fileOf(source.path)}${part}`
    if (!(yield* isThere(from))) continue
    yield* fileSystem
      .copyFile(from, `${Buffers.fileOf(path)}${part}`)
      .pipe(Effect.mapError(atFile(from)))
  }
})

/** Tells of the other run's dreams as of this one's, and keeps what it kept of them for people to read. */
export const tell = Effect.fn("Continuation.tell")(function* (
  { dreamt, source }: Continuation,
  config: Config
) {
  const log = yield* RunLog
  const directory = yield* RunDirectory
  for (const event of dreamt) {
    if (event._tag === "EvaluatedPolicy") {
      yield* directory.saveEvaluation(event.evaluation, event.iteration)
    }
    yield* log.emit(event)
  }
  const iterations = Array.from({ length: source.config.train.iterations }, (_, i) => i + 1)
  for (const at of iterations.filter((iteration) => isDue(iteration, config))) {
    const name = `dreams-${at}`
    yield* directory.saveTrajectories(name, yield* source.loadTrajectories(name))
  }
})
