/**
 * Which ids a graph can read: for each fed input of ids, the size of the smallest table it points into.
 * The kernels count negative ids from the end and name no input, so feeds are checked against this.
 */
import * as Value from "./Value.ts"

type V = Value.Value

/** Operations that only move elements, through which an id can be followed to where it was fed. */
const moves: ReadonlySet<Value.OpTag> = new Set([
  "Reshape",
  "Transpose",
  "Slice",
  "Concat",
  "BroadcastTo",
  "StopGradient"
])

/** The number of rows or classes that an operation's ids choose from. */
const sizeOf: {
  readonly [tag in Value.OpTag]?: (node: V) => number | undefined
} = {
  Gather: (node) => Value.inputOf(node, 0).shape[0],
  Pick: (node) => Value.inputOf(node, 0).shape.at(-1),
  ScatterRows: (node) => node.shape[0],
  AddAt: (node) => node.shape.at(-1)
}

/** For each named input that is used as ids as it was fed: the ids must be at least 0 and below this. */
export const bounds = (outputs: ReadonlyArray<V>): { readonly [input: string]: number } => {
  const found: { [input: string]: number } = {}
  for (const node of Value.inOrder(outputs)) {
    const size = sizeOf[node.op]?.(node)
    if (size === undefined) continue
    for (const source of fedTo(Value.inputOf(node, 1))) {
      const { name } = source.attributes
      found[name] = Math.min(found[name] ?? Infinity, size)
    }
  }
  return found
}

/** The inputs whose elements a value consists of, if it consists of inputs only moved. */
const fedTo = (value: V): ReadonlyArray<Value.Node<"Input">> => {
  if (Value.is(value, "Input")) return [value]
  return moves.has(value.op) ? value.inputs.flatMap(fedTo) : []
}
