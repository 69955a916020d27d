/**
 * What Python does with values that are no numbers: subscripts, `in`, `len`, loops, `==`, `<`, `sorted`, methods of str.
 * Each raises what CPython 3.11 raises, in its words, because tau-bench shows these texts to the agent.
 */
import { operate } from "./Arithmetic.ts"
import { byCodePoint, repr } from "./Text.ts"
import { type Dict, isDict, isList, type List, raise, typeName, type Value } from "./Value.ts"

/** `container[key]`. */
export const subscript = (container: Value, key: Value): Value => {
  if (isDict(container)) {
    hash(key)
    const value = typeof key === "string" ? container.get(key) : undefined
    return value === undefined ? raise("KeyError", repr(key)) : value
  }
  if (typeof container === "string") return character(container, key)
  if (isList(container)) return element(container, key)
  return raise("TypeError", `'${typeName(container)}' object is not subscriptable`)
}

const character = (text: string, key: Value): Value => {
  const index = indexOf(key)
  if (index === undefined) {
    return raise("TypeError", `string indices must be integers, not '${typeName(key)}'`)
  }
  return Array.from(text).at(index) ?? raise("IndexError", "string index out of range")
}

const element = (list: ReadonlyArray<Value>, key: Value): Value => {
  const index = indexOf(key)
  if (index === undefined) {
    const detail = `list indices must be integers or slices, not ${typeName(key)}`
    return raise("TypeError", detail)
  }
  const found = list.at(index)
  return found === undefined ? raise("IndexError", "list index out of range") : found
}

const indexOf = (key: Value): number | undefined => {
  if (typeof key === "boolean") return key ? 1 : 0
  return typeof key === "bigint" ? Number(key) : undefined
}

/** Raises what a list or a dict raises as a key. */
export const hash = (key: Value): void => {
  if (isList(key) || isDict(key)) raise("TypeError", `unhashable type: '${typeName(key)}'`)
}

/** `needle in container`. */
export const contains = (container: Value, needle: Value): boolean => {
  if (isDict(container)) {
    hash(needle)
    return typeof needle === "string" && container.has(needle)
  }
  if (isList(container)) return container.some((value) => equals(value, needle))
  if (typeof container !== "string") {
    return raise("TypeError", `argument of type '${typeName(container)}' is not iterable`)
  }
  if (typeof needle === "string") return container.includes(needle)
  const detail = `'in <string>' requires string as left operand, not ${typeName(needle)}`
  return raise("TypeError", detail)
}

/** `len(value)`. */
export const length = (value: Value): bigint => {
  if (isList(value)) return BigInt(value.length)
  if (isDict(value)) return BigInt(value.size)
  if (typeof value === "string") return BigInt(Array.from(value).length)
  return raise("TypeError", `object of type '${typeName(value)}' has no len()`)
}

/** What `for element in value` visits: elements, characters, or keys. */
export const iterate = (value: Value): ReadonlyArray<Value> => {
  if (isList(value)) return value
  if (isDict(value)) return Array.from(value.keys())
  if (typeof value === "string") return Array.from(value)
  return raise("TypeError", `'${typeName(value)}' object is not iterable`)
}

/** `value.count(needle)` of a list, or of a string that does not overlap itself. */
export const count = (value: Value, needle: Value): number => {
  if (isList(value)) return value.filter((other) => equals(other, needle)).length
  if (typeof value === "string" && typeof needle === "string") return value.split(needle).length - 1
  return raise("AttributeError", `'${typeName(value)}' object has no attribute 'count'`)
}

/** `value.append(element)`. */
export const append = (value: Value, added: Value): void => {
  if (!isList(value)) {
    raise("AttributeError", `'${typeName(value)}' object has no attribute 'append'`)
  } else value.push(added)
}

/** `value.extend(elements)`. */
export const extend = (value: Value, added: ReadonlyArray<Value>): void => {
  if (!isList(value)) {
    raise("AttributeError", `'${typeName(value)}' object has no attribute 'extend'`)
  } else value.push(...added)
}

/** `container[key] = value` for a key that is a string. */
export const assign = (container: Value, key: string, value: Value): void => {
  if (isDict(container)) container.set(key, value)
  else if (isList(container)) {
    raise("TypeError", "list indices must be integers or slices, not str")
  } else {
    raise("TypeError", `'${typeName(container)}' object does not support item assignment`)
  }
}

/** `left == right`: 5 and 5.0 are equal, True and 1 too. */
export const equals = (left: Value, right: Value): boolean => {
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((value, at) => equalsOr(value, right[at]))
  }
  if (isDict(left) && isDict(right)) {
    if (left.size !== right.size) return false
    return Array.from(left).every(([key, value]) => equalsOr(value, right.get(key)))
  }
  if (isNested(left) || isNested(right)) return false
  const [one, other] = [comparable(left), comparable(right)]
  // An int and a float are equal where their values are.
  if (typeof one === "bigint" && typeof other === "number") return isSame(one, other)
  if (typeof one === "number" && typeof other === "bigint") return isSame(other, one)
  return one === other
}

const isSame = (int: bigint, float: number): boolean =>
  Number.isInteger(float) && BigInt(float) === int

const equalsOr = (left: Value, right: Value | undefined): boolean =>
  right !== undefined && equals(left, right)

const isNested = (value: Value): value is List | Dict => isList(value) || isDict(value)

const comparable = (value: Value): Value => {
  if (typeof value === "boolean") return value ? 1n : 0n
  return value
}

const isNumber = (value: Value): value is bigint | number =>
  typeof value === "bigint" || typeof value === "number"

/** `left < right`. */
export const isLess = (left: Value, right: Value): boolean => {
  if (isList(left) && isList(right)) return isListLess(left, right)
  const [one, other] = [comparable(left), comparable(right)]
  if (typeof one === "string" && typeof other === "string") return byCodePoint(one, other) < 0
  if (isNumber(one) && isNumber(other)) return one < other
  const types = `'${typeName(left)}' and '${typeName(right)}'`
  return raise("TypeError", `'<' not supported between instances of ${types}`)
}

const isListLess = (left: ReadonlyArray<Value>, right: ReadonlyArray<Value>): boolean => {
  for (const [at, value] of left.entries()) {
    const other = right[at]
    if (other === undefined) return false
    if (!equals(value, other)) return isLess(value, other)
  }
  return left.length < right.length
}

/** `sorted(value)`. */
export const sorted = (value: Value): Array<Value> =>
  Array.from(iterate(value)).sort((left, right) => {
    if (isLess(left, right)) return -1
    return isLess(right, left) ? 1 : 0
  })

/** `sum(values)`. */
export const sum = (values: Iterable<Value>): bigint | number => {
  let total: bigint | number = 0n
  for (const value of values) total = operate("+", total, value)
  return total
}

/** Whether `if value` takes its branch. */
export const isTruthy = (value: Value): boolean => {
  if (isList(value)) return value.length > 0
  // NaN is true in Python.
  return isDict(value) ? value.size > 0 : Boolean(value) || Number.isNaN(value)
}

/** `value.lower()`. */
export const lower = (value: Value): string =>
  typeof value === "string"
    ? value.toLowerCase()
    : raise("AttributeError", `'${typeName(value)}' object has no attribute 'lower'`)
