/**
 * What each execution provider does on this machine: whether it runs, how exactly, how fast.
 * Its speeds are those of a second's work, to tell 10 from 1000; a benchmark is something else.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Op from "./Op.ts"
import * as Optimizer from "./Optimizer.ts"
import * as Interpreter from "./Interpreter.ts"
import * as Parameters from "./Parameters.ts"
import * as ProbeGraph from "./ProbeGraph.ts"
import * as Provider from "./Provider.ts"
import * as Session from "./Session.ts"
import { backends } from "./SessionEngine.ts"
import * as SessionProvider from "./SessionProvider.ts"
import * as TrainStep from "./TrainStep.ts"
import type { Value } from "./Value.ts"

/** What a provider that runs was measured to do. */
export interface Measured {
  /** How many nodes of a decoder's loss and gradient each executor ran. */
  readonly placement: Provider.Placement
  /** The largest error against float64, of all numbers, as a share of their tensor's largest. */
  readonly relativeError: number
  /** Rate of multiplying matrices, in 10^9 operations a second. */
  readonly gigaflops: number
  /** Updates a second of a decoder with 70 thousand parameters on 8 x 64 tokens. */
  readonly stepsPerSecond: number
}

/** One provider on this machine: what it measured, or why it does not run and what would add it. */
export type Report = {
  readonly provider: Provider.Provider
  /** Whether onnxruntime-node comes with it here. */
  readonly isBundled: boolean
} & (
  | ({ readonly runs: true } & Measured)
  | { readonly runs: false; readonly problem: string; readonly remedy: string }
)

/** Every provider, tried in turn in a thread of its own. */
export const reports: Effect.Effect<ReadonlyArray<Report>> = Effect.suspend(() =>
  Effect.forEach(Provider.names.toReversed(), report)
)

/** Tries one provider. */
export const report = (provider: Provider.Provider): Effect.Effect<Report> => {
  const isBundled = backends().some(({ bundled, name }) => bundled && name === provider)
  return measured.pipe(
    Effect.provide(Session.layer({ provider })),
    Effect.match({
      onSuccess: (all) => ({ provider, isBundled, runs: true, ...all }),
      onFailure: (error) => ({
        provider,
        isBundled,
        runs: false,
        problem:
          error._tag === "SessionError"
            ? SessionProvider.problemOf(provider, error)
            : error.message,
        remedy: Provider.remedy(provider, SessionProvider.platform)
      })
    })
  )
}

/** What the pool's provider does. */
export const measured = Effect.scoped(
  Effect.gen(function* () {
    const { placement } = yield* (yield* Session.SessionPool).provider
    return {
      placement,
      relativeError: yield* relativeError,
      gigaflops: yield* gigaflops,
      stepsPerSecond: yield* stepsPerSecond
    } satisfies Measured
  })
)

const small = { batch: 2, length: 8, vocabulary: 24, width: 16, heads: 2 }

/** The loss and gradient of a small decoder, against the interpreter's float64. */
const relativeError = Effect.gen(function* () {
  const pool = yield* Session.SessionPool
  const { arrays } = Parameters.make(ProbeGraph.specifications(small), ProbeGraph.random())
  const feeds = { ...tokensOf(small), ...arrays }
  const outputs = ProbeGraph.lossAndGradient(small)
  const session = yield* pool.compile(outputs, { name: "the numeric check" })
  const found = yield* session.run(feeds)
  const expected = Interpreter.evaluate(outputs, feeds)
  const errors = Object.entries(expected).map(([name, exact]) => errorOf(found[name], exact))
  return Math.max(...errors)
})

const tokensOf = (size: ProbeGraph.Size) => ({
  ids: ProbeGraph.tokens(size, 7),
  targets: ProbeGraph.tokens(size, 5)
})

/** The largest difference, as a share of the largest number; infinite if any is not a number. */
export const errorOf = (found: ArrayLike<number> = [], exact: Float64Array): number => {
  let [difference, largest] = [0, 0]
  exact.forEach((number, index) => {
    const off = Math.abs((found[index] ?? Number.NaN) - number)
    difference = Math.max(difference, Number.isNaN(off) ? Infinity : off)
    largest = Math.max(largest, Math.abs(number))
  })
  return difference === 0 ? 0 : difference / largest
}

const side = 512
const products = 8

/** A chain of products whose sum alone comes back, so that copying is not what is measured. */
const gigaflops = Effect.gen(function* () {
  const pool = yield* Session.SessionPool
  const matrix = Op.input("matrix", [side, side])
  let product: Value = matrix
  for (let i = 0; i < products; i++) product = Op.matMul(product, matrix, { scale: 1 / side })
  const session = yield* pool.compile({ sum: Op.sum(product) }, { name: "the speed check" })
  const ones = new Float32Array(side * side).fill(1)
  return (products * 2 * side ** 3 * (yield* rateOf(session.run({ matrix: ones })))) / 1e9
})

const medium = { batch: 8, length: 64, vocabulary: 256, width: 64, heads: 4 }

const stepsPerSecond = Effect.gen(function* () {
  const specifications = ProbeGraph.specifications(medium)
  const parameters = Parameters.inputs(specifications)
  const optimizer = Optimizer.adamW()
  const step = yield* TrainStep.make(
    { loss: ProbeGraph.loss(medium, parameters), outputs: {}, parameters, optimizer },
    TrainStep.begin(Parameters.make(specifications, ProbeGraph.random()), optimizer),
    { name: "the training check" }
  )
  return yield* rateOf(step(tokensOf(medium), 1e-3))
})

const budgetNanoseconds = 500_000_000

/** Runs a second, after one that warms up: as many as begin within half a second. */
const rateOf = Effect.fnUntraced(function* <A, E, R>(run: Effect.Effect<A, E, R>) {
  yield* run
  const start = yield* Clock.currentTimeNanos
  let [runs, spent] = [0, 0]
  while (spent < budgetNanoseconds) {
    yield* run
    runs += 1
    spent = Number((yield* Clock.currentTimeNanos) - start)
  }
  return (runs * 1e9) / spent
})
