/**
 * What the visible text has shown of a house's rooms: which there are, what stands in each, where one can go.
 * What lies in the places is the business of `Notebook`. A house of one room has no such map.
 */
import * as Route from "../alfworld/planner/Route.ts"
import type { RoomView } from "./Observation.ts"

/** `view`: what one saw there; absent in a room that was only named as a way out of another. `visits` counts arrivals. */
export interface Room {
  readonly view?: RoomView
  readonly visits: number
}

/** `here`: the room where one is. Rooms are in the order in which they were named first. */
export interface RoomMap {
  readonly here: string
  readonly rooms: ReadonlyMap<string, Room>
}

/** The map at a start in this room. */
export const start = (room: string, view: RoomView): RoomMap =>
  noted({ here: room, rooms: new Map() }, room, { view, visits: 1 })

/** The map after entering a room. */
export const enter = (map: RoomMap, room: string, view: RoomView): RoomMap =>
  noted(map, room, { view, visits: (map.rooms.get(room)?.visits ?? 0) + 1 })

/** Whether the view is another than that of an earlier visit. Nothing moves a wall or a cupboard. */
export const isContradicted = ({ rooms }: RoomMap, room: string, view: RoomView): boolean => {
  const before = rooms.get(room)?.view
  return before !== undefined && write(before) !== write(view)
}

/** The room of a place, as far as it is known. */
export const roomOf = ({ rooms }: RoomMap, place: string): string | undefined =>
  [...rooms].find(([, { view }]) => view?.places.includes(place))?.[0]

/** Where one can go from here. */
export const exits = ({ here, rooms }: RoomMap): ReadonlyArray<string> =>
  rooms.get(here)?.view?.exits ?? []

/** The next room on the known way to the nearest such room; undefined where that is here, or there is none. */
export const towards = (
  { here, rooms }: RoomMap,
  isEnd: (name: string, room: Room) => boolean
): string | undefined =>
  Route.shortest(
    here,
    (name) => rooms.get(name)?.view?.exits ?? [],
    (name) => isEnd(name, rooms.get(name) ?? unseen)
  )?.[0]

const unseen: Room = { visits: 0 }

const noted = ({ rooms }: RoomMap, here: string, room: Room): RoomMap => {
  const named = (room.view?.exits ?? []).filter((exit) => !rooms.has(exit))
  const known = new Map(rooms).set(here, room)
  for (const exit of named) {
    if (!known.has(exit)) known.set(exit, unseen)
  }
  return { here, rooms: known }
}

const write = ({ exits, places }: RoomView): string => `${places.join()};${exits.join()}`
