import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Gradient, Onnx, Op, Session } from "../src/index.ts"
import { Message } from "../src/Protobuf.ts"

const bytes = (message: Message) => Buffer.from(message.finish()).toString("hex")

describe("a protocol buffer", () => {
  it("has the bytes of the format's own examples", () => {
    assert.strictEqual(bytes(new Message().integer(1, 150)), "089601")
    assert.strictEqual(bytes(new Message().text(2, "testing")), "120774657374696e67")
    const nested = new Message().message(3, new Message().integer(1, 150))
    assert.strictEqual(bytes(nested), "1a03089601")
    assert.strictEqual(bytes(new Message().integer(1, -2)), "08feffffffffffffffff01")
    assert.strictEqual(bytes(new Message().float(1, 1)), "0d0000803f")
  })

  it("grows beyond its first buffer", () => {
    const long = new Message().text(1, "x".repeat(1000)).integer(2, 1).finish()
    assert.strictEqual(long.length, 3 + 1000 + 2)
  })
})

const nodesNamed = (model: Uint8Array, op: string) =>
  Buffer.from(model).toString("latin1").split(`${op}:`).length - 1

describe("an encoded graph", () => {
  const x = Op.input("x", [2, 3])

  it("has a node once that several results share", () => {
    const shared = Op.exp(x)
    const model = Onnx.encode({ a: Op.add(shared, shared), b: Op.multiply(shared, 2) })
    assert.strictEqual(nodesNamed(model, "Exp"), 1)
  })

  it("finds the gate of the forward pass again in the backward pass", () => {
    const y = Op.silu(x)
    const [slope = y] = Gradient.gradients(Op.sum(y), [x])
    assert.strictEqual(nodesNamed(Onnx.encode({ y, slope }), "Sigmoid"), 1)
  })

  it("does not stretch what a kernel broadcasts itself", () => {
    const [slope = x] = Gradient.gradients(Op.sum(Op.multiply(x, x)), [x])
    assert.strictEqual(nodesNamed(Onnx.encode({ slope }), "Expand"), 0)
  })

  it.effect("gives inputs, constants and one value under two names", () =>
    Effect.gen(function* () {
      const pool = yield* Session.SessionPool
      const twice = Op.multiply(x, 2)
      const outputs = { same: x, one: twice, other: twice, five: Op.constant(5, [1]) }
      const session = yield* pool.compile(outputs)
      const numbers = Float32Array.of(1, 2, 3, 4, 5, 6)
      const doubled = numbers.map((number) => 2 * number)
      assert.deepStrictEqual(yield* session.run({ x: numbers }), {
        same: numbers,
        one: doubled,
        other: doubled,
        five: Float32Array.of(5)
      })
    }).pipe(Effect.provide(Session.layerInline))
  )
})
