/**
 * The kinds of things that a world of the household language speaks of, and its words that are not
 * observation text. It says nothing of a particular house.
 */
import * as Goal from "./Goal.ts"
import { lampKind } from "./Layout.ts"
import * as RoomKind from "./RoomKind.ts"
import type { Rung } from "./Rung.ts"

/** What there can be in a world. Kinds are words without a number; those of rooms are among those of places. */
export interface World {
  readonly placeKinds: ReadonlySet<string>
  readonly objectKinds: ReadonlySet<string>
  readonly lampKinds: ReadonlySet<string>
  /** Kinds of places that have a door. */
  readonly openable: ReadonlySet<string>
  readonly goals: ReadonlyArray<Goal.GoalKind>
  /** The numbered objects and lamps: words that may not stand twice in a listing. */
  readonly listable: ReadonlyArray<string>
  /** Two objects count only where they lie in the same place. */
  readonly isPairTogether: boolean
}

/** Whether houses of the rung may have more than one room. */
export const hasRooms = ({ rooms: [, most] = [1, 1] }: Rung): boolean => most > 1

export const ofRung = (rung: Rung): World => ({
  placeKinds: new Set([...Object.keys(rung.places), ...(hasRooms(rung) ? RoomKind.kinds : [])]),
  objectKinds: new Set(rung.objects),
  lampKinds: new Set([lampKind]),
  openable: new Set(rung.openable),
  goals: rung.goals,
  listable: [
    ...rung.objects.flatMap((kind) =>
      Array.from({ length: rung.instances }, (_, index) => `${kind} ${index + 1}`)
    ),
    `${lampKind} 1`
  ],
  isPairTogether: false
})

/** ALFWorld's own games, with the places and the objects that are known to occur. */
export const ofAlfWorld = (
  placeKinds: ReadonlySet<string>,
  objectKinds: ReadonlySet<string>,
  listable: ReadonlyArray<string>
): World => ({
  placeKinds,
  objectKinds,
  lampKinds: new Set(["desklamp", "floorlamp"]),
  openable: new Set(["box", "cabinet", "drawer", "fridge", "laundryhamper", "microwave", "safe"]),
  goals: Goal.kinds,
  listable,
  isPairTogether: true
})

/** Words of the notebook's text. */
export const notebook = {
  emptyHands: "empty hands",
  nothing: "nothing",
  facing: "facing",
  room: "room"
} as const

export const statuses = ["unseen", "closed", "open", "visible"] as const

/** Words of the reasoning. */
export const reasoning = {
  works: "works.",
  goalPlace: "goal place",
  otherPlace: "other place",
  goalObject: "goal object",
  otherObject: "other object",
  /** All that the goal needs was seen, and what it needs was not. */
  found: "found",
  sought: "sought",
  /** Whether what is sought is where nobody has looked yet. */
  here: "goal object here",
  elsewhere: "goal object elsewhere",
  lampHere: "lamp here",
  lampElsewhere: "lamp elsewhere"
} as const

/** Why a command did nothing. */
export const failures = {
  notThere: "fails: not there.",
  closed: "fails: it is closed.",
  handsFull: "fails: hands full.",
  notHeld: "fails: not holding it.",
  notHere: "fails: not here.",
  noCommand: "fails: no such command.",
  alreadyThere: "fails: already there.",
  alreadyOpen: "fails: already open.",
  alreadyClosed: "fails: already closed."
} as const

export const progress = (done: number): string => `progress ${done}`

/** Counts beyond this are told as this. */
export const mostTold = 12

/** What is sought may be at one of so many places that nobody has looked into. */
export const left = (places: number): string => `left ${Math.min(places, mostTold)}`

/** So many things are known to lie where a command leads. */
export const known = (things: number): string => `known ${Math.min(things, mostTold)}`
