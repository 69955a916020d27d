/**
 * An ONNX graph under construction: nodes, initialisers and the names that tie them together.
 * It knows ONNX's message layout (onnx.proto3, IR 10) and nothing of our operations.
 */
import { Message } from "./Protobuf.ts"
import type { Shape } from "./Shape.ts"
import type { Type } from "./Value.ts"

/** ONNX's numbers for our element types. */
export const typeCodes: Record<Type, number> = { float32: 1, int64: 7, int32: 6, uint8: 2, bool: 9 }

/** A node's attribute, by its type in ONNX. */
export type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: ReadonlyArray<number> }
  | { readonly text: string }
  | { readonly graph: OnnxGraph }

/** One node: `inputs` and `outputs` are names of values. */
export interface OnnxNode {
  readonly op: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly attributes?: Readonly<Record<string, Attribute>>
  /** Operators of Microsoft's contributed set instead of ONNX's own. */
  readonly contributed?: boolean
}

interface Described {
  readonly shape: Shape
  readonly type: Type
}

/** An input or output of a model; a length that only its runs know has a name instead. */
export interface Port {
  readonly shape: ReadonlyArray<number | string>
  readonly type: Type
}

const raw: Record<Type, (data: ArrayLike<number>) => ArrayBufferView> = {
  float32: (data) => (data instanceof Float32Array ? data : Float32Array.from(data)),
  int64: (data) => BigInt64Array.from(Array.from(data, BigInt)),
  int32: (data) => Int32Array.from(data),
  uint8: (data) => Uint8Array.from(data),
  bool: (data) => Uint8Array.from(data)
}

/** Collects a graph and gives the bytes of its model. */
export class OnnxGraph {
  readonly #graph = new Message().text(2, "graph")
  readonly #nodes: Array<Message> = []
  readonly #known = new Map<string, string>()
  readonly #prefix: string
  #fresh = 0

  /** A graph inside a node of another gets a prefix of its own, so that no name is taken twice. */
  constructor(prefix = "") {
    this.#prefix = prefix
  }

  /** A name that no other value of this graph has. */
  name(): string {
    return `#${this.#prefix}${this.#fresh++}`
  }

  /** Writes a node, or finds the equal one that is written; the name of its first result. */
  node(node: OnnxNode): string {
    const [output = ""] = node.outputs
    const { op, inputs, attributes = {} } = node
    const held = Object.values(attributes).some((attribute) => "graph" in attribute)
    const content = JSON.stringify([op, inputs, attributes, held ? output : node.outputs.length])
    return this.#once(content, output, () => {
      const message = new Message()
      for (const input of inputs) message.text(1, input)
      for (const name of node.outputs) message.text(2, name)
      message.text(3, `${op}:${output}`).text(4, op)
      for (const [name, attribute] of Object.entries(attributes))
        message.message(5, attributeMessage(name, attribute))
      if (node.contributed) message.text(7, "com.microsoft")
      this.#nodes.push(message)
    })
  }

  /** An intermediate result of one node, under a fresh name. */
  result(
    op: string,
    inputs: ReadonlyArray<string>,
    attributes: OnnxNode["attributes"] = {}
  ): string {
    return this.node({ op, inputs, outputs: [this.name()], attributes })
  }

  /** Constant data under a name. */
  initializer(name: string, data: ArrayLike<number>, { shape, type }: Described): string {
    const view = raw[type](data)
    const message = new Message()
    for (const length of shape) message.integer(1, length)
    message.integer(2, typeCodes[type]).text(8, name)
    message.bytes(9, new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
    this.#graph.message(5, message)
    return name
  }

  /** A list of int64 (axes, shapes), stored once per content. */
  integers(data: ReadonlyArray<number>, shape: Shape = [data.length]): string {
    const name = this.name()
    return this.#once(`int64 [${shape.join()}] ${data.join()}`, name, () =>
      this.initializer(name, data, { shape, type: "int64" })
    )
  }

  /** A list of float32, stored once per content. */
  floats(data: ReadonlyArray<number>): string {
    return this.#list(data, "float32")
  }

  /** A list of int32, stored once per content. */
  counts(data: ReadonlyArray<number>): string {
    return this.#list(data, "int32")
  }

  /** A list of uint8, stored once per content. */
  bytes(data: ReadonlyArray<number>): string {
    return this.#list(data, "uint8")
  }

  /** Zeros of a shape. */
  zeros(shape: Shape): string {
    return this.result("Expand", [this.floats([0]), this.integers(shape)])
  }

  input(name: string, port: Port): string {
    this.#graph.message(11, valueMessage(name, port))
    return name
  }

  output(name: string, port: Port): void {
    this.#graph.message(12, valueMessage(name, port))
  }

  /** The graph alone, for an attribute of a node that holds it. */
  get message(): Message {
    return this.#written(this.#nodes)
  }

  /**
   * The model's bytes: IR 10, opset 21 and Microsoft's contributed operators. `lastFirst` writes the
   * nodes in reverse: the runtime goes backward from the last node written and would else leave all
   * results that nothing reads (gradients of weights) to the end, with all that they need.
   */
  finish({ lastFirst = false }: { readonly lastFirst?: boolean } = {}): Uint8Array {
    return new Message()
      .integer(1, 10)
      .text(2, "dreamgym")
      .message(7, this.#written(lastFirst ? this.#nodes.toReversed() : this.#nodes))
      .message(8, new Message().text(1, "").integer(2, 21))
      .message(8, new Message().text(1, "com.microsoft").integer(2, 1))
      .finish()
  }

  #written(nodes: ReadonlyArray<Message>): Message {
    const graph = new Message()
    for (const node of nodes) graph.message(1, node)
    return graph.append(this.#graph)
  }

  #list(data: ReadonlyArray<number>, type: Type): string {
    const name = this.name()
    return this.#once(`${type} ${data.join()}`, name, () =>
      this.initializer(name, data, { shape: [data.length], type })
    )
  }

  #once(content: string, name: string, write: () => void): string {
    const known = this.#known.get(content)
    if (known !== undefined) return known
    this.#known.set(content, name)
    write()
    return name
  }
}

const attributeMessage = (name: string, attribute: Attribute): Message => {
  const message = new Message().text(1, name)
  if ("int" in attribute) return message.integer(3, attribute.int).integer(20, 2)
  if ("float" in attribute) return message.float(2, attribute.float).integer(20, 1)
  if ("text" in attribute) return message.text(4, attribute.text).integer(20, 3)
  if ("graph" in attribute) return message.message(6, attribute.graph.message).integer(20, 5)
  for (const value of attribute.ints) message.integer(8, value)
  return message.integer(20, 7)
}

const valueMessage = (name: string, { shape, type }: Port): Message => {
  const dimensions = new Message()
  for (const length of shape) dimensions.message(1, dimension(length))
  const tensor = new Message().integer(1, typeCodes[type]).message(2, dimensions)
  return new Message().text(1, name).message(2, new Message().message(1, tensor))
}

const dimension = (length: number | string): Message =>
  typeof length === "number" ? new Message().integer(1, length) : new Message().text(2, length)
