/**
 * A problem ready to be played: which ground actions apply in a state, what they do, whether the goal holds.
 * Nothing is instantiated beforehand; applicable actions are found by joins over the facts of the state.
 * It knows no text: commands and observations are the business of the grammar.
 */
import * as Condition from "./Condition.ts"
import * as Pddl from "./Pddl.ts"
import * as Resolve from "./Resolve.ts"
import { refuse } from "./SExpression.ts"
import * as State from "./State.ts"
import * as Vocabulary from "./Vocabulary.ts"

/**
 * An action schema, compiled. `parameters` are the names without the question mark; `reads` the predicates on whose
 * facts it depends whether the action applies and what it does.
 */
export interface Action {
  readonly name: string
  readonly parameters: ReadonlyArray<string>
  readonly reads: ReadonlyArray<number>
  readonly search: Condition.Search
  readonly effects: ReadonlyArray<Effect>
  readonly isIdle: (objects: ReadonlyArray<number>) => boolean
}

/** A literal that becomes true or false for each solution of `search` in the state before. */
export interface Effect {
  readonly literal: Resolve.Atom
  readonly isAdd: boolean
  readonly search: Condition.Search
}

/** Who is who, what holds at first, and what shall hold. */
export interface Setting {
  readonly vocabulary: Vocabulary.Vocabulary
  readonly initial: State.State
  readonly goal: Resolve.Condition
  readonly isGoal: (state: State.State) => boolean
}

/** `negated`: the predicates `not_p` that shall be kept as facts. Raises `PddlError` about the problem. */
export const setting = (
  domain: Pddl.Domain,
  problem: Pddl.Problem,
  negated: Iterable<string> = []
): Setting => {
  const vocabulary = Vocabulary.make(domain, problem, negated)
  const initial = Resolve.initialState(problem.init, vocabulary)
  refuseStrangers(problem.goal, vocabulary)
  const goal = Resolve.resolve(problem.goal, Resolve.scope(vocabulary))
  const test = Condition.test(goal, initial)
  return { vocabulary, initial, goal, isGoal: (state) => test(state, []) }
}

/** A goal about nobody could never be reached, so nobody would notice. */
const refuseStrangers = (goal: Pddl.Formula, { objectNumbers }: Vocabulary.Vocabulary): void => {
  const isStranger = (term: string): boolean => !term.startsWith("?") && !objectNumbers.has(term)
  const stranger = Pddl.termsOf(goal).find(isStranger)
  if (stranger !== undefined) {
    refuse(`the goal names ${stranger}, an object that the problem does not declare`)
  }
}

/** The actions of the domain in a setting. Raises `PddlError` about the domain. */
export const actions = (
  domain: Pddl.Domain,
  { initial, vocabulary }: Setting
): ReadonlyArray<Action> => domain.actions.map((action) => compile(action, vocabulary, initial))

/** The predicates whose facts some of the actions add or take away. */
export const changedBy = (actions: ReadonlyArray<Action>): Set<number> =>
  new Set(actions.flatMap(({ effects }) => effects.map(({ literal }) => literal.predicate)))

/** The predicates of which the goal speaks. */
export const predicatesOf = ({ goal }: Setting): ReadonlyArray<number> => Resolve.predicatesOf(goal)

/** Visits the arguments of every applicable instance of the action; true from `visit` ends it. */
export const applicable = (
  action: Action,
  state: State.State,
  visit: (objects: ReadonlyArray<number>) => boolean
): boolean => {
  const slots: Condition.Slots = []
  const count = action.parameters.length
  return action.search(state, slots, () => {
    return action.isIdle(slots) ? false : visit(slots.slice(0, count))
  })
}

/** The state after an applicable action. Deletes come before adds; all conditions look at the state before. */
export const apply = (
  { vocabulary }: Setting,
  state: State.State,
  action: Action,
  objects: ReadonlyArray<number>
): State.State => {
  const slots: Condition.Slots = [...objects]
  const changes: Array<State.Change> = []
  for (const { literal, isAdd, search } of action.effects) {
    search(state, slots, () => {
      changes.push({ predicate: literal.predicate, fact: ground(literal, slots), isAdd })
      return false
    })
  }
  return State.apply(state, [...changes, ...losses(vocabulary, state, changes)])
}

