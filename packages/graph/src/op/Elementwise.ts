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

/** The operand as a value. */
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

/** a + b. As all arithmetic here: shapes broadcast, both operands have one type. */
export const add = arithmetic("Add")
/** a - b. */
export const subtract = arithmetic("Subtract")
/** a * b. */
export const multiply = arithmetic("Multiply")
/** a / b; whole numbers are divided towards zero. */
export const divide = arithmetic("Divide")
/** The smaller of two; at a tie the gradient goes to the right operand. */
export const minimum = arithmetic("Minimum")
/** The larger of two; at a tie the gradient goes to the right operand. */
export const maximum = arithmetic("Maximum")
/** Where a < b, bool. As all comparisons: shapes broadcast, no gradient flows. */
export const less = comparison("Less")
/** Where a > b, bool. */
export const greater = comparison("Greater")
/** Where a and b are the same, bool. */
export const equal = comparison("Equal")
/** Where both hold, bool. */
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

/** -x. */
export const negate = unary("Negate")
/** e to the x; infinite above about 88.7. */
export const exp = unary("Exp")
/** The natural logarithm; not a number below 0. */
export const log = unary("Log")
/** The square root; its gradient is infinite at 0. */
export const sqrt = unary("Sqrt")
/** The hyperbolic tangent, in (-1, 1). */
export const tanh = unary("Tanh")
/** 1 / (1 + exp(-x)), in (0, 1). */
export const sigmoid = unary("Sigmoid")
/** max(x, 0); at 0 no gradient flows. */
export const relu = unary("Relu")
/** |x|; at 0 its gradient is 1. */
export const abs = unary("Abs")
/** x * sigmoid(x). */
export const silu = unary("Silu")
/** x * normal CDF(x), the exact form (not the tanh approximation). */
export const gelu = unary("Gelu")
/** The error function, in (-1, 1). */
export const erf = unary("Erf")
/** Where the bool does not hold. */
export const not = unary("Not")
/** The same value, through which no gradient flows. */
export const stopGradient = unary("StopGradient")
/** x * x. */
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
