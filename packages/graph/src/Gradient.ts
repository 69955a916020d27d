/**
 * Reverse-mode differentiation: from a scalar loss to the gradients of the given values, as a graph.
 * It walks and adds up; what each operation does to a gradient is `GradientRules`.
 */
import { type Contribution, rules } from "./GradientRules.ts"
import * as Op from "./Op.ts"
import * as Shape from "./Shape.ts"
import * as Value from "./Value.ts"

type V = Value.Value

const remedy = "wrap that input in stopGradient, or write it with other operations"

const remedies: { readonly [tag in Value.OpTag]?: string } = {
  GroupQueryAttention: "it only decodes; train with Op.attention",
  Present: "it only decodes; train with Op.attention",
  Dequantize: "a quantised weight is frozen; train what is added to it"
}

/** A loss that reaches a parameter through an operation that has no gradient there. */
export class GradientError extends Error {
  readonly _tag = "GradientError"
  readonly operation: Value.OpTag

  constructor(operation: Value.OpTag, position: number) {
    super(
      `${operation} has no gradient for its input ${position}, but a parameter reaches the loss ` +
        `through it: ${remedies[operation] ?? remedy}`
    )
    this.name = "GradientError"
    this.operation = operation
  }
}

/**
 * The gradients of a one-element loss, one per parameter with the parameter's shape; zeros for a
 * parameter that the loss does not depend on. Gradients flow only through float32 values, and stop
 * at `stopGradient`, `cast` and comparisons.
 */
export const gradients = (loss: V, parameters: ReadonlyArray<V>): ReadonlyArray<V> => {
  if (Shape.product(loss.shape) !== 1)
    throw new Shape.ShapeError("gradients", [loss.shape], "the loss must have one element")
  const order = Value.inOrder([loss])
  const live = reached(order, parameters)
  const pending = new Map<V, Array<V>>([[loss, [Op.constant(1, loss.shape)]]])
  const found = new Map<V, V>()
  for (const node of order.toReversed()) {
    const parts = pending.get(node)
    if (parts === undefined || !live.has(node)) continue
    const gradient = total(parts)
    found.set(node, gradient)
    for (const [input, part] of contributions(node, gradient, live))
      pending.set(input, [...(pending.get(input) ?? []), part])
  }
  return parameters.map((parameter) => found.get(parameter) ?? Op.constant(0, parameter.shape))
}

const stops: ReadonlySet<Value.OpTag> = new Set(["StopGradient", "Cast"])

/** The parameters and every float32 node that depends on one through differentiable paths. */
const reached = (order: ReadonlyArray<V>, parameters: ReadonlyArray<V>): ReadonlySet<V> => {
  const live = new Set(parameters)
  for (const node of order)
    if (
      node.type === "float32" &&
      !stops.has(node.op) &&
      node.inputs.some((input) => live.has(input))
    )
      live.add(node)
  return live
}

const applied = <Tag extends Value.OpTag>(
  node: Value.Node<Tag>,
  gradient: V
): ReadonlyArray<Contribution> => rules[node.op](node, gradient)

const contributions = (
  node: V,
  gradient: V,
  live: ReadonlySet<V>
): ReadonlyArray<readonly [V, V]> =>
  applied(node, gradient).flatMap((part, position) => {
    const input = Value.inputOf(node, position)
    if (!live.has(input)) return []
    if (part === "none") throw new GradientError(node.op, position)
    return [[input, part] as const]
  })

/** The sum of the contributions; pieces that tile an axis are joined instead of padded and added. */
const total = (parts: ReadonlyArray<V>): V =>
  joined(parts) ?? parts.reduce((sum, part) => Op.add(sum, part))

const joined = (parts: ReadonlyArray<V>): V | undefined => {
  const pieces = parts
    .filter((part) => Value.is(part, "Pad"))
    .toSorted((left, right) => left.attributes.start - right.attributes.start)
  const [head] = pieces
  if (head === undefined || pieces.length !== parts.length) return undefined
  const { axis } = head.attributes
  let end = 0
  for (const piece of pieces) {
    if (piece.attributes.axis !== axis || piece.attributes.start !== end) return undefined
    end += Value.inputOf(piece, 0).shape[axis] ?? 0
  }
  const whole = end === head.shape[axis]
  return whole
    ? Op.concat(
        pieces.map((piece) => Value.inputOf(piece, 0)),
        axis
      )
    : undefined
}
