/**
 * For each operation, its definition on float64 arrays.
 * The table is total over the operations; the walk that applies it is `Interpreter`.
 */
import * as Attention from "./InterpreterAttention.ts"
import * as Reference from "./Reference.ts"
import * as Shape from "./Shape.ts"
import type * as Value from "./Value.ts"

type Tensor = Reference.Tensor
const { at } = Reference

/** The node's elements, row-major, from its inputs'. */
export type Rule<Tag extends Value.OpTag> = (
  node: Value.Node<Tag>,
  inputs: ReadonlyArray<Tensor>
) => Float64Array

const empty: Tensor = { shape: [0], data: new Float64Array(0) }
const map =
  (apply: (x: number) => number) =>
  (_: Value.Value, [x = empty]: ReadonlyArray<Tensor>) =>
    x.data.map(apply)
const zip =
  (apply: (a: number, b: number, c: number) => number) =>
  (node: Value.Value, inputs: ReadonlyArray<Tensor>) =>
    Reference.zip(node.shape, inputs, apply)
const same = (_: Value.Value, [x = empty]: ReadonlyArray<Tensor>) => x.data

const total = (vector: ArrayLike<number>) => Array.from(vector).reduce((sum, x) => sum + x, 0)
const meanOf = (vector: ArrayLike<number>) => total(vector) / vector.length

/** 1 / sqrt(mean square + epsilon) of a vector. */
const inverseDeviation = (vector: Float64Array, epsilon: number): number =>
  1 / Math.sqrt(meanOf(vector.map((x) => x * x)) + epsilon)

