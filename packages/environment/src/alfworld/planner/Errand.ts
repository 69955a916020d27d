/**
 * How many commands a way to the goal takes at least, for somebody who knows the house: where to go, what to open.
 * It finds no plan: it is the estimate that leads the `Planner`.
 *
 * It understands households: a domain with the words of ALFWorld, or with those of our own houses.
 */
import * as State from "../../pddl/State.ts"
import type { Game } from "../Game.ts"
import { holds, type GoalFact, type Way } from "./GoalFacts.ts"
import { pairs, walkIn, type Walk } from "./Passages.ts"

/** The predicates of a household, and the kind of receptacle that brings a condition about. */
interface Words {
  readonly at: string
  readonly stands: string
  readonly inside: string
  readonly holds: string
  readonly openable: string
  readonly opened: string
  readonly kind: string
  readonly tools: Readonly<Record<string, string>>
}

const dialects: ReadonlyArray<Words> = [
  {
    at: "atlocation",
    stands: "receptacleatlocation",
    inside: "inreceptacle",
    holds: "holds",
    openable: "openable",
    opened: "opened",
    kind: "receptacletype",
    tools: { isclean: "sinkbasintype", ishot: "microwavetype", iscool: "fridgetype" }
  },
  {
    at: "stands",
    stands: "stationed",
    inside: "inside",
    holds: "holds",
    openable: "openable",
    opened: "opened",
    kind: "placekind",
    tools: { clean: "sinkbasin", hot: "microwave", cool: "fridge" }
  }
]

/** A household in numbers. `tools`: by predicate, the receptacles that bring it about. */
export interface Household {
  readonly at: number
  readonly inside: number
  readonly holds: number
  readonly openable: number
  readonly opened: number
  readonly spots: ReadonlyMap<number, number>
  readonly walk: Walk
  readonly tools: ReadonlyMap<number, ReadonlyArray<number>>
}

/** Undefined for a domain with other words. */
export const householdOf = (game: Game): Household | undefined => {
  const { predicateNumbers } = game.setting.vocabulary
  const words = dialects.find(({ tools, ...names }) =>
    [...Object.values(names), ...Object.keys(tools)].every((name) => predicateNumbers.has(name))
  )
  if (words === undefined) return undefined
  const number = (name: string): number => predicateNumbers.get(name) ?? -1
  return {
    at: number(words.at),
    inside: number(words.inside),
    holds: number(words.holds),
    openable: number(words.openable),
    opened: number(words.opened),
    spots: new Map(pairs(game.setting.initial[number(words.stands)])),
    walk: walkIn(game),
    tools: toolsOf(words, game)
  }
}

const toolsOf = ({ kind, tools }: Words, { setting: { initial, vocabulary } }: Game) => {
  const { objectNumbers, predicateNumbers } = vocabulary
  const kinds = pairs(initial[predicateNumbers.get(kind) ?? -1])
  return new Map(
    Object.entries(tools).map(([condition, tool]): [number, ReadonlyArray<number>] => [
      predicateNumbers.get(condition) ?? -1,
      kinds.flatMap(([receptacle, each]) => (each === objectNumbers.get(tool) ? [receptacle] : []))
    ])
  )
}

/** The fewest commands to bring one of the ways about from a state; `Infinity` where none can be. */
export const estimate = (
  ways: ReadonlyArray<Way>,
  household: Household
): ((state: State.State) => number) => {
  const errands = ways.map((way) => errandOf(way, household))
  return (state) => {
    const scene = sceneOf(household, state)
    let least = Infinity
    for (const errand of errands) least = Math.min(least, commandsFor(errand, scene))
    return least
  }
}

/** A way, sorted: what to put where, in what condition, what to hold, and what else shall hold. */
interface Errand {
  readonly items: ReadonlyArray<Item>
  readonly held: ReadonlyArray<number>
  readonly others: ReadonlyArray<GoalFact>
}

/** An object that shall lie in a receptacle. */
interface Item {
  readonly object: number
  readonly receptacle: number
  readonly facts: Way
  /** The facts that a tool brings about. */
  readonly conditions: Way
}

const errandOf = (way: Way, { at, holds: hold, inside, tools }: Household): Errand => {
  const of = (object: number | undefined) => (fact: GoalFact) => fact.objects[0] === object
  const conditions = way.filter(({ predicate }) => tools.has(predicate))
  const places = way.filter(({ predicate }) => predicate === inside)
  const known = [at, hold, inside, ...tools.keys()]
  return {
    items: places.map((place) => {
      const [object = -1, receptacle = -1] = place.objects
      const own = conditions.filter(of(object))
      return { object, receptacle, facts: [place, ...own], conditions: own }
    }),
    held: way.flatMap(({ objects, predicate }) => (predicate === hold ? objects.slice(1) : [])),
    others: way.filter(({ predicate }) => !known.includes(predicate))
  }
}

