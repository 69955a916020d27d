/**
 * Conditions compiled into searches over a state: joins over facts, in the order that promises the fewest.
 * It changes nothing: what an action does to a state is the business of `Ground`.
 */
import type { Atom, Condition, Variable } from "./Resolve.ts"
import { refuse } from "./SExpression.ts"
import * as State from "./State.ts"

/** Values of variables: object numbers. A slot is meaningful only after its variable is bound. */
export type Slots = Array<number>

/** Called at each solution, with the slots filled; true ends the search. */
export type Visit = () => boolean

/** Whether some visit ended the search. */
export type Search = (state: State.State, slots: Slots, visit: Visit) => boolean

/** Whether the condition holds for the values in the slots. */
export type Test = (state: State.State, slots: Slots) => boolean

const stop: Visit = () => true

const valueOf = (term: number, slots: Slots): number => (term >= 0 ? term : (slots[~term] ?? 0))

/** More than so many cases would be looked at for ever, in a game of thousands of states. */
const caseLimit = 1 << 17

/**
 * All values of `wanted` (in no particular order, possibly repeated) for which the condition holds.
 * Other slots are filled beforehand. `typical` is a state whose sizes of relations guide the order of joins.
 * Raises `PddlError` for a condition that leaves so many variables open that nobody could wait for its end.
 */
export const search = (
  condition: Condition,
  wanted: ReadonlyArray<Variable>,
  typical: State.State
): Search => {
  const open = new Map(wanted.map((variable) => [variable.slot, variable]))
  return plan(flatten([condition], open), { open, typical, cases: 1 })
}

/** The condition as a yes or no, every variable outside of it being bound. */
export const test = (condition: Condition, typical: State.State): Test => {
  switch (condition._tag) {
    case "Constant":
      return () => condition.value
    case "Equal":
      return (_, slots) => valueOf(condition.left, slots) === valueOf(condition.right, slots)
    case "Atom":
      return testAtom(condition)
    case "Not": {
      const positive = test(condition.of, typical)
      return (state, slots) => !positive(state, slots)
    }
    case "Or": {
      const some = condition.of.map((part) => test(part, typical))
      return (state, slots) => some.some((part) => part(state, slots))
    }
    case "And":
    case "Exists": {
      const find = search(condition, [], typical)
      return (state, slots) => find(state, slots, stop)
    }
  }
}

const testAtom = ({ predicate, terms }: Atom): Test => {
  const [first = 0, second = 0] = terms
  if (terms.length === 1) {
    return (state, slots) => holds(state, predicate, valueOf(first, slots))
  }
  if (terms.length === 2) {
    return (state, slots) =>
      holds(state, predicate, (valueOf(first, slots) << 12) | valueOf(second, slots))
  }
  return (state, slots) =>
    holds(state, predicate, State.factOf(terms.map((term) => valueOf(term, slots))))
}

const holds = (state: State.State, predicate: number, fact: number): boolean => {
  const relation = state[predicate]
  return relation !== undefined && State.has(relation, fact)
}

interface Planning {
  readonly open: Map<number, Variable>
  readonly typical: State.State
  /** About how many combinations of the variables bound so far there are. */
  readonly cases: number
}

/** Conjunctions and existential quantifiers dissolve into one list of conjuncts and more open variables. */
const flatten = (
  conditions: ReadonlyArray<Condition>,
  open: Map<number, Variable>
): Array<Condition> =>
  conditions.flatMap((condition) => {
    if (condition._tag === "And") return flatten(condition.of, open)
    if (condition._tag !== "Exists") return [condition]
    for (const variable of condition.variables) open.set(variable.slot, variable)
    return flatten([condition.of], open)
  })

const finish: Search = (_state, _slots, visit) => visit()

const plan = (conjuncts: ReadonlyArray<Condition>, planning: Planning): Search => {
  const ready = conjuncts.filter((conjunct) => isBound(conjunct, planning.open))
  if (ready.length > 0) {
    const others = conjuncts.filter((conjunct) => !isBound(conjunct, planning.open))
    return onlyIf(
      ready.map((conjunct) => test(conjunct, planning.typical)),
      plan(others, planning)
    )
  }
  const atom = cheapest(conjuncts, planning)
  if (atom !== undefined) return scan(atom, conjuncts, planning)
  const [variable] = planning.open.values()
  return variable === undefined ? finish : enumerate(variable, conjuncts, planning)
}

