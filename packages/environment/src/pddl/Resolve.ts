/**
 * A PDDL condition with every name replaced by a number and every part that cannot change folded away.
 * It decides nothing about a state: `Condition` does.
 *
 * A term is an object's number, or `~slot` (negative) for the variable kept in that slot.
 */
import type { Formula, Typed } from "./Pddl.ts"
import { refuse } from "./SExpression.ts"
import * as State from "./State.ts"
import type { Vocabulary } from "./Vocabulary.ts"

/** A variable: where its value stands, and which objects it may be. */
export interface Variable {
  readonly slot: number
  readonly members: Uint8Array
}

/** `predicate(terms)` in numbers. */
export interface Atom {
  readonly _tag: "Atom"
  readonly predicate: number
  readonly terms: ReadonlyArray<number>
}

/** A condition in numbers. */
export type Condition =
  | { readonly _tag: "Constant"; readonly value: boolean }
  | Atom
  | { readonly _tag: "Equal"; readonly left: number; readonly right: number }
  | { readonly _tag: "Not"; readonly of: Condition }
  | { readonly _tag: "And"; readonly of: ReadonlyArray<Condition> }
  | { readonly _tag: "Or"; readonly of: ReadonlyArray<Condition> }
  | { readonly _tag: "Exists"; readonly variables: ReadonlyArray<Variable>; readonly of: Condition }

/** The names in scope; `allocate` hands out slots nobody else uses. */
export interface Scope {
  readonly vocabulary: Vocabulary
  readonly slots: ReadonlyMap<string, number>
  readonly allocate: () => number
}

/** Each variable may take a nested call. */
const variableLimit = 256

/** A scope without variables. Raises `PddlError` when it is given too many of them. */
export const scope = (vocabulary: Vocabulary): Scope => {
  let next = 0
  const allocate = (): number =>
    next < variableLimit ? next++ : refuse(`more than ${variableLimit} variables stand together`)
  return { vocabulary, slots: new Map(), allocate }
}

/** The scope with these variables added, each in a slot of its own, and the variables. */
export const declare = (
  outer: Scope,
  variables: ReadonlyArray<Typed>
): readonly [Scope, ReadonlyArray<Variable>] => {
  const slots = new Map(outer.slots)
  const declared = variables.map(({ name, type }) => {
    const slot = outer.allocate()
    slots.set(name, slot)
    return { slot, members: outer.vocabulary.members(type) }
  })
  return [{ ...outer, slots }, declared]
}

/** The predicates of which a condition speaks, with repetitions. */
export const predicatesOf = (condition: Condition): ReadonlyArray<number> => {
  switch (condition._tag) {
    case "Constant":
    case "Equal":
      return []
    case "Atom":
      return [condition.predicate]
    case "Not":
    case "Exists":
      return predicatesOf(condition.of)
    case "And":
    case "Or":
      return condition.of.flatMap(predicatesOf)
  }
}

const constant = (value: boolean): Condition => ({ _tag: "Constant", value })

const isConstant = (condition: Condition, value: boolean): boolean =>
  condition._tag === "Constant" && condition.value === value

/** The formula in numbers. Raises `PddlError` for an unknown predicate, arity or variable. */
export const resolve = (formula: Formula, within: Scope): Condition => {
  switch (formula._tag) {
    case "Atom":
      return resolveAtom(formula.predicate, formula.terms, within)
    case "Equal":
      return resolveEqual(formula.left, formula.right, within)
    case "Not": {
      const of = resolve(formula.of, within)
      return of._tag === "Constant" ? constant(!of.value) : { _tag: "Not", of }
    }
    case "And":
      return resolveAll("And", formula.of, within)
    case "Or":
      return resolveAll("Or", formula.of, within)
    case "Exists": {
      const [inner, variables] = declare(within, formula.variables)
      const of = resolve(formula.of, inner)
      const isEmpty = variables.some(({ members }) => !members.includes(1))
      return isEmpty || isConstant(of, false) ? constant(false) : { _tag: "Exists", variables, of }
    }
  }
}

/** `false` absorbs a conjunction and vanishes from a disjunction; `true` the other way round. */
const resolveAll = (
  _tag: "And" | "Or",
  parts: ReadonlyArray<Formula>,
  within: Scope
): Condition => {
  const neutral = _tag === "And"
  const resolved = parts
    .map((part) => resolve(part, within))
    .flatMap((part) => (part._tag === _tag ? part.of : [part]))
    .filter((part) => !isConstant(part, neutral))
  if (resolved.some((part) => isConstant(part, !neutral))) return constant(!neutral)
  const [first, ...others] = resolved
  if (first === undefined) return constant(neutral)
  return others.length === 0 ? first : { _tag, of: resolved }
}

/** An atom about an object that the problem does not have never holds. */
const resolveAtom = (predicate: string, names: ReadonlyArray<string>, within: Scope): Condition => {
  const atom = literal(predicate, names, within)
  return atom ?? constant(false)
}

const resolveEqual = (leftName: string, rightName: string, within: Scope): Condition => {
  const left = term(leftName, within)
  const right = term(rightName, within)
  if (left === undefined || right === undefined) return constant(false)
  return { _tag: "Equal", left, right }
}

/** The atom in numbers, or undefined when it names an object that the problem does not have. */
export const literal = (
  predicate: string,
  names: ReadonlyArray<string>,
  within: Scope
): Atom | undefined => {
  const number =
    within.vocabulary.predicateNumbers.get(predicate) ??
    refuse(`predicate ${predicate} is not declared in the domain`)
  const arity = within.vocabulary.arities[number]
  if (arity !== names.length) {
    refuse(`predicate ${predicate} takes ${arity} arguments, not ${names.length}`)
  }
  const terms = names.map((name) => term(name, within))
  const known = terms.filter((each) => each !== undefined)
  return known.length < terms.length ? undefined : { _tag: "Atom", predicate: number, terms: known }
}

const term = (name: string, within: Scope): number | undefined => {
  if (!name.startsWith("?")) return within.vocabulary.objectNumbers.get(name)
  const slot = within.slots.get(name) ?? refuse(`variable ${name} is not declared`)
  return ~slot
}

/** The facts of a problem as a state. Raises `PddlError` for an unknown predicate, arity or object. */
export const initialState = (
  facts: ReadonlyArray<{ readonly predicate: string; readonly terms: ReadonlyArray<string> }>,
  vocabulary: Vocabulary
): State.State => {
  const within = scope(vocabulary)
  const byPredicate: ReadonlyArray<Array<number>> = vocabulary.arities.map(() => [])
  for (const { predicate, terms } of facts) {
    const atom =
      literal(predicate, terms, within) ??
      refuse(`(${predicate} ${terms.join(" ")}) names an object that the problem does not declare`)
    byPredicate[atom.predicate]?.push(State.factOf(atom.terms))
  }
  return byPredicate.map((numbers, predicate) =>
    State.relation(vocabulary.arities[predicate] ?? 0, numbers)
  )
}
