/**
 * Games of the household world: a rung and a seed give a house, its goal and a solution, as a game
 * file of ALFWorld's form. It plays nothing; `Household` does.
 */
import { Seed, Task } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { GameFile } from "../alfworld/GameFile.ts"
import * as Difficulty from "./Difficulty.ts"
import * as GameText from "./GameText.ts"
import * as Goal from "./Goal.ts"
import { nameOf, type Entity } from "./Entity.ts"
import * as Layout from "./Layout.ts"
import * as Rooms from "./Rooms.ts"
import { RungName, rungs } from "./Rung.ts"

/** `goal` replaces the goal that was drawn with the house; `difficulty` what the rung says of how hard houses are. */
export interface GameRequest {
  readonly rung: RungName
  readonly seed: number
  readonly goal?: Goal.Goal
  readonly difficulty?: Difficulty.Difficulty
}

/** The payload of a task. `goal`: the sentence of another goal for the same house. */
export const Payload = Schema.Struct({
  rung: RungName,
  seed: Schema.Int,
  goal: Schema.optionalKey(Schema.String),
  difficulty: Schema.optionalKey(Difficulty.Difficulty)
})

const decodePayload = Schema.decodeUnknownResult(Payload)

/** What a task's payload asks for; the failure says which field is wrong and what it should be. */
export const requestOf = ({ payload }: Task.Task): Result.Result<GameRequest, string> =>
  Result.gen(function* () {
    const { goal, ...request } = yield* Result.mapError(
      decodePayload(payload),
      (error) => `payload: ${error.message}`
    )
    const { difficulty = {}, rung } = request
    const fault = Difficulty.faultOf(rungs[rung], difficulty)
    if (fault !== undefined) return yield* Result.fail(`payload.difficulty.${fault}`)
    if (goal === undefined) return request
    const parsed = Goal.parse(goal)
    return parsed === undefined
      ? yield* Result.fail(
          `payload.goal: "${goal}" is no goal; write one as "put a clean mug in shelf"`
        )
      : { ...request, goal: parsed }
  })

/** The hidden house of a request, with the goal that is asked there. */
export const layout = ({ rung, seed, goal, difficulty }: GameRequest): Layout.Layout => {
  const drawn = Layout.draw(Difficulty.applied(rungs[rung], difficulty), seed)
  return goal === undefined ? drawn : { ...drawn, goal }
}

/**
 * The game of a request: the same request gives the same file. Its `walkthrough` solves it within
 * the step limit; a game with another goal than the drawn one has none, and may have no solution.
 */
export const generate = (request: GameRequest): GameFile => {
  const rung = rungs[request.rung]
  const house = layout(request)
  return {
    ...GameText.text(rung, house),
    ...(request.goal === undefined
      ? { solvable: true, walkthrough: walkthrough(rung.openable, house) }
      : {})
  }
}

/** Which tasks: `offset` skips so many of the same sequence. A difficulty that is none is refused by the episode. */
export interface TaskRequest {
  readonly rung: RungName
  readonly split: Split
  readonly count: number
  readonly seed: number
  readonly offset?: number
  readonly difficulty?: Difficulty.Difficulty
}

export type Split = "train" | "heldout"

/**
 * A quarter of all houses is held out, chosen by the hash of the house itself: so no seed of one
 * split can bring a house of the other.
 */
export const splitOf = (layout: Layout.Layout): Split =>
  Layout.hash(layout) % 4 === 0 ? "heldout" : "train"

/**
 * `count` tasks of environment "household", payload `{ rung, seed }`; the same request gives the
 * same tasks.
 */
