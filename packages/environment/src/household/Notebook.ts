/**
 * The notebook: what the visible text so far says about a house, as a pure fold over commands and
 * observations. It never sees hidden state and knows no goal, so the same notebook serves the real
 * world, the dream and any task.
 *
 * Port of `Notes.update` of the miniature recipe (`notes.py`). Each turn makes a new value that
 * shares what did not change.
 */
import { History } from "@dreamgym/domain"
import * as Command from "./Command.ts"
import * as Observation from "./Observation.ts"
import * as RoomMap from "./RoomMap.ts"

/** What is known of a place: `unseen` until the first look, then as it was seen last. */
export type Status = "unseen" | "closed" | "open" | "visible"

export type Condition = "clean" | "hot" | "cool"

/**
 * `isKnown`: its contents were listed at least once. `visits` counts arrivals. Contents stand in
 * the order of listings.
 */
export interface Place {
  readonly name: string
  readonly kind: string
  readonly status: Status
  readonly contents: ReadonlyArray<string>
  readonly isKnown: boolean
  readonly visits: number
}

/**
 * `at`: the index of the place where the agent stands; absent in the middle of the room. `rooms`: in a house with rooms;
 * its `places` are those of the rooms that were seen, in the order in which they were.
 */
export interface Notebook {
  readonly places: ReadonlyArray<Place>
  readonly rooms?: RoomMap.RoomMap
  readonly at?: number
  readonly held?: string
  /** What was done to objects, in the order clean, hot, cool. */
  readonly conditions: ReadonlyMap<string, ReadonlyArray<Condition>>
  /** Lamps that were turned on. */
  readonly lit: ReadonlyArray<string>
  /** How often a reply disagreed with what was noted before. */
  readonly contradictions: number
  /** The first reply that does not follow from its command; nothing was noted of it. */
  readonly malformed?: string
}

/**
 * The notebook of a history; it remembers what it made of the history before. `placeKinds`: what is
 * no object.
 */
export const reader = (placeKinds: ReadonlySet<string>): ((history: History.History) => Notebook) =>
  History.memoizedFold(initial, (notebook, turn) => update(notebook, turn, placeKinds))

/** The notebook at a first observation. */
export const initial = (first: string): Notebook => {
  const room = Observation.middle(first)
  const view = room === undefined ? undefined : Observation.room(first)
  const names = view?.places ?? Observation.places(first)
  return {
    places: (names ?? []).map(unseenPlace),
    ...(room === undefined || view === undefined ? {} : { rooms: RoomMap.start(room, view) }),
    conditions: new Map(),
    lit: [],
    contradictions: 0,
    ...(names === undefined ? { malformed: first } : {})
  }
}

/** The place of this name. */
export const find = (notebook: Notebook, name: string | undefined): Place | undefined =>
  notebook.places.find((place) => place.name === name)

/** Where the agent stands. */
export const here = ({ places, at }: Notebook): Place | undefined =>
  at === undefined ? undefined : places[at]

/** It stands in the room where the agent is, as every place does in a house without rooms. */
export const isInRoom = ({ rooms }: Notebook, { name }: Place): boolean =>
  rooms === undefined || RoomMap.roomOf(rooms, name) === rooms.here

/** The rooms that the agent can walk into. */
export const exits = ({ rooms }: Notebook): ReadonlyArray<string> =>
  rooms === undefined ? [] : RoomMap.exits(rooms)

/** Its contents can be seen and reached. */
export const isOpen = ({ status }: Place): boolean => status === "open" || status === "visible"

/**
 * The notebook after one more turn. `Nothing happens.` changes nothing, nor does a reply that
 * cannot be understood.
 */
export const update = (
  notebook: Notebook,
  { action, observation }: History.Turn,
  placeKinds: ReadonlySet<string>
): Notebook => {
  if (observation === Observation.nothingHappens) return notebook
  const command = Command.parse(action)
  const noted =
    command === undefined
      ? undefined
      : rules[command.verb]({ notebook, text: observation, ...command, placeKinds })
  if (noted !== undefined || notebook.malformed !== undefined) return noted ?? notebook
  return { ...notebook, malformed: observation }
}

