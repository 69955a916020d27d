/**
 * A tensor that is described, not computed: one immutable node of a graph with its static shape.
 * It holds no data except for constants; `Interpreter` and `Session` compute it.
 */
import type { Shape } from "./Shape.ts"

/** Element types. On the wire `bool` is one byte and `int64` is a `BigInt64Array`. */
export type Type = "float32" | "int64" | "int32" | "uint8" | "bool"

interface None {}
interface Axes {
  readonly axes: ReadonlyArray<number>
  readonly keepDims: boolean
}

/** Every operation and its attributes: the one list that all rule tables are checked against. */
export interface Attributes {
  readonly Input: { readonly name: string }
  readonly Constant: { readonly data: ArrayLike<number> }
  readonly Add: None
  readonly Subtract: None
  readonly Multiply: None
  readonly Divide: None
  readonly Minimum: None
  readonly Maximum: None
  readonly Negate: None
  readonly Exp: None
  readonly Log: None
  readonly Sqrt: None
  readonly Tanh: None
  readonly Sigmoid: None
  readonly Relu: None
  readonly Abs: None
  readonly Silu: None
  readonly Gelu: None
  readonly Erf: None
  readonly Less: None
  readonly Greater: None
  readonly Equal: None
  readonly And: None
  readonly Not: None
  readonly Where: None
  readonly Cast: None
  readonly StopGradient: None
  readonly Reshape: None
  readonly Transpose: { readonly permutation: ReadonlyArray<number> }
  readonly BroadcastTo: None
  readonly Concat: { readonly axis: number }
  readonly Slice: { readonly axis: number; readonly start: number }
  readonly Pad: { readonly axis: number; readonly start: number }
  readonly MatMul: {
    readonly transposeA: boolean
    readonly transposeB: boolean
    readonly scale: number
  }
  readonly Gather: None
  readonly ScatterRows: None
  readonly Pick: None
  readonly AddAt: None
  readonly Sum: Axes
  readonly SumSquares: Axes
  readonly Mean: Axes
  readonly Max: Axes
  readonly ArgMax: None
  readonly TopValues: { readonly count: number }
  readonly TopPositions: { readonly count: number }
  readonly CumulativeSum: { readonly reverse: boolean }
  readonly Softmax: None
  readonly LogSoftmax: None
  readonly RmsNorm: { readonly epsilon: number }
  readonly LayerNorm: { readonly epsilon: number }
  readonly Statistic: {
    readonly which: "mean" | "inverseDeviation"
    readonly of: "RmsNorm" | "LayerNorm"
    readonly epsilon: number
  }
  readonly Rotary: { readonly inverse: boolean }
  readonly GroupQueryAttention: {
    readonly heads: number
    readonly keyValueHeads: number
    readonly scale: number
    readonly stage: "prompt" | "continuation"
  }
  readonly Present: { readonly which: "key" | "value"; readonly stage: "prompt" | "continuation" }
  readonly Dequantize: None
  readonly MatMulNBits: None
}

/** The name of an operation. */
export type OpTag = keyof Attributes

/** One operation applied to its inputs. Two nodes are the same value only if they are the same object. */
export interface Node<Tag extends OpTag> {
  readonly op: Tag
  readonly inputs: ReadonlyArray<Value>
  readonly attributes: Attributes[Tag]
  readonly shape: Shape
  readonly type: Type
}

/** Any node. */
export type Value = Node<OpTag>

const written = new WeakMap<Value, number>()
let count = 0

/** A node. The constructors of `Op` call it after checking; graphs are not written with it. */
export const make = <Tag extends OpTag>(
  op: Tag,
  inputs: ReadonlyArray<Value>,
  result: { readonly shape: Shape; readonly type?: Type },
  attributes: Attributes[Tag]
): Node<Tag> => {
  const node = { op, inputs, attributes, shape: result.shape, type: result.type ?? "float32" }
  written.set(node, count++)
  return node
}

/** Whether a value is a node of one operation, so that its attributes can be read. */
export const is = <Tag extends OpTag>(value: Value, op: Tag): value is Node<Tag> => value.op === op

/**
 * The input at a position. Rules read their operands with it; a missing one is a fault of the
 * constructor in `op/`, so it is thrown.
 */
export const inputOf = (value: Value, index: number): Value => {
  const found = value.inputs[index]
  if (found === undefined) throw new RangeError(`${value.op} has no input ${index}`)
  return found
}

/**
 * All nodes that the roots need, each once, in the order in which they were written: inputs come
 * first, and a gradient's parts where the walk made them, so that what runs in this order frees its memory early.
 * `inputsOf` may name other inputs than the node's own, where an encoding skips some.
 */
export const inOrder = (
  roots: ReadonlyArray<Value>,
  inputsOf: (value: Value) => ReadonlyArray<Value> = (value) => value.inputs
): ReadonlyArray<Value> => {
  const found = new Set(roots)
  for (const value of found) for (const input of inputsOf(value)) found.add(input)
  const at = (value: Value) => written.get(value) ?? 0
  return [...found].toSorted((left, right) => at(left) - at(right))
}

/** The named inputs that the roots need, in order of first use. */
export const inputsOf = (roots: ReadonlyArray<Value>): ReadonlyArray<Node<"Input">> =>
  inOrder(roots).filter((value) => is(value, "Input"))
