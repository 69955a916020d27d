/**
 * The meaning of a graph: every operation computed in float64 by plain loops.
 * It is the oracle of the tests, not a way to train.
 */
import * as Record from "effect/Record"
import { rules } from "./InterpreterRules.ts"
import type { Tensor } from "./Reference.ts"
import * as Shape from "./Shape.ts"
import * as Value from "./Value.ts"

/** Numbers for the named inputs, row-major. */
export type Feeds = { readonly [name: string]: ArrayLike<number> | BigInt64Array }

const applied = <Tag extends Value.OpTag>(
  node: Value.Node<Tag>,
  inputs: ReadonlyArray<Tensor>
): Float64Array => rules[node.op](node, inputs)

const fed = (node: Value.Node<"Input">, feeds: Feeds): Float64Array => {
  const feed = feeds[node.attributes.name]
  if (feed === undefined || feed.length !== Shape.product(node.shape))
    throw new Shape.ShapeError(
      `input ${node.attributes.name}`,
      [node.shape],
      feed === undefined ? "it was not fed" : `it was fed ${feed.length} numbers`
    )
  return Float64Array.from({ length: feed.length }, (_, index) => Number(feed[index]))
}

/** The values of the outputs, computed from the feeds; extra feeds are ignored. */
export const evaluate = <Name extends string>(
  outputs: Record.ReadonlyRecord<Name, Value.Value>,
  feeds: Feeds
): { [name in Name]: Float64Array } => {
  const tensors = new Map<Value.Value, Tensor>()
  const tensorOf = (value: Value.Value): Tensor =>
    tensors.get(value) ?? { shape: value.shape, data: new Float64Array(0) }
  for (const node of Value.inOrder(Object.values<Value.Value>(outputs))) {
    const inputs = node.inputs.map(tensorOf)
    const data = Value.is(node, "Input") ? fed(node, feeds) : applied(node, inputs)
    tensors.set(node, { shape: node.shape, data })
  }
  return Record.map(outputs, (value) => tensorOf(value).data)
}