interface Reply extends Command.Command {
  readonly notebook: Notebook
  readonly text: string
  readonly placeKinds: ReadonlySet<string>
}

/** Undefined where the text is no reply to the command. */
type Rule = (reply: Reply) => Notebook | undefined

const go: Rule = (reply) => {
  const { notebook, text, place, placeKinds } = reply
  if (notebook.rooms !== undefined && indexOf(notebook, place) < 0) return enter(reply)
  const head = `You arrive at ${place}. `
  const at = indexOf(notebook, place)
  const arrived = notebook.places[at]
  if (arrived === undefined || !text.startsWith(head)) return undefined
  const places = notebook.places.with(at, { ...arrived, visits: arrived.visits + 1 })
  return look({ ...notebook, places, at }, at, text.slice(head.length), placeKinds)
}

/** Places that were not seen before are noted behind the others, so that no index changes. */
const enter: Rule = ({ notebook, text, place: room = "" }) => {
  const { at: _, rooms, ...rest } = notebook
  const view = text.startsWith(`You arrive at ${room}. `) ? Observation.room(text) : undefined
  if (rooms === undefined || view === undefined || !RoomMap.exits(rooms).includes(room)) {
    return undefined
  }
  const found = view.places.filter((name) => find(notebook, name) === undefined)
  const isMoved = RoomMap.isContradicted(rooms, room, view)
  const isElsewhere = (name: string): boolean =>
    ![room, undefined].includes(RoomMap.roomOf(rooms, name))
  return {
    ...rest,
    rooms: RoomMap.enter(rooms, room, view),
    places: [...notebook.places, ...found.map(unseenPlace)],
    contradictions: notebook.contradictions + (isMoved || view.places.some(isElsewhere) ? 1 : 0)
  }
}

const open: Rule = ({ notebook, text, place, placeKinds }) => {
  const head = `You open the ${place}. `
  if (!text.startsWith(head)) return undefined
  return look(notebook, indexOf(notebook, place), text.slice(head.length), placeKinds)
}

const close: Rule = ({ notebook, text, place }) => {
  const at = indexOf(notebook, place)
  const closed = notebook.places[at]
  if (closed === undefined || text !== `You close the ${place}.`) return undefined
  return { ...notebook, places: notebook.places.with(at, { ...closed, status: "closed" }) }
}

const take: Rule = ({ notebook, text, object = "", place }) => {
  const at = indexOf(notebook, place)
  const source = notebook.places[at]
  if (source === undefined || text !== `You pick up the ${object} from the ${place}.`) {
    return undefined
  }
  const isPhantom = source.isKnown && !source.contents.includes(object)
  const contents = source.contents.filter((name) => name !== object)
  return {
    ...notebook,
    places: notebook.places.with(at, { ...source, contents }),
    held: object,
    contradictions: notebook.contradictions + (isPhantom ? 1 : 0)
  }
}

const move: Rule = ({ notebook, text, object = "", place }) => {
  const at = indexOf(notebook, place)
  const target = notebook.places[at]
  if (target === undefined || text !== `You move the ${object} to the ${place}.`) return undefined
  const { held, ...rest } = notebook
  const contents = [...target.contents, object].toSorted(byListing)
  return {
    ...rest,
    places: notebook.places.with(at, { ...target, contents }),
    contradictions: notebook.contradictions + (held === object ? 0 : 1)
  }
}

const process =
  (condition: Condition): Rule =>
  ({ notebook, text, verb, object = "", place }) => {
    if (text !== `You ${verb} the ${object} using the ${place}.`) return undefined
    const before = notebook.conditions.get(object) ?? []
    const after = order.filter(
      (one) => one === condition || (before.includes(one) && opposites[condition] !== one)
    )
    return {
      ...notebook,
      conditions: new Map(notebook.conditions).set(object, after),
      contradictions: notebook.contradictions + (notebook.held === object ? 0 : 1)
    }
  }

const use: Rule = ({ notebook, text, object = "" }) => {
  if (text !== `You turn on the ${object}.`) return undefined
  return notebook.lit.includes(object) ? notebook : { ...notebook, lit: [...notebook.lit, object] }
}

