/**
 * The packaged trainer: collect real experience, fit the experience model, clone a first policy, dream and improve, evaluate.
 * The whole method on one page; each phase is a module of its own.
 */
import { Trainable } from "@dreamgym/language"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Buffers from "./Buffers.ts"
import type * as Checkpoint from "./Checkpoint.ts"
import * as Collect from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as Dream from "./Dream.ts"
import * as Fit from "./Fit.ts"
import * as Improve from "./Improve.ts"
import * as Ledger from "./Ledger.ts"
import * as Phases from "./Phases.ts"
import * as Prepared from "./Prepared.ts"
import * as Report from "./Report.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"
import * as Vocabulary from "./Vocabulary.ts"
import * as World from "./World.ts"

/** A run from its beginning: the five phases in order. */
export const train = Effect.fn("Trainer.train")(function* (config: Config) {
  const { name } = yield* RunDirectory
  const log = yield* RunLog
  yield* log.emit({ _tag: "RunStarted", run: name, seed: config.seed })
  yield* Phases.whole(Effect.scoped(fromTheBeginning(config)))
  return Report.summary(name, yield* log.events)
})

const fromTheBeginning = Effect.fnUntraced(function* (config: Config) {
  const world = yield* World.make(config)
  const offline = yield* Phases.phase("collect", Phases.collected(world, config))
  const file = Buffers.fileOf((yield* RunDirectory).path)
  const lived = { world, offline, config, buffer: yield* Buffers.make(offline, world, [], file) }
  const tokenizer = Vocabulary.tokenizerOf(world.knowledge, [...offline.train, ...offline.heldOut])
  const fitted = yield* Phases.phase("fit", Phases.fittedAndMeasured(lived, tokenizer))
  const clones = yield* Phases.phase("clone", Phases.cloned(lived, tokenizer))
  const prepared: Prepared.Prepared = {
    ...clones,
    tokenizer,
    experience: fitted.trainable,
    policy: Trainable.copy(Prepared.startOf(clones, config).trainable)
  }
  const dreaming = { ...lived, fitted }
  const calibrated = Phases.calibrated(prepared, dreaming, fitted.fidelity)
  const dreamed = Effect.flatMap(Effect.timed(calibrated), ([spent]) =>
    dreamt(prepared, dreaming, undefined, Duration.toSeconds(spent))
  )
  yield* Phases.phase("dream", dreamed)
  yield* Phases.phase("evaluate", Phases.evaluated(prepared, dreaming))
})

/** A run from its last whole checkpoint: the same events that an uninterrupted run would have had. */
export const resume = Effect.fn("Trainer.resume")(function* (config: Config) {
  const directory = yield* RunDirectory
  const log = yield* RunLog
  const checkpoint = yield* directory.loadCheckpoint
  const { iteration } = checkpoint
  yield* log.emit({ _tag: "RunResumed", run: directory.name, iteration })
  yield* Phases.whole(Effect.scoped(fromCheckpoint(checkpoint, config)))
  return Report.summary(directory.name, yield* log.events)
})

const fromCheckpoint = Effect.fnUntraced(function* (
  { files, iteration, meta }: Checkpoint.Checkpoint,
  config: Config
) {
  const world = yield* World.make(config)
  const directory = yield* RunDirectory
  const offline = yield* Collect.read(directory)
  const prepared = yield* Prepared.read(files, world, config)
  const moment = yield* Prepared.momentOf(files, iteration)
  const fitted = yield* Fit.modelOf(prepared.experience, world, config)
  const buffer = yield* Buffers.make(offline, world, moment.dreams, Buffers.fileOf(directory.path))
  const dreaming = { world, offline, fitted, config, buffer }
  const spent = Ledger.secondsOf(meta)
  yield* Phases.phase("dream", dreamt(prepared, dreaming, moment, spent), spent)
  yield* Phases.phase("evaluate", Phases.evaluated(prepared, dreaming))
})

/** The dream of a prepared run, from its beginning or from a checkpoint's moment after `spent` seconds, checkpoints included. */
const dreamt = Effect.fn("Trainer.dreamt")(function* (
  prepared: Prepared.Prepared,
  dreaming: Dream.Dreaming,
  from?: Prepared.Moment,
  spent = 0
) {
  const { config, world } = dreaming
  const { environment, newTokens } = yield* Dream.synthetic(dreaming)
  const program = Effect.gen(function* () {
    const ledger = yield* Ledger.make(prepared, from, spent)
    if (from === undefined) yield* ledger.save
    const options = Dream.improveOptions(config, world, from?.iteration ?? 0, "dream")
    yield* Improve.iterations(options).pipe(
      Stream.tap((iteration) => Phases.reported(iteration, newTokens, config)),
      Stream.tap(({ iteration }) => ledger.advance(iteration + 1)),
      Stream.runForEach(({ iteration }) =>
        Phases.isDue(iteration + 1, config) ? ledger.save : Effect.void
      ),
      Effect.onError(() => Effect.ignoreCause(ledger.save))
    )
  })
  const shards = config.engine.workers
  const { trainable: reference } = Prepared.startOf(prepared, config)
  const learning = Dream.learning(prepared.policy, reference, dreaming, {
    purpose: "dreamt",
    worker: 0,
    shards
  })
  yield* Effect.provide(program, Layer.merge(Dream.layer(dreaming, environment), learning))
})
