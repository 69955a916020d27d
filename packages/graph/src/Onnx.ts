/**
 * From a graph to the bytes of an ONNX model (opset 21 with Microsoft's contributed operators).
 * A node that several results share is written once; what each node becomes is `OnnxRules`.
 */
import { OnnxGraph } from "./OnnxGraph.ts"
import { rules } from "./OnnxRules.ts"
import type { Site } from "./OnnxSite.ts"
import * as Shape from "./Shape.ts"
import * as Value from "./Value.ts"

type V = Value.Value

/** What is known about how the model will be run. */
export interface EncodeOptions {
  /** Whether the model is only run with one thread inside kernels, which allows a faster scatter. */
  readonly isSingleThreaded?: boolean
  /** Whether it must also be right where kernels are others than the CPU's; default false. */
  readonly isPortable?: boolean
}

/** The model that computes the named outputs from the inputs that they reach. */
export const encode = (
  outputs: { readonly [name: string]: V },
  { isSingleThreaded = false, isPortable = false }: EncodeOptions = {}
): Uint8Array => {
  const graph = new OnnxGraph()
  const order = Value.inOrder(Object.values(outputs), operands)
  refuseCollisions(outputs, order)
  const producers = new Set(
    order.filter((node) => byProducts.has(node.op)).map((node) => Value.inputOf(node, 0))
  )
  const wanted = new Map(Object.entries(outputs).map(([name, value]) => [value, name]))
  const names = new Map<V, string>()
  for (const node of order) {
    const inputs = operands(node).map((input) => names.get(input) ?? "")
    const output = wanted.get(node) ?? graph.name()
    const site = {
      graph,
      inputs,
      output,
      withByProducts: producers.has(node),
      isSingleThreaded,
      isPortable
    }
    names.set(node, applied(node, site))
  }
  for (const [name, value] of Object.entries(outputs)) {
    const source = names.get(value) ?? ""
    if (source !== name) graph.node({ op: "Identity", inputs: [source], outputs: [name] })
    graph.output(name, value)
  }
  return graph.finish({ lastFirst: true })
}

/** Operations that name a further result of their first input's kernel. */
const byProducts: ReadonlySet<Value.OpTag> = new Set(["Statistic", "TopPositions", "Present"])

const applied = <Tag extends Value.OpTag>(node: Value.Node<Tag>, site: Site): string =>
  rules[node.op](node, site)

const stretching: ReadonlySet<Value.OpTag> = new Set([
  "Add",
  "Subtract",
  "Multiply",
  "Divide",
  "Minimum",
  "Maximum",
  "Less",
  "Greater",
  "Equal",
  "Where"
])

const source = (value: V): V =>
  Value.is(value, "StopGradient") ? source(Value.inputOf(value, 0)) : value

/** The inputs as encoded: kernels that broadcast read the unstretched operand; stops are skipped. */
const operands = (node: V): ReadonlyArray<V> => {
  const inputs = node.inputs.map(source)
  if (!stretching.has(node.op)) return inputs
  return inputs.reduce<ReadonlyArray<V>>((current, input, index) => {
    if (!Value.is(input, "BroadcastTo")) return current
    const relaxed = current.with(index, source(Value.inputOf(input, 0)))
    const shape = relaxed.reduce<Shape.Shape>(
      (all, operand) => Shape.broadcast(node.op, all, operand.shape),
      []
    )
    return Shape.equals(shape, node.shape) ? relaxed : current
  }, inputs)
}

const refuseCollisions = (outputs: { readonly [name: string]: V }, order: ReadonlyArray<V>) => {
  const taken = new Map<string, V>()
  for (const node of order) {
    if (!Value.is(node, "Input")) continue
    const { name } = node.attributes
    const other = taken.get(name)
    if (other !== undefined || name in outputs)
      throw new Shape.ShapeError(
        "encode",
        [node.shape, (other ?? node).shape],
        `two different values are named ${name}; rename the input or the output`
      )
    taken.set(name, node)
  }
}
