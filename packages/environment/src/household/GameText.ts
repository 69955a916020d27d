/**
 * A house as the text of a game: PDDL domain, PDDL problem and TextWorld grammar, in the
 * observation language of ALFWorld. It draws nothing and plays nothing: layouts come from `Layout`,
 * the engine is `alfworld/Game`.
 *
 * Unlike ALFWorld's domain, any object may be put anywhere that is open, and any object may be
 * cleaned, heated and cooled.
 */
import * as Goal from "./Goal.ts"
import { lampKind, type Entity, type Layout } from "./Layout.ts"
import type { Rung } from "./Rung.ts"

export const domain = `(define (domain household)
  (:requirements :adl :typing)
  (:types agent spot receptacle object kind)
  (:constants sinkbasin microwave fridge - kind)
  (:predicates
    (stands ?a - agent ?s - spot)
    (stationed ?r - receptacle ?s - spot)
    (openable ?r - receptacle)
    (opened ?r - receptacle)
    (placekind ?r - receptacle ?k - kind)
    (objectkind ?o - object ?k - kind)
    (inside ?o - object ?r - receptacle)
    (portable ?o - object)
    (switchable ?o - object)
    (lit ?o - object)
    (clean ?o - object)
    (hot ?o - object)
    (cool ?o - object)
    (holds ?a - agent ?o - object)
    (busy ?a - agent)
    (noticed ?x - object)
    (asksput ?k - kind ?t - kind)
    (askslook ?k - kind ?t - kind)
    (asksclean ?k - kind ?t - kind)
    (askshot ?k - kind ?t - kind)
    (askscool ?k - kind ?t - kind)
    (askstwo ?k - kind ?t - kind))
  (:action goto
    :parameters (?a - agent ?from - spot ?to - spot ?r - receptacle)
    :precondition (and (stands ?a ?from) (stationed ?r ?to))
    :effect (and (not (stands ?a ?from)) (stands ?a ?to)))
  (:action open
    :parameters (?a - agent ?s - spot ?r - receptacle)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (openable ?r) (not (opened ?r)))
    :effect (opened ?r))
  (:action close
    :parameters (?a - agent ?s - spot ?r - receptacle)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (opened ?r))
    :effect (not (opened ?r)))
  (:action take
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (inside ?o ?r) (portable ?o) (not (busy ?a))
      (or (not (openable ?r)) (opened ?r)))
    :effect (and (not (inside ?o ?r)) (holds ?a ?o) (busy ?a)))
  (:action move
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s)
      (or (not (openable ?r)) (opened ?r)))
    :effect (and (inside ?o ?r) (not (holds ?a ?o)) (not (busy ?a))))
  (:action clean
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s) (placekind ?r sinkbasin))
    :effect (and (noticed ?o) (clean ?o)))
  (:action heat
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s) (placekind ?r microwave))
    :effect (and (noticed ?o) (hot ?o) (not (cool ?o))))
  (:action cool
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (holds ?a ?o) (stands ?a ?s) (stationed ?r ?s) (placekind ?r fridge))
    :effect (and (noticed ?o) (cool ?o) (not (hot ?o))))
  (:action use
    :parameters (?a - agent ?s - spot ?r - receptacle ?o - object)
    :precondition (and (stands ?a ?s) (stationed ?r ?s) (inside ?o ?r) (switchable ?o))
    :effect (and (noticed ?o) (lit ?o)))
  (:action regard
    :parameters (?a - agent ?s - spot ?r - receptacle)
    :precondition (and (stands ?a ?s) (stationed ?r ?s))
    :effect (noticed ?r))
  (:action inspect
    :parameters (?a - agent ?o - object)
    :precondition (holds ?a ?o)
    :effect (noticed ?o))
  (:action look
    :parameters (?a - agent ?s - spot)
    :precondition (stands ?a ?s)
    :effect (noticed ?s))
  (:action inventory
    :parameters (?a - agent)
    :precondition ()
    :effect (noticed ?a)))
`

const inIt = "[{o.indefinite + ' ' + o.name | inside(o:object, r:receptacle)}]"

const overview =
  "You are in the middle of a room. Looking quickly around you, you see " +
  "[{r.indefinite + ' ' + r.name | stationed(r:receptacle, p:spot)}]."

const asks: Readonly<Record<Goal.GoalKind, string>> = {
  clean: "asksclean",
  hot: "askshot",
  cool: "askscool",
  two: "askstwo",
  look: "askslook",
  put: "asksput"
}

