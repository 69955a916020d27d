/**
 * One update of parameters as one graph: loss, gradients, clipping, optimizer, new parameters.
 * It makes single steps from batches it is given; schedules, epochs and data are the learner's.
 */
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { gradients } from "./Gradient.ts"
import * as Initializer from "./Initializer.ts"
import { NonFiniteError, refused } from "./NonFinite.ts"
import * as Op from "./Op.ts"
import * as Optimizer from "./Optimizer.ts"
import { type ArrayUpdate, clipFactor, scaleAll } from "./OptimizerArrays.ts"
import * as Parameters from "./Parameters.ts"
import { type CompileOptions, type Feeds, resultOf, SessionError, SessionPool } from "./Session.ts"
import * as Shape from "./Shape.ts"
import { inputsOf, type Value } from "./Value.ts"

export { NonFiniteError }

type Named<A> = { readonly [name: string]: A }

/**
 * Parameters being trained and all that the optimizer remembers. Steps compiled for several batch
 * shapes share one; saving both sets of parameters and loading them continues the training exactly.
 */
export interface TrainState {
  readonly parameters: Parameters.Parameters
  /** The optimizer's state; `step` is the number of updates made. */
  readonly state: Parameters.Parameters
  /** Held during an update, so that steps of one state never overlap. */
  readonly turn: Semaphore.Semaphore
}

const stepName = "step"

/** The specification of an optimizer's state for parameters of these shapes. */
export const stateOf = (
  optimizer: Optimizer.Optimizer,
  shapes: Parameters.Parameters["shapes"]
): Parameters.Specifications => ({
  ...optimizer.init(shapes),
  [stepName]: { shape: [1], initial: Initializer.zeros }
})

/** A state before its first update. The parameters are updated in place. */
export const begin = (
  parameters: Parameters.Parameters,
  optimizer: Optimizer.Optimizer
): TrainState => ({
  parameters,
  state: Parameters.make(stateOf(optimizer, parameters.shapes), () => 0),
  turn: Semaphore.makeUnsafe(1)
})

/** What a step computes: a scalar loss over parameters, and how they follow its gradient. */
export interface Definition<Name extends string> {
  readonly loss: Value
  /** Further values to report at each step, computed before the update; `{}` for none. */
  readonly outputs: { readonly [name in Name]: Value }
  /** The inputs that are parameters, under the names that they have in the state. */
  readonly parameters: Named<Value>
  readonly optimizer: Optimizer.Optimizer
  /** The largest norm of the gradient over all parameters; unlimited if absent. */
  readonly maxGradNorm?: number
}

/** What a step computed before it moved the parameters. */
export interface Report<Name extends string> {
  readonly loss: number
  /** Over all parameters, before clipping. */
  readonly gradientNorm: number
  readonly outputs: { readonly [name in Name]: Float32Array }
}

/** Makes one update from a batch; on failure parameters and state are as before. */
export type Step<Name extends string> = (
  feeds: Feeds,
  learningRate: number
) => Effect.Effect<Report<Name>, SessionError | NonFiniteError>

const prefixed = <A>(values: Named<A>, prefix: string): { readonly [name: string]: A } =>
  Record.mapKeys(values, (name) => `${prefix}${name}`)

const newParameter = "updated parameters/"
const newState = "updated state/"
const reported = "reported/"

const statePrefix = "state/"
const gradientPrefix = "gradient/"
const rateName = "learningRate"

/** The gradients by parameter, and what is looked at of them. */
const slopesOf = <Name extends string>({ loss, parameters, outputs }: Definition<Name>) => {
  const names = Object.keys(parameters)
  const slopes = gradients(loss, Object.values(parameters))
  const raw: Named<Value> = Object.fromEntries(
    slopes.map((slope, index) => [names[index] ?? "", slope])
  )
  const squares = Optimizer.squares(raw)
  const gradientNorm = Op.sqrt(Op.sum(squares, [0], { keepDims: true }))
  const shown: Named<Value> = {
    ...prefixed<Value>(outputs, reported),
    loss: Op.reshape(loss, [1]),
    gradientNorm,
    squares
  }
  return { raw, gradientNorm, shown }
}

