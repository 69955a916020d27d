/**
 * Python's arithmetic of ints and floats: ints stay ints and have any size, a float on one side makes a float.
 * It knows numbers only; what `+` means for lists and strings, no tool of tau-bench asks.
 */
import { raise, typeName, type Value } from "./Value.ts"

/** A bool is an int, as in Python. */
type Numeric = bigint | number

const numeric = (value: Value): Numeric | undefined => {
  if (typeof value === "boolean") return value ? 1n : 0n
  return typeof value === "bigint" || typeof value === "number" ? value : undefined
}

/** The float of an int; an int beyond 1.8e308 is an OverflowError. */
export const toFloat = (value: Numeric): number => {
  const float = Number(value)
  return typeof value === "bigint" && !Number.isFinite(float)
    ? raise("OverflowError", "int too large to convert to float")
    : float
}

export type Operator = "+" | "-" | "*" | "/" | "//" | "**"

/** Python's name of the operator in its messages, where it is another than the sign. */
const shownOperators: Partial<Record<string, string>> = { "**": "** or pow()" }

/** The TypeError of an operator between types that do not have it. `sign` is as written, `+=` included. */
export const unsupported = (sign: string, left: string, right: string): never =>
  raise(
    "TypeError",
    `unsupported operand type(s) for ${shownOperators[sign] ?? sign}: '${left}' and '${right}'`
  )

/** `left operator right`; `sign` is what the message of a TypeError calls the operator. */
export const operate = (
  operator: Operator,
  left: Value,
  right: Value,
  sign: string = operator
): Numeric => {
  const [one, other] = [numeric(left), numeric(right)]
  if (one === undefined || other === undefined) {
    return unsupported(sign, typeName(left), typeName(right))
  }
  return typeof one === "bigint" && typeof other === "bigint"
    ? ofInts[operator](one, other)
    : ofFloats[operator](toFloat(one), toFloat(other))
}

/** `-value`. */
export const negate = (value: Value): Numeric => {
  const number = numeric(value)
  return number === undefined
    ? raise("TypeError", `bad operand type for unary -: '${typeName(value)}'`)
    : -number
}

/** `abs(value)` of a number. */
export const absolute = (value: Numeric): Numeric => (value < 0 ? -value : value)

/**
 * `round(value, 2)`: the nearest hundredth of the exact binary value, the even one of two that are as near. An int stays.
 */
export const roundToHundredths = (value: Numeric): Numeric => {
  // From 2^52 on every float is whole.
  if (typeof value === "bigint" || !(Math.abs(value) < 2 ** 52)) return value
  if (value < 0 || Object.is(value, -0)) return -roundToHundredths(-value)
  const eighths = value * 8
  // Only odd eighths lie exactly between two hundredths, and there toFixed takes the larger.
  const isTie = Number.isInteger(eighths) && eighths % 2 === 1
  if (!isTie) return Number(value.toFixed(2))
  const lower = Math.floor(value * 100)
  return (lower % 2 === 0 ? lower : lower + 1) / 100
}

// Python would compute larger ones for minutes; they end as this OverflowError in any float.
const mostBits = 65_536

const bounded = (bits: bigint): void => {
  if (bits > BigInt(mostBits)) raise("OverflowError", "int too large to convert to float")
}

const bitsOf = (value: bigint): number => (value < 0n ? -value : value).toString(16).length * 4

const intPower = (base: bigint, exponent: bigint): Numeric => {
  if (exponent < 0n) return floatPower(toFloat(base), toFloat(exponent))
  const isSmall = base === 0n || base === 1n || base === -1n
  if (!isSmall) bounded(BigInt(bitsOf(base)) * exponent)
  return isSmall
    ? base ** (exponent % 2n === 0n && exponent > 0n ? 2n : exponent % 2n)
    : base ** exponent
}

/** The power of floats; a negative base and a fraction give Python a complex number, which no `float()` takes. */
const floatPower = (base: number, exponent: number): number => {
  if (base === 0 && exponent < 0) {
    return raise("ZeroDivisionError", "0.0 cannot be raised to a negative power")
  }
  if (
    base < 0 &&
    Number.isFinite(base) &&
    Number.isFinite(exponent) &&
    !Number.isInteger(exponent)
  ) {
    const detail = "float() argument must be a string or a real number, not 'complex'"
    return raise("TypeError", detail)
  }
  const power = base === 1 || exponent === 0 ? 1 : base ** exponent
  const isTooLarge = !Number.isFinite(power) && Number.isFinite(base) && Number.isFinite(exponent)
  return isTooLarge ? raise("OverflowError", "(34, 'Numerical result out of range')") : power
}

const productOfInts = (left: bigint, right: bigint): bigint => {
  bounded(BigInt(bitsOf(left) + bitsOf(right)))
  return left * right
}

const floorOfInts = (left: bigint, right: bigint): bigint => {
  const quotient = left / right
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient
}

/** The float nearest to the exact quotient, also where the ints are no floats themselves. */
const quotientOfInts = (left: bigint, right: bigint): number => {
  const isExact = Number.isSafeInteger(Number(left)) && Number.isSafeInteger(Number(right))
  if (isExact) return Number(left) / Number(right)
  const isNegative = left < 0n !== right < 0n
  const [above, below] = [left < 0n ? -left : left, right < 0n ? -right : right]
  const shift = Math.max(0, bitsOf(below) - bitsOf(above) + 70)
  const scaled = above << BigInt(shift)
  // The lowest bit remembers that digits were cut off, so that the rounding of Number sees them.
  const digits = (scaled / below) | (scaled % below === 0n ? 0n : 1n)
  const half = Math.floor(shift / 2)
  const size = Number(digits) / 2 ** half / 2 ** (shift - half)
  if (!Number.isFinite(size)) {
    return raise("OverflowError", "integer division result too large for a float")
  }
  return isNegative ? -size : size
}

const floorOfFloats = (left: number, right: number): number => {
  const rest = left % right
  let quotient = (left - rest) / right
  if (rest !== 0 && right < 0 !== rest < 0) quotient -= 1
  if (quotient === 0) return left / right < 0 ? -0 : 0
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor
}

const divided = (detail: string): never => raise("ZeroDivisionError", detail)

const ofInts: Readonly<Record<Operator, (left: bigint, right: bigint) => Numeric>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": productOfInts,
  "/": (left, right) => (right === 0n ? divided("division by zero") : quotientOfInts(left, right)),
  "//": (left, right) =>
    right === 0n ? divided("integer division or modulo by zero") : floorOfInts(left, right),
  "**": intPower
}

const ofFloats: Readonly<Record<Operator, (left: number, right: number) => number>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => (right === 0 ? divided("float division by zero") : left / right),
  "//": (left, right) =>
    right === 0 ? divided("float floor division by zero") : floorOfFloats(left, right),
  "**": floatPower
}
