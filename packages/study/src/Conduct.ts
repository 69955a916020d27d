/**
 * A study on its way: runs what is not finished, several at a time, and writes down what became of it.
 * It draws no conclusion: `StudyReport` does, from the ledger alone.
 */
import * as DurableFile from "@dreamgym/pipeline/DurableFile"
import * as Lock from "@dreamgym/pipeline/Lock"
import * as Versions from "@dreamgym/pipeline/Versions"
import * as Context from "effect/Context"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Code from "./Code.ts"
import * as Estimate from "./Estimate.ts"
import * as Ledger from "./Ledger.ts"
import * as Outcome from "./Outcome.ts"
import * as Plan from "./Plan.ts"
import * as UnitRun from "./UnitRun.ts"

/** How the command `dreamgym` is started: as this process was. */
export const Program = Context.Reference<UnitRun.Program>("@dreamgym/study/Program", {
  defaultValue: () => ({
    command: process.execPath,
    args: [...process.execArgv, ...process.argv.slice(1, 2)]
  })
})

/** `directory` is the study's; `parallel` runs at a time; `tell` hears every change. */
export interface Options {
  readonly directory: string
  readonly parallel: number
  readonly program: UnitRun.Program
  readonly tell: (progress: Progress) => Effect.Effect<void>
}

/** A unit at work: `line` is the last that its run said. */
export interface Running {
  readonly unit: string
  readonly line: string
}

/** `ended` is the unit whose end is told. `secondsLeft` is a guess from what ended before. */
export interface Progress {
  readonly total: number
  readonly finished: number
  readonly failed: number
  readonly running: ReadonlyArray<Running>
  readonly secondsLeft: number
  readonly ended?: string
}

/** Units by what became of them; `waiting` were not run because what they need failed. */
export interface Ended {
  readonly finished: ReadonlyArray<string>
  readonly failed: ReadonlyArray<{ readonly unit: string; readonly reason: string }>
  readonly waiting: ReadonlyArray<string>
}

/**
 * Runs the units that the ledger does not have as finished. Fails, before anything runs, as `ConfigChanged` where the ledger has a
 * unit of other settings or versions, and as `Busy` where another process conducts a study in this folder. Interrupted, it lets the
 * runs save themselves.
 */
export const conduct = Effect.fn("Conduct.conduct")(function* (
  units: ReadonlyArray<Plan.Unit>,
  options: Options
) {
  yield* DurableFile.makeDirectory(options.directory)
  yield* Lock.holdLock(options.directory)
  yield* Ledger.mend(options.directory)
  const study = yield* begin(units, options)
  yield* study.tell()
  yield* Effect.forEach(units, (unit) => unitEnded(unit, study), {
    concurrency: "unbounded",
    discard: true
  })
  const failed = [...study.failed].map(([unit, reason]) => ({ unit, reason }))
  const isOver = (unit: string) => study.finished.has(unit) || study.failed.has(unit)
  const ended: Ended = {
    finished: [...study.finished.keys()],
    failed,
    waiting: units.flatMap(({ id }) => (isOver(id) ? [] : [id]))
  }
  return ended
}, Effect.scoped)

/** Whether the folder's results are of these units' settings and of these versions. */
export const check = Effect.fn("Conduct.check")(function* (
  units: ReadonlyArray<Plan.Unit>,
  directory: string
) {
  const entries = (yield* Ledger.read(directory)).filter((one) => one._tag === "Finished")
  const finished = new Map(entries.map((entry) => [entry.unit, entry]))
  const versions = yield* Versions.versions
  for (const unit of units) {
    const entry = finished.get(unit.id)
    if (entry === undefined) continue
    const basis = Ledger.basisOf(yield* Effect.fromResult(configOf(unit, finished)), versions)
    const difference = Ledger.differenceOf(entry.basis, basis)
    if (difference !== undefined) return yield* Ledger.mixed(directory, unit.id, difference)
  }
  return finished
})

const begin = Effect.fnUntraced(function* (units: ReadonlyArray<Plan.Unit>, options: Options) {
  const finished = new Map(yield* check(units, options.directory))
  const wanted = new Set(units.map(({ id }) => id))
  for (const unit of finished.keys()) if (!wanted.has(unit)) finished.delete(unit)
  const failed = new Map<string, string>()
  const running = new Map<string, string>()
  const ends = new Map<string, Deferred.Deferred<boolean>>()
  for (const { id } of units) ends.set(id, yield* Deferred.make<boolean>())
  const guesses = guessesOf(units)
  const left = leftOf(guesses, finished, failed, options.parallel)
  const pace = { guessed: 0, taken: 0 }
  const progress = (ended?: string): Progress => ({
    total: units.length,
    finished: finished.size,
    failed: failed.size,
    running: [...running].map(([unit, line]) => ({ unit, line })),
    secondsLeft: left() * (pace.guessed === 0 ? 1 : pace.taken / pace.guessed),
    ...(ended === undefined ? {} : { ended })
  })
  return {
    options,
    finished,
    failed,
    running,
    ends,
    guesses,
    pace,
    versions: yield* Versions.versions,
    seats: yield* Semaphore.make(options.parallel),
    writer: yield* Semaphore.make(1),
    tell: (ended?: string) => options.tell(progress(ended))
  }
})

