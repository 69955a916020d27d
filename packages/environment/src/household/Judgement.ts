/**
 * What a notebook says of a goal: how far it is reached, and why a command did or did not work. It
 * sees no hidden state, so its success is what the text supports, in the real world and in the
 * dream.
 *
 * Port of `think` (`wm.py`), `legit` (`notes.py`) and the failure reasons of `Game._step`
 * (`env.py`).
 */
import type { History } from "@dreamgym/domain"
import * as Command from "./Command.ts"
import * as Goal from "./Goal.ts"
import { applianceOf } from "./Layout.ts"
import * as Notebook from "./Notebook.ts"
import * as NotebookView from "./NotebookView.ts"
import * as Observation from "./Observation.ts"
import {
  failures,
  known,
  left,
  notebook as words,
  progress as progressWord,
  reasoning
} from "./Words.ts"
import type { World } from "./Words.ts"

/** How many of the needed objects are as the goal asks, from 0 to `Goal.needed`. */
export const progress = (
  notebook: Notebook.Notebook,
  goal: Goal.Goal,
  { isPairTogether }: World
): number => {
  if (goal.kind === "look") return isLookedAt(notebook, goal) ? 1 : 0
  const counts = notebook.places
    .filter(({ kind }) => kind === goal.place)
    .map(({ contents }) => contents.filter((name) => isAsAsked(notebook, goal, name)).length)
  const found = isPairTogether
    ? Math.max(0, ...counts)
    : counts.reduce((sum, count) => sum + count, 0)
  return Math.min(found, Goal.needed(goal))
}

/** The text shows that the goal is reached. */
export const isReached = (
  notebook: Notebook.Notebook,
  goal: Goal.Goal | undefined,
  world: World
): boolean => goal !== undefined && progress(notebook, goal, world) >= Goal.needed(goal)

/** A goal object was seen, wherever it is now. */
export const isGoalSeen = ({ places, held }: Notebook.Notebook, goal: Goal.Goal): boolean => {
  const isGoal = (name: string): boolean => Observation.kindOf(name) === goal.object
  return (
    (held !== undefined && isGoal(held)) || places.some(({ contents }) => contents.some(isGoal))
  )
}

/**
 * The reasoning over one turn: verdict, place, object in question, hands, progress, and what is to
 * be expected where the command leads; compared words side by side.
 */
export const reason = (
  before: Notebook.Notebook,
  after: Notebook.Notebook,
  { action, observation }: History.Turn,
  goal: Goal.Goal | undefined,
  world: World
): string => {
  const command = Command.parse(action)
  const isWorking = observation !== Observation.nothingHappens
  const verdict = isWorking ? reasoning.works : failure(before, command, world)
  const moved = isWorking && command?.verb === "move" ? command.object : undefined
  const object = after.held ?? moved
  return [
    verdict,
    placeVerdict(after, goal),
    ...(object === undefined ? [] : objectVerdict(after, object, goal)),
    ...(after.held === undefined ? [words.emptyHands] : []),
    progressWord(goal === undefined ? 0 : progress(after, goal, world)),
    ...(isWorking && command !== undefined ? outlook(before, command, goal, world) : [])
  ].join(" ")
}

/**
 * Before a place is looked into: how many things are known to lie there; where nobody has looked
 * yet, whether what the goal needs is still sought, and in how many places it may be. Without the
 * last a small model never learns that what is sought must be in the last place that is left.
 */
const outlook = (
  notebook: Notebook.Notebook,
  command: Command.Command,
  goal: Goal.Goal | undefined,
  world: World
): ReadonlyArray<string> => {
  const place = looking.has(command.verb) ? NotebookView.destination(notebook, command) : undefined
  if (place === undefined) return []
  if (place.isKnown) return [known(place.contents.length)]
  if (goal === undefined) return []
  const isLeft = ({ isKnown, kind }: Notebook.Place): boolean => !isKnown && kind !== goal.place
  return [
    isSought(notebook, goal) ? reasoning.sought : reasoning.found,
    ...(goal.kind === "look"
      ? [isLampSought(notebook, world) ? reasoning.sought : reasoning.found]
      : []),
    left(notebook.places.filter(isLeft).length)
  ]
}