const centred = (vector: Float64Array) => {
  const mean = meanOf(vector)
  return vector.map((x) => x - mean)
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
const normalised = (vector: Float64Array) => {
  const largest = vector.reduce((most, x) => Math.max(most, x), -Infinity)
  const powers = vector.map((x) => Math.exp(x - largest))
  return { shifted: vector.map((x) => x - largest), powers, sum: total(powers) }
}

const casts: Record<Value.Type, (x: number) => number> = {
  float32: (x) => x,
  int64: Math.trunc,
  int32: (x) => x | 0,
  uint8: (x) => Math.trunc(x) & 255,
  bool: (x) => (x === 0 ? 0 : 1)
}

const concat: Rule<"Concat"> = (node, inputs) => {
  const { axis } = node.attributes
  const steps = Shape.strides(node.shape)
  const result = new Float64Array(Shape.product(node.shape))
  let start = 0
  for (const input of inputs) {
    const target = Reference.offsets(input.shape, steps, start * (steps[axis] ?? 1))
    input.data.forEach((x, index) => (result[at(target, index)] = x))
    start += input.shape[axis] ?? 0
  }
  return result
}

const pad: Rule<"Pad"> = (node, [x = empty]) => {
  const steps = Shape.strides(node.shape)
  const base = node.attributes.start * (steps[node.attributes.axis] ?? 1)
  const target = Reference.offsets(x.shape, steps, base)
  const result = new Float64Array(Shape.product(node.shape))
  x.data.forEach((element, index) => (result[at(target, index)] = element))
  return result
}

const scatterRows: Rule<"ScatterRows"> = (node, [rows = empty, ids = empty]) => {
  const width = Shape.product(node.shape.slice(1))
  const result = new Float64Array(Shape.product(node.shape))
  rows.data.forEach((x, index) => {
    const slot = at(ids.data, Math.floor(index / width)) * width + (index % width)
    result[slot] = at(result, slot) + x
  })
  return result
}

const addAt: Rule<"AddAt"> = (node, [base = empty, ids = empty, x = empty]) => {
  const width = node.shape.at(-1) ?? 1
  const result = Float64Array.from(base.data)
  x.data.forEach((element, row) => {
    const slot = row * width + at(ids.data, row)
    result[slot] = at(result, slot) + element
  })
  return result
}

const statistic: Rule<"Statistic"> = (node, [_norm, x = empty]) =>
  Reference.alongLast(x, (vector) => {
    if (node.attributes.which === "mean") return [meanOf(vector)]
    const around = node.attributes.of === "LayerNorm" ? centred(vector) : vector
    return [inverseDeviation(around, node.attributes.epsilon)]
  })

const cumulativeSum: Rule<"CumulativeSum"> = (node, [x = empty]) =>
  Reference.alongLast(x, (vector) => {
    let sum = 0
    const { reverse } = node.attributes
    const running = (reverse ? vector.toReversed() : vector).map((element) => (sum += element))
    return reverse ? running.toReversed() : running
  })

/** Each byte's lower and upper four bits, minus 8, times the scale of their block. */
const dequantized = (packed: Tensor, scales: Tensor): Float64Array => {
  const bytes = packed.shape[2] ?? 1
  return Float64Array.from({ length: 2 * packed.data.length }, (_, index) => {
    const byte = at(packed.data, index >> 1)
    const level = index % 2 === 0 ? byte & 15 : byte >> 4
    return (level - 8) * at(scales.data, Math.floor(index / (2 * bytes)))
  })
}

/** The largest elements with their positions; of equal ones the first comes first. */
const descending = (vector: Float64Array, count: number) =>
  Array.from(vector, (element, position) => [element, position] as const)
    .toSorted(([left], [right]) => right - left)
    .slice(0, count)

/** The rule of each operation. */
export const rules: { readonly [Tag in Value.OpTag]: Rule<Tag> } = {
  Input: () => empty.data,
  Constant: (node) => Float64Array.from(node.attributes.data),
  Add: zip((a, b) => a + b),
  Subtract: zip((a, b) => a - b),
  Multiply: zip((a, b) => a * b),
  Divide: (node, inputs) =>
    zip((a, b) => (node.type === "int64" ? Math.trunc(a / b) : a / b))(node, inputs),
  Minimum: zip((a, b) => Math.min(a, b)),
  Maximum: zip((a, b) => Math.max(a, b)),
  Negate: map((x) => -x),
  Exp: map(Math.exp),
  Log: map(Math.log),
  Sqrt: map(Math.sqrt),
  Tanh: map(Math.tanh),
  Sigmoid: map(sigmoid),
  Relu: map((x) => Math.max(x, 0)),
  Abs: map(Math.abs),
  Silu: map((x) => x * sigmoid(x)),
  Gelu: map((x) => (x * (1 + Reference.erf(x * Math.SQRT1_2))) / 2),
  Erf: map(Reference.erf),
  Less: zip((a, b) => (a < b ? 1 : 0)),
  Greater: zip((a, b) => (a > b ? 1 : 0)),
  Equal: zip((a, b) => (a === b ? 1 : 0)),
  And: zip((a, b) => a * b),
  Not: map((x) => 1 - x),
  Where: zip((condition, a, b) => (condition === 0 ? b : a)),
  Cast: (node, inputs) => map(casts[node.type])(node, inputs),
  StopGradient: same,
  Reshape: same,
  Transpose: (node, [x = empty]) => {
    const steps = Shape.strides(x.shape)
    const turned = node.attributes.permutation.map((axis) => steps[axis] ?? 1)
    return Reference.read(x.data, Reference.offsets(node.shape, turned))
  },
  BroadcastTo: (node, [x = empty]) => Reference.stretch(x, node.shape),
  Concat: concat,
  Slice: (node, [x = empty]) => {
    const steps = Shape.strides(x.shape)
    const base = node.attributes.start * (steps[node.attributes.axis] ?? 1)
    return Reference.read(x.data, Reference.offsets(node.shape, steps, base))
  },
  Pad: pad,
  MatMul: (node, [a = empty, b = empty]) => Reference.matMul(a, b, node.shape, node.attributes),
  Gather: (node, [table = empty, ids = empty]) => {
    const width = Shape.product(table.shape.slice(1))
    return Float64Array.from({ length: Shape.product(node.shape) }, (_, index) =>
      at(table.data, at(ids.data, Math.floor(index / width)) * width + (index % width))
    )
  },
  ScatterRows: scatterRows,
  Pick: (_, [x = empty, ids = empty]) =>
    ids.data.map((id, row) => at(x.data, row * (x.shape.at(-1) ?? 1) + id)),
  AddAt: addAt,
  Sum: (node, [x = empty]) => Reference.fold(x, node.attributes.axes, 0, (sum, y) => sum + y),
  SumSquares: (node, [x = empty]) =>
    Reference.fold(x, node.attributes.axes, 0, (sum, y) => sum + y * y),
  Mean: (node, [x = empty]) => {
    const sums = Reference.fold(x, node.attributes.axes, 0, (sum, y) => sum + y)
    return sums.map((sum) => (sum * sums.length) / x.data.length)
  },
  Max: (node, [x = empty]) => Reference.fold(x, node.attributes.axes, -Infinity, Math.max),
  ArgMax: (_, [x = empty]) =>
    Reference.alongLast(x, (vector) => [vector.indexOf(vector.reduce((a, b) => Math.max(a, b)))]),
  TopValues: (node, [x = empty]) =>
    Reference.alongLast(x, (vector) => descending(vector, node.attributes.count).map(([y]) => y)),
  TopPositions: (node, [_top, x = empty]) =>
    Reference.alongLast(x, (vector) => descending(vector, node.attributes.count).map(([, i]) => i)),
  CumulativeSum: cumulativeSum,
  Softmax: (_, [x = empty]) =>
    Reference.alongLast(x, (vector) => {
      const { powers, sum } = normalised(vector)
      return powers.map((power) => power / sum)
    }),
  LogSoftmax: (_, [x = empty]) =>
    Reference.alongLast(x, (vector) => {
      const { shifted, sum } = normalised(vector)
      return shifted.map((difference) => difference - Math.log(sum))
    }),
  RmsNorm: (node, [x = empty, gain = empty]) =>
    Reference.alongLast(x, (vector) => {
      const inverse = inverseDeviation(vector, node.attributes.epsilon)
      return vector.map((element, index) => element * inverse * at(gain.data, index))
    }),
  LayerNorm: (node, [x = empty, gain = empty, bias = empty]) =>
    Reference.alongLast(x, (vector) => {
      const inverse = inverseDeviation(centred(vector), node.attributes.epsilon)
      return centred(vector).map(
        (element, index) => element * inverse * at(gain.data, index) + at(bias.data, index)
      )
    }),
  Statistic: statistic,
  Rotary: (node, [x = empty, cos = empty, sin = empty]) =>
    Attention.rotary(x, { cos, sin, inverse: node.attributes.inverse }),
  GroupQueryAttention: (node, inputs) => Attention.cached(inputs, node.attributes),
  Present: (node, inputs) => Attention.present(inputs.slice(1), node.attributes),
  Dequantize: (_, [packed = empty, scales = empty]) => dequantized(packed, scales),
  MatMulNBits: (node, [x = empty, packed = empty, scales = empty]) => {
    const [inner, columns] = [x.shape.at(-1) ?? 1, node.shape.at(-1) ?? 1]
    const weight = { shape: [columns, inner], data: dequantized(packed, scales) }
    const rows = x.data.length / inner
    const options = { transposeA: false, transposeB: true, scale: 1 }
    return Reference.matMul(
      { shape: [rows, inner], data: x.data },
      weight,
      [rows, columns],
      options
    )
  }
}
