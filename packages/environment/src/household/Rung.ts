/**
 * The rungs of difficulty of the household world, as data: what houses hold and what may be asked
 * there. A rung is no house: `Layout` draws houses from it.
 *
 * L0 to L3 are the measured rungs of the miniature recipe (its `env.py`); L4 has houses of
 * ALFWorld's size; those of L5 and L6 have rooms, and one sees only the room where one is.
 */
import * as Schema from "effect/Schema"
import type { Difficulty } from "./Difficulty.ts"
import * as Goal from "./Goal.ts"
import { appliances } from "./RoomKind.ts"

export const RungName = Schema.Literals(["L0", "L1", "L2", "L3", "L4", "L5", "L6"])
export type RungName = typeof RungName.Type

/** Kinds are words without a number ("mug", "cabinet"). */
export interface Rung {
  readonly name: RungName
  /** The kinds of places, with how many of each a house may have. */
  readonly places: Readonly<Record<string, number>>
  /** Kinds of places that have a door; it is closed at first. */
  readonly openable: ReadonlyArray<string>
  /** Kinds of places of which every house has one, and which are drawn no other way. */
  readonly always: ReadonlyArray<string>
  /** Kinds of places on which the lamp may stand. */
  readonly lampPlaces: ReadonlyArray<string>
  /** The kinds of objects; each has numbers from 1 to `instances`. */
  readonly objects: ReadonlyArray<string>
  readonly instances: number
  /** Where an object of a kind is likely to lie at first. */
  readonly likely: Readonly<Record<string, ReadonlyArray<string>>>
  /** The kinds of places to which an object of a kind may be asked to be brought. */
  readonly targets: Readonly<Record<string, ReadonlyArray<string>>>
  /** The kinds of goals that are asked, and of which objects. */
  readonly goals: ReadonlyArray<Goal.GoalKind>
  readonly goalObjects: Readonly<Record<Goal.GoalKind, ReadonlyArray<string>>>
  /** The least and the greatest number of places in a house. */
  readonly houseSize: readonly [number, number]
  /** The least and the greatest number of rooms; one where absent. */
  readonly rooms?: readonly [number, number]
  /** The greatest number of steps of an episode. */
  readonly stepLimit: number
  /** Where houses shall differ from what the rung draws. */
  readonly difficulty?: Difficulty
}

const byKind = (
  kinds: ReadonlyArray<string>,
  places: ReadonlyArray<string>
): Record<string, ReadonlyArray<string>> => Object.fromEntries(kinds.map((kind) => [kind, places]))

const withCommonPlaces = (
  likely: Readonly<Record<string, ReadonlyArray<string>>>,
  common: ReadonlyArray<string>
): Record<string, ReadonlyArray<string>> =>
  Object.fromEntries(
    Object.entries(likely).map(([kind, places]) => [
      kind,
      [...new Set([...places, ...common])].toSorted()
    ])
  )

const smallLikely = {
  ...byKind(["apple", "potato"], ["countertop", "fridge", "sinkbasin", "microwave", "cabinet"]),
  ...byKind(["mug", "plate", "knife"], ["cabinet", "countertop", "shelf", "sinkbasin", "drawer"]),
  ...byKind(["cloth"], ["cabinet", "drawer", "sinkbasin", "shelf"]),
  ...byKind(["book", "pen"], ["desk", "drawer", "shelf", "cabinet", "countertop"])
}

const smallWarm = ["apple", "potato", "mug", "plate"]
const smallObjects = ["apple", "potato", "mug", "plate", "knife", "cloth", "book", "pen"]

const L2: Rung = {
  name: "L2",
  places: {
    cabinet: 2,
    drawer: 1,
    countertop: 1,
    shelf: 1,
    desk: 1,
    fridge: 1,
    microwave: 1,
    sinkbasin: 1
  },
  openable: ["cabinet", "drawer", "fridge", "microwave"],
  always: appliances,
  lampPlaces: ["desk", "shelf", "countertop"],
  objects: smallObjects,
  instances: 2,
  likely: smallLikely,
  targets: withCommonPlaces(smallLikely, ["countertop", "cabinet", "shelf", "desk"]),
  goals: Goal.kinds,
  goalObjects: {
    put: smallObjects,
    look: ["book", "pen", "mug", "plate"],
    clean: [...smallWarm, "knife", "cloth"],
    hot: smallWarm,
    cool: smallWarm,
    two: smallObjects
  },
  houseSize: [5, 6],
  stepLimit: 15
}

const firstPlaces = ["countertop", "shelf", "desk", "cabinet", "drawer"]
const firstObjects = ["apple", "mug", "plate", "knife", "book", "pen"]

const L0: Rung = {
  ...L2,
  name: "L0",
  places: { cabinet: 2, drawer: 1, countertop: 1, shelf: 1, desk: 1 },
  openable: [],
  always: [],
  lampPlaces: firstPlaces,
  objects: firstObjects,
  likely: {
    apple: ["countertop", "desk", "shelf"],
    mug: ["shelf", "cabinet", "countertop"],
    plate: ["cabinet", "countertop", "shelf"],
    knife: ["drawer", "countertop"],
    book: ["desk", "shelf"],
    pen: ["desk", "drawer"]
  },
  targets: byKind(firstObjects, firstPlaces),
  goals: ["put"],
  goalObjects: { put: firstObjects, look: [], clean: [], hot: [], cool: [], two: firstObjects },
  houseSize: [4, 4],
  stepLimit: 10
}

