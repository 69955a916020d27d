import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  Bounds,
  Gradient,
  Initializer,
  Interpreter,
  Op,
  Quantization,
  Session,
  type Shape,
  type Value
} from "../src/index.ts"
import * as Decoder from "./Decoder.ts"

type V = Value.Value

const numbers = (shape: Shape.Shape, seed: number) =>
  Initializer.uniform(-2, 2)(shape, Decoder.randomOf(seed))

const one = (value: V, feeds: Interpreter.Feeds = {}) => [
  ...Interpreter.evaluate({ value }, feeds).value
]

const closeTo = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>, digits = 9) => {
  expect(actual.length).toBe(expected.length)
  actual.forEach((x, index) => expect(x).toBeCloseTo(expected[index] ?? NaN, digits))
}

describe("attention", () => {
  const [rows, heads, groups, count, width] = [2, 4, 2, 3, 8]
  const feeds = {
    query: numbers([rows, heads, count, width], 1),
    key: numbers([rows, groups, count, width], 2),
    value: numbers([rows, groups, count, width], 3)
  }
  const operands = {
    query: Op.input("query", [rows, heads, count, width]),
    key: Op.input("key", [rows, groups, count, width]),
    value: Op.input("value", [rows, groups, count, width])
  }

  it("lets each head of a group read the head that they share", () => {
    const [h, g] = [3, 1]
    const single = (name: "query" | "key" | "value", head: number) =>
      Op.slice(operands[name], 1, head, head + 1)
    const alone = Op.attention({
      query: single("query", h),
      key: single("key", g),
      value: single("value", g)
    })
    const together = Op.slice(Op.attention(operands), 1, h, h + 1)
    closeTo(one(together, feeds), one(alone, feeds))
  })

  it("does not see padding, the future, what left the window, or another packed text", () => {
    const shown = (mask: V) => one(Op.cast(mask, "float32"))
    expect(shown(Op.causalMask(3))).toEqual([1, 0, 0, 1, 1, 0, 1, 1, 1])
    expect(shown(Op.causalMask(3, 2))).toEqual([1, 0, 0, 1, 1, 0, 0, 1, 1])
    const isToken = Op.constant([1, 1, 0], [1, 3], "bool")
    expect(shown(Op.paddingMask(isToken))).toEqual([1, 1, 0])
    const segments = Op.constant([1, 1, 2], [1, 3], "int64")
    expect(shown(Op.packingMask(segments))).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 1])
    const visible = Op.constant([1, 0, 0], [1, 1, 1, 3], "bool")
    const [first = NaN] = feeds.value
    expect(one(Op.attention(operands, { visible }), feeds)[width]).toBeCloseTo(first, 9)
  })

  it("over a cache is what the trained attention computes, prompt and continuation", () => {
    const positions = Array.from({ length: count }, (_, position) => position)
    const angles = (of: (angle: number) => number) =>
      Op.constant(
        positions.flatMap((position) => [0, 1, 2, 3].map((pair) => of(position / 3 ** pair))),
        [count, 4]
      )
    const [cos, sin] = [angles(Math.cos), angles(Math.sin)]
    const flat = (x: V) => Op.reshape(Op.transpose(x, [0, 2, 1, 3]), [rows, count, -1])
    const turned = {
      query: Op.rotary(operands.query, cos, sin),
      key: Op.rotary(operands.key, cos, sin),
      value: operands.value
    }
    const trained = flat(Op.attention(turned, { visible: Op.causalMask(count) }))
    const decoded = (from: number, to: number, pastKey: V, pastValue: V) =>
      Op.groupQueryAttention(
        {
          query: Op.slice(flat(operands.query), 1, from, to),
          key: Op.slice(flat(operands.key), 1, from, to),
          value: Op.slice(flat(operands.value), 1, from, to),
          lengths: Op.constant([to, to], [rows], "int32"),
          pastKey,
          pastValue,
          cos,
          sin
        },
        { heads, keyValueHeads: groups, stage: from === 0 ? "prompt" : "continuation" }
      )
    const empty = Op.constant(0, [rows, groups, count, width])
    const prompt = decoded(0, 2, empty, empty)
    const next = decoded(2, 3, prompt.presentKey, prompt.presentValue)
    const all = Op.concat([prompt.attention, next.attention], 1)
    closeTo(one(all, feeds), one(trained, feeds))
  })

  it("that only decodes cannot be trained, and says what can", () => {
    const past = Op.constant(0, [1, 1, 2, 8])
    const x = Op.input("x", [1, 1, 8])
    const cached = Op.groupQueryAttention(
      {
        query: x,
        key: x,
        value: x,
        pastKey: past,
        pastValue: past,
        lengths: Op.constant([1], [1], "int32")
      },
      { heads: 1, keyValueHeads: 1, stage: "continuation" }
    )
    expect(() => Gradient.gradients(Op.sum(cached.attention), [x])).toThrow(
      /GroupQueryAttention has no gradient .* train with Op.attention/
    )
  })
})

