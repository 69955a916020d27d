/**
 * How hard the houses of a rung are, where that shall differ from the rung: how large, how full, how closed.
 * It is no rung: the words and the kinds of goals stay those of the rung.
 */
import * as Schema from "effect/Schema"
import * as RoomKind from "./RoomKind.ts"

const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))
const Range = Schema.Tuple([Count, Count])

/**
 * What is absent is as the rung has it. `receptacles` and `distractors`: the least and the greatest number of places,
 * and of objects that nobody asks for (fewer where they find no place). `closedShare`: which part of the doors is closed
 * at first, in [0, 1]; all of them where absent. `wanted`: how many objects of the kind asked for there are, from 1;
 * at least two where two are asked for. `rooms`: the least and the greatest number of rooms; a house of one room has no
 * name for it. Walking through rooms costs steps, and the step limit stays that of the rung.
 */
export const Difficulty = Schema.Struct({
  receptacles: Schema.optionalKey(Range),
  distractors: Schema.optionalKey(Range),
  closedShare: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))
  ),
  wanted: Schema.optionalKey(Count),
  rooms: Schema.optionalKey(Range)
})
export type Difficulty = typeof Difficulty.Type

/** What of a rung decides how hard its houses can be; see `Rung`. */
interface Scale {
  readonly name: string
  readonly always: ReadonlyArray<string>
  readonly places: Readonly<Record<string, number>>
  readonly houseSize: readonly [number, number]
  readonly rooms?: readonly [number, number]
  readonly instances: number
}

/** How many receptacles a house of the rung may have: fewer would not hold its goals, more would not be different. */
const sizes = ({ always, houseSize, places }: Scale): readonly [number, number] => {
  const numbered = Object.entries(places).filter(([kind]) => !always.includes(kind))
  return [houseSize[0], numbered.reduce((sum, [, count]) => sum + count, always.length)]
}

/** Every room needs a place of its own, and all the appliances are in one. */
const mostRooms = ({ always }: Scale, [least]: readonly [number, number]): number =>
  Math.min(RoomKind.all.length, least - Math.max(always.length - 1, 0))

/** What a rung cannot do of it, or undefined where it can do all. */
export const faultOf = (rung: Scale, difficulty: Difficulty): string | undefined => {
  const [least, greatest] = sizes(rung)
  const { distractors = [0, 0], receptacles = rung.houseSize, wanted = 1 } = difficulty
  const rooms = difficulty.rooms ?? rung.rooms ?? [1, 1]
  if (receptacles[0] > receptacles[1] || receptacles[0] < least || receptacles[1] > greatest) {
    return `receptacles: [${receptacles.join(", ")}] should rise, from ${least} to ${greatest} at most in ${rung.name}`
  }
  if (distractors[0] > distractors[1]) return `distractors: [${distractors.join(", ")}] should rise`
  const most = mostRooms(rung, receptacles)
  if (rooms[0] > rooms[1] || rooms[0] < 1 || rooms[1] > most) {
    return `rooms: [${rooms.join(", ")}] should rise, from 1 to ${most} at most in ${rung.name} with ${receptacles[0]} receptacles`
  }
  return wanted < 1 || wanted > rung.instances
    ? `wanted: ${wanted} should be from 1 to ${rung.instances} in ${rung.name}`
    : undefined
}

/** The rung with this difficulty; one that it cannot do (see `faultOf`) leaves the rung as it is. */
export const applied = <Rung extends Scale>(
  rung: Rung,
  difficulty: Difficulty | undefined
): Rung | (Rung & { readonly difficulty: Difficulty }) => {
  if (difficulty === undefined || faultOf(rung, difficulty) !== undefined) return rung
  const { receptacles = rung.houseSize, rooms = rung.rooms } = difficulty
  return { ...rung, houseSize: receptacles, ...(rooms === undefined ? {} : { rooms }), difficulty }
}
