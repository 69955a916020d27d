/**
 * PDDL domains and problems with ADL conditions (typing, quantifiers, conditional effects), as plain data.
 * It reads; what is true and what may be done is the business of `Condition` and `Ground`.
 */
import { listOf, read, refuse, wordOf, type SExpression } from "./SExpression.ts"

/** A variable or object and its type (`object` where none is written). */
export interface Typed {
  readonly name: string
  readonly type: string
}

/** `predicate(terms)`; a term that starts with `?` is a variable, any other names an object. */
export interface Atom {
  readonly _tag: "Atom"
  readonly predicate: string
  readonly terms: ReadonlyArray<string>
}

/** A condition. The empty `And` is true, the empty `Or` is false. */
export type Formula =
  | Atom
  | { readonly _tag: "Equal"; readonly left: string; readonly right: string }
  | { readonly _tag: "Not"; readonly of: Formula }
  | { readonly _tag: "And"; readonly of: ReadonlyArray<Formula> }
  | { readonly _tag: "Or"; readonly of: ReadonlyArray<Formula> }
  | { readonly _tag: "Exists"; readonly variables: ReadonlyArray<Typed>; readonly of: Formula }

/** One literal that an action makes true (`isAdd`) or false, for every binding of `variables` under `when`. */
export interface Effect {
  readonly variables: ReadonlyArray<Typed>
  readonly when: Formula
  readonly literal: Atom
  readonly isAdd: boolean
}

/** An action schema. */
export interface Action {
  readonly name: string
  readonly parameters: ReadonlyArray<Typed>
  readonly precondition: Formula
  readonly effects: ReadonlyArray<Effect>
}

/** `parents` maps a type to the type above it; `arities` a predicate to its number of arguments. */
export interface Domain {
  readonly parents: ReadonlyMap<string, string>
  readonly arities: ReadonlyMap<string, number>
  readonly constants: ReadonlyArray<Typed>
  readonly actions: ReadonlyArray<Action>
}

/** What there is, what holds at first, and what shall hold. */
export interface Problem {
  readonly objects: ReadonlyArray<Typed>
  readonly init: ReadonlyArray<Atom>
  readonly goal: Formula
}

/** The condition that always holds. */
export const always: Formula = { _tag: "And", of: [] }

/** Reads a `(define (domain ...) ...)`. Raises `PddlError`, also for what this reader would have to overlook. */
export const readDomain = (text: string): Domain => {
  const sections = sectionsOf(text, "domain")
  const types = typedList(itemsOf(sections, ":types"))
  const predicates = itemsOf(sections, ":predicates").map(signature)
  const actions = sections.filter(([head]) => head === ":action").map(readAction)
  refuseDoubles("predicate", predicates)
  refuseDoubles(
    "action",
    actions.map(({ name }) => [name])
  )
  return {
    parents: new Map(types.map(({ name, type }) => [name, type])),
    arities: new Map(predicates),
    constants: typedList(itemsOf(sections, ":constants")),
    actions
  }
}

/** Reads a `(define (problem ...) ...)`. Numeric and negative initial entries say nothing here and are left out. */
export const readProblem = (text: string): Problem => {
  const sections = sectionsOf(text, "problem")
  const goal = itemsOf(sections, ":goal")
  if (goal.length !== 1) refuse("the problem should have exactly one (:goal ...)")
  if (!sections.some(([head]) => head === ":init")) refuse("the problem has no (:init ...)")
  const init = itemsOf(sections, ":init").map((entry) => listOf(entry, "an initial fact"))
  return {
    objects: typedList(itemsOf(sections, ":objects")),
    init: init.filter(([head]) => head !== "=" && head !== "not").map(readAtom),
    goal: readFormula(goal[0] ?? [])
  }
}

/** The objects and variables that a condition names, with repetitions. */
export const termsOf = (formula: Formula): ReadonlyArray<string> => {
  switch (formula._tag) {
    case "Atom":
      return formula.terms
    case "Equal":
      return [formula.left, formula.right]
    case "Not":
    case "Exists":
      return termsOf(formula.of)
    case "And":
    case "Or":
      return formula.of.flatMap(termsOf)
  }
}

type Items = ReadonlyArray<SExpression>

/** Those that say nothing to a player (costs, requirements) are known too; any other would be a rule not followed. */
const knownSections = {
  domain: [":requirements", ":types", ":constants", ":predicates", ":functions", ":action"],
  problem: [":domain", ":requirements", ":objects", ":init", ":goal", ":metric"]
} as const

const sectionsOf = (text: string, kind: keyof typeof knownSections): ReadonlyArray<Items> => {
  const [define, title, ...rest] = read(text)
  if (define !== "define" || listOf(title, "the title")[0] !== kind) {
    refuse(`the text should start with (define (${kind} ...`)
  }
  const sections = rest.map((section) => listOf(section, `a section of the ${kind}`))
  const known: ReadonlyArray<SExpression | undefined> = knownSections[kind]
  const strange = sections.find(([head]) => !known.includes(head))
  if (strange !== undefined) {
    const name = wordOf(strange[0], `the head of a section of the ${kind}`)
    refuse(`the ${kind} has a section ${name}; this engine knows ${known.join(", ")}`)
  }
  return sections
}

const refuseDoubles = (
  what: string,
  entries: ReadonlyArray<readonly [string, ...Array<unknown>]>
) => {
  const names = new Set<string>()
  for (const [name] of entries) {
    if (names.has(name)) refuse(`the ${what} ${name} is declared twice`)
    names.add(name)
  }
}

/** As many operands as the form has; one too many would be overlooked. */
const operands = (items: Items, count: number, head: string): Items =>
  items.length === count
    ? items
    : refuse(`(${head} ...) takes ${count} operands, not ${items.length}`)

