/**
 * The scripted expert: the next command towards a goal, from the notebook alone. It explores where
 * things of the kind are likely to lie; it knows neither the house nor the solution.
 *
 * Port of `Game.expert` of the miniature recipe (`env.py`).
 */
import { Seed } from "@dreamgym/domain"
import type { Command } from "./Command.ts"
import type { Goal } from "./Goal.ts"
import { applianceOf } from "./Layout.ts"
import * as Notebook from "./Notebook.ts"
import * as Observation from "./Observation.ts"
import * as RoomMap from "./RoomMap.ts"
import type { Rung } from "./Rung.ts"

/**
 * `likely`: kinds of places by kind of object; `lampPlaces`: by what stands there. Other places are
 * explored too, but later.
 */
export type Priors = Pick<Rung, "likely" | "lampPlaces">

/** Undefined where the notebook shows no place at all, or none that would serve. */
export const next = (
  notebook: Notebook.Notebook,
  goal: Goal,
  priors: Priors,
  random: () => number
): Command | undefined => {
  const scene = { notebook, goal, priors, random }
  const { held } = notebook
  if (held === undefined) return fetch(scene)
  if (Observation.kindOf(held) !== goal.object) return putAside(scene, held)
  return (goal.kind === "look" ? light : deliver)(scene, held)
}

interface Scene {
  readonly notebook: Notebook.Notebook
  readonly goal: Goal
  readonly priors: Priors
  readonly random: () => number
}

/** With empty hands: take a goal object that was seen, else look for one. */
const fetch = (scene: Scene): Command | undefined => {
  const { notebook, goal, priors } = scene
  const here = Notebook.here(notebook)
  const isDelivered = (place: Notebook.Place): boolean =>
    (goal.kind === "put" || goal.kind === "two") && place.kind === goal.place
  const inRoom = notebook.places.filter((place) => Notebook.isInRoom(notebook, place))
  const nearest = [...(here === undefined ? [] : [here]), ...inRoom, ...notebook.places]
  for (const place of nearest) {
    const object = place.contents.find((name) => Observation.kindOf(name) === goal.object)
    if (object === undefined || isDelivered(place)) continue
    return reach(scene, place) ?? { verb: "take", object, place: place.name }
  }
  const isKnown = Object.hasOwn(priors.likely, goal.object)
  return explore(scene, (isKnown ? priors.likely[goal.object] : undefined) ?? [])
}

/** With a goal object that is to be looked at: use the lamp, else look for it. */
const light = (scene: Scene): Command | undefined => {
  const { notebook, goal, priors } = scene
  const isLamp = (name: string): boolean => Observation.kindOf(name) === goal.place
  const place = notebook.places.find(({ contents }) => contents.some(isLamp))
  const object = place?.contents.find(isLamp)
  if (place === undefined || object === undefined) return explore(scene, priors.lampPlaces)
  return goTo(notebook, place) ?? { verb: "use", object }
}

/**
 * With a goal object in the hand: process it where that is asked and not yet done, then put it
 * where it belongs.
 */
const deliver = (scene: Scene, held: string): Command | undefined => {
  const { notebook, goal } = scene
  const appliance = missing(notebook, goal, held)
  if (appliance !== undefined) {
    const [verb, kind] = appliance
    const place = oneOf(scene, ({ kind: other }) => other === kind)
    if (place === undefined) return seek(notebook)
    return goTo(notebook, place) ?? { verb, object: held, place: place.name }
  }
  const place = oneOf(scene, ({ kind }) => kind === goal.place)
  if (place === undefined) return seek(notebook)
  return reach(scene, place) ?? { verb: "move", object: held, place: place.name }
}

const missing = (
  { conditions }: Notebook.Notebook,
  { kind }: Goal,
  held: string
): readonly ["clean" | "heat" | "cool", string] | undefined => {
  if (kind !== "clean" && kind !== "hot" && kind !== "cool") return undefined
  const isDone = conditions.get(held)?.includes(kind) ?? false
  return isDone ? undefined : [kind === "hot" ? "heat" : kind, applianceOf[kind]]
}

/**
 * Frees the hands of something else: here if that is no place of the goal, else at some place
 * without a closed door.
 */
