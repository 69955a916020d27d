/**
 * One update from a batch in parts: the gradients of the parts side by side in the pool's threads,
 * their weighted sum, one step.
 * How a batch is split does not depend on the number of threads, so neither do the numbers.
 */
import {
  Gradient,
  Op,
  type Optimizer,
  Parameters,
  Session,
  Shape,
  TrainStep,
  Value
} from "@dreamgym/graph"
import { DecoderModel, Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import type { EngineFailure } from "./Errors.ts"
import type { Trained } from "./Model.ts"

type Values = Readonly<Record<string, Value.Value>>

/** The scalar loss of a part (a mean) and further scalars, over parameters by name. */
export interface PartGraph {
  readonly loss: Value.Value
  readonly outputs: Values
}

/**
 * `weight` is the share of this part in the batch's mean; `feeds` may hold more than the graph of
 * `shape` reads.
 */
export interface Part<Form> {
  readonly shape: Form
  readonly feeds: Rows.Feeds
  readonly weight: number
}

/** What one part said: its weight and its further scalars. */
export interface PartReport {
  readonly weight: number
  readonly outputs: Readonly<Record<string, number>>
}

export interface Report {
  readonly loss: number
  readonly gradientNorm: number
  readonly parts: ReadonlyArray<PartReport>
}

/** Makes one update; on failure parameters and state are as before. */
export type ParallelStep<Form> = (
  parts: ReadonlyArray<Part<Form>>,
  learningRate: number
) => Effect.Effect<Report, EngineFailure>

/**
 * `keyOf` names a shape; `graphOf` builds its graph. Part i runs in worker `worker` + i of the
 * pool.
 */
export interface Options<Form> {
  readonly trainable: Pick<Trained, "parameters">
  readonly training: TrainStep.TrainState
  readonly optimizer: Optimizer.Optimizer
  readonly maxGradNorm: number
  readonly worker?: number
  readonly keyOf: (shape: Form) => string
  readonly graphOf: (shape: Form, weights: Values) => PartGraph
}

export const make = Effect.fnUntraced(function* <Form>(
  options: Options<Form>
): Effect.fn.Return<ParallelStep<Form>, Session.SessionError, Session.SessionPool | Scope.Scope> {
  const sum = Rows.floats(Parameters.count(options.trainable.parameters))
  const compiled = yield* compiledParts(options)
  const apply = yield* applied(options)
  return Effect.fnUntraced(function* (parts, learningRate) {
    const found = yield* Effect.forEach(parts, (part, i) => compiled(part, i), {
      concurrency: "unbounded"
    })
    accumulate(sum, parts, found)
    const loss = Float32Array.of(total(parts, found, "loss"))
    const report = yield* apply({ [gradientName]: sum, [lossName]: loss }, learningRate)
    const { gradientNorm } = report
    return { loss: report.loss, gradientNorm, parts: parts.map(reportOf(found)) }
  })
})

/** All gradients in the order of the parameters: one array crosses threads faster than many. */
const gradientName = "gradient of the parts"
const lossName = "loss of the parts"

type Outputs = Readonly<Record<string, Float32Array>>

/** Runs a part in its thread; one session per shape and thread, in the scope of the caller. */
const compiledParts = Effect.fnUntraced(function* <Form>(options: Options<Form>) {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const sessions = new Map<string, Session.Session>()
  const { arrays } = options.trainable.parameters
  const weights = DecoderModel.weightsOf(options.trainable.parameters)
  const graphOf = (shape: Form): Values => {
    const { loss, outputs } = options.graphOf(shape, weights)
    const slopes = Gradient.gradients(loss, Object.values(weights))
    const flat = slopes.map((slope) => Op.reshape(slope, [Shape.product(slope.shape)]))
    const scalars = Record.map({ ...outputs, loss }, (value) => Op.reshape(value, [1]))
    return { ...scalars, [gradientName]: Op.concat(flat, 0) }
  }
  const sessionOf = (shape: Form, worker: number) =>
    Effect.suspend(() => {
      const key = `${options.keyOf(shape)}@${worker}`
      const found = sessions.get(key)
      if (found !== undefined) return Effect.succeed(found)
      const graph = graphOf(shape)
      const inputs = Value.inputsOf(Object.values(graph)).map((input) => input.attributes.name)
      const bind = Record.filter(arrays, (_: Float32Array, name) => inputs.includes(name))
      const name = `the gradients of a part (${key})`
      return pool.compile(graph, { name, worker, bind }).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.tap((made) => Effect.sync(() => sessions.set(key, made)))
      )
    })
  // Each part's gradient has its place, so that no update needs new memory.
  const size = Parameters.count(options.trainable.parameters)
  const places: Array<Float32Array> = []
  return (part: Part<Form>, i: number): Effect.Effect<Outputs, Session.SessionError> =>
    Effect.flatMap(
      sessionOf(part.shape, ((options.worker ?? 0) + i) % Math.max(1, pool.workers)),
      (session) => {
        const feeds = Record.filter(part.feeds, (_, name) => name in session.inputs)
        return session.run(feeds, { [gradientName]: (places[i] ??= Rows.floats(size)) })
      }
    )
})

/**
 * A step with given slopes: its loss is linear in the parameters, so that its gradient is what it
 * is fed.
 */
const applied = <Form>(options: Options<Form>) => {
  const { maxGradNorm, optimizer, trainable, training, worker } = options
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const slopes = Op.input(gradientName, [Parameters.count(trainable.parameters)])
  let start = 0
  const terms = Object.values(parameters).map((value) => {
    const end = start + Shape.product(value.shape)
    const slope = Op.reshape(Op.slice(slopes, 0, start, end), value.shape)
    start = end
    return Op.sum(Op.multiply(value, slope))
  })
  const linear = terms.reduce((sum, term) => Op.add(sum, term))
  const zero = Op.subtract(linear, Op.stopGradient(linear))
  const loss = Op.add(zero, Op.reshape(Op.input(lossName, [1]), []))
  return TrainStep.make({ loss, outputs: {}, parameters, optimizer, maxGradNorm }, training, {
    ownsResults: true,
    ...(worker === undefined ? {} : { worker })
  })
}

const accumulate = <Form>(
  sum: Float32Array,
  parts: ReadonlyArray<Part<Form>>,
  found: ReadonlyArray<Outputs>
): void => {
  sum.fill(0)
  for (const [part, { weight }] of parts.entries()) {
    const slopes = found[part]?.[gradientName] ?? sum.subarray(0, 0)
    for (let i = 0; i < slopes.length; i++) sum[i] = (sum[i] ?? 0) + weight * (slopes[i] ?? 0)
  }
}

const total = <Form>(
  parts: ReadonlyArray<Part<Form>>,
  found: ReadonlyArray<Outputs>,
  name: string
): number =>
  parts.reduce((sum, { weight }, i) => sum + weight * (found[i]?.[name]?.[0] ?? Number.NaN), 0)

const reportOf =
  (found: ReadonlyArray<Outputs>) =>
  ({ weight }: Part<unknown>, i: number): PartReport => {
    const scalars = Record.filter(
      found[i] ?? {},
      (_, name) => name !== "loss" && name !== gradientName
    )
    return { weight, outputs: Record.map(scalars, (value) => value[0] ?? Number.NaN) }
  }
