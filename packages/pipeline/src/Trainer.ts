/**
 * The packaged trainer: collect real experience, fit the experience model, clone a first policy, dream and improve, evaluate.
 * The whole method on one page; each phase is a module of its own.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Arm from "./Arm.ts"
import * as Branch from "./Branch.ts"
import * as Buffers from "./Buffers.ts"
import type * as Checkpoint from "./Checkpoint.ts"
import * as Collect from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as Continuation from "./Continuation.ts"
import * as Counters from "./Counters.ts"
import * as Curve from "./Curve.ts"
import * as Dream from "./Dream.ts"
import * as DreamFilter from "./DreamFilter.ts"
import * as Fit from "./Fit.ts"
import * as Improve from "./Improve.ts"
import * as Ledger from "./Ledger.ts"
import * as Networks from "./Networks.ts"
import * as Phases from "./Phases.ts"
import * as Prepared from "./Prepared.ts"
import * as Refresh from "./Refresh.ts"
import * as Report from "./Report.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"
import * as Runs from "./Runs.ts"
import * as Sources from "./Sources.ts"
import * as Vocabulary from "./Vocabulary.ts"
import * as Watch from "./Watch.ts"
import * as World from "./World.ts"

/** A run from its beginning: the five phases in order. */
export const train = Effect.fn("Trainer.train")(function* (config: Config) {
  const { name } = yield* RunDirectory
  const log = yield* RunLog
  yield* DreamFilter.judges(config)
  yield* log.emit({ _tag: "RunStarted", run: name, seed: config.seed })
  yield* Phases.whole(Watch.watched(Effect.scoped(fromTheBeginning(config)), config))
  return Report.summary(name, yield* log.events)
})

const fromTheBeginning = Effect.fnUntraced(function* (config: Config) {
  const world = yield* World.make(config)
  const offline = yield* Phases.phase("collect", Phases.collected(world, config))
  const owner = { world, offline, config }
  const place = Buffers.placeOf(yield* RunDirectory)
  const lived = { ...owner, buffer: yield* Buffers.begin(owner, place) }
  const tokenizer = Vocabulary.tokenizerOf(world.knowledge, [...offline.train, ...offline.heldOut])
  const isDreamt = Arm.dreams(Arm.of(config), config)
  const fitted = isDreamt
    ? yield* Phases.phase("fit", Phases.fittedAndMeasured(lived, tokenizer))
    : undefined
  const clones = yield* Phases.phase("clone", Phases.cloned(lived, tokenizer))
  const prepared: Prepared.Prepared = {
    ...clones,
    tokenizer,
    experience: fitted?.trainable,
    policy: Networks.policyOf(Prepared.startOf(clones, config).trainable, config)
  }
  const learning = { ...lived, fitted }
  const calibrated =
    fitted === undefined
      ? Effect.void
      : Phases.calibrated(prepared, { ...lived, fitted }, fitted.fidelity)
  const learned = Effect.flatMap(Effect.timed(calibrated), ([spent]) =>
    learnt(prepared, learning, Duration.toSeconds(spent))
  )
  yield* Phases.phase("dream", learned)
  yield* Phases.phase("evaluate", Phases.evaluated(prepared, learning))
})

/**
 * Another arm of a study from what the run `source` prepared (`RunDirectory.reading`): the same events and numbers as `train` would
 * have had with these settings, without collecting, fitting and cloning again, nor dreaming again where the other run is this one up
 * to its real iterations. Fails where what was prepared would have been something else.
 */
export const branch = Effect.fn("Trainer.branch")(function* (
  config: Config,
  source: RunDirectory["Service"]
) {
  const { name } = yield* RunDirectory
  const log = yield* RunLog
  yield* DreamFilter.judges(config)
  const shared = yield* Branch.read(config, source)
  const further = yield* Continuation.read(config, source, shared)
  const work =
    further === undefined ? fromAnother(config, shared) : fromItsEnd(config, shared, further)
  yield* log.emit({ _tag: "RunStarted", run: name, seed: config.seed })
  yield* Phases.whole(Watch.watched(Effect.scoped(work), config))
  return Report.summary(name, yield* log.events)
})

const fromAnother = Effect.fnUntraced(function* (config: Config, shared: Branch.Shared) {
  const { calibration, offline, prepared, told, world } = shared
  const log = yield* RunLog
  yield* Collect.keep(offline)
  for (const event of told) yield* log.emit(event)
  const owner = { world, offline, config }
  const buffer = yield* Buffers.begin(owner, Buffers.placeOf(yield* RunDirectory))
  const learning = { ...owner, buffer, fitted: yield* modelOf(prepared, owner) }
  const calibrated = Effect.forEach(calibration, log.emit, { discard: true })
  yield* Phases.phase("dream", Effect.andThen(calibrated, learnt(prepared, learning, 0)))
  yield* Phases.phase("evaluate", Phases.evaluated(prepared, learning))
})

const fromItsEnd = Effect.fnUntraced(function* (
  config: Config,
  { checkpoint, offline, told, world }: Branch.Shared,
  further: Continuation.Continuation
) {
  const log = yield* RunLog
  yield* Collect.keep(offline)
  for (const event of told) yield* log.emit(event)
  yield* Continuation.copyBuffer(further)
  const owner = { world, offline, config }
  const buffer = yield* Buffers.reopen(owner, Buffers.placeOf(yield* RunDirectory))
  const value = yield* restored(checkpoint, { ...owner, buffer })
  yield* continued(value, further.seconds, further)
})

