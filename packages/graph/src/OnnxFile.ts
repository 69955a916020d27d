/**
 * An ONNX model that somebody wrote, read: its weights, inputs, outputs and nodes.
 * It is read to take weights from it and to look at it; `SessionPool.load` runs its bytes.
 * Source: onnx.proto3 (github.com/onnx/onnx).
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as OnnxTensor from "./OnnxTensor.ts"
import { Fields, ProtobufError } from "./ProtobufReader.ts"
import * as Shape from "./Shape.ts"

type Named<A> = { readonly [name: string]: A }

/** What goes in or out: an axis is a length or the name of one. Types that are no tensor say so. */
export interface ValueInfo {
  readonly type: OnnxTensor.TensorType | "other"
  readonly shape: ReadonlyArray<number | string>
}

/** A node's attribute, by its type in ONNX. */
export type Attribute =
  | { readonly int: bigint }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: ReadonlyArray<bigint> }
  | { readonly floats: ReadonlyArray<number> }
  | { readonly texts: ReadonlyArray<string> }
  | { readonly tensor: OnnxTensor.OnnxTensor }
  | { readonly graph: Graph }
  | { readonly other: number }

/** One operation; `domain` is empty for ONNX's own set. */
export interface Node {
  readonly name: string
  readonly op: string
  readonly domain: string
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  readonly attributes: Named<Attribute>
}

/** Nodes in the order in which they run, and the constants that they read. */
export interface Graph {
  readonly name: string
  readonly nodes: ReadonlyArray<Node>
  readonly initializers: Named<OnnxTensor.OnnxTensor>
  readonly inputs: Named<ValueInfo>
  readonly outputs: Named<ValueInfo>
}

/** A file's whole content. */
export interface Contents extends Graph {
  readonly producer: string
  /** The version of each set of operators, by domain. */
  readonly opsets: Named<number>
}

/** Bytes that are not the model they should be. */
export class OnnxFileError extends Schema.TaggedError<OnnxFileError>()("OnnxFileError", {
  reason: Schema.Literals(["Torn", "Malformed", "Foreign", "Misshapen", "Unsupported", "External"]),
  file: Schema.String,
  /** Where in the file, in bytes. */
  offset: Schema.Number,
  expected: Schema.String,
  found: Schema.String,
  message: Schema.String
}) {}

/** Thrown inside the reader, where the file's name is not known. */
class Problem {
  readonly reason: OnnxFileError["reason"]
  readonly offset: number
  readonly expected: string
  readonly found: string

  constructor(reason: Problem["reason"], offset: number, expected: string, found: string) {
    this.reason = reason
    this.offset = offset
    this.expected = expected
    this.found = found
  }
}

const remedies: Record<OnnxFileError["reason"], string> = {
  Torn: "the file is cut off; copy it again",
  Malformed: "the file is damaged or no ONNX model",
  Foreign: "the file is cut off or no ONNX model",
  Misshapen: "the file is damaged, or its writer is at fault",
  Unsupported: "export the model without it",
  External: "put the weights' file beside the model"
}

const errorOf = (problem: Problem | ProtobufError, file: string) => {
  const { expected, found, offset, reason } = problem
  const message =
    `${file}, byte ${offset}: expected ${expected}, found ${found}; ` + remedies[reason]
  return new OnnxFileError({ reason, file, offset, expected, found, message })
}

/**
 * Reads a file's bytes; `file` is only named in errors. Weights are views of the bytes; those in
 * other files are left to `withExternal`.
 */
export const read = (bytes: Uint8Array, file: string): Effect.Effect<Contents, OnnxFileError> =>
  Effect.try({ try: () => contentsOf(new Fields(bytes)), catch: (cause) => known(cause, file) })

/** What the reader throws on purpose. Anything else is a fault of its own and goes on as a defect. */
const known = (cause: unknown, file: string): OnnxFileError => {
  if (cause instanceof Problem || cause instanceof ProtobufError) return errorOf(cause, file)
  throw cause
}

/** Reads a part of a file that lies beside the model. */
export type ExternalReader<E, R> = (
  external: OnnxTensor.External
) => Effect.Effect<Uint8Array, E, R>

/** Fetches the weights that are in other files. The names of those files stay in the model's folder. */
export const withExternal = Effect.fn("OnnxFile.withExternal")(function* <E, R>(
  contents: Contents,
  file: string,
  reader: ExternalReader<E, R>
): Effect.fn.Return<Contents, E | OnnxFileError, R> {
  const tensors = yield* Effect.forEach(Object.values(contents.initializers), (tensor) =>
    fetched(tensor, file, reader)
  )
  return { ...contents, initializers: byName(tensors) }
})

const fetched = Effect.fnUntraced(function* <E, R>(
  tensor: OnnxTensor.OnnxTensor,
  file: string,
  reader: ExternalReader<E, R>
): Effect.fn.Return<OnnxTensor.OnnxTensor, E | OnnxFileError, R> {
  const { external, name } = tensor
  if (external === undefined) return tensor
  const { location } = external
  if (/^([/\\]|[a-z]:)|(^|[/\\])\.\.([/\\]|$)/i.test(location)) {
    const expected = `the weights ${name} in a file of the model's folder`
    return yield* errorOf(new Problem("External", 0, expected, location), file)
  }
  const size = OnnxTensor.sizeOf(tensor)
  const bytes = yield* reader({ ...external, length: external.length ?? size })
  if (bytes.length === size) return { ...tensor, bytes }
  const expected = `${size} bytes of weights ${name} in ${location}`
  return yield* errorOf(new Problem("External", external.offset, expected, `${bytes.length}`), file)
})

