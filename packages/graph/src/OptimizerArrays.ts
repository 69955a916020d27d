/**
 * The arithmetic of the optimizers on arrays, in the caller's thread and in place.
 * What they mean is `Optimizer`, whose graphs compute the same up to the rounding of float32.
 */
import type * as Shape from "./Shape.ts"

type Named<A> = { readonly [name: string]: A }
type Arrays = Named<Float32Array>

/** What an update reads and overwrites. `step` counts from 1. */
export interface ArrayContext {
  /** The gradients at first; overwritten, in the end with what is to be added to the parameters. */
  readonly updates: Arrays
  /** Overwritten with the state for the next step. */
  readonly state: Arrays
  /** Only read. */
  readonly parameters: Arrays
  readonly shapes: Named<Shape.Shape>
  readonly learningRate: number
  readonly step: number
}

/** An update in place. */
export type ArrayUpdate = (context: ArrayContext) => void

const none = new Float32Array(0)

/** One array of the state. */
const kept = ({ state }: ArrayContext, name: string, role: string) =>
  state[`${name}.${role}`] ?? none

const each = (
  context: ArrayContext,
  move: (update: Float32Array, name: string) => void
): ArrayContext => {
  for (const [name, update] of Object.entries(context.updates)) move(update, name)
  return context
}

/** Every array times a number. */
export const scaleAll = (updates: Arrays, factor: number): void => {
  for (const update of Object.values(updates))
    for (let i = 0; i < update.length; i++) update[i] = (update[i] ?? 0) * factor
}

/** The factor that brings a norm down to `max`, as torch's clip_grad_norm_. */
export const clipFactor = (norm: number, max: number): number => Math.min(1, max / (norm + 1e-6))

/** The Euclidean norm over all arrays together. */
export const normOf = (updates: Arrays): number => {
  let sum = 0
  for (const update of Object.values(updates))
    for (let i = 0; i < update.length; i++) sum += (update[i] ?? 0) ** 2
  return Math.sqrt(sum)
}

/** Updates plus a share of the parameters. */
export const addDecay =
  (weightDecay: number): ArrayUpdate =>
  (context) =>
    void each(context, (update, name) => {
      const parameter = context.parameters[name] ?? none
      for (let i = 0; i < update.length; i++)
        update[i] = (update[i] ?? 0) + weightDecay * (parameter[i] ?? 0)
    })

/** A running sum of gradients; `nesterov` looks a step ahead. */
export const gather =
  (momentum: number, nesterov: boolean): ArrayUpdate =>
  (context) =>
    void each(context, (update, name) => {
      const sum = kept(context, name, "momentum")
      for (let i = 0; i < update.length; i++) {
        const gradient = update[i] ?? 0
        const next = momentum * (sum[i] ?? 0) + gradient
        sum[i] = next
        update[i] = nesterov ? gradient + momentum * next : next
      }
    })

/** Constants of Adam; `rate` and `weightDecay` make it a whole AdamW in one pass. */
export interface Adam {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** The step's factor, from its learning rate. */
  readonly rate: (learningRate: number) => number
}

/** rate * (mean / (deviation + epsilon) + weightDecay * parameter), both moments bias-corrected. */
export const adam =
  ({ beta1, beta2, epsilon, weightDecay, rate }: Adam): ArrayUpdate =>
  (context) => {
    const factor = rate(context.learningRate)
    // Divisions cost half of the time: one is enough.
    const first = 1 / (1 - beta1 ** context.step)
    const second = 1 / Math.sqrt(1 - beta2 ** context.step)
    each(context, (update, name) => {
      const [mean, variance] = [kept(context, name, "mean"), kept(context, name, "variance")]
      const parameter = context.parameters[name] ?? none
      for (let i = 0; i < update.length; i++) {
        const gradient = update[i] ?? 0
        const m = beta1 * (mean[i] ?? 0) + (1 - beta1) * gradient
        const v = beta2 * (variance[i] ?? 0) + (1 - beta2) * gradient * gradient
        mean[i] = m
        variance[i] = v
        const scaled = (m * first) / (Math.sqrt(v) * second + epsilon)
        update[i] = factor * (scaled + weightDecay * (parameter[i] ?? 0))
      }
    })
  }

/** The inner update every `count` steps with the mean gradient, else updates of 0. */
export const accumulate =
  (count: number, inner: ArrayUpdate): ArrayUpdate =>
  (context) => {
    const isLast = context.step % count === 0
    each(context, (update, name) => {
      const sum = kept(context, name, "sum")
      for (let i = 0; i < update.length; i++) {
        const total = (sum[i] ?? 0) + (update[i] ?? 0)
        update[i] = isLast ? total / count : 0
        sum[i] = isLast ? 0 : total
      }
    })
    if (isLast) inner({ ...context, step: context.step / count })
  }

/** The moving average of the updated parameters; updates stay. */
export const average =
  (decay: number): ArrayUpdate =>
  (context) =>
    void each(context, (update, name) => {
      const parameter = context.parameters[name] ?? none
      const before = context.step === 1 ? parameter : kept(context, name, "average")
      const after = kept(context, name, "average")
      for (let i = 0; i < update.length; i++) {
        const moved = (parameter[i] ?? 0) + (update[i] ?? 0)
        after[i] = decay * (before[i] ?? 0) + (1 - decay) * moved
      }
    })