/**
 * A run from its last usable checkpoint: the same events that an uninterrupted run would have had. Fails as `NothingToDo` where it is
 * finished; what fails before it goes on leaves the run as it was.
 */
export const resume = Effect.fn("Trainer.resume")(function* (config: Config) {
  const directory = yield* RunDirectory
  const log = yield* RunLog
  if (Runs.isFinished(yield* log.events)) return yield* Runs.finished(directory)
  yield* Effect.scoped(fromCheckpoint(config))
  return Report.summary(directory.name, yield* log.events)
})

const fromCheckpoint = Effect.fnUntraced(function* (config: Config) {
  const directory = yield* RunDirectory
  const log = yield* RunLog
  // Not before a whole checkpoint was found: a run without one has no experience to read either.
  const reopened = yield* Effect.cached(livedBefore(config))
  const { checkpoint, value } = yield* directory.loadUsable((whole) =>
    Effect.flatMap(reopened, (lived) => restored(whole, lived))
  )
  const { iteration, state } = checkpoint
  yield* log.emit({ _tag: "RunResumed", run: directory.name, iteration })
  yield* Phases.whole(Watch.watched(continued(value, state.counters.seconds), config))
})

/** What the run had lived, its buffer as its last process left it. */
const livedBefore = Effect.fnUntraced(function* (config: Config) {
  const directory = yield* RunDirectory
  const world = yield* World.make(config)
  const offline = yield* Collect.read(directory)
  const owner = { world, offline, config }
  const buffer = yield* Buffers.reopen(owner, Buffers.placeOf(directory))
  return { ...owner, buffer }
})

/** Everything as it was when the checkpoint was saved; the buffer last, because that cannot be taken back. */
const restored = Effect.fnUntraced(function* (whole: Checkpoint.Whole, lived: Buffers.Lived) {
  const directory = yield* RunDirectory
  const prepared = yield* Prepared.read(whole.files, lived.world, lived.config)
  const moment = yield* Prepared.momentOf(whole)
  const buffer = yield* Buffers.restore(lived, whole, Buffers.placeOf(directory))
  const from: Ledger.Instant = { moment, buffer }
  return { lived, prepared, from }
})

/** From what was restored, which is this run's own checkpoint, or where the dreams of `another` ended. */
const continued = Effect.fnUntraced(function* (
  { from, lived, prepared }: Effect.Success<ReturnType<typeof restored>>,
  spent: number,
  another?: Continuation.Continuation
) {
  const learning = { ...lived, fitted: yield* modelOf(prepared, lived) }
  const told = another === undefined ? Effect.void : Continuation.tell(another, lived.config)
  const start = { ...from, isSaved: another === undefined }
  const dream = Effect.suspend(() => learnt(prepared, learning, spent, start))
  yield* Phases.phase("dream", Effect.andThen(told, dream), spent)
  yield* Phases.phase("evaluate", Phases.evaluated(prepared, learning))
})

/** The experience model that was prepared, to be asked; none where nothing is dreamt. */
const modelOf = ({ experience }: Prepared.Prepared, { config, world }: Buffers.Owner) =>
  experience === undefined ? Effect.succeed(undefined) : Fit.modelOf(experience, world, config)

/** The learning of a prepared run, from its beginning or from a later instant, after `spent` seconds. */
const learnt = Effect.fn("Trainer.learnt")(function* (
  prepared: Prepared.Prepared,
  run: Dream.Learning,
  spent: number,
  from?: Ledger.Start
) {
  const { buffer, config, world } = run
  const log = yield* RunLog
  const first = from?.moment.iteration ?? 0
  const arm = Arm.of(config)
  const steps = Counters.livedOf(yield* log.events, first)
  const sources = yield* Sources.make(run, { arm, spent: steps, keeps: true })
  const { iterations, name } = arm
  const trained = { name, phase: "dream", trainable: prepared.policy, iterations } as const
  const measured = (iteration: number) => Curve.measure(trained, world, config, iteration)
  const program = Effect.gen(function* () {
    const curriculum = sources.memory
    const ledger = yield* Ledger.make(prepared, { buffer, config, curriculum, from, spent })
    if (from?.isSaved !== true) yield* Effect.andThen(measured(first), ledger.save)
    const options = Dream.improveOptions(config, world, first, arm.purpose)
    yield* Improve.mixed(options, sources.all).pipe(
      Stream.tap((iteration) => Phases.reported(iteration, sources, config)),
      Stream.tap(({ iteration }) => Refresh.refresh(run, prepared.tokenizer, iteration + 1)),
      Stream.tap(({ iteration }) => measured(iteration + 1)),
      Stream.tap(({ iteration }) => ledger.advance(iteration + 1)),
      Stream.runForEach(({ iteration }) =>
        Phases.isDue(iteration + 1, config) ? ledger.save : Effect.void
      ),
      Effect.andThen(ledger.save),
      Effect.onError(() => Effect.ignoreCause(ledger.save))
    )
  })
  yield* Effect.provide(program, learnerOf(prepared, run, sources))
}, Effect.scoped)

const learnerOf = (
  prepared: Prepared.Prepared,
  run: Dream.Learning,
  { arm, usedShare }: Sources.Sources
) =>
  Dream.learning(prepared.policy, Prepared.startOf(prepared, run.config).trainable, run, {
    purpose: arm.purpose,
    worker: 0,
    shards: run.config.engine.workers,
    usedShare
  })