const putAside = (scene: Scene, held: string): Command | undefined => {
  const { notebook, goal } = scene
  const here = Notebook.here(notebook)
  if (here !== undefined && Notebook.isOpen(here) && here.kind !== goal.place) {
    return { verb: "move", object: held, place: here.name }
  }
  const isOpen = (place: Notebook.Place): boolean => Notebook.isOpen(place)
  const place =
    oneOf(scene, (one) => isOpen(one) && one.kind !== goal.place) ??
    oneOf(scene, (one) => one.status === "unseen") ??
    oneOf(scene, () => true)
  if (place === undefined) return undefined
  return reach(scene, place) ?? { verb: "move", object: held, place: place.name }
}

/** Towards the nearest room that was not yet entered; undefined where there is none. */
const seek = ({ rooms }: Notebook.Notebook): Command | undefined => {
  const room = rooms && RoomMap.towards(rooms, (_, { visits }) => visits === 0)
  return room === undefined ? undefined : { verb: "go", place: room }
}

/** Towards the nearest room of which not everything was seen; undefined where there is none, or one is there. */
const leave = ({ places, rooms }: Notebook.Notebook): Command | undefined => {
  const unseen = places.flatMap(({ isKnown, name }) => (isKnown ? [] : [name]))
  const isPromising = (_: string, { view }: RoomMap.Room): boolean =>
    view === undefined || view.places.some((name) => unseen.includes(name))
  const room = rooms && RoomMap.towards(rooms, isPromising)
  return room === undefined ? undefined : { verb: "go", place: room }
}

/**
 * Goes to a place not yet seen, four times as likely to one of the kinds; opens the door before
 * which it stands. It leaves a room when it has seen all of it.
 */
const explore = (
  { notebook, random }: Scene,
  kinds: ReadonlyArray<string>
): Command | undefined => {
  const here = Notebook.here(notebook)
  if (here !== undefined && here.status === "closed" && !here.isKnown) {
    return { verb: "open", place: here.name }
  }
  const elsewhere = notebook.places.filter(
    (place) => place !== here && Notebook.isInRoom(notebook, place)
  )
  const unseen = elsewhere.filter(({ isKnown }) => !isKnown)
  const way = unseen.length > 0 ? undefined : leave(notebook)
  if (way !== undefined) return way
  const places = unseen.length > 0 ? unseen : elsewhere
  const place = weighted(random, places, ({ kind }) => (kinds.includes(kind) ? 4 : 1))
  return place === undefined ? undefined : { verb: "go", place: place.name }
}

/** The step that is still needed before hands can reach into the place; undefined where none is. */
const reach = ({ notebook }: Scene, place: Notebook.Place): Command | undefined =>
  goTo(notebook, place) ??
  (place.status === "closed" ? { verb: "open", place: place.name } : undefined)

const goTo = (notebook: Notebook.Notebook, { name }: Notebook.Place): Command | undefined =>
  Notebook.here(notebook)?.name === name
    ? undefined
    : { verb: "go", place: towards(notebook, name) }

/** The place itself, or the next room on the way to it. */
const towards = ({ rooms }: Notebook.Notebook, place: string): string =>
  (rooms && RoomMap.towards(rooms, (_, { view }) => view?.places.includes(place) ?? false)) ?? place

/** The place here if it fits, else any that fits, of this room if there is one. */
const oneOf = (
  { notebook, random }: Scene,
  test: (place: Notebook.Place) => boolean
): Notebook.Place | undefined => {
  const here = Notebook.here(notebook)
  if (here !== undefined && test(here)) return here
  const fitting = notebook.places.filter(test)
  const inRoom = fitting.filter((place) => Notebook.isInRoom(notebook, place))
  const nearest = inRoom.length > 0 ? inRoom : fitting
  return nearest[Seed.below(random, nearest.length)]
}

const weighted = <A>(
  random: () => number,
  values: ReadonlyArray<A>,
  weight: (value: A) => number
): A | undefined => {
  const total = values.reduce((sum, value) => sum + weight(value), 0)
  let left = random() * total
  return values.find((value) => (left -= weight(value)) < 0)
}
