/**
 * Operations that sum or select along axes, and the softmax family over the last axis.
 * Axes may be counted from the end; without `keepDims` reduced axes disappear.
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"
import { multiply } from "./Elementwise.ts"

type V = Value.Value

/** Whether reduced axes stay, with length 1; by default they disappear. */
export interface ReduceOptions {
  readonly keepDims?: boolean
}

const reduction =
  (op: "Sum" | "SumSquares" | "Mean" | "Max") =>
  (x: V, axes?: ReadonlyArray<number>, options: ReduceOptions = {}): V => {
    const along = (axes ?? x.shape.map((_, axis) => axis)).map((axis) =>
      Shape.axisOf(op, x.shape, axis)
    )
    const keepDims = options.keepDims ?? false
    const shape = x.shape
      .map((length, axis) => (along.includes(axis) ? 1 : length))
      .filter((_, axis) => keepDims || !along.includes(axis))
    if (along.length === 0) return op === "SumSquares" ? multiply(x, x) : x
    return Value.make(op, [x], { shape, type: x.type }, { axes: along, keepDims })
  }

/** The sum over axes (default: all). */
export const sum = reduction("Sum")
/** The sum of squares over axes (default: all), in one kernel. */
export const sumSquares = reduction("SumSquares")
/** The mean over axes (default: all). */
export const mean = reduction("Mean")
/** The largest over axes (default: all); ties share the gradient equally. */
export const max = reduction("Max")

/** The position of the largest on the last axis, the first at a tie: [..., V] -> [...] int64. */
export const argMax = (x: V): V => {
  Shape.axisOf("argMax", x.shape, -1)
  return Value.make("ArgMax", [x], { shape: x.shape.slice(0, -1), type: "int64" }, {})
}

/** The largest elements of the last axis in descending order: [..., V] -> [..., count]. No gradient. */
export const topValues = (x: V, count: number): Value.Node<"TopValues"> => {
  const length = x.shape[Shape.axisOf("topValues", x.shape, -1)] ?? 0
  if (!Number.isInteger(count) || count < 1 || count > length)
    throw new Shape.ShapeError("topValues", [x.shape], `there are no ${count} largest of ${length}`)
  const shape = [...x.shape.slice(0, -1), count]
  return Value.make("TopValues", [x], { shape, type: x.type }, { count })
}

/** Where the values were in the operand of `topValues`, int64; at a tie the first comes first. */
export const topPositions = (top: Value.Node<"TopValues">): V =>
  Value.make(
    "TopPositions",
    [top, Value.inputOf(top, 0)],
    { shape: top.shape, type: "int64" },
    top.attributes
  )

/** Running sums along the last axis, from its end if `reverse`. */
export const cumulativeSum = (x: V, options: { readonly reverse?: boolean } = {}): V => {
  Shape.axisOf("cumulativeSum", x.shape, -1)
  return Value.make("CumulativeSum", [x], x, { reverse: options.reverse ?? false })
}

const overLast =
  (op: "Softmax" | "LogSoftmax") =>
  (x: V): V => {
    Shape.axisOf(op, x.shape, -1)
    return Value.make(op, [x], { shape: x.shape }, {})
  }

/** Probabilities over the last axis. */
export const softmax = overLast("Softmax")
/** Log-probabilities over the last axis. */
export const logSoftmax = overLast("LogSoftmax")

/** The value summed down to a shape that it was broadcast from: the gradient of broadcasting. */
export const sumTo = (x: V, shape: Shape.Shape): V => {
  const offset = x.shape.length - shape.length
  const axes = x.shape.flatMap((length, axis) =>
    axis < offset || (shape[axis - offset] === 1 && length !== 1) ? [axis] : []
  )
  const summed = sum(x, axes, { keepDims: true })
  return Shape.equals(summed.shape, shape)
    ? summed
    : Value.make("Reshape", [summed], { shape, type: x.type }, {})
}
