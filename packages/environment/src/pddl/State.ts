/**
 * A set of facts about numbered objects, one sorted relation per predicate; a change makes a new set.
 * It knows neither names nor types: those are in the `Vocabulary`.
 *
 * A fact is a number: its arguments, 12 bits each, the first one highest. So facts sort by their arguments.
 */

/** Objects are numbered below this. */
export const objectLimit = 4096

/** Four 12-bit arguments still fit into an exact double. */
export const arityLimit = 4

/** The facts of one predicate. `indexes` fills itself: position -> argument -> facts. */
export interface Relation {
  readonly arity: number
  readonly facts: ReadonlyArray<number>
  readonly indexes: Array<ReadonlyMap<number, ReadonlyArray<number>>>
}

/** One relation per predicate, by the predicate's number. */
export type State = ReadonlyArray<Relation>

/** A predicate's number, a fact, and whether the fact is to hold. */
export interface Change {
  readonly predicate: number
  readonly fact: number
  readonly isAdd: boolean
}

/** The number of the fact with these arguments. */
export const factOf = (objects: ReadonlyArray<number>): number =>
  objects.reduce((fact, object) => fact * objectLimit + object, 0)

/** The argument of a fact at a position, counted from the left. */
export const argumentOf = (arity: number, fact: number, position: number): number => {
  if (arity === 1) return fact
  if (arity === 2) return position === 0 ? fact >> 12 : fact & 4095
  return Math.floor(fact / objectLimit ** (arity - 1 - position)) % objectLimit
}

/** All arguments of a fact, from the left. */
export const argumentsOf = (arity: number, fact: number): ReadonlyArray<number> =>
  Array.from({ length: arity }, (_, position) => argumentOf(arity, fact, position))

/** A relation of sorted, distinct facts. */
export const relation = (arity: number, facts: Iterable<number>): Relation => ({
  arity,
  facts: [...new Set(facts)].toSorted((left, right) => left - right),
  indexes: []
})

/** Whether the fact holds. */
export const has = ({ facts }: Relation, fact: number): boolean =>
  facts[lowerBound(facts, fact)] === fact

const none: ReadonlyArray<number> = []

/** The facts whose argument at the position is the object, sorted. */
export const matching = (
  within: Relation,
  position: number,
  object: number
): ReadonlyArray<number> => {
  if (position === 0) return beginning(within, object)
  const index = within.indexes[position] ?? buildIndex(within, position)
  return index.get(object) ?? none
}

/** Facts are sorted by their first argument, so that no index is needed for it. */
const beginning = ({ arity, facts }: Relation, object: number): ReadonlyArray<number> => {
  const width = objectLimit ** (arity - 1)
  const from = lowerBound(facts, object * width)
  const to = lowerBound(facts, (object + 1) * width)
  return from === to ? none : facts.slice(from, to)
}

/** How many different objects stand at the position. */
export const distinct = (within: Relation, position: number): number =>
  (within.indexes[position] ?? buildIndex(within, position)).size

/** The state after the changes; a fact both deleted and added holds afterwards. */
export const apply = (state: State, changes: ReadonlyArray<Change>): State => {
  const after = [...state]
  for (const isAdd of [false, true]) {
    for (const change of changes) {
      const before = after[change.predicate]
      if (change.isAdd !== isAdd || before === undefined) continue
      after[change.predicate] = isAdd
        ? including(before, change.fact)
        : excluding(before, change.fact)
    }
  }
  return after
}

const including = (before: Relation, fact: number): Relation => {
  const at = lowerBound(before.facts, fact)
  if (before.facts[at] === fact) return before
  return { arity: before.arity, facts: before.facts.toSpliced(at, 0, fact), indexes: [] }
}

const excluding = (before: Relation, fact: number): Relation => {
  const at = lowerBound(before.facts, fact)
  if (before.facts[at] !== fact) return before
  return { arity: before.arity, facts: before.facts.toSpliced(at, 1), indexes: [] }
}

const lowerBound = (facts: ReadonlyArray<number>, fact: number): number => {
  let low = 0
  let high = facts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((facts[middle] ?? 0) < fact) low = middle + 1
    else high = middle
  }
  return low
}

const buildIndex = (within: Relation, position: number) => {
  const index = new Map<number, Array<number>>()
  for (const fact of within.facts) {
    const object = argumentOf(within.arity, fact, position)
    const known = index.get(object)
    if (known === undefined) index.set(object, [fact])
    else known.push(fact)
  }
  within.indexes[position] = index
  return index
}