/** One after the other in a loop: a condition may have more parts than calls can be nested. */
const onlyIf = (tests: ReadonlyArray<Test>, next: Search): Search => {
  const [only] = tests
  if (tests.length === 1 && only !== undefined) {
    return (state, slots, visit) => only(state, slots) && next(state, slots, visit)
  }
  return (state, slots, visit) => {
    for (const holdsNow of tests) {
      if (!holdsNow(state, slots)) return false
    }
    return next(state, slots, visit)
  }
}

const times = (planning: Planning, count: number): Planning => {
  const cases = planning.cases * Math.max(count, 1)
  if (cases > caseLimit) {
    refuse(
      `a condition leaves about ${Math.round(cases)} cases open, more than ${caseLimit}; bind its variables by facts`
    )
  }
  return { ...planning, cases }
}

const without = (conjuncts: ReadonlyArray<Condition>, one: Condition) =>
  conjuncts.filter((conjunct) => conjunct !== one)

const isBound = (condition: Condition, open: ReadonlyMap<number, Variable>): boolean => {
  switch (condition._tag) {
    case "Constant":
      return true
    case "Atom":
      return condition.terms.every((term) => !open.has(~term))
    case "Equal":
      return !open.has(~condition.left) && !open.has(~condition.right)
    case "Not":
    case "Exists":
      return isBound(condition.of, open)
    case "And":
    case "Or":
      return condition.of.every((part) => isBound(part, open))
  }
}

/** The atom expected to have the fewest facts that agree with what is bound. */
const cheapest = (conjuncts: ReadonlyArray<Condition>, planning: Planning): Atom | undefined => {
  const atoms = conjuncts.filter((conjunct) => conjunct._tag === "Atom")
  const costs = atoms.map((atom) => cost(atom, planning))
  return atoms[costs.indexOf(Math.min(...costs))]
}

const cost = ({ predicate, terms }: Atom, { open, typical }: Planning): number => {
  const relation = typical[predicate]
  if (relation === undefined) return 0
  const divisors = terms.map((term, position) =>
    open.has(~term) ? 1 : State.distinct(relation, position)
  )
  return relation.facts.length / Math.max(1, ...divisors)
}

/** Goes through the facts of an atom, by the index of its most telling bound argument. */
const scan = (atom: Atom, conjuncts: ReadonlyArray<Condition>, planning: Planning): Search => {
  const anchor = atom.terms.findIndex((term) => !planning.open.has(~term))
  const accept = acceptor(atom, planning)
  const after = times(planning, cost(atom, planning))
  for (const term of atom.terms) {
    planning.open.delete(~term)
  }
  const next = plan(without(conjuncts, atom), after)
  const anchorTerm = atom.terms[anchor] ?? 0
  return (state, slots, visit) => {
    const relation = state[atom.predicate]
    if (relation === undefined) return false
    const facts =
      anchor < 0 ? relation.facts : State.matching(relation, anchor, valueOf(anchorTerm, slots))
    for (const fact of facts) {
      if (accept(fact, slots) && next(state, slots, visit)) return true
    }
    return false
  }
}

/** Takes a fact's arguments into the open slots; false when one contradicts what is bound or is of the wrong type. */
const acceptor = ({ terms }: Atom, { open }: Planning) => {
  const arity = terms.length
  const fresh = new Set<number>()
  const steps = terms.map((term, position) => {
    const variable = open.get(~term)
    const isFirst = variable !== undefined && !fresh.has(variable.slot)
    if (isFirst) fresh.add(variable.slot)
    return { term, position, members: isFirst ? variable.members : undefined }
  })
  return (fact: number, slots: Slots): boolean => {
    for (const { term, position, members } of steps) {
      const object = State.argumentOf(arity, fact, position)
      if (members === undefined) {
        if (valueOf(term, slots) !== object) return false
      } else {
        if (members[object] !== 1) return false
        slots[~term] = object
      }
    }
    return true
  }
}

const enumerate = (
  variable: Variable,
  conjuncts: ReadonlyArray<Condition>,
  planning: Planning
): Search => {
  planning.open.delete(variable.slot)
  const objects = [...variable.members.keys()].filter((object) => variable.members[object] === 1)
  const next = plan(conjuncts, times(planning, objects.length))
  return (state, slots, visit) => {
    for (const object of objects) {
      slots[variable.slot] = object
      if (next(state, slots, visit)) return true
    }
    return false
  }
}
