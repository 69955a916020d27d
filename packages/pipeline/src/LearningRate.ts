/**
 * The learning rate of a training from scratch: up, then down a line to 0 at its last update.
 * The learners' own rates are the business of `Dream`.
 */
import * as Schedule from "@dreamgym/graph/Schedule"

/** At most `longestWarmUp` updates go up to `lr`, and at most a quarter of all `updates`. */
export const upAndDown = (
  lr: number,
  updates: number,
  longestWarmUp: number
): Schedule.Schedule => {
  const warmUp = Math.min(longestWarmUp, Math.floor(updates / 4))
  const down = Schedule.linear({ from: lr, to: 0, steps: Math.max(1, updates - warmUp) })
  return Schedule.warmUp(warmUp, down)
}
