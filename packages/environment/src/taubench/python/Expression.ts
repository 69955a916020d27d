/**
 * What Python's `eval` makes of the digits, `+ - * / ( ) .` and blanks that the tool `calculate` lets through.
 * It has no names, no comparisons and no commas, because those characters never reach it.
 *
 * sum: term { +|- term } · term: factor { *|/|// factor } · factor: +|- factor | power · power: call [** factor] ·
 * call: atom { ( [sum] ) } · atom: number | ... | ( ) | ( sum )
 */
import { negate, operate, type Operator, toFloat, unsupported } from "./Arithmetic.ts"
import * as ExpressionToken from "./ExpressionToken.ts"
import { raise, typeName } from "./Value.ts"

/** A number, or one of the two things that these characters can spell besides: `()` and `...`. */
type Operand = bigint | number | "tuple" | "ellipsis"
type Evaluate = () => Operand

/**
 * The float that `float(eval(text))` gives. Raises what CPython 3.11 raises, with three departures: a power or
 * a product beyond 65,536 bits, which could keep it busy for minutes, is an OverflowError at once; nesting is bounded; and
 * of about one in three hundred heaps of random signs the SyntaxError has another wording.
 */
export const evaluate = (text: string): number => {
  const value = new Parser(ExpressionToken.read(text)).expression()()
  if (typeof value !== "string") return toFloat(value)
  return raise("TypeError", `float() argument must be a string or a real number, not '${value}'`)
}

// CPython allows 200 parentheses and about as many signs as its stack holds.
const mostNested = 1000

class Parser {
  readonly #tokens: ReadonlyArray<ExpressionToken.Token>
  #at = 0
  #nested = 0

  constructor(tokens: ReadonlyArray<ExpressionToken.Token>) {
    this.#tokens = tokens
  }

  expression(): Evaluate {
    const value = this.#sum()
    return this.#kind() === "end" ? value : this.#refuse()
  }

  #sum(): Evaluate {
    return this.#chain(["+", "-"], () => this.#term())
  }

  #term(): Evaluate {
    return this.#chain(["*", "/", "//"], () => this.#factor())
  }

  /** A row of operands, evaluated from the left. */
  #chain(operators: ReadonlyArray<Operator>, operand: () => Evaluate): Evaluate {
    const first = operand()
    const rest: Array<readonly [Operator, Evaluate]> = []
    for (;;) {
      const operator = operators.find((sign) => this.#take(sign))
      if (operator === undefined) break
      rest.push([operator, operand()])
    }
    if (rest.length === 0) return first
    return () => rest.reduce((left, [sign, right]) => apply(sign, left, right()), first())
  }

  #factor(): Evaluate {
    if (this.#take("-")) return this.#signed(minus)
    if (this.#take("+")) return this.#signed(plus)
    return this.#power()
  }

  #signed(sign: (value: Operand) => Operand): Evaluate {
    const value = this.#deeper(() => this.#factor())
    return () => sign(value())
  }

  #power(): Evaluate {
    const base = this.#call()
    if (!this.#take("**")) return base
    const exponent = this.#deeper(() => this.#factor())
    return () => apply("**", base(), exponent())
  }

  #call(): Evaluate {
    let called = this.#atom()
    while (this.#take("(")) {
      const before = called
      const given = this.#take(")") ? undefined : this.#closed(this.#argument())
      called = () => {
        const name = nameOf(before())
        given?.()
        return raise("TypeError", `'${name}' object is not callable`)
      }
    }
    return called
  }

  #argument(): Evaluate {
    const isStarred = this.#take("*")
    const value = this.#deeper(() => this.#sum())
    if (!isStarred) return value
    return () => {
      const name = nameOf(value())
      return name === "tuple"
        ? name
        : raise("TypeError", `Value after * must be an iterable, not ${name}`)
    }
  }

  #atom(): Evaluate {
    const token = this.#tokens[this.#at]
    if (token?.kind === "number") {
      this.#at += 1
      return () => token.value
    }
    if (this.#take("...")) return () => "ellipsis"
    if (!this.#take("(")) return this.#refuse()
    if (this.#take(")")) return () => "tuple"
    return this.#kind() === "*" || this.#kind() === "**"
      ? this.#starred()
      : this.#closed(this.#deeper(() => this.#sum()))
  }

  /** `(*1)` and `(**1)` are errors of their own, if nothing but the parenthesis follows. */
  #starred(): never {
    const star = this.#take("*") ? "starred" : "double starred"
    if (star === "double starred") this.#at += 1
    this.#deeper(() => this.#sum())
    if (this.#kind() !== ")") this.#refuse()
    return ExpressionToken.refuse(`cannot use ${star} expression here`)
  }

  #closed(value: Evaluate): Evaluate {
    return this.#take(")") ? value : this.#refuse()
  }

  #deeper<A>(parse: () => A): A {
    this.#nested += 1
    if (this.#nested > mostNested) {
      raise("RecursionError", "maximum recursion depth exceeded during compilation")
    }
    const parsed = parse()
    this.#nested -= 1
    return parsed
  }

  #kind(): ExpressionToken.Token["kind"] {
    return this.#tokens[this.#at]?.kind ?? "end"
  }

  #take(kind: ExpressionToken.Token["kind"]): boolean {
    const isThere = this.#kind() === kind
    if (isThere) this.#at += 1
    return isThere
  }

  #refuse(): never {
    const token = this.#tokens[this.#at]
    const isSecondValue = ExpressionToken.isSecondValue(this.#tokens, this.#at)
    // Python reads the second value to its end before it says what is missing.
    if (isSecondValue) this.#deeper(() => this.#sum())
    const isCommaMissing = isSecondValue && token !== undefined && token.depth > 0
    return ExpressionToken.refuseAt(this.#tokens[this.#at], isCommaMissing)
  }
}

const nameOf = (operand: Operand): string =>
  typeof operand === "string" ? operand : typeName(operand)

const apply = (operator: Operator, left: Operand, right: Operand): Operand => {
  if (typeof left !== "string" && typeof right !== "string") return operate(operator, left, right)
  // Two tuples add up to one, and a tuple can be repeated.
  if (operator === "+" && left === "tuple" && right === "tuple") return "tuple"
  if (operator === "*" && (left === "tuple" || right === "tuple")) return repeated(left, right)
  if (operator === "+" && left === "tuple") {
    const detail = `can only concatenate tuple (not "${nameOf(right)}") to tuple`
    return raise("TypeError", detail)
  }
  return unsupported(operator, nameOf(left), nameOf(right))
}

const repeated = (left: Operand, right: Operand): Operand => {
  const other = left === "tuple" ? right : left
  if (typeof other === "bigint") return "tuple"
  const detail = `can't multiply sequence by non-int of type '${nameOf(other)}'`
  return raise("TypeError", detail)
}

const minus = (operand: Operand): Operand =>
  typeof operand === "string" ? unsigned("-", operand) : negate(operand)

const plus = (operand: Operand): Operand =>
  typeof operand === "string" ? unsigned("+", operand) : operand

const unsigned = (sign: string, name: string): never =>
  raise("TypeError", `bad operand type for unary ${sign}: '${name}'`)