describe("losses", () => {
  const logits = Op.constant([1, 2, 3, 0, 0, 0], [2, 3])
  const labels = Op.constant([2, 0], [2], "int64")
  const first = Math.log(Math.exp(-2) + Math.exp(-1) + 1)

  it("are means of negative log-probabilities, over what has weight", () => {
    closeTo(one(Op.logProbability(logits, labels)), [-first, -Math.log(3)])
    closeTo(one(Op.crossEntropy(logits, labels)), [(first + Math.log(3)) / 2])
    const weights = Op.constant([3, 1])
    closeTo(one(Op.crossEntropy(logits, labels, { weights })), [(3 * first + Math.log(3)) / 4])
    const masked = Op.constant([1, 0])
    closeTo(one(Op.crossEntropy(logits, labels, { weights: masked })), [first])
  })

  it("are 0 with slopes of 0 where nothing has weight", () => {
    const x = Op.input("x", [2, 3])
    const loss = Op.crossEntropy(x, labels, { weights: Op.constant(0, [2]) })
    const [slope = x] = Gradient.gradients(loss, [x])
    const feeds = { x: [1, 2, 3, 4, 5, 6] }
    expect([one(loss, feeds), one(slope, feeds).map(Math.abs)]).toEqual([[0], [0, 0, 0, 0, 0, 0]])
  })

  it("stay finite with logits that exp would not survive", () => {
    const x = Op.input("x", [2, 3])
    const feeds = { x: [5000, -5000, 0, -1e9, 1, -1e9] }
    for (const loss of [Op.crossEntropy(x, labels), Op.sum(Op.entropy(x))]) {
      const [slope = x] = Gradient.gradients(loss, [x])
      expect([...one(loss, feeds), ...one(slope, feeds)].every(Number.isFinite)).toBe(true)
    }
    closeTo(one(Op.entropy(Op.constant(0, [1, 4]))), [Math.log(4)])
  })
})

describe("a weight of four bits", () => {
  it("is half a step from the numbers at most, one at the end that a block's sign leaves out", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(16, 32), (seed, block) => {
        const weight = numbers([3, 64], seed)
        const arrays = Quantization.quantize(weight, [3, 64], block)
        Quantization.dequantize(arrays).forEach((x, index) => {
          const step = Math.abs(arrays.scales[Math.floor(index / block)] ?? NaN)
          expect(Math.abs(x - (weight[index] ?? NaN))).toBeLessThanOrEqual(step * 1.0001)
        })
      }),
      { numRuns: 20 }
    )
  })

  it("keeps every number that is a whole number of steps", () => {
    const exact = Float32Array.from({ length: 32 }, (_, index) => ((index % 16) - 8) / 4)
    const arrays = Quantization.quantize(exact, [1, 32])
    expect(Quantization.dequantize(arrays)).toEqual(exact)
    const packed = Op.constant([...arrays.packed], [1, 1, 16], "uint8")
    const scales = Op.constant([...arrays.scales], [1, 1])
    expect(one(Op.dequantize({ packed, scales }))).toEqual([...exact])
  })

  it("gives the gradient of its numbers to what it multiplies, and has none itself", () => {
    const arrays = Quantization.quantize(numbers([4, 32], 5), [4, 32])
    const packed = Op.constant([...arrays.packed], [4, 1, 16], "uint8")
    const scales = Op.input("scales", [4, 1])
    const x = Op.input("x", [2, 32])
    const dense = Op.constant(Quantization.dequantize(arrays), [4, 32])
    const slopeOf = (y: V) => {
      const [slope = x] = Gradient.gradients(Op.sum(Op.square(y)), [x])
      return one(slope, { x: numbers([2, 32], 6), scales: arrays.scales })
    }
    closeTo(
      slopeOf(Op.matMulNBits(x, { packed, scales })),
      slopeOf(Op.matMul(x, dense, { transposeB: true })),
      4
    )
    const loss = Op.sum(Op.dequantize({ packed, scales }))
    expect(() => Gradient.gradients(loss, [scales])).toThrow(/Dequantize .* frozen/)
  })
})

describe("the bounds of ids", () => {
  it("are the sizes of the tables that fed ids point into, the smallest of several", () => {
    const ids = Op.input("ids", [2, 3], "int64")
    const labels = Op.input("labels", [6], "int64")
    const moved = Op.gather(Op.input("table", [9, 4]), Op.reshape(ids, [6]))
    const picked = Op.pick(moved, labels)
    const other = Op.gather(Op.input("small", [5, 1]), Op.slice(ids, 0, 0, 1))
    expect(Bounds.bounds([picked, other])).toEqual({ ids: 5, labels: 4 })
    const counted = Op.gather(Op.input("table", [9, 4]), Op.add(ids, 1))
    expect(Bounds.bounds([counted])).toEqual({})
  })

  for (const [id, text] of [
    [7n, "holds 7 at 1, but ids are 0 to 6"],
    [-1n, "holds -1 at 1, but ids are 0 to 6"]
  ] as const)
    it(`refuse the id ${id} where it is fed, naming the input`, () =>
      Effect.gen(function* () {
        const pool = yield* Session.SessionPool
        const row = Op.gather(Op.constant(0, [7, 2]), Op.input("ids", [2], "int64"))
        const session = yield* pool.compile({ row })
        const error = yield* Effect.flip(session.run({ ids: BigInt64Array.of(6n, id) }))
        expect(error.reason).toBe("UnknownId")
        expect(error.message).toContain(`input ids, int64 [2], ${text}`)
      }).pipe(Effect.scoped, Effect.provide(Session.layerInline), Effect.runPromise))
})
