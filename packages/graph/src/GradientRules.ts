/**
 * For each operation, how the gradient of its result becomes the gradients of its inputs.
 * The table is total over the operations; the walk that applies it is `Gradient`.
 */
import * as Op from "./Op.ts"
import * as Shape from "./Shape.ts"
import * as Value from "./Value.ts"

type V = Value.Value

/** What an input receives; "none" where the operation has no gradient for it. */
export type Contribution = V | "none"

/** One contribution per input, from the node and the gradient of its result. */
export type Rule<Tag extends Value.OpTag> = (
  node: Value.Node<Tag>,
  gradient: V
) => ReadonlyArray<Contribution>

const first = (node: V) => Value.inputOf(node, 0)
const second = (node: V) => Value.inputOf(node, 1)
const third = (node: V) => Value.inputOf(node, 2)

const none = (node: V): ReadonlyArray<Contribution> => node.inputs.map(() => "none")

const halfPi = Math.sqrt(2 / Math.PI)

/** The gradient goes whole to the operand that was chosen. */
const chosen =
  (isLeft: (node: V) => V) =>
  (node: V, gradient: V): ReadonlyArray<Contribution> => [
    Op.sumTo(Op.where(isLeft(node), gradient, 0), first(node).shape),
    Op.sumTo(Op.where(isLeft(node), 0, gradient), second(node).shape)
  ]

/** A reduced gradient with its axes put back, stretched over the operand. */
const unreduced = (node: Value.Node<"Sum" | "SumSquares" | "Mean" | "Max">, gradient: V): V =>
  Op.reshape(
    gradient,
    first(node).shape.map((length, axis) => (node.attributes.axes.includes(axis) ? 1 : length))
  )

/** A gradient [N, M] that is a matrix with scaled rows [N, 1]. */
const rowScaled = (gradient: V) => {
  if (!Value.is(gradient, "Multiply")) return undefined
  const [matrix, scale] = [first(gradient), second(gradient)]
  const [rows = 0, ...rest] = gradient.shape
  const fits = rest.length === 1 && Shape.equals(scale.shape, [rows, 1])
  return fits && Shape.equals(matrix.shape, gradient.shape) ? { matrix, scale } : undefined
}

/**
 * Scaled rows of a wide gradient (of log-probabilities over a vocabulary) are not multiplied out: the
 * narrow operand and the narrow product are scaled instead.
 */
const matMul: Rule<"MatMul"> = (node, gradient) => {
  const a = first(node)
  const scaled = rowScaled(gradient)
  const isNarrow = (a.shape.at(-1) ?? 0) < (gradient.shape.at(-1) ?? 0)
  if (scaled === undefined || node.attributes.transposeA || !isNarrow)
    return products(node, a, gradient)
  const [left, right] = products(node, Op.multiply(a, scaled.scale), scaled.matrix)
  return [Op.multiply(left, scaled.scale), right]
}

const products = (node: Value.Node<"MatMul">, a: V, gradient: V): readonly [V, V] => {
  const { transposeA, transposeB, scale } = node.attributes
  const b = second(node)
  const left = transposeA
    ? Op.matMul(b, gradient, { transposeA: transposeB, transposeB: true, scale })
    : Op.matMul(gradient, b, { transposeB: !transposeB, scale })
  const right = transposeB
    ? Op.matMul(gradient, a, { transposeA: true, transposeB: transposeA, scale })
    : Op.matMul(a, gradient, { transposeA: !transposeA, scale })
  return [Op.sumTo(left, a.shape), Op.sumTo(right, b.shape)]
}

/** The gradient of log-probabilities of which one per row was picked: (softmax - 1 at the pick) * -g. */
const logSoftmax: Rule<"LogSoftmax"> = (node, gradient) => {
  const picked = placed(gradient)
  if (picked === undefined) {
    const along = Op.sum(gradient, [-1], { keepDims: true })
    return [Op.subtract(gradient, Op.multiply(Op.exp(node), along))]
  }
  const { elements, ids } = picked
  const less = Op.addAt(Op.exp(node), Op.constant(-1, elements.shape), ids)
  return [Op.multiply(less, Op.reshape(Op.negate(elements), [...elements.shape, 1]))]
}