interface Scene extends Household {
  readonly state: State.State
  readonly spot: number
  readonly hand: number | undefined
}

const sceneOf = (household: Household, state: State.State): Scene => {
  const [place = 0] = state[household.at]?.facts ?? []
  const [held] = state[household.holds]?.facts ?? []
  return {
    ...household,
    state,
    spot: State.argumentOf(2, place, 1),
    hand: held === undefined ? undefined : State.argumentOf(2, held, 1)
  }
}

/** Something to do at one of some receptacles; `isInside`: not through a closed door. */
interface Stop {
  readonly among: ReadonlyArray<number>
  readonly isInside: boolean
  readonly commands: number
}

const commandsFor = (errand: Errand, scene: Scene): number => {
  const { hand, spot, state } = scene
  const items = errand.items.filter(({ facts }) => !facts.every((fact) => holds(fact, state)))
  const isExamining = errand.held.length > 0
  const wanted = isExamining ? errand.held : items.map(({ object }) => object)
  const drop = hand !== undefined && wanted.length > 0 && !wanted.includes(hand) ? 1 : 0
  const walks = isExamining
    ? [examine(errand, scene)]
    : orders(items, hand).map((order) => order.flatMap((item) => deliver(item, scene)))
  return drop + Math.min(...walks.map((stops) => walk(stops, { spot, opened: [] }, scene)))
}

/** Take it, then go to where the lamp stands, and there do what is left to do. */
const examine = ({ held, items, others }: Errand, scene: Scene): ReadonlyArray<Stop> => {
  const undone = others.filter((fact) => !holds(fact, scene.state)).length
  return [
    ...held.flatMap((object) => fetch(object, scene)),
    ...items.map(({ facts, receptacle }, index) => ({
      among: facts.every((fact) => holds(fact, scene.state)) ? [receptacle] : [],
      isInside: false,
      commands: index === 0 ? undone : 0
    }))
  ]
}

const deliver = ({ conditions, object, receptacle }: Item, scene: Scene): ReadonlyArray<Stop> => {
  const undone = conditions.filter((fact) => !holds(fact, scene.state))
  return [
    ...fetch(object, scene),
    ...undone.map(({ predicate }) => ({
      among: scene.tools.get(predicate) ?? [],
      isInside: false,
      commands: 1
    })),
    { among: [receptacle], isInside: true, commands: 1 }
  ]
}

const fetch = (object: number, { hand, inside, state }: Scene): ReadonlyArray<Stop> => {
  const relation = state[inside]
  if (object === hand || relation === undefined) return []
  const facts = State.matching(relation, 0, object)
  const among = facts.map((fact) => State.argumentOf(2, fact, 1))
  return [{ among, isInside: true, commands: 1 }]
}

/** What is in the hand goes first; beyond that, every order of up to three things. */
const orders = (
  items: ReadonlyArray<Item>,
  hand: number | undefined
): ReadonlyArray<ReadonlyArray<Item>> => {
  const first = items.find(({ object }) => object === hand)
  if (first !== undefined) {
    const others = items.filter((item) => item !== first)
    return orders(others, undefined).map((order) => [first, ...order])
  }
  if (items.length < 2 || items.length > 3) return [items]
  return items.flatMap((item) =>
    orders(
      items.filter((other) => other !== item),
      undefined
    ).map((order) => [item, ...order])
  )
}

interface Whereabouts {
  readonly spot: number
  readonly opened: ReadonlyArray<number>
}

/** The fewest commands to go through the stops in this order. */
const walk = (stops: ReadonlyArray<Stop>, from: Whereabouts, scene: Scene): number => {
  const [stop, ...later] = stops
  if (stop === undefined) return 0
  let least = Infinity
  for (const receptacle of stop.among) {
    const spot = scene.spots.get(receptacle)
    if (spot === undefined) continue
    const opens = stop.isInside && !from.opened.includes(receptacle) && isClosed(receptacle, scene)
    const opened = opens ? [...from.opened, receptacle] : from.opened
    const commands = stop.commands + scene.walk(from.spot, spot) + (opens ? 1 : 0)
    least = Math.min(least, commands + walk(later, { spot, opened }, scene))
  }
  return least
}

const isClosed = (receptacle: number, { openable, opened, state }: Scene): boolean => {
  const is = (predicate: number): boolean => holds({ predicate, objects: [receptacle] }, state)
  return is(openable) && !is(opened)
}