const examine: Rule = ({ notebook, text, place = "", placeKinds }) => {
  const at = indexOf(notebook, place)
  if (at >= 0) return look(notebook, at, text, placeKinds)
  const isOfObject = /^(This|There's nothing special about) /.test(text) && text.includes(place)
  return isOfObject ? notebook : undefined
}

const saying =
  (pattern: RegExp): Rule =>
  ({ notebook, text }) =>
    pattern.test(text) ? notebook : undefined

const rules: Readonly<Record<Command.Verb, Rule>> = {
  go,
  open,
  close,
  take,
  move,
  clean: process("clean"),
  heat: process("hot"),
  cool: process("cool"),
  use,
  examine,
  look: saying(/^You are (facing the|in the middle of|in [a-z]+ \d+, facing the) /),
  inventory: saying(/^You are (carrying: |not carrying anything\.$)/),
  slice: saying(/^You sliced the /),
  help: saying(/^\n?Available commands:/)
}

const order: ReadonlyArray<Condition> = ["clean", "hot", "cool"]

/** Heating undoes cooling, and the other way round. */
const opposites: Readonly<Partial<Record<Condition, Condition>>> = { hot: "cool", cool: "hot" }

const indexOf = ({ places }: Notebook, name: string | undefined): number =>
  places.findIndex((place) => place.name === name)

const unseenPlace = (name: string): Place => ({
  name,
  kind: Observation.kindOf(name) ?? name,
  status: "unseen",
  contents: [],
  isKnown: false,
  visits: 0
})

/** Notes what `text` says of the place at an index. */
const look = (
  notebook: Notebook,
  at: number,
  text: string,
  placeKinds: ReadonlySet<string>
): Notebook | undefined => {
  const place = notebook.places[at]
  const view = place === undefined ? undefined : Observation.view(text, place.name)
  if (place === undefined || view === undefined) return undefined
  if (view.status === "closed") {
    return {
      ...notebook,
      places: notebook.places.with(at, { ...place, status: "closed" }),
      contradictions: notebook.contradictions + (isOpen(place) ? 1 : 0)
    }
  }
  const { contents, status } = view
  const isImpossible = contents.some(
    (name, index) => contents.indexOf(name) !== index || isPlace(name, placeKinds)
  )
  if (isImpossible) return undefined
  const others = withoutThese(notebook.places, at, contents)
  const isChanged = place.isKnown && !isSameSet(place.contents, contents)
  const isHeld = notebook.held !== undefined && contents.includes(notebook.held)
  return {
    ...notebook,
    places: others.places.with(at, { ...place, status, contents, isKnown: true }),
    contradictions: notebook.contradictions + others.moved + (isChanged ? 1 : 0) + (isHeld ? 1 : 0)
  }
}

const isPlace = (name: string, placeKinds: ReadonlySet<string>): boolean =>
  placeKinds.has(Observation.kindOf(name) ?? name)

const isSameSet = (left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean =>
  left.length === right.length && left.every((name) => right.includes(name))

/** An object lies in one place only: what is listed here can no longer be noted elsewhere. */
const withoutThese = (
  places: ReadonlyArray<Place>,
  at: number,
  listed: ReadonlyArray<string>
): { readonly places: ReadonlyArray<Place>; readonly moved: number } => {
  const isHere = (name: string): boolean => listed.includes(name)
  if (!places.some(({ contents }, index) => index !== at && contents.some(isHere))) {
    return { places, moved: 0 }
  }
  const kept = places.map((place, index) =>
    index === at ? place : { ...place, contents: place.contents.filter((name) => !isHere(name)) }
  )
  const count = (list: ReadonlyArray<Place>): number =>
    list.reduce((sum, { contents }) => sum + contents.length, 0)
  return { places: kept, moved: count(places) - count(kept) }
}

/**
 * The order in which a place lists its contents: by kind, then with falling numbers (a rule of the
 * engine's names).
 */
const byListing = (left: string, right: string): number => {
  const [one, other] = [Observation.kindOf(left) ?? left, Observation.kindOf(right) ?? right]
  if (one !== other) return one < other ? -1 : 1
  return Number(right.slice(other.length)) - Number(left.slice(one.length))
}