/** The graph of a step: inputs are the batch, the parameters, the state and `learningRate`. */
export const graph = <Name extends string>(definition: Definition<Name>): Named<Value> => {
  const { parameters, optimizer, maxGradNorm = Infinity } = definition
  const { raw, gradientNorm, shown } = slopesOf(definition)
  const shapes = Record.map(parameters, (value) => value.shape)
  const state = Parameters.inputs(prefixed(stateOf(optimizer, shapes), statePrefix))
  const unprefixed = Record.mapKeys(state, (name) => name.slice(statePrefix.length))
  const step = Op.add(unprefixed[stepName] ?? Op.constant(0, [1]), 1)
  const after = optimizer.update({
    updates: maxGradNorm === Infinity ? raw : Optimizer.clipped(raw, gradientNorm, maxGradNorm),
    state: unprefixed,
    parameters,
    learningRate: Op.input(rateName, [1]),
    step
  })
  const moved = Record.map(parameters, (value, name) =>
    Op.add(value, after.updates[name] ?? Op.constant(0))
  )
  return {
    ...prefixed(moved, newParameter),
    ...prefixed({ ...after.state, [stepName]: step }, newState),
    ...shown
  }
}

/** The graph of the gradients alone: inputs are the batch and the parameters. */
export const gradientGraph = <Name extends string>(definition: Definition<Name>): Named<Value> => {
  const { raw, shown } = slopesOf(definition)
  return { ...prefixed(raw, gradientPrefix), ...shown }
}

/** Where a step is compiled, and where its optimizer runs. */
export interface StepOptions extends Pick<
  CompileOptions,
  "name" | "worker" | "intraOpNumThreads" | "keepsMemory"
> {
  /**
   * "graph": in the runtime, so that new parameters and moments come out; "arrays": on the gradients that
   * come out, in the caller's thread. The results differ by the rounding of float32. Measured, quiet, in
   * turns: the graph's update adds 40 to 50 ms to the gradients of 4.5 M parameters, that on arrays 80 to
   * 90; at 1 M 20 and 26, at 40 M the same. So the graph is the default, and the caller's thread is free.
   */
  readonly update?: "graph" | "arrays"
  /**
   * Whether new parameters and moments come into memory that the step keeps, as large as both, and not into new memory at
   * each update, which the caller's thread must clear up; default false. Of use where few shapes are compiled.
   */
  readonly ownsResults?: boolean
}

/** Compiles a step on a state. Each compiled batch shape is a session; all share the state's memory. */
export const make = <Name extends string>(
  definition: Definition<Name>,
  trained: TrainState,
  { ownsResults = false, update = "graph", ...options }: StepOptions = {}
): Effect.Effect<Step<Name>, SessionError, SessionPool | Scope.Scope> =>
  Effect.gen(function* () {
    const pool = yield* SessionPool
    const { outputs, follow } = yield* ways[update](definition)
    const { turn } = trained
    const session = yield* pool.compile(outputs, {
      name: "a training step",
      ...options,
      bind: boundOf(outputs, trained),
      ...(ownsResults ? { into: placesOf(outputs) } : {})
    })
    return (feeds, rate) => {
      const learningRate = Float32Array.of(rate)
      const all = rateName in session.inputs ? { ...feeds, learningRate } : feeds
      return session.run(all).pipe(
        Effect.flatMap((results) => accept(results, trained, { ...feeds, learningRate })),
        Effect.tap(({ results }) => Effect.sync(() => follow(results, trained, rate))),
        Effect.map((accepted) => reportOf(accepted, definition)),
        turn.withPermits(1)
      )
    }
  })

/** The arrays of parameters and state that a graph reads. */
const boundOf = (outputs: Named<Value>, { parameters, state }: TrainState): Feeds => {
  const read = new Set(inputsOf(Object.values(outputs)).map((input) => input.attributes.name))
  const all = { ...parameters.arrays, ...prefixed(state.arrays, statePrefix) }
  return Record.filter(all, (_, name) => read.has(name))
}