/** Taking a fact away leaves `not_p`; adding it takes `not_p` away. */
const losses = (
  { negations }: Vocabulary.Vocabulary,
  state: State.State,
  changes: ReadonlyArray<State.Change>
): ReadonlyArray<State.Change> =>
  changes.flatMap(({ predicate, fact, isAdd }): ReadonlyArray<State.Change> => {
    const negation = negations.get(predicate)
    if (negation === undefined) return []
    if (isAdd) return [{ predicate: negation, fact, isAdd: false }]
    const before = state[predicate]
    const isKept = changes.some(
      (other) => other.isAdd && other.predicate === predicate && other.fact === fact
    )
    const isLost = before !== undefined && State.has(before, fact) && !isKept
    return isLost ? [{ predicate: negation, fact, isAdd: true }] : []
  })

const ground = ({ terms }: Resolve.Atom, slots: ReadonlyArray<number>): number =>
  State.factOf(terms.map((term) => (term >= 0 ? term : (slots[~term] ?? 0))))

const compile = (
  action: Pddl.Action,
  vocabulary: Vocabulary.Vocabulary,
  typical: State.State
): Action => {
  const [within, parameters] = Resolve.declare(Resolve.scope(vocabulary), action.parameters)
  const precondition = Resolve.resolve(action.precondition, within)
  const guards = action.effects.map(({ variables, when }) =>
    Resolve.resolve(when, Resolve.declare(within, variables)[0])
  )
  return {
    reads: [...new Set([precondition, ...guards].flatMap(Resolve.predicatesOf))],
    name: action.name,
    parameters: action.parameters.map(({ name }) => name.replace("?", "")),
    search: Condition.search(precondition, parameters, typical),
    effects: action.effects.flatMap((effect) => compileEffect(effect, within, typical)),
    isIdle: idleness(action, within, precondition)
  }
}

const compileEffect = (
  effect: Pddl.Effect,
  outer: Resolve.Scope,
  typical: State.State
): ReadonlyArray<Effect> => {
  const [within, variables] = Resolve.declare(outer, effect.variables)
  const literal = Resolve.literal(effect.literal.predicate, effect.literal.terms, within)
  if (literal === undefined) return []
  const condition = Resolve.resolve(effect.when, within)
  const search = Condition.search(condition, variables, typical)
  return [{ literal, isAdd: effect.isAdd, search }]
}

/**
 * An instance all of whose effects its own precondition already grants is no action at all: the original's
 * translator drops it. (So nobody goes to a receptacle at the place where he stands.)
 */
const idleness = (
  action: Pddl.Action,
  within: Resolve.Scope,
  precondition: Resolve.Condition
): Action["isIdle"] => {
  const isConditional = action.effects.some(
    ({ variables, when }) => variables.length > 0 || when._tag !== "And" || when.of.length > 0
  )
  if (isConditional) return () => false
  const required = precondition._tag === "And" ? precondition.of : [precondition]
  const granted = required.filter((part) => part._tag === "Atom")
  const literals = (isAdd: boolean) =>
    action.effects
      .filter((effect) => effect.isAdd === isAdd)
      .map(({ literal: { predicate, terms } }) => Resolve.literal(predicate, terms, within))
      .filter((literal) => literal !== undefined)
  const adds = literals(true)
  const deletes = literals(false)
  const isPossible = adds.every((add) => granted.some((atom) => atom.predicate === add.predicate))
  if (!isPossible) return () => false
  return (objects) =>
    adds.every((add) => isAmong(add, granted, objects)) &&
    deletes.every((removed) => isAmong(removed, adds, objects))
}

const isAmong = (
  { predicate, terms }: Resolve.Atom,
  others: ReadonlyArray<Resolve.Atom>,
  objects: ReadonlyArray<number>
): boolean => {
  const valueOf = (term = 0): number => (term >= 0 ? term : (objects[~term] ?? 0))
  return others.some(
    (other) =>
      other.predicate === predicate &&
      terms.every((term, position) => valueOf(term) === valueOf(other.terms[position]))
  )
}
