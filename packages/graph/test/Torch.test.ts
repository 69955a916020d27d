/** Optimizers against PyTorch's, whose numbers `fixtures/optimizers.py` has written down. */
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import {
  Interpreter,
  Op,
  Optimizer,
  Parameters,
  Schedule,
  Session,
  Shape,
  TrainStep
} from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

type Arrays = { readonly [name: string]: ArrayLike<number> }

const Fixture = Schema.Record(
  Schema.String,
  Schema.Struct({
    losses: Schema.Array(Schema.Number),
    parameters: Schema.Record(
      Schema.String,
      Schema.Record(Schema.String, Schema.Array(Schema.Number))
    )
  })
)
const file = new URL("./fixtures/optimizers.json", import.meta.url)
const fixture = Schema.decodeUnknownSync(Schema.fromJsonString(Fixture))(readFileSync(file, "utf8"))

const shapes: { readonly [name: string]: Shape.Shape } = {
  hidden: [3, 5],
  bias: [5],
  out: [5, 1],
  shift: []
}

const draw = Decoder.randomOf(11)
const numbers = (shape: Shape.Shape) =>
  Array.from({ length: Shape.product(shape) }, () => 2 * draw() - 1)
const start = Record.map(shapes, numbers)
const batch = { x: numbers([8, 3]), y: numbers([8, 1]) }

interface Case {
  readonly optimizer: Optimizer.Optimizer
  readonly rate: Schedule.Schedule
  readonly maxGradNorm?: number
  /** Into how many parts the batch is split, one per step. */
  readonly parts?: number
  readonly isAveraged?: boolean
}

const adam = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }
const adamW = Optimizer.adamW({ ...adam, weightDecay: 0.1 })
const cosine = Schedule.cosine({ from: 0.02, to: 0.002, steps: 60 })

const cases: { readonly [name: string]: Case } = {
  sgd: { optimizer: Optimizer.sgd(), rate: Schedule.constant(0.05) },
  "sgd momentum": { optimizer: Optimizer.sgd({ momentum: 0.9 }), rate: Schedule.constant(0.02) },
  "sgd nesterov decay": {
    optimizer: Optimizer.sgd({ momentum: 0.8, nesterov: true, weightDecay: 0.05 }),
    rate: Schedule.constant(0.02)
  },
  "sgd linear": {
    optimizer: Optimizer.sgd({ momentum: 0.9 }),
    rate: Schedule.linear({ from: 0.05, to: 0.01, steps: 80 })
  },
  adamw: { optimizer: adamW, rate: Schedule.constant(0.01) },
  "adamw clipped warm cosine": {
    optimizer: adamW,
    rate: Schedule.warmUp(10, cosine),
    maxGradNorm: 0.3
  },
  "adamw groups": {
    optimizer: Optimizer.partition((_, shape) => (shape.length === 2 ? "matrices" : "rest"), {
      matrices: adamW,
      rest: Optimizer.chain(Optimizer.adamW({ ...adam, weightDecay: 0 }), Optimizer.scale(3))
    }),
    rate: Schedule.constant(0.005)
  },
  "sgd accumulated": {
    optimizer: Optimizer.accumulate(2, Optimizer.sgd({ momentum: 0.9 })),
    rate: Schedule.constant(0.05),
    parts: 2
  },
  "adamw accumulated": {
    optimizer: Optimizer.accumulate(4, Optimizer.chain(Optimizer.clipByGlobalNorm(0.3), adamW)),
    rate: Schedule.constant(0.01),
    parts: 4
  },
  "adamw averaged": {
    optimizer: Optimizer.chain(adamW, Optimizer.average(0.95)),
    rate: Schedule.constant(0.01),
    isAveraged: true
  }
}

const definition = ({ optimizer, maxGradNorm, parts = 1 }: Case) => {
  const rows = 8 / parts
  const parameters = Parameters.inputs(Record.map(shapes, (shape) => ({ shape })))
  const { hidden, bias, out, shift } = parameters
  if (!hidden || !bias || !out || !shift) throw new RangeError("four parameters")
  const inner = Op.tanh(Op.add(Op.matMul(Op.input("x", [rows, 3]), hidden), bias))
  const errors = Op.subtract(Op.add(Op.matMul(inner, out), shift), Op.input("y", [rows, 1]))
  const loss = Op.mean(Op.square(errors))
  const limit = maxGradNorm === undefined ? {} : { maxGradNorm }
  return { loss, outputs: {}, parameters, optimizer, ...limit }
}

