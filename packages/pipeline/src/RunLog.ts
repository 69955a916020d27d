/**
 * The run log: everything a run did, in order, on disk before anybody is told.
 * It draws no conclusion: `Metrics`, `Report` and `Progress` are folds of it.
 *
 * A log that cannot be written is no failure of a stage: `emit` dies of the `RunError`, and `typed` makes it one again.
 */
import { RunEvent } from "@dreamgym/domain"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as DurableFile from "./DurableFile.ts"
import * as Metrics from "./Metrics.ts"
import * as Report from "./Report.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { atFile, ifMissing, RunError } from "./RunError.ts"
import { surviving } from "./Surviving.ts"

export class RunLog extends Context.Service<
  RunLog,
  {
    /** Writes the event, then tells the subscribers. */
    readonly emit: (event: RunEvent.RunEvent) => Effect.Effect<void>
    /** The events that count so far (`surviving`), those of earlier processes included. */
    readonly events: Effect.Effect<ReadonlyArray<RunEvent.RunEvent>>
    /** All events from now on. */
    readonly subscribe: Effect.Effect<PubSub.Subscription<RunEvent.RunEvent>, never, Scope.Scope>
  }
>()("@dreamgym/pipeline/RunLog") {}

/** `time` is ISO 8601, UTC. */
export const Recorded = Schema.Struct({ time: Schema.String, event: RunEvent.RunEvent })
export interface Recorded extends Schema.Schema.Type<typeof Recorded> {}

/** One line of events.jsonl. */
const Line = Schema.fromJsonString(Schema.toCodecJson(Recorded))

/** Keeps events in memory: for tests and for pipelines of one's own that need no run directory. */
export const layerMemory: Layer.Layer<RunLog> = Layer.effect(
  RunLog,
  Effect.suspend(() => make([], () => Effect.void))
)

/**
 * Keeps events in the run directory: events.jsonl and metrics.jsonl, and report.md when it closes. What an earlier process wrote
 * is read first; a last line that it could not finish is taken away. Fails where another line cannot be read.
 */
export const layer: Layer.Layer<
  RunLog,
  RunError,
  RunDirectory | FileSystem.FileSystem | Path.Path
> = Layer.effect(
  RunLog,
  Effect.gen(function* () {
    const { name, path: directory } = yield* RunDirectory
    const path = yield* Path.Path
    const services = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
    const file = path.join(directory, "events.jsonl")
    const metricsFile = path.join(directory, "metrics.jsonl")
    const recorded = yield* restore(file)
    yield* DurableFile.replace(metricsFile, metricsOf(recorded))
    const write = Effect.fnUntraced(function* (event: Recorded) {
      recorded.push(event)
      yield* DurableFile.append(file, `${Schema.encodeSync(Line)(event)}\n`)
      if (event.event._tag === "RunResumed") {
        return yield* DurableFile.replace(metricsFile, metricsOf(recorded))
      }
      const metrics = metricsLine(event)
      if (metrics !== "") yield* DurableFile.append(metricsFile, metrics)
    }, Effect.provide(services))
    const log = yield* make(
      recorded.map(({ event }) => event),
      write
    )
    yield* Effect.addFinalizer(() =>
      saveReport(name, directory, log).pipe(Effect.provide(services))
    )
    return log
  })
)

/** Makes the failure of a log that could not be written an error of the run again. */
export const typed = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | RunError, R> =>
  Effect.catchDefect(effect, (defect) =>
    defect instanceof RunError ? Effect.fail(defect) : Effect.die(defect)
  )

const make = Effect.fnUntraced(function* (
  before: ReadonlyArray<RunEvent.RunEvent>,
  write: (event: Recorded) => Effect.Effect<void, RunError>
) {
  const events = [...before]
  const published = yield* PubSub.unbounded<RunEvent.RunEvent>()
  const oneWriter = yield* Semaphore.make(1)
  const emit = Effect.fnUntraced(
    function* (event: RunEvent.RunEvent) {
      const time = DateTime.formatIso(yield* DateTime.now)
      yield* write({ time, event })
      events.push(event)
      yield* PubSub.publish(published, event)
    },
    oneWriter.withPermits(1),
    Effect.orDie,
    Effect.uninterruptible
  )
  return RunLog.of({
    emit,
    events: Effect.sync(() => surviving(events)),
    subscribe: PubSub.subscribe(published)
  })
})

/** The events in a run's folder, as far as they are whole; for who looks at a run and does not write in it. */
export const read = Effect.fn("RunLog.read")(function* (directory: string) {
  const path = yield* Path.Path
  const file = path.join(directory, "events.jsonl")
  const recorded = yield* recordedIn(wholeLines(yield* textOf(file)), file)
  return recorded.map(({ event }) => event)
})

/** What events.jsonl holds; without its last line where a crash cut it. */
const restore = Effect.fnUntraced(function* (file: string) {
  const text = yield* textOf(file)
  const whole = wholeLines(text)
  if (whole !== text) yield* DurableFile.replace(file, whole)
  return yield* recordedIn(whole, file)
})

/** Of a run that has said nothing yet, nothing. */
const textOf = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  return yield* fileSystem.readFileString(file).pipe(
    Effect.mapError(atFile(file)),
    ifMissing(() => "")
  )
})

const wholeLines = (text: string): string => text.slice(0, text.lastIndexOf("\n") + 1)

const recordedIn = Effect.fnUntraced(function* (lines: string, file: string) {
  const recorded: Array<Recorded> = []
  for (const [index, line] of lines.split("\n").slice(0, -1).entries()) {
    const decoded = Schema.decodeUnknownResult(Line)(line)
    if (Result.isFailure(decoded)) return yield* unreadable(file, index + 1)
    recorded.push(decoded.success)
  }
  return recorded
})

const unreadable = (file: string, line: number): RunError =>
  new RunError({
    reason: "Damaged",
    file,
    message: `${file}: line ${line} is no event of this version; remove that line, or restore the file from a copy`
  })

const metricsLine = ({ event, time }: Recorded): string => {
  const line = Metrics.line(event)
  return line === undefined ? "" : `${JSON.stringify({ time, ...line })}\n`
}

const metricsOf = (recorded: ReadonlyArray<Recorded>): string => {
  const times = new Map(recorded.map(({ event, time }) => [event, time]))
  return surviving(recorded.map(({ event }) => event))
    .map((event) => metricsLine({ event, time: times.get(event) ?? "" }))
    .join("")
}

const saveReport = Effect.fnUntraced(function* (
  name: string,
  directory: string,
  log: RunLog["Service"]
) {
  const path = yield* Path.Path
  const events = yield* log.events
  if (events.length === 0) return
  const file = path.join(directory, "report.md")
  yield* DurableFile.replace(file, Report.markdown(name, events)).pipe(
    Effect.catch((error) => Effect.logWarning(error.message))
  )
})