/** What was placed into zeros by `Op.place`. */
const placed = (gradient: V) => {
  if (!Value.is(gradient, "AddAt") || !Value.is(first(gradient), "BroadcastTo")) return undefined
  const zero = first(first(gradient))
  const isZero =
    Value.is(zero, "Constant") && Array.from(zero.attributes.data).every((x) => x === 0)
  return isZero ? { ids: second(gradient), elements: third(gradient) } : undefined
}

const max: Rule<"Max"> = (node, gradient) => {
  const x = first(node)
  const isMax = Op.cast(Op.equal(x, unreduced(node, node)), "float32")
  const ties = Op.sum(isMax, node.attributes.axes, { keepDims: true })
  return [Op.multiply(isMax, Op.divide(unreduced(node, gradient), ties))]
}

const concat: Rule<"Concat"> = (node, gradient) => {
  const { axis } = node.attributes
  const sizes = node.inputs.map((input) => input.shape[axis] ?? 0)
  return Op.split(gradient, sizes, axis)
}

const rmsNorm: Rule<"RmsNorm"> = (node, gradient) => {
  const [x, gain] = [first(node), second(node)]
  const inverse = Op.statistic(node, "inverseDeviation")
  const normed = Op.multiply(x, inverse)
  const scaled = Op.multiply(gradient, gain)
  const along = Op.mean(Op.multiply(scaled, normed), [-1], { keepDims: true })
  return [
    Op.multiply(inverse, Op.subtract(scaled, Op.multiply(normed, along))),
    Op.sumTo(Op.multiply(gradient, normed), gain.shape)
  ]
}

const layerNorm: Rule<"LayerNorm"> = (node, gradient) => {
  const [x, gain] = [first(node), second(node)]
  const inverse = Op.statistic(node, "inverseDeviation")
  const normed = Op.multiply(Op.subtract(x, Op.statistic(node, "mean")), inverse)
  const scaled = Op.multiply(gradient, gain)
  const along = Op.mean(Op.multiply(scaled, normed), [-1], { keepDims: true })
  const centred = Op.subtract(scaled, Op.mean(scaled, [-1], { keepDims: true }))
  return [
    Op.multiply(inverse, Op.subtract(centred, Op.multiply(normed, along))),
    Op.sumTo(Op.multiply(gradient, normed), gain.shape),
    Op.sumTo(gradient, third(node).shape)
  ]
}

const silu: Rule<"Silu"> = (node, gradient) => {
  const gate = Op.sigmoid(first(node))
  return [Op.multiply(gradient, Op.add(gate, Op.multiply(node, Op.subtract(1, gate))))]
}

/** CDF(x) + x * density(x). */
const gelu: Rule<"Gelu"> = (node, gradient) => {
  const x = first(node)
  const cumulative = Op.multiply(Op.add(Op.erf(Op.multiply(x, Math.SQRT1_2)), 1), 0.5)
  const density = Op.multiply(Op.exp(Op.multiply(Op.multiply(x, x), -0.5)), halfPi / 2)
  return [Op.multiply(gradient, Op.add(cumulative, Op.multiply(x, density)))]
}

