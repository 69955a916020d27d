/**
 * JSON read as Python's `json.loads` reads it: keys in their own order, ints apart from floats, ints of any size.
 * It checks no shapes; `TauData` knows what a database has.
 *
 * An object of this language would move integer-like keys, which product ids are, to the front, and print 250.0 as 250.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { deepest, type Dict, type List, type Value } from "./Value.ts"

/** The text is no JSON; `position` counts characters from 0. */
export class JsonError extends Schema.TaggedError<JsonError>()("JsonError", {
  reason: Schema.Literals(["syntax", "depth", "digits"]),
  position: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.detail} at character ${this.position}`
  }
}

/** Reads one JSON value; like Python, it takes NaN and Infinity, and of a key that comes twice the last value. */
export const read = (text: string): Result.Result<Value, JsonError> =>
  Result.try({
    try: () => new Reader(text).document(),
    catch: (cause) => {
      if (!(cause instanceof JsonError)) throw cause
      return cause
    }
  })

const blank = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y

// Anything from the blank on but the quote and the backslash.
const plain = /[ !#-[\]-\uffff]*/y
const words = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY]
] as const
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t"
}

// Python refuses to turn longer texts into ints.
const mostDigits = 4300

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Value {
    const value = this.#value(0)
    this.#skip(blank)
    return this.#at === this.#text.length ? value : this.#refuse("text goes on after the value")
  }

  #value(depth: number): Value {
    this.#skip(blank)
    const first = this.#text[this.#at]
    if (first === '"') return this.#string()
    if (first === "{" || first === "[") {
      if (depth >= deepest) this.#refuse(`nested deeper than ${deepest}`, "depth")
      this.#at += 1
      return first === "{" ? this.#dict(depth + 1) : this.#list(depth + 1)
    }
    for (const [word, value] of words) if (this.#take(word)) return value
    return this.#number()
  }

  #dict(depth: number): Dict {
    const dict: Dict = new Map()
    this.#skip(blank)
    if (this.#take("}")) return dict
    do {
      this.#skip(blank)
      const key = this.#string()
      this.#skip(blank)
      if (!this.#take(":")) this.#refuse("a colon is missing")
      dict.set(key, this.#value(depth))
      this.#skip(blank)
    } while (this.#take(","))
    return this.#take("}") ? dict : this.#refuse("a comma or } is missing")
  }

  #list(depth: number): List {
    const list: List = []
    this.#skip(blank)
    if (this.#take("]")) return list
    do {
      list.push(this.#value(depth))
      this.#skip(blank)
    } while (this.#take(","))
    return this.#take("]") ? list : this.#refuse("a comma or ] is missing")
  }

  #string(): string {
    if (!this.#take('"')) this.#refuse("a string is missing")
    let read = this.#skip(plain)
    while (!this.#take('"')) {
      if (!this.#take("\\")) this.#refuse("a string is not closed or holds a control character")
      read += this.#escape() + this.#skip(plain)
    }
    return read
  }

  #escape(): string {
    const letter = this.#text[this.#at] ?? ""
    this.#at += 1
    const hexadecimal = this.#text.slice(this.#at, this.#at + 4)
    if (letter === "u" && /^[0-9a-fA-F]{4}$/.test(hexadecimal)) {
      this.#at += 4
      return String.fromCharCode(Number.parseInt(hexadecimal, 16))
    }
    return escapes[letter] ?? this.#refuse("an escape is unknown")
  }

  #number(): Value {
    number.lastIndex = this.#at
    const found = number.exec(this.#text)
    if (found === null) return this.#refuse("a value is missing")
    const [literal, fraction, exponent] = found
    if (fraction === undefined && exponent === undefined && literal.length > mostDigits) {
      this.#refuse(`an integer has more than ${mostDigits} digits`, "digits")
    }
    this.#at += literal.length
    return fraction === undefined && exponent === undefined ? BigInt(literal) : Number(literal)
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ""
    this.#at += found.length
    return found
  }

  #take(word: string): boolean {
    const isThere = this.#text.startsWith(word, this.#at)
    if (isThere) this.#at += word.length
    return isThere
  }

  #refuse(detail: string, reason: JsonError["reason"] = "syntax"): never {
    throw new JsonError({ reason, position: this.#at, detail })
  }
}
