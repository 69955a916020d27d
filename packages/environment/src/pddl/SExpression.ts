/**
 * Parenthesised text, as PDDL writes it, read into nested lists of lower-case words.
 * It knows no PDDL: what a list means is the business of `Pddl`.
 */
import * as Schema from "effect/Schema"

/** A word, or a list of words and lists. Words are lower-case. */
export type SExpression = string | ReadonlyArray<SExpression>

/** The text is no PDDL (`syntax`) or says something that this reader does not know (`meaning`). */
export class PddlError extends Schema.TaggedError<PddlError>()("PddlError", {
  reason: Schema.Literals(["syntax", "meaning"]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

const comment = /;[^\n]*/g

// A blank, a parenthesis or the mark of a variable ends a word; a comma does not.
const token = /[()]|\?[^\s()?]*|[^\s()?]+/g

/** Deeper lists are no PDDL that anybody wrote, and what reads them recursively would fail. */
const depthLimit = 200

const syntax = (detail: string): PddlError => new PddlError({ reason: "syntax", detail })

/** Raises `meaning`; `Result.try` at the border of the reader turns it into a value. */
export const refuse = (detail: string): never => {
  throw new PddlError({ reason: "meaning", detail })
}

/**
 * Reads exactly one list. Raises `PddlError` for a missing or a surplus parenthesis.
 * As in Fast Downward's reader, `;` comments run to the end of the line and case is lost.
 */
export const read = (text: string): ReadonlyArray<SExpression> => {
  const tokens = text.replace(comment, "").toLowerCase().match(token) ?? []
  const outermost: Array<SExpression> = []
  const open: Array<Array<SExpression>> = [outermost]
  for (const word of tokens) {
    const current = open[open.length - 1] ?? outermost
    if (word === "(") {
      if (open.length > depthLimit) throw syntax(`lists are nested more than ${depthLimit} deep`)
      const child: Array<SExpression> = []
      current.push(child)
      open.push(child)
    } else if (word === ")") {
      open.pop()
      if (open.length === 0) throw syntax("a closing parenthesis has no opening one")
    } else {
      current.push(word)
    }
  }
  if (open.length > 1) throw syntax(`${open.length - 1} parentheses are never closed`)
  const [only, ...rest] = outermost
  if (only === undefined || typeof only === "string" || rest.length > 0) {
    throw syntax("the text is not one parenthesised list")
  }
  return only
}

/** The list itself; raises `meaning` when a word stands where `what` should. */
export const listOf = (expression: SExpression | undefined, what: string) =>
  expression === undefined || typeof expression === "string"
    ? refuse(`${what} should be a list, not ${expression ?? "nothing"}`)
    : expression

/** The word itself; raises `meaning` when a list stands where `what` should. */
export const wordOf = (expression: SExpression | undefined, what: string) =>
  typeof expression === "string" ? expression : refuse(`${what} should be a word`)
