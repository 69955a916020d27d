/**
 * The values of Python that tau-bench's databases and arguments are made of, as values of this language.
 * They are data: what may be done with them is the business of `Operation` and `Arithmetic`.
 *
 * None is null, an int is a bigint, a float is a number, a list is an array, a dict is a Map in its own order.
 * Only strings are keys, as in JSON.
 */

export type Value = null | boolean | bigint | number | string | List | Dict
export type List = Array<Value>
export type Dict = Map<string, Value>

/** The names of Python's exceptions that the tools can raise. */
export type ExceptionName =
  | "AttributeError"
  | "IndexError"
  | "KeyError"
  | "MemoryError"
  | "OverflowError"
  | "RecursionError"
  | "SyntaxError"
  | "TypeError"
  | "ValueError"
  | "ZeroDivisionError"

/**
 * An exception of Python with the text that `str(exception)` has. It is raised inside a tool, as there, because what
 * was written before it stays written; `Result.try` at the border of `TauTools` turns it into an observation.
 */
export class PythonException extends Error {
  readonly exception: ExceptionName

  constructor(exception: ExceptionName, text: string) {
    super(text)
    this.exception = exception
  }
}

/** Raises a Python exception. */
export const raise = (exception: ExceptionName, text: string): never => {
  throw new PythonException(exception, text)
}

export const dictOf = (entries: Readonly<Record<string, Value>>): Dict =>
  new Map(Object.entries(entries))

export const isDict = (value: Value | undefined): value is Dict => value instanceof Map

export const isList = (value: Value | undefined): value is List => Array.isArray(value)

/** The name of a value's type, as Python's messages have it. */
export const typeName = (value: Value): string => {
  if (value === null) return "NoneType"
  if (isList(value)) return "list"
  if (isDict(value)) return "dict"
  if (typeof value === "string") return "str"
  if (typeof value === "boolean") return "bool"
  return typeof value === "bigint" ? "int" : "float"
}

/** A copy that shares no list and no dict with the value. */
export const deepCopy = (value: Value): Value => {
  if (isList(value)) return value.map(deepCopy)
  return isDict(value) ? copyOfDict(value) : value
}

/** A copy of a dict that shares nothing with it. */
export const copyOfDict = (dict: Dict): Dict => {
  const copy: Dict = new Map()
  for (const [key, value] of dict) copy.set(key, deepCopy(value))
  return copy
}

/** Values nested deeper than this are refused: Python's own reader gives up near it. */
export const deepest = 900

/**
 * The value of parsed JSON. A number without a fraction becomes an int: a `50.0` that was parsed elsewhere has lost its
 * point, so read the text with `JsonReader` where it is at hand. Anything that JSON has not, and what is nested deeper
 * than `deepest`, is undefined.
 */
export const fromJson = (json: unknown, depth = 0): Value | undefined => {
  if (json === null || typeof json === "boolean" || typeof json === "string") return json
  if (typeof json === "bigint") return json
  if (typeof json === "number") return Number.isInteger(json) ? BigInt(json) : json
  if (typeof json !== "object" || depth >= deepest) return undefined
  return Array.isArray(json) ? listFromJson(json, depth) : dictFromJson(json, depth)
}

const listFromJson = (json: ReadonlyArray<unknown>, depth: number): List | undefined => {
  const list: List = []
  for (const element of json) {
    const value = fromJson(element, depth + 1)
    if (value === undefined) return undefined
    list.push(value)
  }
  return list
}

const dictFromJson = (json: object, depth: number): Dict | undefined => {
  const dict: Dict = new Map()
  for (const [key, element] of Object.entries(json)) {
    const value = fromJson(element, depth + 1)
    if (value === undefined) return undefined
    dict.set(key, value)
  }
  return dict
}