/**
 * Whether what is sought is in the place into which nobody had looked before this turn, and what of
 * it. "" where nothing is sought, or nothing was looked into.
 */
export const foresight = (
  before: Notebook.Notebook,
  after: Notebook.Notebook,
  goal: Goal.Goal | undefined,
  world: World
): string => {
  const place = after.places.find(
    ({ isKnown }, index) => isKnown && before.places[index]?.isKnown === false
  )
  if (place === undefined || goal === undefined) return ""
  const told = (kinds: ReadonlySet<string>, here: string, elsewhere: string): string => {
    const names = place.contents.filter((name) => NotebookView.isOfKind(name, kinds))
    return names.length === 0 ? elsewhere : [here, ...names].join(" ")
  }
  const { elsewhere, here, lampElsewhere, lampHere } = reasoning
  const isLamp = goal.kind === "look" && isLampSought(before, world)
  return [
    ...(isSought(before, goal) ? [told(new Set([goal.object]), here, elsewhere)] : []),
    ...(isLamp ? [told(world.lampKinds, lampHere, lampElsewhere)] : [])
  ].join(" ")
}

const isSought = (notebook: Notebook.Notebook, goal: Goal.Goal): boolean =>
  seen(notebook, new Set([goal.object])) < Goal.needed(goal)

const isLampSought = (notebook: Notebook.Notebook, { lampKinds }: World): boolean =>
  seen(notebook, lampKinds) === 0

/** How many things of these kinds were seen, wherever they are now. */
const seen = ({ held, places }: Notebook.Notebook, kinds: ReadonlySet<string>): number =>
  [...places.flatMap(({ contents }) => contents), ...(held === undefined ? [] : [held])].filter(
    (name) => NotebookView.isOfKind(name, kinds)
  ).length

const looking: ReadonlySet<Command.Verb> = new Set<Command.Verb>(["go", "open", "examine"])

/**
 * Why the notebook expects the command to do nothing; `no such command` where it knows no reason.
 */
export const failure = (
  notebook: Notebook.Notebook,
  command: Command.Command | undefined,
  world: World
): string => {
  const expected =
    command === undefined ? undefined : causes[command.verb]?.(notebook, command, world)
  return failures[expected ?? "noCommand"]
}

const isAsAsked = (
  { conditions }: Notebook.Notebook,
  { kind, object }: Goal.Goal,
  name: string
): boolean =>
  Observation.kindOf(name) === object &&
  (kind === "put" ||
    kind === "two" ||
    (conditions.get(name)?.some((condition) => condition === kind) ?? false))

/** The goal object in the hand, at a lit lamp. */
const isLookedAt = (notebook: Notebook.Notebook, goal: Goal.Goal): boolean => {
  const { held, lit } = notebook
  const isHeld = held !== undefined && Observation.kindOf(held) === goal.object
  return isHeld && lampsHere(notebook, goal).some((name) => lit.includes(name))
}

const lampsHere = (notebook: Notebook.Notebook, goal: Goal.Goal): ReadonlyArray<string> =>
  Notebook.here(notebook)?.contents.filter((name) => Observation.kindOf(name) === goal.place) ?? []

const placeVerdict = (notebook: Notebook.Notebook, goal: Goal.Goal | undefined): string => {
  const place = Notebook.here(notebook)
  if (place === undefined) return words.room
  const isGoal =
    goal?.kind === "look" ? lampsHere(notebook, goal).length > 0 : place.kind === goal?.place
  return isGoal ? reasoning.goalPlace : reasoning.otherPlace
}

