/**
 * The ways to reach a goal, as sets of facts: for each choice of who is who, what must come to hold.
 * It says nothing of how they come to hold.
 */
import * as Condition from "../../pddl/Condition.ts"
import * as Ground from "../../pddl/Ground.ts"
import type { Atom, Condition as Formula, Variable } from "../../pddl/Resolve.ts"
import * as State from "../../pddl/State.ts"
import type { Game } from "../Game.ts"

/** A predicate and its arguments, all by number. */
export interface GoalFact {
  readonly predicate: number
  readonly objects: ReadonlyArray<number>
}

/** Facts that together reach the goal. What no action changes has been checked and is left out. */
export type Way = ReadonlyArray<GoalFact>

/**
 * All ways to reach the goal of a game; undefined where the goal is more than atoms that shall hold of different or
 * equal things (an "or", or something that shall not hold).
 */
export const waysOf = (game: Game): ReadonlyArray<Way> | undefined => {
  const flat = flatten(game.setting.goal)
  if (flat === undefined) return undefined
  const { initial } = game.setting
  const changing = Ground.changedBy(game.moves.map(({ action }) => action))
  const open = flat.conditions.filter(
    (part) => part._tag === "Atom" && changing.has(part.predicate)
  )
  const fixed = flat.conditions.filter((part) => !open.includes(part))
  const ways = new Map<string, Way>()
  const slots: Condition.Slots = []
  Condition.search({ _tag: "And", of: fixed }, flat.variables, initial)(initial, slots, () => {
    const way = open.flatMap((part) => (part._tag === "Atom" ? [ground(part, slots)] : []))
    ways.set(
      way
        .map((fact) => JSON.stringify(fact))
        .toSorted()
        .join(),
      way
    )
    return false
  })
  return [...ways.values()]
}

/** Whether a fact of a way holds. */
export const holds = ({ objects, predicate }: GoalFact, state: State.State): boolean => {
  const relation = state[predicate]
  return relation !== undefined && State.has(relation, State.factOf(objects))
}

interface Flat {
  readonly conditions: ReadonlyArray<Formula>
  readonly variables: ReadonlyArray<Variable>
}

const flatten = (formula: Formula): Flat | undefined => {
  if (formula._tag === "Or" || (formula._tag === "Not" && formula.of._tag !== "Equal")) {
    return undefined
  }
  if (formula._tag === "And") return together(formula.of.map(flatten))
  if (formula._tag !== "Exists") return { conditions: [formula], variables: [] }
  return together([flatten(formula.of), { conditions: [], variables: formula.variables }])
}

const together = (parts: ReadonlyArray<Flat | undefined>): Flat | undefined => {
  const known = parts.filter((part) => part !== undefined)
  if (known.length < parts.length) return undefined
  return {
    conditions: known.flatMap(({ conditions }) => conditions),
    variables: known.flatMap(({ variables }) => variables)
  }
}

const ground = ({ predicate, terms }: Atom, slots: Condition.Slots): GoalFact => ({
  predicate,
  objects: terms.map((term) => (term >= 0 ? term : (slots[~term] ?? 0)))
})
