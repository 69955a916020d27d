/**
 * What decides the text of a command: often the names of some arguments alone, whatever the state.
 * It writes no text; knowing this lets `Game` write each command once.
 */
import type { Document, Expression, Part } from "./GrammarText.ts"

/** How the text of an action's command is put together, and with which parameters. */
export interface Template {
  readonly parts: ReadonlyArray<Part>
  readonly parameters: ReadonlyArray<string>
}

/**
 * The positions of the parameters that decide the text, or undefined where the state may decide it too.
 * `isFixed`: no action changes the facts of a predicate of this name.
 */
export const decidedBy = (
  { parameters, parts }: Template,
  document: Document,
  isFixed: (predicate: string) => boolean
): ReadonlyArray<number> | undefined => {
  const names = parts.map((part) => namesIn(part, document, isFixed))
  const positions = names.flatMap((found) => found?.map((name) => parameters.indexOf(name)) ?? [-1])
  return positions.includes(-1) ? undefined : [...new Set(positions)]
}

const namesIn = (
  part: Part,
  document: Document,
  isFixed: (predicate: string) => boolean
): ReadonlyArray<string> | undefined => {
  if (part._tag === "Text") return []
  if (part._tag === "Symbol" || "_tag" in part.of) return undefined
  const { isList, of, query = [] } = part
  const isSteady = query.every(({ predicate }) => isFixed(predicate))
  if (!isSteady || (isList && !listSymbols.every((symbol) => isPlain(symbol, document)))) {
    return undefined
  }
  const variables = query.flatMap((conjunct) => conjunct.variables.map(({ name }) => name))
  return [...namesOf(of), ...variables]
}

const namesOf = (expression: Expression): ReadonlyArray<string> =>
  expression.flat().flatMap((operand) => (operand._tag === "Attribute" ? [operand.variable] : []))

const listSymbols = ["list_empty", "list_separator", "list_last_separator"]

/** The symbol is always the same text. */
const isPlain = (symbol: string, { rules }: Document): boolean => {
  const [first] = rules.get(symbol) ?? []
  return first !== undefined && (first.condition ?? "") === "" && !/[#{]/.test(first.rhs)
}
