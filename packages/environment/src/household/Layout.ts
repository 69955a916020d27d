/**
 * One house with one goal, drawn from a rung: which places there are and what lies where.
 * It is hidden knowledge: only the generator and the text of the game may see it, never a notebook.
 *
 * The draw is that of the miniature recipe (`Game.__init__` of its `env.py`).
 */
import { Seed } from "@dreamgym/domain"
import { nameOf, type Entity } from "./Entity.ts"
import type { Goal, GoalKind } from "./Goal.ts"
import { appliances, keeps, suits } from "./RoomKind.ts"
import * as Rooms from "./Rooms.ts"
import type { Rung } from "./Rung.ts"

/** A place with what lies there at first, the lamp aside. */
export interface Place extends Entity {
  readonly contents: ReadonlyArray<Entity>
}

/**
 * `lampPlace` is the index of the place where the lamp stands; `open` those of the places whose doors stand open. A house
 * without `rooms` is one room.
 */
export interface Layout {
  readonly places: ReadonlyArray<Place>
  readonly lampPlace: number
  readonly goal: Goal
  readonly open?: ReadonlyArray<number>
  readonly rooms?: Rooms.Rooms
}

/** The kind of lamp that every house has. */
export const lampKind = "desklamp"

/** The appliance that brings a condition about. */
export const applianceOf: Readonly<Record<"clean" | "hot" | "cool", string>> = {
  clean: "sinkbasin",
  hot: "microwave",
  cool: "fridge"
}

/** The house of a seed: the same rung and seed give the same layout. */
export const draw = (rung: Rung, seed: number): Layout => {
  const random = Seed.generator(Seed.key(seed, `household/${rung.name}`))
  for (;;) {
    const layout = attempt(rung, random)
    if (layout !== undefined) return layout
  }
}

/**
 * A 32-bit hash of the house itself (its rooms, its places, what lies there, the lamp), whatever is asked and wherever
 * one starts. FNV-1a.
 */
export const hash = ({ places, lampPlace, rooms }: Layout): number => {
  const names = rooms?.rooms.map(nameOf) ?? []
  const rows = places.map(({ contents, ...place }, index) => {
    const things = contents.map(nameOf).toSorted().join(",")
    const room = rooms === undefined ? "" : `${names[rooms.of[index] ?? -1]}/`
    return `${room}${nameOf(place)}:${things}${index === lampPlace ? "*" : ""}`
  })
  const ways = rooms?.passages ?? []
  const passages = ways.map((pair) =>
    pair
      .map((room) => names[room])
      .toSorted()
      .join("-")
  )
  return Seed.key(0, [...rows.toSorted(), ...passages.toSorted()].join(";"))
}

type Random = () => number

const pickOne = <A>(random: Random, values: ReadonlyArray<A>): A | undefined =>
  values[Seed.below(random, values.length)]

/** Undefined where the dice fell so that the house cannot hold the goal. */
const attempt = (rung: Rung, random: Random): Layout | undefined => {
  const drawn = drawRooms(rung, random)
  const places = drawPlaces(rung, drawn, random)
  const rooms = drawn.length > 1 ? Rooms.furnish(drawn, places, random) : undefined
  const lampPlace = pickOne(
    random,
    places.flatMap(({ kind }, index) => (rung.lampPlaces.includes(kind) ? [index] : []))
  )
  const goal = drawGoal(rung, places, random)
  if (lampPlace === undefined || goal === undefined) return undefined
  const contents = drawContents(rung, { places, rooms }, goal, random)
  if (contents === undefined) return undefined
  return {
    places: places.map((place, index) => ({ ...place, contents: contents[index] ?? [] })),
    lampPlace,
    goal,
    ...drawDoors(rung, places, random),
    ...(rooms === undefined ? {} : { rooms })
  }
}

/** One room needs no name. */
const drawRooms = ({ rooms: [least, most] = [1, 1] }: Rung, random: Random) =>
  most > 1 ? Rooms.draw(between(random, least, most), random) : []

/** All doors are closed, unless the difficulty says which share of them. */
const drawDoors = (
  { difficulty = {}, openable }: Rung,
  places: ReadonlyArray<Entity>,
  random: Random
): Pick<Layout, "open"> => {
  const { closedShare } = difficulty
  if (closedShare === undefined) return {}
  const open = places.flatMap(({ kind }, index) =>
    openable.includes(kind) && random() >= closedShare ? [index] : []
  )
  return { open }
}

