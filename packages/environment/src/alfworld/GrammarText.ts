/**
 * The texts of a TextWorld grammar read into trees: the `.twl2` document, right-hand sides, queries, expressions.
 * It expands nothing: that is the business of `Grammar`.
 *
 * The forms are those of TextWorld's `logic.ebnf` and `textgen.ebnf` (microsoft/TextWorld 1.7).
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** The text is no TextWorld grammar, lacks what an action needs, or writes a symbol with itself or without measure. */
export class GrammarError extends Schema.TaggedError<GrammarError>()("GrammarError", {
  reason: Schema.Literals(["syntax", "missing", "circle", "size"]),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** One way to write a symbol; applies when its condition (a conjunctive query) has a solution. */
export const Rule = Schema.Struct({
  condition: Schema.optionalKey(Schema.String),
  rhs: Schema.String
})
export type Rule = typeof Rule.Type

const Rules = Schema.Record(Schema.String, Schema.Array(Rule))

/** The command and the feedback of one action, not yet expanded. */
export interface ActionText {
  readonly template: string
  readonly feedback: string
}

/** A `.twl2` document. `actions` are keyed by lower-case name. */
export interface Document {
  readonly actions: ReadonlyMap<string, ActionText>
  readonly rules: ReadonlyMap<string, ReadonlyArray<Rule>>
}

/** `predicate(variables)`, each variable with the type its value must have. */
export interface Conjunct {
  readonly predicate: string
  readonly variables: ReadonlyArray<{ readonly name: string; readonly type: string }>
}

/** What an expression names: a quoted text, or an attribute of an entity (`name` where none is written). */
export type Operand =
  | { readonly _tag: "Quoted"; readonly text: string }
  | { readonly _tag: "Attribute"; readonly variable: string; readonly attribute: string }

/** Sums of operands; the first that is not empty is the value (`a.name or a.id`). */
export type Expression = ReadonlyArray<ReadonlyArray<Operand>>

/** A part of a right-hand side. `isList` joins the solutions of the query as a list. */
export type Part =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Symbol"; readonly symbol: string }
  | {
      readonly _tag: "Solutions"
      readonly of: Part | Expression
      readonly query: ReadonlyArray<Conjunct> | undefined
      readonly isList: boolean
    }

const syntax = (detail: string): never => {
  throw new GrammarError({ reason: "syntax", detail })
}

const blank = /(?:\s|#[^\n]*)*/y
const grammarBlock = /grammar\s*::\s*"""([\s\S]*?)"""\s*;/y
const actionHead = /action\s+([\w/-]+)\s*\{/y
const field = /(template|feedback)\s*::\s*"([^"]*)"\s*;/y
const pddlBlock = /pddl\s*::\s*"""[\s\S]*?"""\s*;/y
const closing = /\}/y

/** Takes tokens off a text from the left; comments and blanks in between fall away. */
const tokenizer = (text: string) => {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    blank.lastIndex = at
    blank.exec(text)
    pattern.lastIndex = blank.lastIndex
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  const isAtEnd = (): boolean => {
    blank.lastIndex = at
    blank.exec(text)
    return blank.lastIndex >= text.length
  }
  const here = (): string => JSON.stringify(text.slice(at).trimStart().slice(0, 40))
  return { take, isAtEnd, here }
}

/** Reads a `.twl2` document. Raises `GrammarError`. A symbol given twice keeps its last rules. */
export const readDocument = (text: string): Document => {
  const actions = new Map<string, ActionText>()
  const rules = new Map<string, ReadonlyArray<Rule>>()
  const { take, isAtEnd, here } = tokenizer(text)
  const addRules = (json: string): void => {
    for (const [symbol, alternatives] of readRules(json)) rules.set(symbol, alternatives)
  }
  const readAction = (name: string): void => {
    const found = new Map<string, string>()
    while (take(closing) === null) {
      const entry = take(field)
      const block = entry === null ? take(grammarBlock) : null
      if (entry !== null) found.set(entry[1] ?? "", entry[2] ?? "")
      else if (block !== null) addRules((block[1] ?? "").replace(/^[ \t]*#.*$/gm, ""))
      else if (take(pddlBlock) === null) syntax(`action ${name} cannot be read at ${here()}`)
    }
    const template = found.get("template") ?? syntax(`action ${name} has no template`)
    const feedback = found.get("feedback") ?? syntax(`action ${name} has no feedback`)
    actions.set(name.toLowerCase(), { template, feedback })
  }
  while (!isAtEnd()) {
    const block = take(grammarBlock)
    const head = block === null ? take(actionHead) : null
    if (block !== null) addRules(block[1] ?? "")
    else if (head !== null) readAction(head[1] ?? "")
    else syntax(`neither an action nor a grammar at ${here()}`)
  }
  return { actions, rules }
}

const decodeRules = Schema.decodeUnknownResult(Schema.fromJsonString(Rules))

const readRules = (json: string): ReadonlyArray<[string, ReadonlyArray<Rule>]> =>
  Result.match(decodeRules(json), {
    onFailure: (issue) => syntax(`a block of rules is not as expected: ${issue.message}`),
    onSuccess: (rules) => Object.entries(rules)
  })

const literal = /[^;|"<>[\]#{}]+/y
const symbol = /#([\w()/!<>\-\s,.]+)#/y
const solutions =
  /(\[?)\{(?:#([\w()/!<>\-\s,.]+)#|([^|[\]{}\n<>]+?))(?:\s*\|\s*([^;|{}\n[\]#]+))?\}(\]?)/y
const lineStart = /\s*/y

/** The real grammar's longest text, `help`, has about a thousand characters. Patterns may look at a text many times. */
const textLimit = 10_000

/**
 * Reads a right-hand side, a template or a feedback. Raises `GrammarError` for one of too many characters. Blanks at its start fall away; so does everything from the
 * first character on that cannot be read (the original's parser stops there without a word).
 */
export const readParts = (text: string): ReadonlyArray<Part> => {
  if (text.length > textLimit) {
    throw new GrammarError({
      reason: "size",
      detail: `a text has ${text.length} characters, more than ${textLimit}: ${text.slice(0, 40)}`
    })
  }
  const parts: Array<Part> = []
  lineStart.lastIndex = 0
  lineStart.exec(text)
  let at = lineStart.lastIndex
  while (at < text.length) {
    const part = readPart(text, at)
    if (part === undefined) break
    parts.push(part.part)
    at = part.end
  }
  return parts
}

const execAt = (pattern: RegExp, text: string, at: number): RegExpExecArray | null => {
  pattern.lastIndex = at
  return pattern.exec(text)
}

const readPart = (
  text: string,
  at: number
): { readonly part: Part; readonly end: number } | undefined => {
  const written = execAt(literal, text, at)
  if (written !== null) return { part: { _tag: "Text", text: written[0] }, end: literal.lastIndex }
  const reference = execAt(symbol, text, at)
  if (reference !== null) {
    return { part: { _tag: "Symbol", symbol: reference[1] ?? "" }, end: symbol.lastIndex }
  }
  const found = execAt(solutions, text, at)
  if (found === null) return undefined
  const [, open, named, expression, query, close] = found
  if ((open === "[") !== (close === "]")) return undefined
  return {
    part: {
      _tag: "Solutions",
      of:
        named === undefined ? readExpression(expression ?? "") : { _tag: "Symbol", symbol: named },
      query: query === undefined ? undefined : readQuery(query),
      isList: open === "["
    },
    end: solutions.lastIndex
  }
}

const operand = /^\s*(?:'([^']*)'|"([^"]*)"|(\w+)(?:\.(\w+))?)\s*$/

/** Reads `o.indefinite + ' ' + o.name` or `r.name or r.id`. Raises `GrammarError`. */
export const readExpression = (text: string): Expression =>
  text.split(/\s+or\s+/).map((sum) => sum.split("+").map(readOperand))

const readOperand = (text: string): Operand => {
  const [, single, double, variable, attribute] =
    operand.exec(text) ?? syntax(`the expression ${text.trim()} cannot be read`)
  return variable === undefined
    ? { _tag: "Quoted", text: single ?? double ?? "" }
    : { _tag: "Attribute", variable, attribute: attribute ?? "name" }
}

const conjunct = /^\s*([\w/-]+)\s*\(([^()]*)\)\s*$/

/** Reads `p(x: t, y: u) & q(y: u)`; a variable without a type is of the type it is called. Raises `GrammarError`. */
export const readQuery = (text: string): ReadonlyArray<Conjunct> =>
  text.split("&").map((part) => {
    const [, predicate = "", variables = ""] =
      conjunct.exec(part) ?? syntax(`the condition ${part.trim()} cannot be read`)
    const names = variables.split(",").filter((variable) => variable.trim() !== "")
    return {
      predicate,
      variables: names.map((variable) => {
        const [name = "", type = name] = variable.split(":").map((word) => word.trim())
        return { name, type }
      })
    }
  })
