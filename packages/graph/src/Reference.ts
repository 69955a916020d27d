/**
 * Plain float64 kernels over row-major arrays: index arithmetic, reductions and products.
 * They are written to be obviously right, not fast; `Interpreter` names the operation of each.
 */
import * as Shape from "./Shape.ts"

/** A computed tensor; int64 and bool elements are whole numbers and 0 or 1. */
export interface Tensor {
  readonly shape: Shape.Shape
  readonly data: Float64Array
}

/** For each element of `shape` in row-major order, base + its coordinates times the steps. */
export const offsets = (shape: Shape.Shape, steps: ReadonlyArray<number>, base = 0): Int32Array => {
  const result = new Int32Array(Shape.product(shape))
  const own = Shape.strides(shape)
  for (let index = 0; index < result.length; index++) {
    let offset = base
    for (let axis = 0; axis < shape.length; axis++)
      offset += (Math.floor(index / (own[axis] ?? 1)) % (shape[axis] ?? 1)) * (steps[axis] ?? 0)
    result[index] = offset
  }
  return result
}

/** The steps with which a tensor is read when stretched to a larger shape. */
export const stretched = (from: Shape.Shape, to: Shape.Shape): ReadonlyArray<number> => {
  const steps = Shape.strides(from)
  const offset = to.length - from.length
  return to.map((_, axis) => (from[axis - offset] === 1 ? 0 : (steps[axis - offset] ?? 0)))
}

/** An element; not a number outside. */
export const at = (data: ArrayLike<number>, index: number): number => data[index] ?? Number.NaN

/** The elements at the offsets. */
export const read = (data: Float64Array, from: Int32Array): Float64Array =>
  Float64Array.from(from, (offset) => at(data, offset))

/** The elements broadcast to a shape. */
export const stretch = (tensor: Tensor, shape: Shape.Shape): Float64Array =>
  read(tensor.data, offsets(shape, stretched(tensor.shape, shape)))

/** A function of corresponding elements, all operands stretched to the shape. */
export const zip = (
  shape: Shape.Shape,
  operands: ReadonlyArray<Tensor>,
  apply: (a: number, b: number, c: number) => number
): Float64Array => {
  const [a, b, c] = operands.map((operand) => stretch(operand, shape))
  return Float64Array.from({ length: Shape.product(shape) }, (_, index) =>
    apply(at(a ?? [], index), at(b ?? [], index), at(c ?? [], index))
  )
}

/** Elements folded over axes; the result has the reduced axes removed. */
export const fold = (
  tensor: Tensor,
  axes: ReadonlyArray<number>,
  start: number,
  step: (total: number, element: number) => number
): Float64Array => {
  const kept = tensor.shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
  const target = offsets(tensor.shape, stretched(kept, tensor.shape))
  const result = new Float64Array(Shape.product(kept)).fill(start)
  tensor.data.forEach((element, index) => {
    const slot = at(target, index)
    result[slot] = step(at(result, slot), element)
  })
  return result
}

/** A function of each vector along the last axis. */
export const alongLast = (
  tensor: Tensor,
  apply: (vector: Float64Array, row: number) => ArrayLike<number>
): Float64Array => {
  const width = tensor.shape.at(-1) ?? 1
  const rows = width === 0 ? 0 : tensor.data.length / width
  const parts = Array.from({ length: rows }, (_, row) =>
    Array.from(apply(tensor.data.subarray(row * width, (row + 1) * width), row))
  )
  return Float64Array.from(parts.flat())
}

/** Batched matrix product of two views given by their steps along batch, row and column. */
export const matMul = (
  a: Tensor,
  b: Tensor,
  shape: Shape.Shape,
  options: {
    readonly transposeA: boolean
    readonly transposeB: boolean
    readonly scale: number
  }
): Float64Array => {
  const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1]
  const inner = a.shape.at(options.transposeA ? -2 : -1) ?? 1
  const leading = shape.slice(0, -2)
  const matrices = (tensor: Tensor) =>
    offsets(leading, stretched(tensor.shape.slice(0, -2), leading))
  const [leftAt, rightAt] = [matrices(a), matrices(b)]
  const left = (matrix: number, m: number, k: number) =>
    at(
      a.data,
      at(leftAt, matrix) * rows * inner + (options.transposeA ? k * rows + m : m * inner + k)
    )
  const right = (matrix: number, k: number, n: number) =>
    at(
      b.data,
      at(rightAt, matrix) * inner * columns + (options.transposeB ? n * inner + k : k * columns + n)
    )
  return Float64Array.from({ length: Shape.product(shape) }, (_, index) => {
    const [n, m] = [index % columns, Math.floor(index / columns) % rows]
    const matrix = Math.floor(index / (rows * columns))
    let sum = 0
    for (let k = 0; k < inner; k++) sum += left(matrix, m, k) * right(matrix, k, n)
    return sum * options.scale
  })
}

/** The error function to about 1e-15, by its series (Abramowitz & Stegun 7.1.6). */
export const erf = (x: number): number => {
  if (Math.abs(x) > 6) return Math.sign(x)
  let [term, sum] = [x, x]
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return ((2 * sum) / Math.sqrt(Math.PI)) * Math.exp(-x * x)
}
