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

/** Reads a `(define (domain ...) ...)`. Raises `PddlError`. */
export const readDomain = (text: string): Domain => {
  const sections = sectionsOf(text, "domain")
  const types = typedList(itemsOf(sections, ":types"))
  return {
    parents: new Map(types.map(({ name, type }) => [name, type])),
    arities: new Map(itemsOf(sections, ":predicates").map(signature)),
    constants: typedList(itemsOf(sections, ":constants")),
    actions: sections.filter(([head]) => head === ":action").map(readAction)
  }
}

/** Reads a `(define (problem ...) ...)`. Numeric and negative initial entries say nothing here and are left out. */
export const readProblem = (text: string): Problem => {
  const sections = sectionsOf(text, "problem")
  const goal = itemsOf(sections, ":goal")
  if (goal.length !== 1) refuse("the problem should have exactly one (:goal ...)")
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

const sectionsOf = (text: string, kind: string): ReadonlyArray<Items> => {
  const [define, title, ...sections] = read(text)
  if (define !== "define" || listOf(title, "the title")[0] !== kind) {
    refuse(`the text should start with (define (${kind} ...`)
  }
  return sections.map((section) => listOf(section, `a section of the ${kind}`))
}

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
    typed.push(...waiting.map((name) => ({ name, type })))
    waiting = []
  }
  return [...typed, ...waiting.map((name) => ({ name, type: "object" }))]
}

const signature = (expression: SExpression): [string, number] => {
  const [name, ...parameters] = listOf(expression, "a predicate")
  return [wordOf(name, "a predicate's name"), typedList(parameters).length]
}

const readAtom = (items: Items): Atom => {
  const [predicate, ...terms] = items.map((item) => wordOf(item, "a part of an atom"))
  return { _tag: "Atom", predicate: predicate ?? refuse("an atom is empty"), terms }
}

const formulas: Readonly<Record<string, (items: Items) => Formula>> = {
  and: (items) => ({ _tag: "And", of: items.map(readFormula) }),
  or: (items) => ({ _tag: "Or", of: items.map(readFormula) }),
  not: (items) => ({ _tag: "Not", of: readFormula(items[0] ?? refuse("(not) needs a condition")) }),
  imply: ([premise = [], conclusion = []]) => ({
    _tag: "Or",
    of: [{ _tag: "Not", of: readFormula(premise) }, readFormula(conclusion)]
  }),
  "=": ([left, right]) => ({
    _tag: "Equal",
    left: wordOf(left, "the left of ="),
    right: wordOf(right, "the right of =")
  }),
  exists: ([variables, body = []]) => ({
    _tag: "Exists",
    variables: typedList(listOf(variables, "the variables of exists")),
    of: readFormula(body)
  }),
  forall: ([variables, body = []]) => ({
    _tag: "Not",
    of: {
      _tag: "Exists",
      variables: typedList(listOf(variables, "the variables of forall")),
      of: { _tag: "Not", of: readFormula(body) }
    }
  })
}

/** The empty list is the condition that always holds. */
const readFormula = (expression: SExpression): Formula => {
  const items = listOf(expression, "a condition")
  const [head, ...rest] = items
  if (head === undefined) return always
  return formulas[wordOf(head, "the head of a condition")]?.(rest) ?? readAtom(items)
}

interface Guard {
  readonly variables: ReadonlyArray<Typed>
  readonly when: Formula
}

const ignored = ["increase", "decrease", "assign", "scale-up", "scale-down"]

const effects: Readonly<Record<string, (items: Items, guard: Guard) => ReadonlyArray<Effect>>> = {
  and: (items, guard) => items.flatMap((item) => readEffects(item, guard)),
  not: ([literal], guard) => [
    { ...guard, literal: readAtom(listOf(literal, "a negated effect")), isAdd: false }
  ],
  forall: ([variables, body = []], guard) =>
    readEffects(body, {
      ...guard,
      variables: [
        ...guard.variables,
        ...typedList(listOf(variables, "the variables of a forall effect"))
      ]
    }),
  when: ([condition = [], body = []], guard) =>
    readEffects(body, {
      ...guard,
      when: { _tag: "And", of: [guard.when, readFormula(condition)] }
    })
}

const readEffects = (expression: SExpression, guard: Guard): ReadonlyArray<Effect> => {
  const items = listOf(expression, "an effect")
  const [head, ...rest] = items
  if (head === undefined) return []
  const name = wordOf(head, "the head of an effect")
  // Costs steer planners only; they change nothing that a player could see.
  if (ignored.includes(name)) return []
  return effects[name]?.(rest, guard) ?? [{ ...guard, literal: readAtom(items), isAdd: true }]
}

const readAction = (section: Items): Action => {
  const name = wordOf(section[1], "an action's name")
  const part = (key: string): Items => {
    const at = section.indexOf(key)
    return at < 0 ? [] : listOf(section[at + 1], `${key} of action ${name}`)
  }
  return {
    name,
    parameters: typedList(part(":parameters")),
    precondition: readFormula(part(":precondition")),
    effects: readEffects(part(":effect"), { variables: [], when: always })
  }
}
