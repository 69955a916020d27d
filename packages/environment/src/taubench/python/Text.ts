/**
 * What Python prints for a value: `str`, `repr`, `json.dumps`, and the nested tuples that tau-bench hashes.
 * It reads nothing back; that is `JsonReader`.
 */
import { isDict, isList, type Value } from "./Value.ts"

/**
 * `repr` of a float: the shortest digits that read back the same, an exponent below 1e-4 and from 1e16 on, `.0` after
 * a whole number.
 */
export const floatText = (value: number): string => {
  if (Number.isNaN(value)) return "nan"
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf"
  const sign = value < 0 || Object.is(value, -0) ? "-" : ""
  const [mantissa = "0", power = "0"] = Math.abs(value).toExponential().split("e")
  const digits = mantissa.replace(".", "")
  const exponent = Number(power)
  if (exponent >= -4 && exponent < 16) return sign + positional(digits, exponent)
  const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ""
  const size = String(Math.abs(exponent)).padStart(2, "0")
  return `${sign}${digits.slice(0, 1)}${fraction}e${exponent < 0 ? "-" : "+"}${size}`
}

const positional = (digits: string, exponent: number): string => {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0")
  return `${whole}.${digits.slice(exponent + 1) || "0"}`
}

/** `str(value)`. */
export const str = (value: Value): string => (typeof value === "string" ? value : repr(value))

/** `repr(value)`. */
export const repr = (value: Value): string => {
  if (isList(value)) return `[${value.map(repr).join(", ")}]`
  if (isDict(value)) {
    const entries = Array.from(value, ([key, element]) => `${stringRepr(key)}: ${repr(element)}`)
    return `{${entries.join(", ")}}`
  }
  return scalar(value)
}

/** `str` of the value as tau-bench hashes it: a list is a tuple, a dict a tuple of its pairs in the order of keys. */
export const tupleText = (value: Value): string => {
  if (isList(value)) return tuple(value.map(tupleText))
  if (!isDict(value)) return scalar(value)
  const keys = Array.from(value.keys()).sort(byCodePoint)
  return tuple(keys.map((key) => pairText(key, tupleText(value.get(key) ?? null))))
}

/** The pair of a key and of a text that is a tuple already. */
export const pairText = (key: string, text: string): string => `(${stringRepr(key)}, ${text})`

/** A tuple of texts; a tuple of one has a comma after it. */
export const tuple = (texts: ReadonlyArray<string>): string =>
  texts.length === 1 ? `(${texts[0]},)` : `(${texts.join(", ")})`

/** Python's order of strings: by code points, where this language compares UTF-16 units. */
export const byCodePoint = (left: string, right: string): number => {
  if (left === right) return 0
  const isPlain = !/[\ud800-\uffff]/.test(left) && !/[\ud800-\uffff]/.test(right)
  if (isPlain) return left < right ? -1 : 1
  const [one, other] = [Array.from(left), Array.from(right)]
  for (const [index, point] of one.entries()) {
    const difference = (point.codePointAt(0) ?? 0) - (other[index]?.codePointAt(0) ?? -1)
    if (difference !== 0) return difference
  }
  return -1
}

const scalar = (value: null | boolean | bigint | number | string): string => {
  if (value === null) return "None"
  if (typeof value === "string") return stringRepr(value)
  if (typeof value === "boolean") return value ? "True" : "False"
  return typeof value === "bigint" ? value.toString() : floatText(value)
}

const escapes: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t"
}

// Python prints as they are only the characters that are no control, format, surrogate, private or blank but the space.
const notPrinted = /[\\\p{C}\p{Z}]/gu

const stringRepr = (value: string): string => {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'"
  const escaped = value.replace(notPrinted, (character) =>
    character === " " ? " " : (escapes[character] ?? codePointText(character.codePointAt(0) ?? 0))
  )
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

const codePointText = (point: number): string => {
  if (point < 0x100) return `\\x${hexadecimal(point, 2)}`
  return point < 0x10000 ? `\\u${hexadecimal(point, 4)}` : `\\U${hexadecimal(point, 8)}`
}

const hexadecimal = (point: number, width: number): string =>
  point.toString(16).padStart(width, "0")

/** `json.dumps(value)` with its defaults: `", "`, `": "`, ASCII only, NaN and Infinity bare. */
export const json = (value: Value): string => {
  if (isList(value)) return `[${value.map(json).join(", ")}]`
  if (isDict(value)) {
    const entries = Array.from(value, ([key, element]) => `${jsonString(key)}: ${json(element)}`)
    return `{${entries.join(", ")}}`
  }
  if (typeof value === "string") return jsonString(value)
  if (typeof value === "number" && !Number.isFinite(value)) {
    return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"
  }
  return value === null || typeof value === "boolean" ? String(value) : scalar(value)
}

const jsonEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\f": "\\f",
  "\b": "\\b"
}

const jsonString = (value: string): string => {
  const escaped = value.replace(
    /["\\]|[^ -~]/g,
    (unit) => jsonEscapes[unit] ?? `\\u${hexadecimal(unit.charCodeAt(0), 4)}`
  )
  return `"${escaped}"`
}