/** The sentence is told from the fact that asks, so that one grammar serves every game. */
const asking = (kind: Goal.GoalKind): { readonly condition: string; readonly rhs: string } => {
  const condition = `${asks[kind]}(k:kind, t:kind)`
  const [object, place] = [`[{k.id | ${condition}}]`, `[{t.id | ${condition}}]`]
  return { condition, rhs: Goal.sentence({ kind, object, place }) }
}

const rules = {
  intro: [{ rhs: `${overview}\n\nYour task is to: #task#.` }],
  task: [...Goal.kinds.map(asking), { rhs: "nothing" }],
  view: [
    { condition: "opened(r:receptacle)", rhs: `The {r.name} is open. In it, you see ${inIt}.` },
    { condition: "openable(r:receptacle)", rhs: "The {r.name} is closed." },
    { rhs: `On the {r.name}, you see ${inIt}.` }
  ],
  inspection: [
    { condition: "clean(o:object) & hot(o:object)", rhs: "This is a hot and clean {o.name}." },
    { condition: "clean(o:object) & cool(o:object)", rhs: "This is a cool and clean {o.name}." },
    { condition: "hot(o:object)", rhs: "This is a hot {o.name}." },
    { condition: "clean(o:object)", rhs: "This is a clean {o.name}." },
    { condition: "cool(o:object)", rhs: "This is a cold {o.name}." },
    { rhs: "There's nothing special about {o.name}." }
  ],
  surroundings: [
    {
      condition: "stationed(r:receptacle, s:spot)",
      rhs: "You are facing the [{r.name | stationed(r:receptacle, s:spot)}]. Next to it, you see nothing."
    },
    { rhs: overview }
  ],
  hands: [
    {
      condition: "busy(a:agent)",
      rhs: "You are carrying: [{o.indefinite + ' ' + o.name | holds(a:agent, o:object)}]."
    },
    { rhs: "You are not carrying anything." }
  ],
  list_empty: [{ rhs: "nothing" }],
  list_separator: [{ rhs: ", " }],
  list_last_separator: [{ rhs: ", and " }]
}

const texts: ReadonlyArray<readonly [name: string, template: string, feedback: string]> = [
  ["goto", "go to [{r.name | stationed(r:receptacle, to:spot)}]", "You arrive at {r.name}. #view#"],
  ["open", "open {r}", "You open the {r.name}. #view#"],
  ["close", "close {r}", "You close the {r.name}."],
  ["take", "take {o} from {r}", "You pick up the {o.name} from the {r.name}."],
  ["move", "move {o} to {r}", "You move the {o.name} to the {r.name}."],
  ["clean", "clean {o} with {r}", "You clean the {o.name} using the {r.name}."],
  ["heat", "heat {o} with {r}", "You heat the {o.name} using the {r.name}."],
  ["cool", "cool {o} with {r}", "You cool the {o.name} using the {r.name}."],
  ["use", "use {o}", "You turn on the {o.name}."],
  ["regard", "examine {r}", "#view#"],
  ["inspect", "examine {o}", "#inspection#"],
  ["look", "look", "#surroundings#"],
  ["inventory", "inventory", "#hands#"]
]

/** The same for every house, as is `domain`; so both are read once. */
export const grammar = [
  `grammar :: """\n${JSON.stringify(rules, undefined, 2)}\n""";`,
  ...texts.map(
    ([name, template, feedback]) =>
      `action ${name} {\n  template :: "${template}";\n  feedback :: "${feedback}";\n}`
  )
].join("\n\n")

/**
 * The PDDL problem of a house. Its ids are chosen so that the engine's rule for names gives the
 * layout's names.
 */
export const problem = (rung: Rung, layout: Layout): string => {
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
  return `(define (problem house)
  (:domain household)
  (:objects robot - agent
    ${["entrance", ...layout.places.map((_, index) => spot(index))].join(" ")} - spot
    ${places.join(" ")} - receptacle
    ${[...objects.all.map(objects.id), lampId].join(" ")} - object
    ${[...kinds.add(goal.object).add(goal.place).add(lampKind)].join(" ")} - kind)
  (:init (stands robot entrance)
    (${asks[goal.kind]} ${goal.object} ${goal.place})
    (inside ${lampId} ${places[lampPlace]}) (switchable ${lampId}) (objectkind ${lampId} ${lampKind})
    ${[...lines, ...objects.facts, ...lying, ...doors].join("\n    ")})
  (:goal ${goals[goal.kind](goal.object, goal.place)}))
`
}

const lampId = `${lampKind}_bar_00`

const spot = (index: number): string => `spot${index}`

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

const placeIds = ({ places }: Layout): ReadonlyArray<string> => {
  const highest = highestNumbers(places)
  return places.map((place) => idOf(place, highest.get(place.kind) ?? 0))
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
