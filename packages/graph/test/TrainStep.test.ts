import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  Gradient,
  Initializer,
  Interpreter,
  Op,
  Optimizer,
  Parameters,
  Session,
  TrainStep,
  type Value
} from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

const small = { layers: 2, width: 8, heads: 2, hidden: 16, vocabulary: 7, batch: 2, length: 4 }

const definition = (size: Decoder.Size) => {
  const inputs = Parameters.inputs(Decoder.specifications(size))
  const ids = Op.input("ids", [size.batch, size.length], "int64")
  const targets = Op.input("targets", [size.batch, size.length], "int64")
  const logits = Decoder.logits(size, inputs, ids)
  return { parameters: inputs, logits, loss: Decoder.loss(logits, targets) }
}

const batchOf = (size: Decoder.Size, seed: number) => {
  const random = Decoder.randomOf(seed)
  return { ids: Decoder.ids(size, random), targets: Decoder.ids(size, random) }
}

describe("a two-layer transformer", () => {
  it.effect(
    "has on the runtime the loss and gradients of the interpreter, which are its slopes",
    () =>
      Effect.gen(function* () {
        const pool = yield* Session.SessionPool
        const { parameters, loss } = definition(small)
        const names = Object.keys(parameters)
        const slopes = Gradient.gradients(loss, Object.values(parameters))
        const outputs: { [name: string]: Value.Value } = { loss }
        slopes.forEach((slope, index) => (outputs[`slope of ${names[index]}`] = slope))
        const { arrays } = Parameters.make(Decoder.specifications(small), Decoder.randomOf(1))
        const feeds = { ...arrays, ...batchOf(small, 2) }
        const session = yield* pool.compile(outputs)
        const [actual, expected] = [yield* session.run(feeds), Interpreter.evaluate(outputs, feeds)]
        for (const name of Object.keys(outputs))
          actual[name]?.forEach((x, index) =>
            assert.closeTo(x, expected[name]?.[index] ?? NaN, 2e-5, `${name}[${index}]`)
          )
        for (const name of names) {
          const moved = (by: number) => {
            const list = Array.from(arrays[name] ?? [])
            list[1] = (list[1] ?? NaN) + by
            return Interpreter.evaluate({ loss }, { ...feeds, [name]: list }).loss[0] ?? NaN
          }
          const slope = expected[`slope of ${name}`]?.[1] ?? NaN
          assert.closeTo((moved(1e-5) - moved(-1e-5)) / 2e-5, slope, 1e-8, name)
        }
      }).pipe(Effect.provide(Session.layerInline))
  )
})

const adamW = Optimizer.adamW({ weightDecay: 0.1 })

const begun = (size: Decoder.Size) =>
  TrainStep.begin(Parameters.make(Decoder.specifications(size), Decoder.randomOf(1)), adamW)

const stepOn = (
  size: Decoder.Size,
  state: TrainStep.TrainState,
  update: "graph" | "arrays" = "graph",
  ownsResults = false
) => {
  const { parameters, loss, logits } = definition(size)
  const outputs = { highest: Op.max(logits) }
  const clipped = { parameters, loss, outputs, optimizer: adamW, maxGradNorm: 1 }
  return TrainStep.make(clipped, state, { update, ownsResults })
}

const bytesOf = ({ parameters, state }: TrainStep.TrainState) => [
  Buffer.from(parameters.memory).toString("hex"),
  Buffer.from(state.memory).toString("hex")
]

