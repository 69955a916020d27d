/**
 * Operations that move elements: reshape, transpose, join, cut and stretch.
 * They compute nothing; each one's gradient is another of them.
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"

type V = Value.Value

/** The same elements in row-major order under another shape; one axis may be -1. */
export const reshape = (x: V, shape: Shape.Shape): V => {
  const known = Shape.product(shape.filter((length) => length !== -1))
  const target = shape.map((length) => (length === -1 ? Shape.product(x.shape) / known : length))
  if (Shape.product(target) !== Shape.product(x.shape) || !target.every(Number.isInteger))
    throw new Shape.ShapeError("reshape", [x.shape, shape], "the number of elements differs")
  if (Shape.equals(target, x.shape)) return x
  return Value.make("Reshape", [x], { shape: target, type: x.type }, {})
}

/** Axis `i` of the result is axis `permutation[i]` of the operand. */
export const transpose = (x: V, permutation: ReadonlyArray<number>): V => {
  const axes = permutation.map((axis) => Shape.axisOf("transpose", x.shape, axis))
  if (new Set(axes).size !== x.shape.length || axes.length !== x.shape.length)
    throw new Shape.ShapeError("transpose", [x.shape, permutation], "not a permutation of its axes")
  const shape = axes.map((axis) => x.shape[axis] ?? 1)
  return Value.make("Transpose", [x], { shape, type: x.type }, { permutation: axes })
}

/** Stretches axes of length 1 (and missing leading axes) to the shape. */
export const broadcastTo = (x: V, shape: Shape.Shape): V => {
  if (Shape.equals(x.shape, shape)) return x
  if (!Shape.equals(Shape.broadcast("broadcastTo", x.shape, shape), shape))
    throw new Shape.ShapeError("broadcastTo", [x.shape, shape], "the target is smaller")
  return Value.make("BroadcastTo", [x], { shape, type: x.type }, {})
}

/** Values joined along an axis; the other axes must agree. */
export const concat = (values: ReadonlyArray<V>, axis: number): V => {
  const [first] = values
  if (first === undefined) throw new Shape.ShapeError("concat", [], "it needs at least one value")
  if (values.length === 1) return first
  const along = Shape.axisOf("concat", first.shape, axis)
  for (const value of values)
    if (!Shape.equals(Shape.withAxis(value.shape, along, 0), Shape.withAxis(first.shape, along, 0)))
      throw new Shape.ShapeError(
        "concat",
        [first.shape, value.shape],
        `only axis ${axis} may differ`
      )
  const length = values.reduce((sum, value) => sum + (value.shape[along] ?? 0), 0)
  const shape = Shape.withAxis(first.shape, along, length)
  return Value.make("Concat", values, { shape, type: first.type }, { axis: along })
}

/** Positions `start` (inclusive) to `end` (exclusive) of an axis. */
export const slice = (x: V, axis: number, start: number, end: number): V => {
  const along = Shape.axisOf("slice", x.shape, axis)
  const length = x.shape[along] ?? 0
  if (!(start >= 0 && start <= end && end <= length))
    throw new Shape.ShapeError("slice", [x.shape], `axis ${axis} has no range ${start} to ${end}`)
  if (start === 0 && end === length) return x
  const shape = Shape.withAxis(x.shape, along, end - start)
  return Value.make("Slice", [x], { shape, type: x.type }, { axis: along, start })
}

/** Consecutive pieces of the given sizes, which must add up to the axis. */
export const split = (x: V, sizes: ReadonlyArray<number>, axis: number): ReadonlyArray<V> => {
  const along = Shape.axisOf("split", x.shape, axis)
  if (sizes.reduce((sum, size) => sum + size, 0) !== x.shape[along])
    throw new Shape.ShapeError("split", [x.shape, sizes], `the sizes must add up to axis ${axis}`)
  let start = 0
  return sizes.map((size) => slice(x, along, start, (start += size)))
}

/** The value placed at `start` of an axis of the given length, zeros elsewhere. */
export const pad = (x: V, axis: number, start: number, length: number): V => {
  const along = Shape.axisOf("pad", x.shape, axis)
  if (start + (x.shape[along] ?? 0) > length)
    throw new Shape.ShapeError("pad", [x.shape], `it does not fit at ${start} of ${length}`)
  const shape = Shape.withAxis(x.shape, along, length)
  return Value.make("Pad", [x], { shape, type: x.type }, { axis: along, start })
}
