/**
 * How parameters begin: functions from a shape and a source of randomness to numbers.
 * Weights are read as [inputs, outputs], the layout of `matMul(x, weight)`.
 */
import * as Shape from "./Shape.ts"

/** A source of numbers in [0, 1). */
export type Random = () => number

/** Row-major numbers for a shape; the same randomness gives the same numbers. */
export type Initializer = (shape: Shape.Shape, random: Random) => Float32Array

/** The same number everywhere. */
export const constant =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(Shape.product(shape)).fill(value)

/** Zeros. */
export const zeros: Initializer = constant(0)
/** Ones. */
export const ones: Initializer = constant(1)

/** Independent normal numbers around zero (Box & Muller 1958). */
export const normal =
  (standardDeviation: number): Initializer =>
  (shape, random) =>
    filled(shape, () => standardDeviation * gauss(random))

/** Independent uniform numbers in [low, high). */
export const uniform =
  (low: number, high: number): Initializer =>
  (shape, random) =>
    filled(shape, () => low + (high - low) * random())

/** Uniform with variance 2 / (inputs + outputs) (Glorot & Bengio 2010, eq. 16). */
export const xavier: Initializer = (shape, random) => {
  const [inputs, outputs] = fans(shape)
  const bound = Math.sqrt(6 / (inputs + outputs))
  return uniform(-bound, bound)(shape, random)
}

/** Normal with variance 2 / inputs, for layers before a relu (He et al. 2015, eq. 10). */
export const kaiming: Initializer = (shape, random) =>
  normal(Math.sqrt(2 / fans(shape)[0]))(shape, random)

/** A random matrix with orthonormal rows or columns, times a gain (Saxe et al. 2014). */
export const orthogonal =
  (gain = 1): Initializer =>
  (shape, random) => {
    const columns = shape.at(-1) ?? 1
    const rows = Shape.product(shape) / columns
    const [count, width] = rows < columns ? [rows, columns] : [columns, rows]
    const vectors = orthonormal(count, width, random)
    return Float32Array.from({ length: rows * columns }, (_, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns]
      const [vector, element] = rows < columns ? [row, column] : [column, row]
      return gain * (vectors[vector]?.[element] ?? 0)
    })
  }

const filled = (shape: Shape.Shape, next: () => number): Float32Array => {
  const numbers = new Float32Array(Shape.product(shape))
  for (let index = 0; index < numbers.length; index++) numbers[index] = next()
  return numbers
}

const gauss = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

const fans = (shape: Shape.Shape): readonly [number, number] => {
  const outputs = shape.at(-1) ?? 1
  return [Shape.product(shape) / outputs, outputs]
}

const dot = (left: ReadonlyArray<number>, right: ReadonlyArray<number>) =>
  left.reduce((sum, x, index) => sum + x * (right[index] ?? 0), 0)

/** Gram-Schmidt, each vector cleaned twice because once loses digits. */
const orthonormal = (count: number, width: number, random: Random) => {
  const basis: Array<ReadonlyArray<number>> = []
  while (basis.length < count) {
    let vector = Array.from({ length: width }, () => gauss(random))
    for (const known of [...basis, ...basis]) {
      const share = dot(vector, known)
      vector = vector.map((x, index) => x - share * (known[index] ?? 0))
    }
    const length = Math.sqrt(dot(vector, vector))
    basis.push(vector.map((x) => x / length))
  }
  return basis
}
