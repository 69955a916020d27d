/**
 * How many commands it takes to walk from spot to spot in a household whose spots are in rooms, joined by passages.
 * Where a domain knows no rooms, everywhere is one command away.
 */
import * as State from "../../pddl/State.ts"
import type { Game } from "../Game.ts"
import * as Route from "./Route.ts"

/** From the spot where one stands to one before a receptacle; none where it is the same, `Infinity` where no way leads there. */
export type Walk = (from: number, to: number) => number

export const walkIn = ({ setting: { initial, vocabulary } }: Game): Walk => {
  const factsOf = (predicate: string) =>
    pairs(initial[vocabulary.predicateNumbers.get(predicate) ?? -1])
  const rooms = new Map(factsOf("within"))
  const passages = factsOf("passage")
  const next = (room: number) => passages.flatMap(([one, other]) => (one === room ? [other] : []))
  const known = new Map<number, number>()
  const between = (from: number, to: number): number => {
    if (from === to) return 0
    const key = from * State.objectLimit + to
    const count = known.get(key) ?? Route.shortest(from, next, (room) => room === to)?.length
    known.set(key, count ?? Infinity)
    return count ?? Infinity
  }
  return (from, to) => {
    if (from === to) return 0
    const [room, target] = [rooms.get(from), rooms.get(to)]
    return room === undefined || target === undefined ? 1 : between(room, target) + 1
  }
}

/** The facts of two arguments, as these. */
export const pairs = (
  relation: State.Relation | undefined
): ReadonlyArray<readonly [number, number]> =>
  (relation?.facts ?? []).map((fact) => [
    State.argumentOf(2, fact, 0),
    State.argumentOf(2, fact, 1)
  ])