const itemsOf = (sections: ReadonlyArray<Items>, head: string): Items =>
  sections.filter((section) => section[0] === head).flatMap((section) => section.slice(1))

/** `a b - t c`: a and b of type t, c an `object`. A comma is part of the word it stands in. */
const typedList = (items: Items): ReadonlyArray<Typed> => {
  const typed: Array<Typed> = []
  let waiting: Array<string> = []
  for (let index = 0; index < items.length; index++) {
    const word = wordOf(items[index], "an entry of a typed list")
    if (word !== "-") {
      waiting.push(word)
      continue
    }
    index += 1
    const type = wordOf(items[index], "a type")
    for (const name of waiting) typed.push({ name, type })
    waiting = []
  }
  for (const name of waiting) typed.push({ name, type: "object" })
  return typed
}

const signature = (expression: SExpression): [string, number] => {
  const [name, ...parameters] = listOf(expression, "a predicate")
  return [wordOf(name, "a predicate's name"), typedList(parameters).length]
}

const readAtom = (items: Items): Atom => {
  const [predicate, ...terms] = items.map((item) => wordOf(item, "a part of an atom"))
  return { _tag: "Atom", predicate: predicate ?? refuse("an atom is empty"), terms }
}

type ReadFormula = (items: Items, head: string) => Formula

const not = (of: Formula): Formula => ({ _tag: "Not", of })

const readExists = (items: Items, head: string, wrap: (body: Formula) => Formula): Formula => {
  const [variables, body] = operands(items, 2, head)
  return {
    _tag: "Exists",
    variables: typedList(listOf(variables, `the variables of ${head}`)),
    of: wrap(readFormula(body))
  }
}

// Maps, since a file may call a predicate by the name of anything that every object of the language has.
const formulas: ReadonlyMap<string, ReadFormula> = new Map<string, ReadFormula>([
  ["and", (items) => ({ _tag: "And", of: items.map(readFormula) })],
  ["or", (items) => ({ _tag: "Or", of: items.map(readFormula) })],
  ["not", (items, head) => not(readFormula(operands(items, 1, head)[0]))],
  [
    "imply",
    (items, head) => {
      const [premise, conclusion] = operands(items, 2, head)
      return { _tag: "Or", of: [not(readFormula(premise)), readFormula(conclusion)] }
    }
  ],
  [
    "=",
    (items, head) => {
      const [left, right] = operands(items, 2, head)
      return {
        _tag: "Equal",
        left: wordOf(left, "the left of ="),
        right: wordOf(right, "the right of =")
      }
    }
  ],
  ["exists", (items, head) => readExists(items, head, (body) => body)],
  ["forall", (items, head) => not(readExists(items, head, not))]
])

/** The empty list is the condition that always holds. */
const readFormula = (expression: SExpression | undefined): Formula => {
  const items = listOf(expression, "a condition")
  const [head, ...rest] = items
  if (head === undefined) return always
  const name = wordOf(head, "the head of a condition")
  return formulas.get(name)?.(rest, name) ?? readAtom(items)
}

interface Guard {
  readonly variables: ReadonlyArray<Typed>
  readonly when: Formula
}

const ignored = ["increase", "decrease", "assign", "scale-up", "scale-down"]

type ReadEffect = (items: Items, guard: Guard) => ReadonlyArray<Effect>

const effects: ReadonlyMap<string, ReadEffect> = new Map<string, ReadEffect>([
  ["and", (items, guard) => items.flatMap((item) => readEffects(item, guard))],
  [
    "not",
    (items, guard) => {
      const [literal] = operands(items, 1, "not")
      return [{ ...guard, literal: readAtom(listOf(literal, "a negated effect")), isAdd: false }]
    }
  ],
  [
    "forall",
    (items, guard) => {
      const [list, body] = operands(items, 2, "forall")
      const variables = typedList(listOf(list, "the variables of a forall effect"))
      return readEffects(body, { ...guard, variables: [...guard.variables, ...variables] })
    }
  ],
  [
    "when",
    (items, guard) => {
      const [condition, body] = operands(items, 2, "when")
      const when: Formula = { _tag: "And", of: [guard.when, readFormula(condition)] }
      return readEffects(body, { ...guard, when })
    }
  ]
])

const readEffects = (expression: SExpression | undefined, guard: Guard): ReadonlyArray<Effect> => {
  const items = listOf(expression, "an effect")
  const [head, ...rest] = items
  if (head === undefined) return []
  const name = wordOf(head, "the head of an effect")
  // Costs steer planners only; they change nothing that a player could see.
  if (ignored.includes(name)) return []
  return effects.get(name)?.(rest, guard) ?? [{ ...guard, literal: readAtom(items), isAdd: true }]
}

const actionParts = [":parameters", ":precondition", ":effect"] as const

const readAction = (section: Items): Action => {
  const name = wordOf(section[1], "an action's name")
  const parts = new Map<string, Items>()
  for (let at = 2; at < section.length; at += 2) {
    const key = wordOf(section[at], `a part of action ${name}`)
    if (!actionParts.some((known) => known === key) || parts.has(key)) {
      refuse(`action ${name} has a part ${key}; it may have each of ${actionParts.join(", ")} once`)
    }
    parts.set(key, listOf(section[at + 1], `${key} of action ${name}`))
  }
  const part = (key: (typeof actionParts)[number]): Items => parts.get(key) ?? []
  return {
    name,
    parameters: typedList(part(":parameters")),
    precondition: readFormula(part(":precondition")),
    effects: readEffects(part(":effect"), { variables: [], when: always })
  }
}