const objectVerdict = (
  { conditions }: Notebook.Notebook,
  object: string,
  goal: Goal.Goal | undefined
): ReadonlyArray<string> => [
  ...(conditions.get(object) ?? []),
  Observation.kindOf(object) === goal?.object ? reasoning.goalObject : reasoning.otherObject
]

type Cause = (
  notebook: Notebook.Notebook,
  command: Command.Command,
  world: World
) => keyof typeof failures | undefined

const isElsewhere = (notebook: Notebook.Notebook, place: Notebook.Place): boolean =>
  Notebook.here(notebook)?.name !== place.name

/** A cause that only holds for a place of this house. */
const at =
  (
    cause: (
      notebook: Notebook.Notebook,
      place: Notebook.Place,
      command: Command.Command,
      world: World
    ) => keyof typeof failures | undefined
  ): Cause =>
  (notebook, command, world) => {
    const place = Notebook.find(notebook, command.place)
    return place === undefined ? undefined : cause(notebook, place, command, world)
  }

/** Of a room that was named before. */
const roomCause = (
  notebook: Notebook.Notebook,
  name: string
): keyof typeof failures | undefined => {
  const { rooms } = notebook
  if (rooms === undefined || !rooms.rooms.has(name)) return undefined
  if (name === rooms.here) return "alreadyThere"
  return Notebook.exits(notebook).includes(name) ? undefined : "notThere"
}

const door = (status: Notebook.Status, already: keyof typeof failures): Cause =>
  at((notebook, place, _, { openable }) => {
    if (!openable.has(place.kind)) return undefined
    if (isElsewhere(notebook, place)) return "notThere"
    return place.status === status ? already : undefined
  })

const process = (appliance: string): Cause =>
  at((notebook, place, { object = "" }, world) => {
    if (place.kind !== appliance || !isLoose(object, world)) return undefined
    if (notebook.held !== object) return "notHeld"
    return isElsewhere(notebook, place) ? "notThere" : undefined
  })

/** Something that hands can hold: neither a place nor a lamp, and numbered. */
const isLoose = (name: string, { placeKinds, lampKinds }: World): boolean => {
  const kind = Observation.kindOf(name)
  return kind !== undefined && !placeKinds.has(kind) && !lampKinds.has(kind)
}

/** In the order in which the recipe's game looks for a reason. */
const causes: Readonly<Partial<Record<Command.Verb, Cause>>> = {
  go: (notebook, { place: name = "" }) => {
    const place = Notebook.find(notebook, name)
    if (place === undefined) return roomCause(notebook, name)
    if (!Notebook.isInRoom(notebook, place)) return "notThere"
    return isElsewhere(notebook, place) ? undefined : "alreadyThere"
  },
  open: door("open", "alreadyOpen"),
  close: door("closed", "alreadyClosed"),
  take: at((notebook, place, { object = "" }, world) => {
    if (!isLoose(object, world)) return undefined
    if (notebook.held !== undefined) return "handsFull"
    if (isElsewhere(notebook, place)) return "notThere"
    if (!Notebook.isOpen(place)) return "closed"
    return place.contents.includes(object) ? undefined : "notHere"
  }),
  move: at((notebook, place, { object = "" }, world) => {
    if (!isLoose(object, world)) return undefined
    if (notebook.held !== object) return "notHeld"
    if (isElsewhere(notebook, place)) return "notThere"
    return Notebook.isOpen(place) ? undefined : "closed"
  }),
  clean: process(applianceOf.clean),
  heat: process(applianceOf.hot),
  cool: process(applianceOf.cool),
  use: (notebook, { object = "" }, { lampKinds }) => {
    if (!NotebookView.isOfKind(object, lampKinds)) return undefined
    return Notebook.here(notebook)?.contents.includes(object) ? undefined : "notThere"
  },
  examine: (notebook, { place: name = "" }, world) => {
    const place = Notebook.find(notebook, name)
    if (place !== undefined) return isElsewhere(notebook, place) ? "notThere" : undefined
    return isLoose(name, world) && notebook.held !== name ? "notHeld" : undefined
  }
}
