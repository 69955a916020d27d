/**
 * A house as the text of a game: PDDL domain, PDDL problem and TextWorld grammar. It draws nothing
 * and plays nothing: layouts come from `Layout`, the engine is `alfworld/Game`.
 */
import type { GameFile } from "../alfworld/GameFile.ts"
import type { Entity } from "./Entity.ts"
import type * as Goal from "./Goal.ts"
import * as HouseDomain from "./HouseDomain.ts"
import * as HouseGrammar from "./HouseGrammar.ts"
import { lampKind, type Layout } from "./Layout.ts"
import type { Rung } from "./Rung.ts"

/** The game of a house, its solution aside. */
export const text = (
  rung: Rung,
  layout: Layout
): Pick<GameFile, "pddl_domain" | "grammar" | "pddl_problem"> => {
  const form = layout.rooms === undefined ? "oneRoom" : "withRooms"
  return {
    pddl_domain: HouseDomain[form],
    grammar: HouseGrammar[form],
    pddl_problem: problem(rung, layout)
  }
}

/**
 * The PDDL problem of a house. Its ids are chosen so that the engine's rule for names gives the
 * layout's names.
 */
const problem = (rung: Rung, layout: Layout): string => {
  const places = placeIds(layout)
  const objects = objectIds(layout)
  const lines = layout.places.flatMap((place, index) =>
    placeFacts(rung, place, places[index] ?? "", index)
  )
  const lying = layout.places.flatMap(({ contents }, index) =>
    contents.map((entity) => `(inside ${objects.id(entity)} ${places[index]})`)
  )
  const { goal, lampPlace, open = [] } = layout
  const doors = open.map((index) => `(opened ${places[index]})`)
  const kinds = new Set([...layout.places, ...objects.all].map(({ kind }) => kind))
  const { spots, start, facts } = walkingIn(layout)
  const rooms = roomIds(layout)
  return `(define (problem house)
  (:domain household)
  (:objects robot - agent${rooms.length > 0 ? `\n    ${rooms.join(" ")} - room` : ""}
    ${[...spots, ...layout.places.map((_, index) => spot(index))].join(" ")} - spot
    ${places.join(" ")} - receptacle
    ${[...objects.all.map(objects.id), lampId].join(" ")} - object
    ${[...kinds.add(goal.object).add(goal.place).add(lampKind)].join(" ")} - kind)
  (:init (stands robot ${start})
    (${HouseDomain.asks[goal.kind]} ${goal.object} ${goal.place})
    (inside ${lampId} ${places[lampPlace]}) (switchable ${lampId}) (objectkind ${lampId} ${lampKind})
    ${[...lines, ...objects.facts, ...lying, ...doors, ...facts].join("\n    ")})
  (:goal ${goals[goal.kind](goal.object, goal.place)}))
`
}

const lampId = `${lampKind}_bar_00`

const spot = (index: number): string => `spot${index}`

/** Where one may stand apart from places, where one stands at first, and which ways there are through the rooms. */
const walkingIn = (layout: Layout) => {
  const { rooms } = layout
  if (rooms === undefined) return { spots: ["entrance"], start: "entrance", facts: [] }
  const ids = roomIds(layout)
  const middle = (room: number): string => `middle${room}`
  return {
    spots: ids.map((_, room) => middle(room)),
    start: middle(rooms.start),
    facts: [
      ...ids.map((id, room) => `(within ${middle(room)} ${id}) (middle ${middle(room)} ${id})`),
      ...rooms.of.map((room, place) => `(within ${spot(place)} ${ids[room]})`),
      ...rooms.passages.map(
        ([one, other]) => `(passage ${ids[one]} ${ids[other]}) (passage ${ids[other]} ${ids[one]})`
      )
    ]
  }
}

const placeFacts = (
  rung: Rung,
  { kind }: Entity,
  id: string,
  index: number
): ReadonlyArray<string> => [
  `(stationed ${id} ${spot(index)})`,
  `(placekind ${id} ${kind})`,
  ...(rung.openable.includes(kind) ? [`(openable ${id})`] : [])
]

/**
 * The engine hands out numbers downwards in the order of ids, and appends `basin` where the id
 * contains it.
 */
const idOf = ({ kind, number }: Entity, highest: number): string => {
  const place = String(highest - number).padStart(2, "0")
  const isBasin = kind.endsWith("basin")
  return isBasin ? `${kind.slice(0, -5)}_bar_${place}_bar_${kind}` : `${kind}_bar_${place}`
}

const highestNumbers = (entities: ReadonlyArray<Entity>): ReadonlyMap<string, number> => {
  const highest = new Map<string, number>()
  for (const { kind, number } of entities) {
    highest.set(kind, Math.max(number, highest.get(kind) ?? 0))
  }
  return highest
}

const placeIds = ({ places }: Layout): ReadonlyArray<string> => idsOf(places)

const roomIds = ({ rooms }: Layout): ReadonlyArray<string> => idsOf(rooms?.rooms ?? [])

const idsOf = (entities: ReadonlyArray<Entity>): ReadonlyArray<string> => {
  const highest = highestNumbers(entities)
  return entities.map((entity) => idOf(entity, highest.get(entity.kind) ?? 0))
}

/**
 * A house may hold a `mug 2` and no `mug 1`. Numbers are given by counting, so the missing one is
 * an object of its kind that lies nowhere.
 */
const objectIds = ({ places }: Layout) => {
  const highest = highestNumbers(places.flatMap(({ contents }) => contents))
  const all = [...highest].flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index): Entity => ({ kind, number: index + 1 }))
  )
  const id = (entity: Entity): string => idOf(entity, highest.get(entity.kind) ?? 0)
  const facts = all.flatMap((entity) => [
    `(objectkind ${id(entity)} ${entity.kind})`,
    `(portable ${id(entity)})`
  ])
  return { all, id, facts }
}

const placed =
  (condition: string) =>
  (object: string, place: string): string =>
    `(exists (?o - object ?r - receptacle) (and (objectkind ?o ${object}) ${condition}
    (inside ?o ?r) (placekind ?r ${place})))`

const goals: Readonly<Record<Goal.GoalKind, (object: string, place: string) => string>> = {
  put: placed(""),
  clean: placed("(clean ?o)"),
  hot: placed("(hot ?o)"),
  cool: placed("(cool ?o)"),
  two: (
    object,
    place
  ) => `(exists (?o - object ?p - object ?r - receptacle ?q - receptacle) (and (not (= ?o ?p))
    (objectkind ?o ${object}) (inside ?o ?r) (placekind ?r ${place})
    (objectkind ?p ${object}) (inside ?p ?q) (placekind ?q ${place})))`,
  look: (
    object,
    lamp
  ) => `(exists (?o - object ?l - object ?a - agent ?r - receptacle ?s - spot) (and (holds ?a ?o)
    (objectkind ?o ${object}) (lit ?l) (objectkind ?l ${lamp}) (inside ?l ?r) (stationed ?r ?s) (stands ?a ?s)))`
}
