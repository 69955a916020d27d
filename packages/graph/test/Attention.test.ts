import { describe, expect, it } from "vitest"
import { Gradient, Interpreter, Op, Shape, type Value } from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

/** Longer than one piece of queries, and not a multiple of it. */
const shape = [2, 2, 150, 2]
const random = Decoder.randomOf(3)
const draw = () => Array.from({ length: Shape.product(shape) }, () => random() * 4 - 2)
const operands = {
  query: Op.input("query", shape),
  key: Op.input("key", shape),
  value: Op.input("value", shape)
}
const feeds = { query: draw(), key: draw(), value: draw() }
const weights = Op.constant(draw(), shape)

/** The result and its gradients, which must not depend on how the queries were cut. */
const meaning = (attended: Value.Value) => {
  const loss = Op.sum(Op.multiply(attended, weights))
  const [query, key, value] = Gradient.gradients(loss, Object.values(operands))
  if (query === undefined || key === undefined || value === undefined) throw new RangeError("three")
  return Interpreter.evaluate({ attended, query, key, value }, feeds)
}

const expectSame = (actual: Value.Value, expected: Value.Value) => {
  const [left, right] = [meaning(actual), meaning(expected)]
  for (const [name, numbers] of Object.entries(right)) {
    const found = Object.entries(left).find(([other]) => other === name)?.[1] ?? []
    const worst = numbers.reduce((most, x, i) => Math.max(most, Math.abs(x - (found[i] ?? NaN))), 0)
    expect([name, worst < 1e-12]).toEqual([name, true])
  }
}

describe("causal attention in pieces", () => {
  it("is attention behind a causal mask, forward and backward", () =>
    expectSame(
      Op.causalAttention(operands),
      Op.attention(operands, { visible: Op.causalMask(150) })
    ))

  it("keeps packed texts apart in every piece", () => {
    const numbers = Array.from({ length: 300 }, (_, index) => Math.floor((index % 150) / 60))
    const segments = Op.constant(numbers, [2, 150], "int64")
    const visible = Op.and(Op.causalMask(150), Op.packingMask(segments))
    expectSame(Op.causalAttention(operands, { visible }), Op.attention(operands, { visible }))
  })
})
