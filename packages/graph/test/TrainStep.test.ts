import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  Gradient,
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

const stepOn = (size: Decoder.Size, state: TrainStep.TrainState) => {
  const { parameters, loss, logits } = definition(size)
  const outputs = { highest: Op.max(logits) }
  return TrainStep.make({ parameters, loss, outputs, optimizer: adamW, maxGradNorm: 1 }, state)
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

  const broken: ReadonlyArray<
    readonly [string, (p: Value.Value, by: Value.Value) => Value.Value, RegExp]
  > = [
    [
      "loss",
      (p, by) => Op.add(p, Op.stopGradient(Op.divide(1, by))),
      /loss Infinity, gradient norm [0-9.]+;/
    ],
    [
      "gradient",
      (p, by) => Op.multiply(Op.sqrt(Op.multiply(p, by)), by),
      /loss 1, gradient norm NaN;/
    ]
  ]
  for (const [what, write, message] of broken)
    it.effect(`refuses a ${what} that is not finite and leaves everything as it was`, () =>
      Effect.gen(function* () {
        const p = Op.input("p", [2])
        const state = TrainStep.begin(
          Parameters.make({ p: { shape: [2], initial: () => Float32Array.of(1, 2) } }, () => 0),
          adamW
        )
        const loss = Op.sum(write(p, Op.input("by", [2])))
        const step = yield* TrainStep.make(
          { loss, outputs: {}, parameters: { p }, optimizer: adamW },
          state
        )
        yield* step({ by: Float32Array.of(1, 1) }, 0)
        const before = bytesOf(state)
        const error = yield* Effect.flip(step({ by: Float32Array.of(1, 0) }, 0.1))
        assert.strictEqual(error._tag, "NonFiniteError")
        assert.match(error.message, /update 2 was refused/)
        assert.match(error.message, message)
        assert.deepStrictEqual(bytesOf(state), before)
      }).pipe(Effect.provide(Session.layerInline))
    )
})
