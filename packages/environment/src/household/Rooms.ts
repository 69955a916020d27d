/**
 * The rooms of a house: which there are, how one walks through them, and which place stands where.
 * What lies in the places, and what is asked, is the business of `Layout`.
 */
import { Seed } from "@dreamgym/domain"
import * as Route from "../alfworld/planner/Route.ts"
import type { Entity } from "./Entity.ts"
import * as RoomKind from "./RoomKind.ts"

/**
 * All by index. `passages`: pairs of rooms that one can walk between, both ways; every room can be reached. `of`: for
 * each place the room it stands in. `start`: where the agent stands at first.
 */
export interface Rooms {
  readonly rooms: ReadonlyArray<Entity>
  readonly passages: ReadonlyArray<readonly [number, number]>
  readonly of: ReadonlyArray<number>
  readonly start: number
}

/** `count` rooms, the kitchen among them; hallways come first, so that most ways lead through them. */
export const draw = (count: number, random: () => number): ReadonlyArray<Entity> => {
  const counts = new Map([["kitchen", 1]])
  for (let rooms = 1; rooms < count;) {
    const kind = RoomKind.kinds[Seed.below(random, RoomKind.kinds.length)] ?? ""
    const number = (counts.get(kind) ?? 0) + 1
    if (number > (RoomKind.of(kind)?.most ?? 0)) continue
    counts.set(kind, number)
    rooms++
  }
  const drawn = RoomKind.all.filter(({ kind, number }) => number <= (counts.get(kind) ?? 0))
  const isHallway = ({ kind }: Entity): boolean => kind === "hallway"
  return [...drawn.filter(isHallway), ...drawn.filter((room) => !isHallway(room))]
}

/** The places by which these rooms are told, where a house may have them: at most `most` of a kind. */
export const signs = (
  rooms: ReadonlyArray<Entity>,
  most: Readonly<Record<string, number>>
): ReadonlyArray<Entity> =>
  rooms.flatMap(({ kind, number }) => {
    const sign = RoomKind.of(kind)?.sign
    return sign !== undefined && number <= (most[sign] ?? 0) ? [{ kind: sign, number }] : []
  })

/** Joins the rooms and gives each place a room, where it is at home if there is such a room; no room stays empty. */
export const furnish = (
  rooms: ReadonlyArray<Entity>,
  places: ReadonlyArray<Entity>,
  random: () => number
): Rooms => ({
  rooms,
  passages: drawPassages(rooms.length, random),
  of: settle(rooms, places, random),
  start: Seed.below(random, rooms.length)
})

/** The rooms after `from`, by index, on a shortest way to `to`. */
export const route = ({ passages }: Rooms, from: number, to: number): ReadonlyArray<number> =>
  Route.shortest(
    from,
    (room) =>
      passages.flatMap(([one, other]) => (one === room ? [other] : other === room ? [one] : [])),
    (room) => room === to
  ) ?? []

/** Each room is joined to one before it; three in ten to a second one. */
const drawPassages = (count: number, random: () => number): Rooms["passages"] => {
  const passages = new Map<number, readonly [number, number]>()
  const join = (room: number): void => {
    const earlier = Seed.below(random, room)
    passages.set(earlier * count + room, [earlier, room])
  }
  for (let room = 1; room < count; room++) {
    join(room)
    if (random() < 0.3) join(room)
  }
  return [...passages.values()]
}

/** First each room gets a place of its own, its sign if there is one; then the others go where they are at home. */
const settle = (
  rooms: ReadonlyArray<Entity>,
  places: ReadonlyArray<Entity>,
  random: () => number
): ReadonlyArray<number> => {
  const homes = new Map<Entity, number>()
  const shuffled = Seed.shuffle(random, places)
  const kitchen = rooms.findIndex(({ kind }) => kind === "kitchen")
  for (const place of places) {
    if (RoomKind.appliances.some((kind) => kind === place.kind)) homes.set(place, kitchen)
  }
  for (const [index, { kind }] of rooms.entries()) {
    if ([...homes.values()].includes(index)) continue
    const free = shuffled.filter((place) => !homes.has(place))
    const sign = free.find((place) => place.kind === RoomKind.of(kind)?.sign)
    const first = sign ?? free.find((place) => RoomKind.suits(kind, place.kind)) ?? free[0]
    if (first !== undefined) homes.set(first, index)
  }
  return places.map((place) => homes.get(place) ?? homeOf(place, rooms, random))
}

/** A room where the place is at home; any room where there is none such. */
const homeOf = ({ kind: place }: Entity, rooms: ReadonlyArray<Entity>, random: () => number) => {
  const fitting = rooms.flatMap(({ kind }, index) => (RoomKind.suits(kind, place) ? [index] : []))
  return fitting[Seed.below(random, fitting.length)] ?? Seed.below(random, rooms.length)
}
