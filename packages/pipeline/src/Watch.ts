/**
 * The run log with a watch on it: every event that raises an alarm is followed by that alarm.
 * What is ill is decided by `Health`.
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { Config } from "./Config.ts"
import * as Health from "./Health.ts"
import { RunLog } from "./RunLog.ts"

/** Does the work under watch, from the events that count so far on: so a run that goes on raises what an unbroken one would have. */
export const watched = <A, E, R>(work: Effect.Effect<A, E, R>, config: Config) =>
  config.health.alarms
    ? Effect.gen(function* () {
        const log = yield* RunLog
        const table = Health.tableOf(config)
        const health = yield* Ref.make(Health.after(yield* log.events, table))
        const emit: RunLog["Service"]["emit"] = Effect.fnUntraced(function* (event) {
          yield* log.emit(event)
          const [next, alarms] = Health.step(yield* Ref.get(health), event, table)
          yield* Ref.set(health, next)
          for (const alarm of alarms) yield* log.emit(alarm)
        }, Effect.uninterruptible)
        return yield* Effect.provideService(work, RunLog, RunLog.of({ ...log, emit }))
      })
    : work