const drawPlaces = (
  rung: Rung,
  rooms: ReadonlyArray<Entity>,
  random: Random
): ReadonlyArray<Entity> => {
  const signs = Rooms.signs(rooms, rung.places)
  const counts = new Map(signs.map(({ kind, number }) => [kind, number]))
  const places = [...rung.always.map((kind) => ({ kind, number: 1 })), ...signs]
  const size = between(random, ...rung.houseSize)
  const kinds = kindsFor(rung, rooms, size)
  while (places.length < size) {
    const kind = pickOne(random, kinds) ?? ""
    const number = (counts.get(kind) ?? 0) + 1
    if (number > (rung.places[kind] ?? 0)) continue
    counts.set(kind, number)
    places.push({ kind, number })
  }
  return places
}

/** Kinds of places that may be drawn: those at home in these rooms, unless they are too few for a house of this size. */
const kindsFor = (
  { always, places }: Rung,
  rooms: ReadonlyArray<Entity>,
  size: number
): ReadonlyArray<string> => {
  const kinds = Object.keys(places).filter((kind) => !appliances.some((one) => one === kind))
  const fitting = kinds.filter((place) => rooms.some(({ kind }) => suits(kind, place)))
  const count = fitting.reduce((sum, kind) => sum + (places[kind] ?? 0), always.length)
  return count < size ? kinds : fitting
}

/** An integer from `least` to `greatest`, both included. */
const between = (random: Random, least: number, greatest: number): number =>
  least + Seed.below(random, greatest - least + 1)

const drawGoal = (rung: Rung, places: ReadonlyArray<Entity>, random: Random): Goal | undefined => {
  const kind = pickOne(random, rung.goals)
  if (kind === undefined) return undefined
  const object = pickOne(random, rung.goalObjects[kind])
  if (object === undefined) return undefined
  if (kind === "look") return { kind, object, place: lampKind }
  const targets = (rung.targets[object] ?? []).filter(
    (target) => target !== ownAppliance(kind) && places.some((place) => place.kind === target)
  )
  const place = pickOne(random, targets)
  return place === undefined ? undefined : { kind, object, place }
}

/** Nothing is asked to be put where it is processed anyway. */
const ownAppliance = (kind: GoalKind): string | undefined =>
  kind === "clean" || kind === "hot" || kind === "cool" ? applianceOf[kind] : undefined

type Contents = ReadonlyArray<Array<Entity>>

/** The places of a house before anything lies there. */
interface Furniture {
  readonly places: ReadonlyArray<Entity>
  readonly rooms: Rooms.Rooms | undefined
}

const drawContents = (
  rung: Rung,
  furniture: Furniture,
  goal: Goal,
  random: Random
): Contents | undefined => {
  const { places } = furniture
  const likely = likelyPlaces(rung, furniture)
  const sources = likely(goal.object).filter((index) => places[index]?.kind !== goal.place)
  if (sources.length === 0) return undefined
  const contents: Contents = places.map(() => [])
  const numbers = Seed.shuffle(random, numbersOf(rung))
  const { distractors, wanted } = rung.difficulty ?? {}
  const drawn = goal.kind === "two" ? 2 : (pickOne(random, [1, 1, 2]) ?? 1)
  const count = wanted === undefined ? drawn : Math.max(wanted, goal.kind === "two" ? 2 : 1)
  for (const number of numbers.slice(0, count)) {
    contents[pickOne(random, sources) ?? -1]?.push({ kind: goal.object, number })
  }
  const others = between(random, ...(distractors ?? [places.length - 2, places.length + 1]))
  const kinds = rung.objects.filter((kind) => kind !== goal.object)
  for (let i = 0; i < others; i++) {
    const kind = pickOne(random, kinds) ?? ""
    const free = likely(kind).filter((index) => (contents[index]?.length ?? 0) < 3)
    addOne(rung, contents, free, kind, random)
  }
  return contents
}

const addOne = (
  rung: Rung,
  contents: Contents,
  free: ReadonlyArray<number>,
  kind: string,
  random: Random
): void => {
  const taken = contents.flat().filter((entity) => entity.kind === kind)
  const numbers = numbersOf(rung).filter((number) => taken.every((one) => one.number !== number))
  const number = pickOne(random, numbers)
  const place = pickOne(random, free)
  if (number !== undefined && place !== undefined) contents[place]?.push({ kind, number })
}

const likelyPlaces =
  (rung: Rung, { places, rooms }: Furniture) =>
  (object: string): ReadonlyArray<number> =>
    places.flatMap(({ kind }, index) => {
      const room = rooms?.rooms[rooms.of[index] ?? -1]?.kind ?? ""
      return rung.likely[object]?.includes(kind) && keeps(room, object) ? [index] : []
    })

const numbersOf = (rung: Rung): ReadonlyArray<number> =>
  Array.from({ length: rung.instances }, (_, index) => index + 1)
