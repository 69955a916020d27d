/**
 * The learning rates of a run: of a training from scratch, and of the policy that improves.
 * How they are used is the business of the learners.
 */
import * as Schedule from "@dreamgym/graph/Schedule"
import type { Config } from "./Config.ts"

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

/**
 * That of the policy at an update: up for three updates, and down a line to a tenth of `lr` at the last of `train.iterations`; what follows
 * in the real world alone comes down a line of its own. `usedShare`: of a budget of real transitions, in [0, 1]; where more of that is
 * used than of the iterations, the line follows the budget, so that iterations may be planned as the most that there can be.
 */
export const ofPolicy = (
  lr: number,
  update: number,
  { train }: Pick<Config, "train">,
  usedShare: number
): number => {
  const { iterations, realIterations } = train
  const isAfter = update >= iterations && realIterations > 0
  const planned = isAfter ? (update - iterations) / realIterations : update / iterations
  const passed = Math.max(planned, usedShare)
  return lr * Math.max(0.1, 1 - passed) * Math.min(1, (update + 1) / 3)
}
