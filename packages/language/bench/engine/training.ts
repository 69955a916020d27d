/**
 * One training step (loss, gradients, clipping, AdamW) of our network beside PyTorch's, in turns.
 * It says how fast, not what is learnt; that both do the same is checked by their losses.
 */
import { Op, Optimizer, Parameters, Session, TrainStep } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Figure } from "../../../../scripts/figures.ts"
import {
  batchOf,
  fewMillion,
  fortyMillion,
  lossOf,
  million,
  operationsOf,
  parametersOf,
  type Size
} from "./size.ts"
import { compared, printed, timed } from "./timing.ts"
import { NoTorch, torch } from "./Torch.ts"

/** Our step on fresh parameters, and its batch already fed. */
export const stepOf = Effect.fnUntraced(function* (
  size: Size,
  parameters: Parameters.Parameters,
  options: TrainStep.StepOptions
) {
  const weights = Parameters.inputs(
    Object.fromEntries(Object.entries(parameters.shapes).map(([name, shape]) => [name, { shape }]))
  )
  const optimizer = Optimizer.adamW()
  const loss = lossOf(size, weights)
  const definition = { loss, outputs: {}, parameters: weights, optimizer, maxGradNorm: 1 }
  const state = TrainStep.begin(parameters, optimizer)
  const step = yield* TrainStep.make(definition, state, options)
  const batch = batchOf(size)
  return Effect.suspend(() => step(batch, 1e-3))
})

/** The rate of one product of two matrices of 1024 x 1024 in the runtime, GFLOP/s. */
export const productRate = Effect.gen(function* () {
  const pool = yield* Session.SessionPool
  const n = 1024
  const [a, b] = [Op.input("a", [n, n]), Op.input("b", [n, n])]
  const session = yield* pool.compile({ sum: Op.sum(Op.matMul(a, b)) })
  const feed = new Float32Array(new SharedArrayBuffer(n * n * 4)).fill(0.5)
  let best = Infinity
  for (let run = 0; run < 8; run++)
    best = Math.min(best, (yield* timed(session.run({ a: feed, b: feed }))).milliseconds)
  return (2 * n ** 3) / best / 1e6
})

/** What a step is: at most this share apart, or it is not the same step. */
const tolerance = 1e-3

/** Steps in turns, `pairs` of each after one that warms up, and whether the losses agree. */
export const compare = Effect.fnUntraced(function* (size: Size, threads: number, pairs: number) {
  const parameters = parametersOf(size)
  const weights = new Uint8Array(parameters.memory).slice()
  const other = yield* torch(size, weights, threads)
  const step = yield* stepOf(size, parameters, {})
  const ours: Array<number> = []
  const theirs: Array<number> = []
  for (let pair = 0; pair <= pairs; pair++) {
    const own = yield* timed(step)
    const their = yield* other.step
    const apart = Math.abs(own.result.loss - their.loss) / their.loss
    if (!(apart < tolerance))
      return yield* Effect.die(`step ${pair}: loss ${own.result.loss} here, ${their.loss} there`)
    if (pair === 0) continue
    ours.push(own.milliseconds)
    theirs.push(their.milliseconds)
  }
  return compared(ours, theirs)
})

/** The ratio, our time and the share of the machine's rate of matrix products, of one size. */
export const figuresOf = (size: Size, threads: number, pairs: number) =>
  Effect.gen(function* () {
    const against = `PyTorch, ${threads} thread${threads > 1 ? "s" : ""} each`
    const name = `training step ${size.name} (${size.batch} x ${size.length})`
    const ratio = { name, unit: "x", goal: 1.2, higherIsBetter: true, against }
    const result = yield* Effect.result(compare(size, threads, pairs))
    if (result._tag === "Failure")
      return result.failure instanceof NoTorch
        ? [{ ...ratio, missing: result.failure.message }]
        : yield* Effect.die(result.failure)
    const { ours, theirs, ratio: value } = result.success
    const rate = operationsOf(size) / ours / 1e6
    const share = rate / (yield* productRate)
    const figures: ReadonlyArray<Figure> = [
      { ...ratio, against: `${against}: ${theirs.toFixed(0)} ms`, value },
      { name: `${name}: time`, unit: "ms", goal: theirs / 1.2, higherIsBetter: false, value: ours },
      {
        name: `${name}: share of the product rate`,
        unit: "1",
        goal: 0.7,
        higherIsBetter: true,
        value: share
      }
    ]
    return figures
  }).pipe(Effect.scoped, Effect.provide(Session.layer({ workers: 1, intraOpNumThreads: threads })))

/** All sizes, one after the other; the smaller, the more pairs. */
export const figures = Effect.all([
  figuresOf(million, 1, 15),
  figuresOf(fewMillion, 1, 7),
  figuresOf(fortyMillion, 1, 5)
]).pipe(
  Effect.map((all) => all.flat()),
  Effect.orDie
)

if (import.meta.main) await printed("training", figures)
