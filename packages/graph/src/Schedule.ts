/**
 * Learning rates over time: plain functions of the number of updates already made.
 * They know nothing of optimizers; a step is fed the number that a schedule gives.
 */

/** The learning rate for an update, counted from 0. */
export type Schedule = (step: number) => number

/** The same rate always. */
export const constant =
  (rate: number): Schedule =>
  () =>
    rate

const progress = (step: number, steps: number) => Math.min(Math.max(step / steps, 0), 1)

/** A straight line over `steps` updates, then its end. */
export const linear =
  (options: { readonly from: number; readonly to: number; readonly steps: number }): Schedule =>
  (step) =>
    options.from + (options.to - options.from) * progress(step, options.steps)

/** Half a cosine wave over `steps` updates, then its end (Loshchilov & Hutter 2017, eq. 5). */
export const cosine =
  (options: { readonly from: number; readonly to: number; readonly steps: number }): Schedule =>
  (step) => {
    const wave = (1 + Math.cos(Math.PI * progress(step, options.steps))) / 2
    return options.to + (options.from - options.to) * wave
  }

/** A rise to the schedule's first rate: the update `s < steps` has (s + 1) / steps of it. */
export const warmUp =
  (steps: number, schedule: Schedule): Schedule =>
  (step) =>
    step < steps ? (schedule(0) * (step + 1)) / steps : schedule(step - steps)
