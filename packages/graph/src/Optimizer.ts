/**
 * Updates of parameters written as graphs: pure `init` and `update` pairs that compose as in optax.
 * They hold no numbers; the state is a set of `Parameters` that `TrainStep` keeps.
 */
import * as Record from "effect/Record"
import * as Initializer from "./Initializer.ts"
import { newtonSchulz } from "./NewtonSchulz.ts"
import * as Op from "./Op.ts"
import * as Arrays from "./OptimizerArrays.ts"
import type { Specifications } from "./Parameters.ts"
import type * as Shape from "./Shape.ts"
import type { Value } from "./Value.ts"

type Named<A> = { readonly [name: string]: A }

/** What an update may read. `step` counts from 1; `learningRate` and `step` are [1]. */
export interface Context {
  /** What is to be added to each parameter so far; the gradients at first. */
  readonly updates: Named<Value>
  readonly state: Named<Value>
  readonly parameters: Named<Value>
  readonly learningRate: Value
  readonly step: Value
}

/** What an optimizer makes of a context: updates, and the state for the next step. */
export interface Update {
  readonly updates: Named<Value>
  readonly state: Named<Value>
}

/** A transformation of updates. The last of a chain must leave what is added to the parameters. */
export interface Optimizer {
  /** The state for parameters of these shapes. */
  readonly init: (shapes: Named<Shape.Shape>) => Specifications
  readonly update: (context: Context) => Update
  /** The same on arrays in place; absent where an optimizer exists only as a graph. */
  readonly inArrays?: Arrays.ArrayUpdate
}

const stateless = (
  update: (context: Context) => Named<Value>,
  inArrays: Arrays.ArrayUpdate
): Optimizer => ({
  init: () => ({}),
  update: (context) => ({ updates: update(context), state: {} }),
  inArrays
})

/** An update on arrays made of those of other optimizers, if all of them have one. */
const madeOf = <A extends ReadonlyArray<Optimizer>>(
  parts: A,
  make: (updates: ReadonlyArray<Arrays.ArrayUpdate>) => Arrays.ArrayUpdate
): { readonly inArrays?: Arrays.ArrayUpdate } => {
  const updates = parts.flatMap(({ inArrays }) => (inArrays === undefined ? [] : [inArrays]))
  return updates.length === parts.length ? { inArrays: make(updates) } : {}
}

const must = (values: Named<Value>, name: string): Value => {
  const value = values[name]
  if (value === undefined) throw new RangeError(`the optimizer has no value ${name}`)
  return value
}

const like = (shapes: Named<Shape.Shape>, ...roles: ReadonlyArray<string>): Specifications =>
  Object.fromEntries(
    Object.entries(shapes).flatMap(([name, shape]) =>
      roles.map((role) => [`${name}.${role}`, { shape, initial: Initializer.zeros }] as const)
    )
  )

/** A value [1] in the shape that broadcasts to another without changing it. */
const beside = (one: Value, value: Value): Value =>
  Op.reshape(one, value.shape.length === 0 ? [] : [1])

/** Transformations in order, each given the updates of the one before. */
export const chain = (...parts: ReadonlyArray<Optimizer>): Optimizer => ({
  init: (shapes) => Object.assign({}, ...parts.map((part) => part.init(shapes))),
  update: (context) =>
    parts.reduce<Update>(
      (before, part) => {
        const after = part.update({ ...context, updates: before.updates })
        return { updates: after.updates, state: { ...before.state, ...after.state } }
      },
      { updates: context.updates, state: {} }
    ),
  ...madeOf(parts, (updates) => (context) => {
    for (const update of updates) update(context)
  })
})

/** The sum of squares of each value, in their order: [number of values]. */
export const squares = (values: Named<Value>): Value =>
  Op.concat(
    Object.values(values).map((value) => Op.reshape(Op.sumSquares(value), [1])),
    0
  )

/** The Euclidean norm over all values together, [1]. */
export const globalNorm = (values: Named<Value>): Value =>
  Op.sqrt(Op.sum(squares(values), [0], { keepDims: true }))

/** Updates times a number: after an optimizer, its learning rate times that number. */
export const scale = (factor: number): Optimizer =>
  stateless(
    ({ updates }) => Record.map(updates, (update) => Op.multiply(update, factor)),
    ({ updates }) => Arrays.scaleAll(updates, factor)
  )

/** Values scaled down so that the given norm does not pass `max`, as torch's clip_grad_norm_. */
export const clipped = (values: Named<Value>, norm: Value, max: number): Named<Value> => {
  const factor = Op.minimum(Op.divide(max, Op.add(norm, 1e-6)), 1)
  return Record.map(values, (value) => Op.multiply(value, beside(factor, value)))
}

/** Updates scaled down so that their norm over all parameters does not pass `max`. */
export const clipByGlobalNorm = (max: number): Optimizer =>
  stateless(
    ({ updates }) => clipped(updates, globalNorm(updates), max),
    ({ updates }) => Arrays.scaleAll(updates, Arrays.clipFactor(Arrays.normOf(updates), max))
  )