export const tasks = (request: TaskRequest): ReadonlyArray<Task.Task> => {
  const { rung, split, count, seed, offset = 0, difficulty } = request
  const drawnFrom = Difficulty.applied(rungs[rung], difficulty)
  const harder = difficulty === undefined ? {} : { difficulty }
  const chosen: Array<Task.Task> = []
  let skipped = 0
  for (let index = 0; chosen.length < count; index++) {
    const layoutSeed = Seed.key(seed, "household/task", index)
    const layout = Layout.draw(drawnFrom, layoutSeed)
    if (splitOf(layout) !== split) continue
    if (skipped < offset) skipped++
    else chosen.push(taskOf({ rung, seed: layoutSeed, ...harder }, layout))
  }
  return chosen
}

/** Its id names the difficulty too, by its key: the same seed may be asked for in several. */
const taskOf = (request: GameRequest, { goal }: Layout.Layout): Task.Task => {
  const { difficulty, rung, seed } = request
  const level =
    difficulty === undefined ? "" : `/${Seed.key(0, JSON.stringify(difficulty)).toString(36)}`
  return {
    id: `household/${rung}/${seed}${level}`,
    environment: "household",
    instruction: Goal.sentence(goal),
    seed,
    payload: request,
    origin: Task.original
  }
}

/** A solution by somebody who knows the house. */
const walkthrough = (
  openable: ReadonlyArray<string>,
  layout: Layout.Layout
): ReadonlyArray<string> => {
  const { goal, places } = layout
  const walk = walker(openable, layout)
  const objects = places.flatMap((place) =>
    place.contents.flatMap((entity) =>
      entity.kind === goal.object && place.kind !== goal.place ? [{ entity, place }] : []
    )
  )
  return objects.slice(0, Goal.needed(goal)).flatMap(({ entity, place }) => {
    const object = nameOf(entity)
    return [
      ...walk.into(place),
      `take ${object} from ${nameOf(place)}`,
      ...bring(layout, object, walk)
    ]
  })
}

/** The commands to a place; `into` opens the door too, where it is still closed. */
interface Walker {
  readonly to: (place: Entity | undefined) => ReadonlyArray<string>
  readonly into: (place: Entity | undefined) => ReadonlyArray<string>
}

/** Remembers where it stands and which doors it has opened. */
const walker = (openable: ReadonlyArray<string>, layout: Layout.Layout): Walker => {
  const { open = [], places, rooms } = layout
  const opened = new Set(open.map((index): Entity | undefined => places[index]))
  let room = rooms?.start ?? 0
  let here: Entity | undefined
  const to: Walker["to"] = (place) => {
    const index = places.findIndex((one) => one === place)
    const target = rooms?.of[index] ?? room
    const way = rooms === undefined ? [] : Rooms.route(rooms, room, target)
    const isHere = place === here
    room = target
    here = place
    const entered = way.flatMap((index) => rooms?.rooms.slice(index, index + 1) ?? [])
    return isHere || place === undefined
      ? []
      : [...entered, place].map((one) => `go to ${nameOf(one)}`)
  }
  const into: Walker["into"] = (place) => {
    const isClosed = place !== undefined && openable.includes(place.kind) && !opened.has(place)
    opened.add(place)
    return isClosed ? [...to(place), `open ${nameOf(place)}`] : to(place)
  }
  return { to, into }
}

const verbs = { clean: "clean", hot: "heat", cool: "cool" } as const

/** What is left to do with an object in the hand. */
const bring = (
  { goal, places, lampPlace }: Layout.Layout,
  object: string,
  walk: Walker
): ReadonlyArray<string> => {
  if (goal.kind === "look") return [...walk.into(places[lampPlace]), `use ${Layout.lampKind} 1`]
  const target = places.find(({ kind }) => kind === goal.place)
  const deliver = () => [...walk.into(target), `move ${object} to ${target && nameOf(target)}`]
  if (goal.kind === "put" || goal.kind === "two") return deliver()
  const tool = Layout.applianceOf[goal.kind]
  const appliance = places.find(({ kind }) => kind === tool)
  const process = `${verbs[goal.kind]} ${object} with ${appliance && nameOf(appliance)}`
  return [...walk.to(appliance), process, ...deliver()]
}
