/**
 * The last whole moment of a dream: what a checkpoint would hold if the run ended now.
 * It is renewed between iterations, so that an interruption in the middle of one saves the one before.
 */
import { Curriculum, Learner, ReplayBuffer } from "@dreamgym/domain"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Prepared from "./Prepared.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"

/** What a checkpoint says besides its files: the seconds that the dream had taken. */
const Meta = Schema.Struct({ seconds: Schema.Finite })
type Meta = typeof Meta.Type

/** Those seconds; 0 where nobody said. */
export const secondsOf = (meta: Schema.Json): number =>
  Option.match(Schema.decodeUnknownOption(Meta)(meta), {
    onNone: () => 0,
    onSome: ({ seconds }) => seconds
  })

/** Begins at `from`, or at the start; learner and curriculum are set to it first. `spent`: the seconds dreamt before. */
export const make = Effect.fn("Ledger.make")(function* (
  prepared: Prepared.Prepared,
  from: Prepared.Moment | undefined,
  spent: number
) {
  const learner = yield* Learner.Learner
  const curriculum = yield* Curriculum.Curriculum
  const buffer = yield* ReplayBuffer.ReplayBuffer
  const directory = yield* RunDirectory
  const log = yield* RunLog
  if (from !== undefined) {
    yield* learner.restore(from.learner)
    yield* curriculum.restore(from.curriculum)
  }
  const now = (iteration: number) => Prepared.momentNow(iteration, learner, curriculum, buffer)
  const moment = yield* Ref.make(from ?? (yield* now(0)))
  const start = yield* Clock.currentTimeMillis
  const savedAt = yield* Ref.make(from?.iteration ?? -1)
  return {
    advance: (iteration: number) => Effect.flatMap(now(iteration), (next) => Ref.set(moment, next)),
    /** Saves the moment, unless it is saved. */
    save: Effect.gen(function* () {
      const whole = yield* Ref.get(moment)
      if ((yield* Ref.get(savedAt)) === whole.iteration) return
      const files = Prepared.filesOf(prepared, whole)
      const seconds = spent + ((yield* Clock.currentTimeMillis) - start) / 1000
      const meta: Meta = { seconds }
      const path = yield* directory.saveCheckpoint(whole.iteration, files, meta, { keepLast: 3 })
      yield* Ref.set(savedAt, whole.iteration)
      yield* log.emit({ _tag: "SavedCheckpoint", iteration: whole.iteration, path })
    })
  }
})
