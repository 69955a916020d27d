/**
 * The last whole moment of a dream: what a checkpoint would hold if the run ended now.
 * It is renewed between iterations, so that an interruption in the middle of one saves the one before.
 */
import { type Curriculum, Learner, type ReplayBuffer } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { BufferState, Counters, State } from "./CheckpointManifest.ts"
import type { Config } from "./Config.ts"
import { countersOf } from "./Counters.ts"
import * as Prepared from "./Prepared.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"
import * as Snapshots from "./Snapshots.ts"

/** Networks, curriculum and buffer of one instant. */
export interface Instant {
  readonly moment: Prepared.Moment
  readonly buffer: BufferState
}

/** Where learning goes on; `isSaved`: at a checkpoint of this run. */
export interface Start extends Instant {
  readonly isSaved: boolean
}

/**
 * `from`: the instant to begin at (absent: the start); learner and curriculum are set to it first, the buffer is at it already.
 * `spent`: the seconds dreamt before. `curriculum`: what the curricula of all sources remember.
 */
export interface Options {
  readonly config: Config
  readonly buffer: ReplayBuffer.ReplayBuffer["Service"]
  readonly curriculum: Pick<Curriculum.Curriculum["Service"], "records" | "restore">
  readonly from: Start | undefined
  readonly spent: number
}

export const make = Effect.fn("Ledger.make")(function* (
  prepared: Prepared.Prepared,
  { buffer, config, curriculum, from, spent }: Options
) {
  const learner = yield* Learner.Learner
  const directory = yield* RunDirectory
  const log = yield* RunLog
  const snapshots = yield* Snapshots.make(buffer, from?.buffer.held ?? [])
  if (from !== undefined) {
    yield* learner.restore(from.moment.learner)
    yield* curriculum.restore(from.moment.curriculum)
  }
  const now = Effect.fnUntraced(function* (iteration: number, before?: Prepared.Moment) {
    const moment = yield* Prepared.momentNow(iteration, prepared, learner, curriculum, before)
    return { moment, buffer: yield* snapshots.take }
  })
  const newest = yield* Ref.make<Instant>(from ?? (yield* now(0)))
  const start = yield* Clock.currentTimeMillis
  const savedAt = yield* Ref.make(from?.isSaved === true ? from.moment.iteration : -1)
  return {
    advance: (iteration: number) =>
      Effect.uninterruptible(
        Ref.get(newest).pipe(
          Effect.flatMap(({ moment }) => now(iteration, moment)),
          Effect.flatMap((next) => Ref.set(newest, next))
        )
      ),
    /** Saves the instant, unless it is saved. */
    save: Effect.gen(function* () {
      const whole = yield* Ref.get(newest)
      const { iteration } = whole.moment
      if ((yield* Ref.get(savedAt)) === iteration) return
      const seconds = spent + ((yield* Clock.currentTimeMillis) - start) / 1000
      const counters = countersOf(yield* log.events, iteration, seconds)
      const files = Prepared.filesOf(prepared, whole.moment)
      const state = stateOf(whole, counters, config)
      const path = yield* directory.saveCheckpoint(iteration, files, state, config.train)
      yield* Ref.set(savedAt, iteration)
      yield* log.emit({ _tag: "SavedCheckpoint", iteration, path })
      yield* snapshots.releaseExcept(directory.checkpointStates)
    })
  }
})

const stateOf = ({ buffer, moment }: Instant, counters: Counters, { seed }: Config): State => ({
  policyVersion: moment.policyVersion,
  ...(moment.experience === undefined ? {} : { experienceVersion: moment.experience.version }),
  hasOptimizer: "optimizer.safetensors" in moment.learner,
  curriculumTasks: moment.curriculum.length,
  random: { seed, iteration: moment.iteration },
  counters,
  buffer
})