/** The rows of the batch that a step is fed. */
const part = (step: number, parts: number) =>
  Record.map(batch, (list) => {
    const size = list.length / parts
    return list.slice(size * (step % parts), size * ((step % parts) + 1))
  })

const named = (arrays: Arrays, prefix: string): Arrays =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [prefix + name, array]))

const unnamed = (arrays: Arrays, prefix: string): Arrays =>
  Object.fromEntries(
    Object.entries(arrays).flatMap(([name, array]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), array]] : []
    )
  )

interface Shown {
  readonly loss: number
  readonly parameters: Arrays
}

const steps = Array.from({ length: 100 }, (_, step) => step)

/** The step's graph in float64, from each step's result to the next. */
const inFloat64 = (one: Case): ReadonlyArray<Shown> => {
  const graph = TrainStep.graph(definition(one))
  let parameters: Arrays = start
  let state: Arrays = Parameters.zeros(
    Record.map(TrainStep.stateOf(one.optimizer, shapes), ({ shape }) => shape)
  ).arrays
  return steps.map((step) => {
    const learningRate = [one.rate(step)]
    const feeds = { ...parameters, ...named(state, "state/"), ...part(step, one.parts ?? 1) }
    const after = Interpreter.evaluate(graph, { ...feeds, learningRate })
    parameters = unnamed(after, "updated parameters/")
    state = unnamed(after, "updated state/")
    const averages: Arrays = Optimizer.averages(state)
    return { loss: after["loss"]?.[0] ?? NaN, parameters: one.isAveraged ? averages : parameters }
  })
}

/** The same on the runtime, in float32. */
const onRuntime = (one: Case, update: "graph" | "arrays") =>
  Effect.gen(function* () {
    const initial = (name: string) => Float32Array.from(start[name] ?? [])
    const specified = Record.map(shapes, (shape, name) => ({ shape, initial: () => initial(name) }))
    const trained = TrainStep.begin(
      Parameters.make(specified, () => 0),
      one.optimizer
    )
    const step = yield* TrainStep.make(definition(one), trained, { update })
    return yield* Effect.forEach(steps, (index) => {
      const feeds = Record.map(part(index, one.parts ?? 1), (list) => Float32Array.from(list))
      return Effect.map(step(feeds, one.rate(index)), ({ loss }): Shown => {
        const averages = Optimizer.averages(trained.state.arrays)
        const shown = one.isAveraged ? averages : trained.parameters.arrays
        return { loss, parameters: Record.map(shown, (array) => array.slice()) }
      })
    })
  }).pipe(Effect.scoped, Effect.provide(Session.layerInline), Effect.runPromise)

/** The largest difference over the largest number. */
const distance = (actual: ArrayLike<number>, expected: ArrayLike<number>): number => {
  const scale = Array.from(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3)
  return Array.from(expected).reduce(
    (most, x, index) => Math.max(most, Math.abs(x - (actual[index] ?? NaN)) / scale),
    actual.length === expected.length ? 0 : NaN
  )
}

const follows = (name: string, run: ReadonlyArray<Shown>, tolerance: number) => {
  const expected = fixture[name]
  if (expected === undefined) throw new RangeError(name)
  expect(expected.losses.length).toBe(100)
  expected.losses.forEach((loss, step) =>
    expect(distance([run[step]?.loss ?? NaN], [loss]), `loss ${step + 1}`).toBeLessThan(tolerance)
  )
  for (const [step, parameters] of Object.entries(expected.parameters))
    for (const [parameter, list] of Object.entries(parameters)) {
      const found = run[Number(step) - 1]?.parameters[parameter] ?? []
      expect(distance(found, list), `${parameter} after ${step}`).toBeLessThan(tolerance)
    }
}

describe("over 100 steps PyTorch's numbers come from", () => {
  it("every case of the fixture", () => {
    expect(Object.keys(cases)).toEqual(Object.keys(fixture))
  })

  for (const [name, one] of Object.entries(cases)) {
    it(`${name}, in float64`, () => follows(name, inFloat64(one), 1e-12))
    it(`${name}, on the runtime`, async () => follows(name, await onRuntime(one, "graph"), 1e-5))
    it(`${name}, with gradients of the runtime`, async () =>
      follows(name, await onRuntime(one, "arrays"), 1e-5))
  }
})
