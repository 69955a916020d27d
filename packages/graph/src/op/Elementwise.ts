/**
 * Operations that act on each element alone, with NumPy broadcasting between two operands.
 * Whatever moves or sums elements is in `Layout` and `Reduction`.
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"

type V = Value.Value

/** A number stands for a scalar constant wherever a value is expected. */
export type Operand = V | number

/** A named tensor that is fed at each run. */
export const input = (name: string, shape: Shape.Shape, type: Value.Type = "float32"): V =>
  Value.make("Input", [], { shape, type }, { name })

/** A tensor known when the graph is written. A number alone fills the whole shape (default: a scalar). */
export const constant = (
  data: number | ReadonlyArray<number> | Float32Array,
  shape?: Shape.Shape,
  type: Value.Type = "float32"
): V => {
  const ofNumber = typeof data === "number"
  const target = shape ?? (ofNumber ? [] : [data.length])
  const elements = ofNumber ? new Array<number>(Shape.product(target)).fill(data) : data
  if (elements.length !== Shape.product(target))
    throw new Shape.ShapeError("constant", [target], `it was given ${elements.length} numbers`)
  return Value.make("Constant", [], { shape: target, type }, { data: elements })
}

export const valueOf = (operand: Operand, type: Value.Type = "float32"): V =>
  typeof operand === "number" ? constant(operand, [], type) : operand

type Arithmetic = "Add" | "Subtract" | "Multiply" | "Divide" | "Minimum" | "Maximum"
type Comparison = "Less" | "Greater" | "Equal" | "And"

const sameType = (op: string, left: V, right: V) => {
  if (left.type !== right.type)
    throw new Shape.ShapeError(
      op,
      [left.shape, right.shape],
      `operand types differ: ${left.type} and ${right.type}; cast one`
    )
}

const pair = (op: string, a: Operand, b: Operand) => {
  const type =
    typeof a !== "number" ? a.type : typeof b !== "number" ? b.type : ("float32" as const)
  const left = valueOf(a, type)
  const right = valueOf(b, type)
  sameType(op, left, right)
  const shape = Shape.broadcast(op, left.shape, right.shape)
  return { inputs: [left, right], shape, type }
}

const arithmetic =
  (op: Arithmetic) =>
  (a: Operand, b: Operand): V => {
    const { inputs, shape, type } = pair(op, a, b)
    return Value.make(op, inputs, { shape, type }, {})
  }

const comparison =
  (op: Comparison) =>
  (a: Operand, b: Operand): V => {
    const { inputs, shape } = pair(op, a, b)
    return Value.make(op, inputs, { shape, type: "bool" }, {})
  }

export const add = arithmetic("Add")
export const subtract = arithmetic("Subtract")
export const multiply = arithmetic("Multiply")
export const divide = arithmetic("Divide")
/** The smaller of two; at a tie the gradient goes to the right operand. */
export const minimum = arithmetic("Minimum")
/** The larger of two; at a tie the gradient goes to the right operand. */
export const maximum = arithmetic("Maximum")
export const less = comparison("Less")
export const greater = comparison("Greater")
export const equal = comparison("Equal")
export const and = comparison("And")

type Unary =
  | "Negate"
  | "Exp"
  | "Log"
  | "Sqrt"
  | "Tanh"
  | "Sigmoid"
  | "Relu"
  | "Abs"
  | "Silu"
  | "Gelu"
  | "Erf"
  | "Not"
  | "StopGradient"

const unary =
  (op: Unary) =>
  (x: V): V =>
    Value.make(op, [x], { shape: x.shape, type: x.type }, {})

export const negate = unary("Negate")
export const exp = unary("Exp")
export const log = unary("Log")
export const sqrt = unary("Sqrt")
export const tanh = unary("Tanh")
export const sigmoid = unary("Sigmoid")
export const relu = unary("Relu")
export const abs = unary("Abs")
/** x * sigmoid(x). */
export const silu = unary("Silu")
/** x * normal CDF(x), the exact form (not the tanh approximation). */
export const gelu = unary("Gelu")
export const erf = unary("Erf")
export const not = unary("Not")
/** The same value, through which no gradient flows. */
export const stopGradient = unary("StopGradient")
export const square = (x: V): V => multiply(x, x)

/** The value confined to [low, high]; outside no gradient flows. */
export const clip = (x: V, low: number, high: number): V => maximum(minimum(x, high), low)

/** `ifTrue` where the condition holds, else `ifFalse`; all three broadcast. */
export const where = (condition: V, ifTrue: Operand, ifFalse: Operand): V => {
  if (condition.type !== "bool")
    throw new Shape.ShapeError("where", [condition.shape], "the condition must be bool")
  const { inputs, shape, type } = pair("where", ifTrue, ifFalse)
  const full = Shape.broadcast("where", condition.shape, shape)
  return Value.make("Where", [condition, ...inputs], { shape: full, type }, {})
}

/** To another element type: floats are truncated toward zero, bools are 0 and 1. */
export const cast = (x: V, type: Value.Type): V =>
  x.type === type ? x : Value.make("Cast", [x], { shape: x.shape, type }, {})