/** The rule of each operation. */
export const rules: { readonly [Tag in Value.OpTag]: Rule<Tag> } = {
  Input: () => [],
  Constant: () => [],
  Add: (node, gradient) => [
    Op.sumTo(gradient, first(node).shape),
    Op.sumTo(gradient, second(node).shape)
  ],
  Subtract: (node, gradient) => [
    Op.sumTo(gradient, first(node).shape),
    Op.negate(Op.sumTo(gradient, second(node).shape))
  ],
  Multiply: (node, gradient) => [
    Op.sumTo(Op.multiply(gradient, second(node)), first(node).shape),
    Op.sumTo(Op.multiply(gradient, first(node)), second(node).shape)
  ],
  Divide: (node, gradient) => {
    const share = Op.divide(gradient, second(node))
    return [
      Op.sumTo(share, first(node).shape),
      Op.negate(Op.sumTo(Op.multiply(share, node), second(node).shape))
    ]
  },
  Minimum: chosen((node) => Op.less(first(node), second(node))),
  Maximum: chosen((node) => Op.greater(first(node), second(node))),
  Negate: (_, gradient) => [Op.negate(gradient)],
  Exp: (node, gradient) => [Op.multiply(gradient, node)],
  Log: (node, gradient) => [Op.divide(gradient, first(node))],
  Sqrt: (node, gradient) => [Op.divide(Op.multiply(gradient, 0.5), node)],
  Tanh: (node, gradient) => [Op.multiply(gradient, Op.subtract(1, Op.multiply(node, node)))],
  Sigmoid: (node, gradient) => [Op.multiply(gradient, Op.multiply(node, Op.subtract(1, node)))],
  Relu: (node, gradient) => [Op.where(Op.greater(node, 0), gradient, 0)],
  Abs: (node, gradient) => [Op.where(Op.less(first(node), 0), Op.negate(gradient), gradient)],
  Silu: silu,
  Gelu: gelu,
  Erf: (node, gradient) => {
    const density = Op.exp(Op.negate(Op.square(first(node))))
    return [Op.multiply(gradient, Op.multiply(density, 2 / Math.sqrt(Math.PI)))]
  },
  Less: none,
  Greater: none,
  Equal: none,
  And: none,
  Not: none,
  Where: (node, gradient) => [
    "none",
    Op.sumTo(Op.where(first(node), gradient, 0), second(node).shape),
    Op.sumTo(Op.where(first(node), 0, gradient), third(node).shape)
  ],
  Cast: none,
  StopGradient: none,
  Reshape: (node, gradient) => [Op.reshape(gradient, first(node).shape)],
  Transpose: (node, gradient) => {
    const { permutation } = node.attributes
    return [
      Op.transpose(
        gradient,
        permutation.map((_, axis) => permutation.indexOf(axis))
      )
    ]
  },
  BroadcastTo: (node, gradient) => [Op.sumTo(gradient, first(node).shape)],
  Concat: concat,
  Slice: (node, gradient) => {
    const { axis, start } = node.attributes
    return [Op.pad(gradient, axis, start, first(node).shape[axis] ?? 0)]
  },
  Pad: (node, gradient) => {
    const { axis, start } = node.attributes
    return [Op.slice(gradient, axis, start, start + (first(node).shape[axis] ?? 0))]
  },
  MatMul: matMul,
  Gather: (node, gradient) => [
    Op.scatterRows(gradient, second(node), first(node).shape[0] ?? 0),
    "none"
  ],
  ScatterRows: (node, gradient) => [Op.gather(gradient, second(node)), "none"],
  Pick: (node, gradient) => [
    Op.place(gradient, second(node), first(node).shape.at(-1) ?? 0),
    "none"
  ],
  AddAt: (node, gradient) => [gradient, "none", Op.pick(gradient, second(node))],
  Sum: (node, gradient) => [Op.broadcastTo(unreduced(node, gradient), first(node).shape)],
  SumSquares: (node, gradient) => [
    Op.multiply(Op.multiply(unreduced(node, gradient), 2), first(node))
  ],
  Mean: (node, gradient) => {
    const share = Shape.product(node.shape) / Shape.product(first(node).shape)
    const each = Op.multiply(unreduced(node, gradient), share)
    return [Op.broadcastTo(each, first(node).shape)]
  },
  Max: max,
  ArgMax: none,
  TopValues: none,
  TopPositions: none,
  CumulativeSum: (node, gradient) => [
    Op.cumulativeSum(gradient, { reverse: !node.attributes.reverse })
  ],
  Softmax: (node, gradient) => {
    const along = Op.sum(Op.multiply(gradient, node), [-1], { keepDims: true })
    return [Op.multiply(node, Op.subtract(gradient, along))]
  },
  LogSoftmax: logSoftmax,
  RmsNorm: rmsNorm,
  LayerNorm: layerNorm,
  Statistic: none,
  Rotary: (node, gradient) => [
    Op.rotary(gradient, second(node), third(node), { inverse: !node.attributes.inverse }),
    "none",
    "none"
  ],
  GroupQueryAttention: none,
  Present: none,
  Dequantize: none,
  MatMulNBits: (node, gradient) => {
    const [packed, scales] = [second(node), third(node)]
    return [Op.matMul(gradient, Op.dequantize({ packed, scales })), "none", "none"]
  }
}
