/**
 * The kinds of rooms, as data: how many a house may have, and which places are at home there.
 * It draws no house: `Rooms` does.
 */
import type { Entity } from "./Entity.ts"

/**
 * `most`: how many of the kind a house may have. `sign`: the place that makes it such a room. `places`: what else
 * belongs there. `never`: objects that nobody keeps there, though a place might hold them.
 */
export interface RoomKind {
  readonly most: number
  readonly sign?: string
  readonly places: ReadonlyArray<string>
  readonly never?: ReadonlyArray<string>
}

const food = ["apple", "bread", "egg", "potato", "tomato", "lettuce"]
const dishes = ["bowl", "cup", "knife", "mug", "pan", "plate", "spoon"]

/** Where things are washed, heated and cooled: one of each in every house that has them. */
export const appliances = ["fridge", "microwave", "sinkbasin"] as const

/** A house has one kitchen, where the appliances are. No kind begins with an "a": after ", and " nobody could tell it from ", and a". */
const roomKinds: ReadonlyMap<string, RoomKind> = new Map(
  Object.entries({
    kitchen: {
      most: 1,
      places: [
        ...appliances,
        "cabinet",
        "coffeemachine",
        "countertop",
        "diningtable",
        "drawer",
        "garbagecan",
        "shelf",
        "stoveburner",
        "toaster"
      ]
    },
    bedroom: {
      most: 3,
      sign: "bed",
      places: ["cabinet", "desk", "drawer", "dresser", "shelf", "sidetable"],
      never: food
    },
    bathroom: {
      most: 2,
      sign: "toilet",
      places: ["bathtubbasin", "cabinet", "countertop", "drawer", "garbagecan", "shelf"],
      never: [...food, ...dishes]
    },
    livingroom: {
      most: 2,
      sign: "sofa",
      places: ["armchair", "coffeetable", "diningtable", "drawer", "shelf", "sidetable", "tvstand"]
    },
    study: {
      most: 1,
      sign: "desk",
      places: ["cabinet", "drawer", "garbagecan", "shelf", "sidetable"],
      never: food
    },
    hallway: { most: 2, sign: "shelf", places: ["cabinet", "drawer", "sidetable"], never: food }
  })
)

export const of = (kind: string): RoomKind | undefined => roomKinds.get(kind)

/** Every kind of room, in a fixed order. */
export const kinds: ReadonlyArray<string> = [...roomKinds.keys()]

/** Every room that a house may have. */
export const all: ReadonlyArray<Entity> = [...roomKinds].flatMap(([kind, { most }]) =>
  Array.from({ length: most }, (_, index) => ({ kind, number: index + 1 }))
)

/** Whether such a place is at home in such a room. */
export const suits = (room: string, place: string): boolean => {
  const kind = roomKinds.get(room)
  return kind !== undefined && (kind.sign === place || kind.places.includes(place))
}

/** Whether such an object may lie in such a room at first. */
export const keeps = (room: string, object: string): boolean =>
  roomKinds.get(room)?.never?.includes(object) !== true
