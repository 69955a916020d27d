/**
 * The words of an expression for `calculate`, and the SyntaxErrors of CPython 3.11 about them.
 * It knows nothing of what an expression means.
 */
import { raise } from "./Value.ts"

const signs = ["**", "//", "...", "+", "-", "*", "/", "(", ")", "."] as const

/** `.` alone starts no expression, yet it is a word. `depth` counts the parentheses open around it. */
export type Token =
  | { readonly kind: "number"; readonly value: bigint | number; readonly depth: number }
  | { readonly kind: (typeof signs)[number] | "end"; readonly depth: number }

/** Raises a SyntaxError of the first line. */
export const refuse = (detail: string): never =>
  raise("SyntaxError", `${detail} (<string>, line 1)`)

/** Reads all words; raises for a parenthesis that was not opened and for an int that starts with 0. */
export const read = (text: string): ReadonlyArray<Token> => {
  const words = text.match(word) ?? []
  // Python speaks of line 0 where there is nothing.
  if (words.length === 0) raise("SyntaxError", "invalid syntax (<string>, line 0)")
  const tokens: Array<Token> = []
  let depth = 0
  for (const found of words) {
    if (found === ")" && depth === 0) refuse("unmatched ')'")
    if (found === "(") depth += 1
    if (found === ")") depth -= 1
    if (depth > mostParentheses) refuse("too many nested parentheses")
    tokens.push(tokenOf(found, depth))
  }
  tokens.push({ kind: "end", depth })
  return tokens
}

/** Whether the word at `index` is a value where one has just ended. */
export const isSecondValue = (tokens: ReadonlyArray<Token>, index: number): boolean => {
  const [before, token] = [tokens[index - 1], tokens[index]]
  if (before === undefined || token === undefined) return false
  return isValue(token) && (isValue(before) || before.kind === ")")
}

const isValue = ({ kind }: Token): boolean => kind === "number" || kind === "..."

/** The SyntaxError of an expression that cannot go on with the word. */
export const refuseAt = (token: Token | undefined, isCommaMissing: boolean): never => {
  if (token?.kind === "end" && token.depth > 0) return refuse("'(' was never closed")
  return refuse(isCommaMissing ? "invalid syntax. Perhaps you forgot a comma?" : "invalid syntax")
}

const word = /\d+\.?\d*|\.\d+|\*\*|\/\/|\.\.\.|[-+*/().]/g

const mostParentheses = 199

const mostDigits = 4300

const tokenOf = (found: string, depth: number): Token => {
  const kind = signs.find((sign) => sign === found)
  if (kind !== undefined) return { kind, depth }
  return { kind: "number", value: found.includes(".") ? Number(found) : intOf(found), depth }
}

const intOf = (digits: string): bigint => {
  if (/^0+[1-9]/.test(digits)) {
    const remedy = "use an 0o prefix for octal integers"
    refuse(`leading zeros in decimal integer literals are not permitted; ${remedy}`)
  }
  if (digits.length > mostDigits) {
    const remedy =
      "Consider hexadecimal for huge integer literals to avoid decimal conversion limits."
    const limit = `Exceeds the limit (${mostDigits} digits) for integer string conversion`
    refuse(
      `${limit}: value has ${digits.length} digits; use sys.set_int_max_str_digits() to increase the limit - ${remedy}`
    )
  }
  return BigInt(digits)
}
