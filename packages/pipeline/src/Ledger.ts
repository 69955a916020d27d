/**
 * The last whole moment of a dream: what a checkpoint would hold if the run ended now.
 * It is renewed between iterations, so that an interruption in the middle of one saves the one before.
 */
import { Curriculum, Learner, ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Prepared from "./Prepared.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"

/** Begins at `from`, or at the start; learner and curriculum are set to it first. */
export const make = Effect.fn("Ledger.make")(function* (
  prepared: Prepared.Prepared,
  from: Prepared.Moment | undefined
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
  const savedAt = yield* Ref.make(from?.iteration ?? -1)
  return {
    advance: (iteration: number) => Effect.flatMap(now(iteration), (next) => Ref.set(moment, next)),
    /** Saves the moment, unless it is saved. */
    save: Effect.gen(function* () {
      const whole = yield* Ref.get(moment)
      if ((yield* Ref.get(savedAt)) === whole.iteration) return
      const files = Prepared.filesOf(prepared, whole)
      const path = yield* directory.saveCheckpoint(whole.iteration, files, {}, { keepLast: 3 })
      yield* Ref.set(savedAt, whole.iteration)
      yield* log.emit({ _tag: "SavedCheckpoint", iteration: whole.iteration, path })
    })
  }
})