const contentsOf = (model: Fields): Contents => {
  const [graph] = model.messages(7)
  if (graph === undefined) throw new Problem("Foreign", 0, "a model with a graph", "none")
  const opsets = Object.fromEntries(
    model.messages(8).map((one) => [one.text(1), Number(one.integer(2))])
  )
  const contents = { ...graphOf(graph), producer: model.text(2), opsets }
  const stranger = contents.nodes.find(({ domain }) => !(canonical(domain) in opsets))
  if (stranger !== undefined || Object.keys(opsets).length === 0) {
    const expected = `the version of the operators "${stranger?.domain ?? ""}"`
    throw new Problem("Foreign", model.offset, expected, Object.keys(opsets).join() || "none")
  }
  return contents
}

/** ONNX's own domain has two names. */
const canonical = (domain: string) => (domain === "ai.onnx" ? "" : domain)

const graphOf = (graph: Fields): Graph => {
  if (graph.has(15)) throw new Problem("Unsupported", graph.offset, "dense weights", "sparse ones")
  return {
    name: graph.text(2),
    nodes: graph.messages(1).map(nodeOf),
    initializers: byName(graph.messages(5).map(tensorOf)),
    inputs: valuesOf(graph.messages(11)),
    outputs: valuesOf(graph.messages(12))
  }
}

const byName = (tensors: ReadonlyArray<OnnxTensor.OnnxTensor>) =>
  Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor]))

const nodeOf = (node: Fields): Node => ({
  name: node.text(3),
  op: node.text(4),
  domain: canonical(node.text(7)),
  inputs: node.texts(1),
  outputs: node.texts(2),
  attributes: Object.fromEntries(
    node.messages(5).map((attribute) => [attribute.text(1), attributeOf(attribute)])
  )
})

const floatsOf = (fields: Fields, field: number): ReadonlyArray<number> => {
  const bytes = fields.fixed(field, 4)
  const view = new DataView(bytes.buffer)
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(4 * index, true))
}

/** By ONNX's number of an attribute's type. */
const attributes: { readonly [type: number]: (fields: Fields) => Attribute | undefined } = {
  1: (fields) => ({ float: floatsOf(fields, 2).at(-1) ?? 0 }),
  2: (fields) => ({ int: fields.integer(3) }),
  3: (fields) => ({ text: fields.text(4) }),
  4: (fields) => fields.messages(5).map((tensor) => ({ tensor: tensorOf(tensor) }))[0],
  5: (fields) => fields.messages(6).map((graph) => ({ graph: graphOf(graph) }))[0],
  6: (fields) => ({ floats: floatsOf(fields, 7) }),
  7: (fields) => ({ ints: fields.integers(8) }),
  8: (fields) => ({ texts: fields.texts(9) })
}

const attributeOf = (fields: Fields): Attribute => {
  const type = Number(fields.integer(20))
  return attributes[type]?.(fields) ?? { other: type }
}

const valuesOf = (values: ReadonlyArray<Fields>): Named<ValueInfo> =>
  Object.fromEntries(values.map((value) => [value.text(1), valueOf(value)]))

const valueOf = (value: Fields): ValueInfo => {
  const [tensor] = value.messages(2).flatMap((type) => type.messages(1))
  if (tensor === undefined) return { type: "other", shape: [] }
  const axes = tensor.messages(2).flatMap((shape) => shape.messages(1))
  return {
    type: OnnxTensor.typeOf(Number(tensor.integer(1))) ?? "other",
    shape: axes.map((axis) => (axis.has(1) ? Number(axis.integer(1)) : axis.text(2) || "?"))
  }
}

const tensorOf = (fields: Fields): OnnxTensor.OnnxTensor => {
  const name = fields.text(8)
  const code = Number(fields.integer(2))
  const type = OnnxTensor.typeOf(code)
  if (type === undefined) {
    const expected = `weights ${name} of ${Object.keys(OnnxTensor.types).join(", ")}`
    throw new Problem("Unsupported", fields.offset, expected, `ONNX's type ${code}`)
  }
  const shape = fields.integers(1).map(Number)
  const tensor = { name, type, shape }
  const isCountable = shape.every((length) => length >= 0)
  if (!isCountable || !Number.isSafeInteger(Shape.product(shape)))
    throw new Problem("Malformed", fields.offset, `a shape of ${name}`, `[${shape.join(", ")}]`)
  const external = externalOf(fields, name)
  if (external !== undefined) return { ...tensor, bytes: new Uint8Array(0), external }
  const raw = fields.bytes(9)
  const bytes = raw?.bytes ?? OnnxTensor.listedBytes(fields, type)
  if (bytes.length === OnnxTensor.sizeOf(tensor)) return { ...tensor, bytes }
  const expected = `${OnnxTensor.sizeOf(tensor)} bytes of ${name}, ${type} [${shape.join(", ")}]`
  throw new Problem("Misshapen", raw?.offset ?? fields.offset, expected, `${bytes.length}`)
}

const externalOf = (fields: Fields, name: string): OnnxTensor.External | undefined => {
  if (fields.integer(14) !== 1n) return undefined
  const said = new Map(fields.messages(13).map((entry) => [entry.text(1), entry.text(2)]))
  const location = said.get("location") ?? ""
  const offset = Number(said.get("offset") ?? 0)
  const length = Number(said.get("length") ?? 0)
  const areCounts = [offset, length].every((count) => Number.isSafeInteger(count) && count >= 0)
  if (location === "" || !areCounts)
    throw new Problem(
      "Malformed",
      fields.offset,
      `where the weights ${name} are`,
      JSON.stringify(Object.fromEntries(said))
    )
  return { location, offset, ...(said.has("length") ? { length } : {}) }
}