describe("a training step", () => {
  it.effect("lowers the loss on a batch that it sees again and again", () =>
    Effect.gen(function* () {
      const step = yield* stepOn(small, begun(small))
      const batch = batchOf(small, 4)
      const first = yield* step(batch, 1e-2)
      for (let index = 0; index < 150; index++) yield* step(batch, 1e-2)
      const last = yield* step(batch, 1e-2)
      assert.isAbove(first.loss, 1)
      assert.isBelow(last.loss, 0.05)
      assert.isAbove(first.gradientNorm, 0)
      assert.strictEqual(first.outputs.highest.length, 1)
    }).pipe(Effect.provide(Session.layerInline))
  )

  it.effect("makes the same bits in a thread as in the caller", () =>
    Effect.gen(function* () {
      const after = Effect.gen(function* () {
        const state = begun(small)
        const step = yield* stepOn(small, state)
        for (let seed = 0; seed < 3; seed++) yield* step(batchOf(small, seed), 1e-2)
        return bytesOf(state)
      }).pipe(Effect.scoped)
      const here = yield* Effect.provide(after, Session.layerInline)
      const there = yield* Effect.provide(after, Session.layer({ workers: 1 }))
      assert.deepStrictEqual(there, here)
    })
  )

  it.effect("makes the same bits where its results have a place of their own", () =>
    Effect.gen(function* () {
      const after = Effect.fnUntraced(function* (ownsResults: boolean) {
        const state = begun(small)
        const step = yield* stepOn(small, state, "graph", ownsResults)
        for (let seed = 0; seed < 3; seed++) yield* step(batchOf(small, seed), 1e-2)
        return bytesOf(state)
      })
      assert.deepStrictEqual(yield* after(true), yield* after(false))
    }).pipe(Effect.provide(Session.layer({ workers: 1 })), Effect.scoped)
  )

  it.effect("continues exactly from a copy of parameters and state", () =>
    Effect.gen(function* () {
      const [one, other] = [begun(small), begun(small)]
      const step = yield* stepOn(small, one)
      yield* step(batchOf(small, 1), 1e-2)
      for (const part of ["parameters", "state"] as const)
        new Uint8Array(other[part].memory).set(new Uint8Array(Parameters.copy(one[part]).memory))
      yield* step(batchOf(small, 2), 1e-2)
      const resumed = yield* stepOn(small, other)
      yield* resumed(batchOf(small, 2), 1e-2)
      assert.deepStrictEqual(bytesOf(other), bytesOf(one))
      assert.deepStrictEqual([...(one.state.arrays["step"] ?? [])], [2])
    }).pipe(Effect.provide(Session.layerInline))
  )

  it.effect("shares parameters and optimizer state between batch shapes", () =>
    Effect.gen(function* () {
      const wide = { ...small, batch: 3, length: 6 }
      const [shared, alone] = [begun(small), begun(small)]
      const steps = [yield* stepOn(small, shared), yield* stepOn(wide, shared)] as const
      yield* steps[0](batchOf(small, 1), 1e-2)
      yield* steps[1](batchOf(wide, 2), 1e-2)
      yield* (yield* stepOn(small, alone))(batchOf(small, 1), 1e-2)
      yield* (yield* stepOn(wide, alone))(batchOf(wide, 2), 1e-2)
      assert.deepStrictEqual(bytesOf(shared), bytesOf(alone))
      assert.deepStrictEqual([...(shared.state.arrays["step"] ?? [])], [2])
    }).pipe(Effect.provide(Session.layerInline))
  )

  it.effect("updates on arrays as it does in the graph, over 20 steps in a thread", () =>
    Effect.gen(function* () {
      const after = Effect.fnUntraced(function* (update: "graph" | "arrays") {
        const state = begun(small)
        const step = yield* stepOn(small, state, update)
        const reports = yield* Effect.forEach(Array.from({ length: 20 }).keys(), (seed) =>
          step(batchOf(small, seed), 1e-2)
        )
        return { state, reports }
      }, Effect.scoped)
      const [inGraph, onArrays] = [yield* after("graph"), yield* after("arrays")]
      onArrays.reports.forEach(({ loss, gradientNorm, outputs }, index) => {
        const other = inGraph.reports[index]
        assert.closeTo(loss, other?.loss ?? NaN, 1e-4)
        assert.closeTo(gradientNorm, other?.gradientNorm ?? NaN, 1e-3)
        assert.closeTo(outputs.highest[0] ?? NaN, other?.outputs.highest[0] ?? NaN, 1e-3)
      })
      for (const part of ["parameters", "state"] as const) {
        const [found, wanted] = [onArrays, inGraph].map(
          ({ state }) => new Float32Array(state[part].memory)
        )
        wanted?.forEach((x, index) => assert.closeTo(found?.[index] ?? NaN, x, 2e-4))
      }
      assert.deepStrictEqual([...(onArrays.state.state.arrays["step"] ?? [])], [20])
    }).pipe(Effect.provide(Session.layer({ workers: 1 })))
  )

  it.effect("says that an optimizer exists only as a graph", () =>
    Effect.gen(function* () {
      const matrix = { p: { shape: [2, 2], initial: Initializer.ones } }
      const parameters = Parameters.inputs(matrix)
      const optimizer = Optimizer.chain(Optimizer.clipByGlobalNorm(1), Optimizer.muon())
      const state = TrainStep.begin(
        Parameters.make(matrix, () => 0),
        optimizer
      )
      const loss = Op.sum(parameters.p)
      const definition = { loss, outputs: {}, parameters, optimizer }
      const error = yield* Effect.flip(TrainStep.make(definition, state, { update: "arrays" }))
      assert.match(error.message, /compile with update: "graph"/)
    }).pipe(Effect.provide(Session.layerInline))
  )
})

describe("a training step whose numbers are not finite", () => {
  interface Fault {
    readonly tensor: string
    readonly write?: (q: Value.Value, by: Value.Value) => Value.Value
    readonly by?: number
    readonly rate?: number
    readonly parameter?: number
  }
  const faults: ReadonlyArray<Fault> = [
    { tensor: "the input by", by: NaN },
    { tensor: "the input learningRate", rate: Infinity },
    { tensor: "the parameter q", parameter: NaN },
    {
      tensor: "the loss",
      write: (q, by) => Op.add(q, Op.stopGradient(Op.divide(1, by))),
      by: 0
    },
    {
      tensor: "the gradient of q",
      write: (q, by) => Op.multiply(Op.sqrt(Op.multiply(q, by)), by),
      by: 0
    }
  ]
  const specified = {
    p: { shape: [2], initial: Initializer.ones },
    q: { shape: [2], initial: Initializer.ones }
  }

  for (const update of ["graph", "arrays"] as const)
    for (const { tensor, write = Op.multiply, by = 1, rate = 0.1, parameter } of faults)
      it.effect(`(${update}) names ${tensor} and leaves every bit as it was`, () =>
        Effect.gen(function* () {
          const parameters = Parameters.inputs(specified)
          const state = TrainStep.begin(
            Parameters.make(specified, () => 0),
            adamW
          )
          const { p, q } = parameters
          const loss = Op.add(Op.sum(p), Op.sum(write(q, Op.input("by", [2]))))
          const definition = { loss, outputs: {}, parameters, optimizer: adamW, maxGradNorm: 1 }
          const step = yield* TrainStep.make(definition, state, { update })
          yield* step({ by: Float32Array.of(1, 1) }, 0.1)
          if (parameter !== undefined) state.parameters.arrays["q"]?.set([parameter])
          const before = bytesOf(state)
          const error = yield* Effect.flip(step({ by: Float32Array.of(1, by) }, rate))
          assert.strictEqual(error._tag, "NonFiniteError")
          assert.include(error.message, `update 2 was refused: ${tensor} is not finite`)
          assert.deepStrictEqual(bytesOf(state), before)
        }).pipe(Effect.provide(Session.layerInline))
      )
})
