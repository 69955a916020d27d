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
  TrainStep,
  Value
} from "@dreamgym/graph"
import { DecoderModel, type Rows, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Scope from "effect/Scope"
import type { EngineFailure } from "./Errors.ts"

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
export interface Part<Shape> {
  readonly shape: Shape
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
export type ParallelStep<Shape> = (
  parts: ReadonlyArray<Part<Shape>>,
  learningRate: number
) => Effect.Effect<Report, EngineFailure>

/**
 * `keyOf` names a shape; `graphOf` builds its graph. Part i runs in worker `worker` + i of the
 * pool.
 */
export interface Options<Shape> {
  readonly trainable: Trainable.Trainable
  readonly training: TrainStep.TrainState
  readonly optimizer: Optimizer.Optimizer
  readonly maxGradNorm: number
  readonly worker?: number
  readonly keyOf: (shape: Shape) => string
  readonly graphOf: (shape: Shape, weights: Values) => PartGraph
}

export const make = Effect.fnUntraced(function* <Shape>(
  options: Options<Shape>
): Effect.fn.Return<ParallelStep<Shape>, Session.SessionError, Session.SessionPool | Scope.Scope> {
  const { parameters } = options.trainable
  const sums = Parameters.zeros(parameters.shapes)
  const compiled = yield* compiledParts(options)
  const apply = yield* applied(options)
  return Effect.fnUntraced(function* (parts, learningRate) {
    const found = yield* Effect.forEach(parts, (part, i) => compiled(part, i), {
      concurrency: "unbounded"
    })
    accumulate(sums, parts, found)
    const loss = Float32Array.of(total(parts, found, "loss"))
    const slopes = Record.mapKeys(sums.arrays, (name) => gradientPrefix + name)
    const report = yield* apply({ ...slopes, [lossName]: loss }, learningRate)
    const { gradientNorm } = report
    return { loss: report.loss, gradientNorm, parts: parts.map(reportOf(found)) }
  })
})

const gradientPrefix = "gradient/"
const lossName = "loss of the parts"

type Outputs = Readonly<Record<string, Float32Array>>

/** Runs a part in its thread; one session per shape and thread, in the scope of the caller. */
const compiledParts = Effect.fnUntraced(function* <Shape>(options: Options<Shape>) {
  const pool = yield* Session.SessionPool
  const scope = yield* Scope.Scope
  const sessions = new Map<string, Session.Session>()
  const { arrays } = options.trainable.parameters
  const weights = DecoderModel.weightsOf(options.trainable.parameters)
  const graphOf = (shape: Shape): Values => {
    const { loss, outputs } = options.graphOf(shape, weights)
    const slopes = Gradient.gradients(loss, Object.values(weights))
    const named = Object.keys(weights).map((name, i) => [gradientPrefix + name, slopes[i] ?? loss])
    const scalars = Record.map({ ...outputs, loss }, (value) => Op.reshape(value, [1]))
    return { ...scalars, ...Object.fromEntries(named) }
  }
  const sessionOf = (shape: Shape, worker: number) =>
    Effect.suspend(() => {
      const key = `${options.keyOf(shape)}@${worker}`
      const found = sessions.get(key)
      if (found !== undefined) return Effect.succeed(found)
      const graph = graphOf(shape)
      const inputs = Value.inputsOf(Object.values(graph)).map((input) => input.attributes.name)
      const bind = Record.filter(arrays, (_: Float32Array, name) => inputs.includes(name))
      return pool.compile(graph, { worker, bind }).pipe(
        Effect.provideService(Scope.Scope, scope),
        Effect.tap((made) => Effect.sync(() => sessions.set(key, made)))
      )
    })
  return (part: Part<Shape>, i: number): Effect.Effect<Outputs, Session.SessionError> =>
    Effect.flatMap(
      sessionOf(part.shape, ((options.worker ?? 0) + i) % Math.max(1, pool.workers)),
      (session) => session.run(Record.filter(part.feeds, (_, name) => name in session.inputs))
    )
})

/**
 * A step with given slopes: its loss is linear in the parameters, so that its gradient is what it
 * is fed.
 */
const applied = <Shape>({
  maxGradNorm,
  optimizer,
  trainable,
  training,
  worker
}: Options<Shape>) => {
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const linear = Object.entries(parameters)
    .map(([name, value]) =>
      Op.sum(Op.multiply(value, Op.input(gradientPrefix + name, value.shape)))
    )
    .reduce((sum, part) => Op.add(sum, part))
  const zero = Op.subtract(linear, Op.stopGradient(linear))
  const loss = Op.add(zero, Op.reshape(Op.input(lossName, [1]), []))
  return TrainStep.make(
    { loss, outputs: {}, parameters, optimizer, maxGradNorm },
    training,
    worker === undefined ? {} : { worker }
  )
}

const accumulate = <Shape>(
  { arrays }: Parameters.Parameters,
  parts: ReadonlyArray<Part<Shape>>,
  found: ReadonlyArray<Outputs>
): void => {
  for (const [name, sum] of Object.entries(arrays)) {
    sum.fill(0)
    for (const [i, { weight }] of parts.entries()) {
      const slope = found[i]?.[gradientPrefix + name] ?? sum.subarray(0, 0)
      for (let at = 0; at < slope.length; at++) {
        sum[at] = (sum[at] ?? 0) + weight * (slope[at] ?? Number.NaN)
      }
    }
  }
}

const total = <Shape>(
  parts: ReadonlyArray<Part<Shape>>,
  found: ReadonlyArray<Outputs>,
  name: string
): number =>
  parts.reduce((sum, { weight }, i) => sum + weight * (found[i]?.[name]?.[0] ?? Number.NaN), 0)

const reportOf =
  (found: ReadonlyArray<Outputs>) =>
  ({ weight }: Part<unknown>, i: number): PartReport => {
    const scalars = Record.filter(
      found[i] ?? {},
      (_, name) => name !== "loss" && !name.startsWith(gradientPrefix)
    )
    return { weight, outputs: Record.map(scalars, (value) => value[0] ?? Number.NaN) }
  }
