/**
 * Graphs as text, for people and for snapshots: one line per node, inputs before their uses.
 * It shows the graph as it was written; what the runtime is given is `Onnx`.
 */
import * as Value from "./Value.ts"

type V = Value.Value

/**
 * Lines such as `%3 = matMul(%1, %2) {transposeB} : float32 [8, 64]`, then one per output. Scalar
 * constants stand where they are used; of long ones the beginning is shown.
 */
export const graph = (outputs: { readonly [name: string]: V }): string => {
  const names = new Map<V, string>()
  const lines: Array<string> = []
  for (const node of Value.inOrder(Object.values(outputs))) {
    if (Value.is(node, "Constant") && node.shape.length === 0) {
      names.set(node, numbersOf(node))
      continue
    }
    const name = `%${lines.length}`
    names.set(node, name)
    lines.push(`${name} = ${callOf(node, names)} : ${typeOf(node)}`)
  }
  const results = Object.entries(outputs).map(([name, value]) => `${name} = ${names.get(value)}`)
  return [...lines, ...results].join("\n")
}

const typeOf = ({ type, shape }: V) => `${type} [${shape.join(", ")}]`

const callOf = (node: V, names: ReadonlyMap<V, string>): string => {
  if (Value.is(node, "Input")) return `input "${node.attributes.name}"`
  if (Value.is(node, "Constant")) return `constant ${numbersOf(node)}`
  const operands = node.inputs.map((input) => names.get(input) ?? "?").join(", ")
  const attributes = Object.entries<unknown>({ ...node.attributes }).flatMap(attributeOf)
  const settings = attributes.length === 0 ? "" : ` {${attributes.join(", ")}}`
  return `${node.op.charAt(0).toLowerCase()}${node.op.slice(1)}(${operands})${settings}`
}

const shown = 8

const numbersOf = ({ attributes: { data } }: Value.Node<"Constant">): string => {
  const numbers = Array.from({ length: Math.min(shown, data.length) }, (_, index) =>
    String(Number((data[index] ?? 0).toPrecision(7)))
  )
  return [...numbers, ...(data.length > shown ? [`... (${data.length})`] : [])].join(", ")
}

/** Flags by their name; what is usual, and so says nothing, is left out. */
const attributeOf = ([name, value]: readonly [string, unknown]): ReadonlyArray<string> => {
  if (value === false || (name === "scale" && value === 1)) return []
  if (value === true) return [name]
  return [`${name} ${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}`]
}