/** Shared memory for what will be copied into the parameters and the state. */
const placesOf = (outputs: Named<Value>): Named<Float32Array> =>
  Record.map(
    Record.filter(
      outputs,
      (_: Value, name) => name.startsWith(newParameter) || name.startsWith(newState)
    ),
    ({ shape }) => new Float32Array(new SharedArrayBuffer(4 * Shape.product(shape)))
  )

/** What is run, and how parameters and state follow from its results. */
interface Way {
  readonly outputs: Named<Value>
  readonly follow: (results: Named<Float32Array>, trained: TrainState, rate: number) => void
}

const ways: {
  readonly [update in "graph" | "arrays"]: <Name extends string>(
    definition: Definition<Name>
  ) => Effect.Effect<Way, SessionError>
} = {
  graph: (definition) =>
    Effect.succeed({
      outputs: graph(definition),
      follow: (results, { parameters, state }) => {
        write(parameters, results, newParameter)
        write(state, results, newState)
      }
    }),
  arrays: (definition) => {
    const { inArrays } = definition.optimizer
    return inArrays === undefined
      ? Effect.fail(onlyAGraph)
      : Effect.succeed({
          outputs: gradientGraph(definition),
          follow: inCaller(inArrays, definition.maxGradNorm)
        })
  }
}

const onlyAGraph = new SessionError({
  reason: "CompileFailed",
  message: 'this optimizer (as muon) updates only in the graph: compile with update: "graph"'
})

const write = (target: Parameters.Parameters, results: Named<Float32Array>, prefix: string) => {
  for (const [name, array] of Object.entries(target.arrays))
    array.set(resultOf(results, prefix + name))
}

/** The gradients that came out are clipped, become updates in place, and are added. */
const inCaller =
  (inArrays: ArrayUpdate, maxGradNorm = Infinity): Way["follow"] =>
  (results, { parameters: { arrays, shapes }, state }, learningRate) => {
    const updates = Record.map(arrays, (_, name) => resultOf(results, gradientPrefix + name))
    const [norm = 0] = resultOf(results, "gradientNorm")
    if (maxGradNorm < Infinity) scaleAll(updates, clipFactor(norm, maxGradNorm))
    const counter = state.arrays[stepName]
    const step = (counter?.[0] ?? 0) + 1
    inArrays({ updates, state: state.arrays, parameters: arrays, shapes, learningRate, step })
    counter?.fill(step)
    for (const [name, array] of Object.entries(arrays)) {
      const by = resultOf(updates, name)
      for (let index = 0; index < array.length; index++)
        array[index] = (array[index] ?? 0) + (by[index] ?? 0)
    }
  }

interface Accepted {
  readonly loss: number
  readonly gradientNorm: number
  readonly results: Named<Float32Array>
}

/** Finite results, or the refusal; nothing has been written yet. */
const accept = (
  results: Named<Float32Array>,
  { parameters, state }: TrainState,
  feeds: Feeds
): Effect.Effect<Accepted, NonFiniteError> => {
  const [loss = Number.NaN] = resultOf(results, "loss")
  const [gradientNorm = Number.NaN] = resultOf(results, "gradientNorm")
  const isFinite = [loss, gradientNorm, feeds[rateName]?.[0]].every(Number.isFinite)
  if (isFinite) return Effect.succeed({ loss, gradientNorm, results })
  const squares = resultOf(results, "squares")
  const step = state.arrays[stepName]?.[0] ?? 0
  const evidence = { feeds, parameters: parameters.arrays, loss, gradientNorm, squares, step }
  return Effect.fail(refused(evidence))
}

const reportOf = <Name extends string>(
  { loss, gradientNorm, results }: Accepted,
  { outputs }: Definition<Name>
): Report<Name> => ({
  loss,
  gradientNorm,
  outputs: Record.map(outputs, (_: Value, name) => resultOf(results, reported + name))
})
