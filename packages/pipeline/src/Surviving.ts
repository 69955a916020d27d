/**
 * The events that count: a run that resumed from a checkpoint did again what came after that checkpoint.
 * It forgets nothing on disk: events.jsonl keeps both.
 */
import type { RunEvent } from "@dreamgym/domain"

/**
 * The history that leads to the present state: at each `RunResumed`, what followed the checkpoint is taken out. A run that was
 * killed between saving a checkpoint and saying so is cut after the last event of that iteration.
 */
export const surviving = (
  events: ReadonlyArray<RunEvent.RunEvent>
): ReadonlyArray<RunEvent.RunEvent> => {
  const kept: Array<RunEvent.RunEvent> = []
  for (const event of events) {
    if (event._tag === "RunResumed") kept.splice(lengthAt(kept, event.iteration))
    kept.push(event)
  }
  return kept
}

/**
 * How many events the checkpoint of `iteration` stands for. One that was saved on the way out, in the middle of the next iteration,
 * comes after events of that one.
 */
const lengthAt = (events: ReadonlyArray<RunEvent.RunEvent>, iteration: number): number => {
  const saved = events.findLastIndex(
    (event) => event._tag === "SavedCheckpoint" && event.iteration === iteration
  )
  const later = events.findIndex((event) => "iteration" in event && event.iteration > iteration)
  const known = saved >= 0 ? saved + 1 : events.length
  return later >= 0 ? Math.min(later, known) : known
}