/** Updates plus a share of the parameters: weight decay that the moments do not see. */
export const addDecay = (weightDecay: number): Optimizer =>
  weightDecay === 0
    ? chain()
    : stateless(
        ({ updates, parameters }) =>
          Record.map(updates, (update, name) =>
            Op.add(update, Op.multiply(must(parameters, name), weightDecay))
          ),
        Arrays.addDecay(weightDecay)
      )

/** Updates times minus the learning rate: the usual end of a chain. */
export const descend: Optimizer = stateless(
  ({ updates, learningRate }) =>
    Record.map(updates, (update) => Op.negate(Op.multiply(update, beside(learningRate, update)))),
  ({ updates, learningRate }) => Arrays.scaleAll(updates, -learningRate)
)

const moving = (old: Value, value: Value, decay: number): Value =>
  Op.add(Op.multiply(old, decay), Op.multiply(value, 1 - decay))

/** Moving first moments over the root of second ones, both bias-corrected (Kingma & Ba 2015, alg. 1). */
export const scaleByAdam = (options: {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
}): Optimizer => ({
  init: (shapes) => like(shapes, "mean", "variance"),
  update: ({ updates, state, step }) => {
    const { beta1, beta2, epsilon } = options
    const correction = (beta: number) => Op.subtract(1, Op.exp(Op.multiply(step, Math.log(beta))))
    const [first, second] = [correction(beta1), Op.sqrt(correction(beta2))]
    const next: { [name: string]: Value } = {}
    const scaled = Record.map(updates, (gradient, name) => {
      const mean = moving(must(state, `${name}.mean`), gradient, beta1)
      const squares = Op.multiply(gradient, gradient)
      const variance = moving(must(state, `${name}.variance`), squares, beta2)
      Object.assign(next, { [`${name}.mean`]: mean, [`${name}.variance`]: variance })
      const deviation = Op.divide(Op.sqrt(variance), beside(second, gradient))
      return Op.divide(Op.divide(mean, beside(first, gradient)), Op.add(deviation, epsilon))
    })
    return { updates: scaled, state: next }
  },
  inArrays: Arrays.adam({ ...options, weightDecay: 0, rate: () => 1 })
})

/**
 * Gradient descent, with a running sum of gradients if there is momentum, as torch.optim.SGD:
 * `weightDecay` is added to the gradient, so that the momentum sees it; `nesterov` looks a step ahead.
 */
export const sgd = (
  options: {
    readonly momentum?: number
    readonly nesterov?: boolean
    readonly weightDecay?: number
  } = {}
): Optimizer => {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options
  const decay = addDecay(weightDecay)
  if (momentum === 0) return chain(decay, descend)
  const gather: Optimizer = {
    init: (shapes) => like(shapes, "momentum"),
    update: ({ updates, state }) => {
      const sums = Record.map(updates, (update, name) =>
        Op.add(Op.multiply(must(state, `${name}.momentum`), momentum), update)
      )
      const ahead = Record.map(updates, (update, name) =>
        Op.add(update, Op.multiply(must(sums, name), momentum))
      )
      return {
        updates: nesterov ? ahead : sums,
        state: Record.mapKeys(sums, (name) => `${name}.momentum`)
      }
    },
    inArrays: Arrays.gather(momentum, nesterov)
  }
  return chain(decay, gather, descend)
}

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019, alg. 2), as torch.optim.AdamW. */
export const adamW = (
  options: {
    readonly beta1?: number
    readonly beta2?: number
    readonly epsilon?: number
    readonly weightDecay?: number
  } = {}
): Optimizer => {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options
  const constants = { beta1, beta2, epsilon }
  return {
    ...chain(scaleByAdam(constants), addDecay(weightDecay), descend),
    inArrays: Arrays.adam({ ...constants, weightDecay, rate: (learningRate) => -learningRate })
  }
}

/**
 * Momentum made orthogonal by five Newton-Schulz steps (Jordan et al. 2024, github.com/KellerJordan/Muon),
 * with decoupled weight decay. Only for matrices; give the rest to `adamW` by `partition`.
 * `outputAxis` is the axis of a matrix's outputs, for the published scale max(1, outputs / inputs)^0.5:
 * 0 as in PyTorch, 1 for weights used as `matMul(x, weight)`.
 */
