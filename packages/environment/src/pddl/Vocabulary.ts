/**
 * The names of a problem as numbers: objects in the order of their ids, types with their members, predicates.
 * It holds no facts: those are in a `State`.
 */
import type { Domain, Problem, Typed } from "./Pddl.ts"
import { refuse } from "./SExpression.ts"
import * as State from "./State.ts"

/** Objects sorted by code point, so that the order of numbers is the order of ids. */
export interface Vocabulary {
  readonly objects: ReadonlyArray<Typed>
  readonly objectNumbers: ReadonlyMap<string, number>
  readonly arities: ReadonlyArray<number>
  readonly predicateNumbers: ReadonlyMap<string, number>
  /** Is the object (its number) of the type or of a type below it? None is of an unknown type. */
  readonly members: (type: string) => Uint8Array
  /** The predicate that says that a fact of this one was taken away, where somebody asks for it. */
  readonly negations: ReadonlyMap<number, number>
}

/**
 * `negated`: names `not_p` of the predicates whose loss shall be a fact of its own.
 * Raises `PddlError` for too many objects, objects of an unknown type, or a predicate of too many arguments.
 */
export const make = (
  domain: Domain,
  problem: Problem,
  negated: Iterable<string> = []
): Vocabulary => {
  const objects = sorted([...domain.constants, ...problem.objects])
  if (objects.length > State.objectLimit) {
    refuse(`${objects.length} objects are more than the ${State.objectLimit} that fit`)
  }
  refuseStrangeTypes(objects, domain.parents)
  const predicates = withNegations(domain.arities, negated)
  return {
    objects,
    objectNumbers: new Map(objects.map(({ name }, number) => [name, number])),
    ...predicates,
    members: membership(objects, domain.parents)
  }
}

const sorted = (objects: ReadonlyArray<Typed>): ReadonlyArray<Typed> => {
  const unique = new Map(objects.map((object) => [object.name, object]))
  return [...unique.values()].toSorted((left, right) =>
    left.name < right.name ? -1 : left.name > right.name ? 1 : 0
  )
}

/** An object of a type misspelt would be of no use to any action, and nobody would notice. */
const refuseStrangeTypes = (
  objects: ReadonlyArray<Typed>,
  parents: ReadonlyMap<string, string>
) => {
  const known = new Set(["object", ...parents.keys(), ...parents.values()])
  const strange = objects.find(({ type }) => !known.has(type))
  if (strange !== undefined) {
    refuse(`object ${strange.name} is of type ${strange.type}, which the domain does not declare`)
  }
}

const withNegations = (declared: ReadonlyMap<string, number>, negated: Iterable<string>) => {
  const names = [...declared.keys()]
  const arities = [...declared.values()]
  const negations = new Map<number, number>()
  for (const name of new Set(negated)) {
    const positive = names.indexOf(name.slice("not_".length))
    if (positive < 0 || declared.has(name)) continue
    negations.set(positive, names.length)
    names.push(name)
    arities.push(arities[positive] ?? 0)
  }
  const wide = names.find((_, number) => (arities[number] ?? 0) > State.arityLimit)
  if (wide !== undefined) {
    refuse(`predicate ${wide} has more than ${State.arityLimit} arguments`)
  }
  return {
    arities,
    negations,
    predicateNumbers: new Map(names.map((name, number) => [name, number]))
  }
}

const membership = (objects: ReadonlyArray<Typed>, parents: ReadonlyMap<string, string>) => {
  const types = new Set(objects.map(({ type }) => type))
  const known = new Map<string, Uint8Array>()
  const membersOf = (above: string): Uint8Array => {
    const below = new Set([...types].filter((type) => isBelow(type, above, parents)))
    const members = new Uint8Array(objects.length)
    objects.forEach(({ type }, number) => (members[number] = below.has(type) ? 1 : 0))
    return members
  }
  return (type: string): Uint8Array => {
    const members = known.get(type) ?? membersOf(type)
    known.set(type, members)
    return members
  }
}

/** Every type is below `object`, also `object` itself. */
const isBelow = (type: string, above: string, parents: ReadonlyMap<string, string>): boolean => {
  if (above === "object" || type === above) return true
  const visited = new Set<string>()
  let current: string | undefined = type
  while (current !== undefined && !visited.has(current)) {
    if (current === above) return true
    visited.add(current)
    current = parents.get(current)
  }
  return false
}