type Study = Effect.Success<ReturnType<typeof begin>>

/** Seconds of all units that are not over, side by side, by the estimate alone. */
const leftOf =
  (
    guesses: ReadonlyMap<string, number>,
    finished: ReadonlyMap<string, Ledger.Finished>,
    failed: ReadonlyMap<string, string>,
    parallel: number
  ) =>
  (): number =>
    [...guesses]
      .filter(([id]) => !finished.has(id) && !failed.has(id))
      .reduce((sum, [, seconds]) => sum + seconds, 0) / parallel

/** Seconds by unit. */
const guessesOf = (units: ReadonlyArray<Plan.Unit>): ReadonlyMap<string, number> => {
  const configs = Plan.guessed(units)
  return new Map(
    units.map((unit) => {
      const [config, from] = [configs.get(unit.id), configs.get(unit.from ?? "")]
      const taken = from === undefined ? "nothing" : unit.goesOn === true ? "dreams" : "preparation"
      return [unit.id, config === undefined ? 0 : Estimate.seconds(config, taken)]
    })
  )
}

const configOf = (unit: Plan.Unit, finished: ReadonlyMap<string, Ledger.Finished>) =>
  Plan.configOf(unit, Ledger.factsOf(finished))

/** Waits for what it needs, then for a seat. */
const unitEnded = Effect.fnUntraced(function* (unit: Plan.Unit, study: Study) {
  const needed = yield* Effect.forEach(unit.needs, (need) => {
    const end = study.ends.get(need)
    return end === undefined ? Effect.succeed(false) : Deferred.await(end)
  })
  if (needed.every(Boolean) && !study.finished.has(unit.id)) {
    yield* study.seats.withPermits(1)(run(unit, study))
  }
  const end = study.ends.get(unit.id)
  if (end !== undefined) yield* Deferred.succeed(end, study.finished.has(unit.id))
})

const run = Effect.fnUntraced(function* (unit: Plan.Unit, study: Study) {
  const { failed, finished, guesses, pace, running } = study
  const start = yield* Clock.currentTimeMillis
  const ended = yield* outcomeOf(unit, study)
  running.delete(unit.id)
  const about = { unit: unit.id, time: DateTime.formatIso(yield* DateTime.now) }
  if ("reason" in ended) {
    failed.set(unit.id, ended.reason)
    yield* write(study, { _tag: "Failed", ...about, reason: ended.reason })
  } else {
    const entry: Ledger.Finished = { _tag: "Finished", ...about, ...ended }
    finished.set(unit.id, entry)
    yield* write(study, entry)
    pace.guessed += guesses.get(unit.id) ?? 0
    pace.taken += ((yield* Clock.currentTimeMillis) - start) / 1000
  }
  yield* study.tell(unit.id)
})

/** What cannot even begin is a failure of this unit alone: others may go on. */
const outcomeOf = Effect.fnUntraced(
  function* (unit: Plan.Unit, { finished, options, running, tell, versions }: Study) {
    const { directory, program } = options
    const config = yield* Effect.fromResult(configOf(unit, finished))
    const settings = Plan.settingsOf(unit, Ledger.factsOf(finished))
    const basis = Ledger.basisOf(config, versions)
    const say = (line: string) =>
      Effect.suspend(() => {
        running.set(unit.id, line)
        return tell()
      })
    yield* say("begins")
    const code = yield* Code.own
    const ended = yield* UnitRun.finish(unit, { directory, program, settings, basis, say })
    if (ended.events === undefined) return { reason: ended.reason }
    const outcome = Outcome.of(unit.id, ended.events)
    return { basis, outcome, ...(code === undefined ? {} : { code }) }
  },
  Effect.catchTag(["RunError", "ConfigError"], ({ message }) => Effect.succeed({ reason: message }))
)

const write = ({ options, writer }: Study, entry: Ledger.Entry) =>
  writer.withPermits(1)(Effect.uninterruptible(Ledger.append(options.directory, entry)))

/** What is planned, with the guess of its time, for who only wants to look. */
export const planned = (
  units: ReadonlyArray<Plan.Unit>
): ReadonlyArray<{ readonly unit: Plan.Unit; readonly seconds: number }> => {
  const guesses = guessesOf(units)
  return units.map((unit) => ({ unit, seconds: guesses.get(unit.id) ?? 0 }))
}