export const muon = (
  options: {
    readonly momentum?: number
    readonly weightDecay?: number
    readonly outputAxis?: 0 | 1
  } = {}
): Optimizer => {
  const { momentum = 0.95, weightDecay = 0, outputAxis = 0 } = options
  const orthogonalize: Optimizer = {
    init: (shapes) => like(shapes, "momentum"),
    update: ({ updates, state }) => {
      const next = Record.map(updates, (gradient, name) =>
        moving(must(state, `${name}.momentum`), gradient, momentum)
      )
      const ahead = Record.map(updates, (gradient, name) =>
        moving(must(next, name), gradient, momentum)
      )
      return {
        updates: Record.map(newtonSchulz(ahead), (update) =>
          Op.multiply(update, muonScale(update.shape, outputAxis))
        ),
        state: Record.mapKeys(next, (name) => `${name}.momentum`)
      }
    }
  }
  return chain(orthogonalize, addDecay(weightDecay), descend)
}

const muonScale = (shape: Shape.Shape, outputAxis: 0 | 1): number => {
  const [rows = 1, columns = 1] = shape
  return Math.sqrt(Math.max(1, outputAxis === 0 ? rows / columns : columns / rows))
}

/** Each parameter updated by the optimizer that its name and shape are assigned to. */
export const partition = <Label extends string>(
  assign: (name: string, shape: Shape.Shape) => Label,
  optimizers: { readonly [label in Label]: Optimizer }
): Optimizer => {
  const labels = Object.entries<Optimizer>(optimizers)
  const mine = <A>(values: Named<A>, label: string, shapeOf: (value: A) => Shape.Shape) =>
    Record.filter(values, (value, name) => assign(name, shapeOf(value)) === label)
  return {
    init: (shapes) =>
      Object.assign(
        {},
        ...labels.map(([label, one]) => one.init(mine(shapes, label, (shape) => shape)))
      ),
    update: (context) =>
      labels.reduce<Update>(
        (before, [label, one]) => {
          const updates = mine(context.updates, label, (value) => value.shape)
          if (Object.keys(updates).length === 0) return before
          const after = one.update({ ...context, updates })
          return {
            updates: { ...before.updates, ...after.updates },
            state: { ...before.state, ...after.state }
          }
        },
        { updates: {}, state: {} }
      ),
    ...madeOf(
      labels.map(([, one]) => one),
      (updates) => (context) =>
        updates.forEach((update, index) => {
          const label = labels[index]?.[0]
          const isMine = (_: Float32Array, name: string) =>
            assign(name, context.shapes[name] ?? []) === label
          update({ ...context, updates: Record.filter(context.updates, isMine) })
        })
    )
  }
}

/**
 * The inner optimizer once every `count` steps, with the mean of their gradients; between, parameters
 * stay. For means over equal batches it is exactly a step over all of them. What bounds the gradient
 * belongs inside (`chain(clipByGlobalNorm(1), adamW())`); the learning rate is that of the last step.
 */
export const accumulate = (count: number, inner: Optimizer): Optimizer => ({
  init: (shapes) => ({ ...inner.init(shapes), ...like(shapes, "sum") }),
  update: (context) => {
    const step = Op.cast(context.step, "int64")
    const whole = Op.divide(Op.add(step, count - 1), count)
    const isLast = Op.equal(Op.multiply(whole, count), step)
    const choose = (value: Value, other: Value | number) =>
      Op.where(beside(isLast, value), value, other)
    const sums = Record.map(context.updates, (update, name) =>
      Op.add(must(context.state, `${name}.sum`), update)
    )
    const after = inner.update({
      ...context,
      updates: Record.map(sums, (sum) => Op.divide(sum, count)),
      step: Op.cast(whole, "float32")
    })
    const kept = Record.map(sums, (sum) => Op.where(beside(isLast, sum), 0, sum))
    return {
      updates: Record.map(after.updates, (update) => choose(update, 0)),
      state: {
        ...Record.map(after.state, (value, name) => choose(value, must(context.state, name))),
        ...Record.mapKeys(kept, (name) => `${name}.sum`)
      }
    }
  },
  ...madeOf([inner], ([update = () => undefined]) => Arrays.accumulate(count, update))
})

const averageRole = ".average"

/**
 * The end of a chain that keeps an exponential moving average of the parameters, beginning with the
 * ones before the first update: decay * average + (1 - decay) * updated. Updates pass unchanged.
 */
export const average = (decay: number): Optimizer => ({
  init: (shapes) => like(shapes, averageRole.slice(1)),
  update: ({ updates, state, parameters, step }) => {
    const isFirst = Op.equal(step, 1)
    const averages = Record.map(updates, (update, name) => {
      const parameter = must(parameters, name)
      const kept = must(state, name + averageRole)
      const old = Op.where(beside(isFirst, parameter), parameter, kept)
      return moving(old, Op.add(parameter, update), decay)
    })
    return { updates, state: Record.mapKeys(averages, (name) => name + averageRole) }
  },
  inArrays: Arrays.average(decay)
})

/** The averages that `average` keeps in a state's arrays, under the parameters' names. */
export const averages = <A>(state: Named<A>): Named<A> =>
  Record.mapKeys(
    Record.filter(state, (_, name) => name.endsWith(averageRole)),
    (name) => name.slice(0, -averageRole.length)
  )