const L1: Rung = {
  ...L2,
  name: "L1",
  goals: ["put", "clean", "hot", "cool"],
  houseSize: [5, 5],
  stepLimit: 12
}

const food = ["countertop", "diningtable", "fridge", "garbagecan", "sinkbasin", "microwave"]

const largeLikely = {
  ...byKind(["apple", "bread", "egg", "potato", "tomato", "lettuce"], food),
  ...byKind(
    ["cup", "mug", "plate", "bowl", "pan"],
    ["cabinet", "countertop", "shelf", "diningtable", "sinkbasin", "drawer"]
  ),
  ...byKind(["knife", "spoon"], ["drawer", "countertop", "sinkbasin", "diningtable", "cabinet"]),
  ...byKind(["cloth", "soapbar"], ["cabinet", "drawer", "countertop", "garbagecan", "sinkbasin"]),
  ...byKind(
    ["book", "cd", "pen", "keychain", "statue"],
    ["desk", "drawer", "sidetable", "shelf", "diningtable"]
  )
}

const largeObjects = Object.keys(largeLikely)

const L3: Rung = {
  name: "L3",
  places: {
    cabinet: 3,
    drawer: 3,
    countertop: 2,
    shelf: 2,
    diningtable: 1,
    sidetable: 1,
    desk: 1,
    garbagecan: 1,
    fridge: 1,
    microwave: 1,
    sinkbasin: 1
  },
  openable: ["cabinet", "drawer", "fridge", "microwave"],
  always: appliances,
  lampPlaces: ["desk", "sidetable", "shelf", "diningtable", "countertop"],
  objects: largeObjects,
  instances: 3,
  likely: largeLikely,
  targets: withCommonPlaces(largeLikely, [
    "countertop",
    "diningtable",
    "cabinet",
    "sidetable",
    "shelf"
  ]),
  goals: Goal.kinds,
  goalObjects: {
    put: largeObjects,
    look: ["book", "cd", "pen", "keychain", "bowl", "mug", "plate", "statue"],
    clean: [
      "apple",
      "egg",
      "potato",
      "tomato",
      "lettuce",
      "cup",
      "mug",
      "plate",
      "bowl",
      "pan",
      "knife",
      "spoon",
      "cloth",
      "soapbar"
    ],
    hot: ["apple", "bread", "egg", "potato", "tomato", "cup", "mug", "plate"],
    cool: [
      "apple",
      "bread",
      "egg",
      "potato",
      "tomato",
      "lettuce",
      "cup",
      "mug",
      "bowl",
      "plate",
      "pan"
    ],
    two: largeObjects
  },
  houseSize: [6, 8],
  stepLimit: 20
}

const L4: Rung = {
  ...L3,
  name: "L4",
  places: {
    cabinet: 9,
    drawer: 9,
    countertop: 3,
    shelf: 4,
    diningtable: 1,
    sidetable: 2,
    desk: 2,
    garbagecan: 1,
    stoveburner: 4,
    coffeemachine: 1,
    toaster: 1,
    fridge: 1,
    microwave: 1,
    sinkbasin: 1
  },
  houseSize: [15, 30],
  stepLimit: 50
}

const soft = ["armchair", "bed", "coffeetable", "sofa"]

const roomyLikely = {
  ...largeLikely,
  ...byKind(["cloth", "soapbar"], ["bathtubbasin", "cabinet", "drawer", "sinkbasin", "toilet"]),
  ...byKind(["soapbottle", "toiletpaper"], ["bathtubbasin", "cabinet", "countertop", "toilet"]),
  ...byKind(["book", "laptop", "cellphone"], ["bed", "coffeetable", "desk", "dresser", "sofa"]),
  ...byKind(
    ["cd", "pen", "keychain", "watch"],
    ["desk", "drawer", "dresser", "shelf", "sidetable"]
  ),
  ...byKind(["newspaper", "remotecontrol"], [...soft, "sidetable", "tvstand"]),
  ...byKind(["statue", "vase"], ["coffeetable", "dresser", "shelf", "sidetable", "tvstand"]),
  ...byKind(["pillow"], soft)
}

const roomyObjects = Object.keys(roomyLikely)

const L5: Rung = {
  ...L3,
  name: "L5",
  places: {
    ...L3.places,
    armchair: 1,
    bathtubbasin: 1,
    bed: 2,
    coffeetable: 1,
    dresser: 1,
    sofa: 2,
    toilet: 2,
    tvstand: 1
  },
  lampPlaces: [...L3.lampPlaces, "coffeetable", "dresser"],
  objects: roomyObjects,
  likely: roomyLikely,
  targets: withCommonPlaces(roomyLikely, [
    "cabinet",
    "coffeetable",
    "countertop",
    "diningtable",
    "shelf",
    "sidetable"
  ]),
  goalObjects: {
    ...L3.goalObjects,
    put: roomyObjects,
    look: [...L3.goalObjects.look, "cellphone", "laptop", "newspaper", "pillow", "watch"],
    two: roomyObjects
  },
  houseSize: [10, 14],
  rooms: [3, 3],
  stepLimit: 40
}

const L6: Rung = {
  ...L5,
  name: "L6",
  places: {
    ...L4.places,
    armchair: 2,
    bathtubbasin: 2,
    bed: 3,
    coffeetable: 2,
    dresser: 2,
    sofa: 2,
    toilet: 2,
    tvstand: 1
  },
  houseSize: [18, 30],
  rooms: [4, 7],
  stepLimit: 80
}

export const rungs: Readonly<Record<RungName, Rung>> = { L0, L1, L2, L3, L4, L5, L6 }
