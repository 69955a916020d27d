import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Gradient, Interpreter, type Model, Op, Session, Shape, type Value } from "../src/index.ts"
import * as Decoder from "./Decoder.ts"
import { type Case, cases, compounds, type Draw, draws, type Kind } from "./OpCases.ts"

type V = Value.Value
type Numbers = { readonly [name: string]: ReadonlyArray<number> }

/** One example written down: its result, the loss over it, and the loss's gradients. */
interface Example {
  readonly name: string
  readonly feeds: Numbers
  readonly loss: V
  readonly learnt: ReadonlyArray<string>
  readonly outputs: { readonly [name: string]: V }
}

const typeOf = (kind: Kind): Value.Type => {
  if (typeof kind !== "object") return kind === "bool" ? "bool" : "float32"
  return "byte" in kind ? "uint8" : "int64"
}

const numberOf = (kind: Kind, random: () => number) => {
  if (kind === "bool") return Math.floor(random() * 2)
  if (typeof kind === "object") return Math.floor(random() * ("byte" in kind ? 256 : kind.below))
  return Math.fround(kind === "positive" ? 0.5 + random() : random() * 4 - 2)
}

const example = (name: string, { inputs, build }: Case, seed: number): Example => {
  const random = Decoder.randomOf(seed)
  const feeds: { [name: string]: ReadonlyArray<number> } = {}
  const values = Object.entries(inputs).map(([key, [kind, shape]]) => {
    const numbers = Array.from({ length: Shape.product(shape) }, () => numberOf(kind, random))
    feeds[`${name}/${key}`] = numbers
    return Op.input(`${name}/${key}`, shape, typeOf(kind))
  })
  const absent = Op.constant(0)
  const [a = absent, b = absent, c = absent, d = absent, e = absent, f, g] = values
  const result = Op.cast(build(a, b, c, d, e, f, g), "float32")
  const weights = Array.from({ length: Shape.product(result.shape) }, () =>
    Math.fround(random() - 0.5)
  )
  const loss = Op.sum(Op.multiply(result, Op.constant(weights, result.shape)))
  const learnt = Object.entries(inputs).flatMap(([key, [kind]], index) =>
    kind === "real" || kind === "positive" ? [[`${name}/${key}`, values[index] ?? a] as const] : []
  )
  const slopes = Gradient.gradients(
    loss,
    learnt.map(([, value]) => value)
  )
  const named = slopes.map((slope, index) => [`slope of ${learnt[index]?.[0]}`, slope] as const)
  return {
    name,
    feeds,
    loss,
    learnt: learnt.map(([key]) => key),
    outputs: { [`result of ${name}`]: result, ...Object.fromEntries(named) }
  }
}

const onWire: Record<Model.ElementType, (numbers: ReadonlyArray<number>) => Session.Feeds[string]> =
  {
    float32: (numbers) => Float32Array.from(numbers),
    int64: (numbers) => BigInt64Array.from(numbers, BigInt),
    int32: (numbers) => Int32Array.from(numbers),
    int8: (numbers) => Int8Array.from(numbers),
    uint8: (numbers) => Uint8Array.from(numbers),
    float16: (numbers) => Uint16Array.from(numbers),
    bool: (numbers) => Uint8Array.from(numbers)
  }

const onOnnx = (outputs: Example["outputs"], feeds: Numbers) =>
  Effect.gen(function* () {
    const pool = yield* Session.SessionPool
    const session = yield* pool.compile(outputs)
    const typed = Object.entries(session.inputs).map(
      ([name, { type }]) => [name, onWire[type](feeds[name] ?? [])] as const
    )
    return yield* session.run(Object.fromEntries(typed))
  }).pipe(Effect.scoped, Effect.provide(Session.layerInline), Effect.runPromise)

const near = (name: string, actual: ArrayLike<number>, expected: ArrayLike<number>, by: number) => {
  expect(actual.length, name).toBe(expected.length)
  const scale = Array.from(expected).reduce((most, x) => Math.max(most, Math.abs(x)), 1)
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs((actual[index] ?? NaN) - (expected[index] ?? NaN))
    if (!(difference <= by * scale))
      expect.fail(`${name}[${index}] is ${actual[index]}, expected ${expected[index]}`)
  }
}

/** The slope of the loss along a few coordinates of one input, by central differences. */
const measured = ({ loss, feeds }: Example, name: string, coordinates: ReadonlyArray<number>) => {
  const lossAt = (coordinate: number, by: number) => {
    const moved = {
      ...feeds,
      [name]: (feeds[name] ?? []).map((x, i) => (i === coordinate ? x + by : x))
    }
    return Interpreter.evaluate({ loss }, moved).loss[0] ?? NaN
  }
  return coordinates.map((at) => (lossAt(at, 1e-5) - lossAt(at, -1e-5)) / 2e-5)
}

const examplesOf = (draw: Draw) =>
  Object.entries({ ...cases, ...compounds }).map(([name, of]) =>
    example(name, of(draw), draw.seed + name.length)
  )

const property = (
  check: (examples: ReadonlyArray<Example>) => Promise<void> | void,
  runs: number
) =>
  fc.assert(
    fc.asyncProperty(draws, async (draw) => check(examplesOf(draw))),
    { numRuns: runs, seed: 7, endOnFailure: true }
  )

describe("every operation", () => {
  it("computes on the runtime what the interpreter says, forward and backward", () =>
    property(async (examples) => {
      const outputs = Object.assign({}, ...examples.map((one) => one.outputs))
      const feeds = Object.assign({}, ...examples.map((one) => one.feeds))
      const [actual, expected] = [
        await onOnnx(outputs, feeds),
        Interpreter.evaluate(outputs, feeds)
      ]
      for (const name of Object.keys(outputs))
        near(name, actual[name] ?? [], expected[name] ?? [], 2e-5)
    }, 25))

  it("has the gradient that central differences measure", () =>
    property((examples) => {
      for (const one of examples) {
        const slopes = Interpreter.evaluate(one.outputs, one.feeds)
        for (const name of one.learnt) {
          const slope = slopes[`slope of ${name}`] ?? []
          const size = slope.length
          const coordinates = [0, size >> 1, size - 1]
          const expected = measured(one, name, coordinates)
          near(
            `slope of ${name}`,
            coordinates.map((at) => slope[at] ?? NaN),
            expected,
            1e-6
          )
        }
      }
    }, 25))
})
