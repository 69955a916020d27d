/**
 * What is known of worlds of the household language from their visible text: abstract state,
 * reasoning, audit, relabelling. The same functions serve the real world and the dream; none of
 * them sees hidden state.
 */
import type { History, Knowledge, Task } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as Command from "./Command.ts"
import * as Generator from "./Generator.ts"
import * as Goal from "./Goal.ts"
import * as Judgement from "./Judgement.ts"
import { nameOf } from "./Entity.ts"
import * as Layout from "./Layout.ts"
import * as Lexicon from "./Lexicon.ts"
import * as Notebook from "./Notebook.ts"
import * as NotebookView from "./NotebookView.ts"
import * as Observation from "./Observation.ts"
import { relabel } from "./Relabel.ts"
import * as RoomKind from "./RoomKind.ts"
import type { Rung } from "./Rung.ts"
import * as Words from "./Words.ts"

/**
 * A world, its words, and what everybody sees of a task's house at the start, or would see by
 * walking through its rooms: the names of its places (undefined for a task that is none of this
 * world). `payload` is that of the same task under another instruction.
 */
export interface Description {
  readonly world: Words.World
  readonly lexicon: ReadonlyArray<string>
  readonly placesOf: (task: Task.Task) => ReadonlyArray<string> | undefined
  readonly payload: (task: Task.Task, instruction: string) => unknown
}

/** The knowledge of the generated houses of a rung. */
export const ofRung = (rung: Rung): Knowledge.Knowledge => {
  const places = Object.entries(rung.places).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, index) => `${kind} ${index + 1}`)
  )
  const [rooms, phrases] = Words.hasRooms(rung)
    ? [RoomKind.all.map(nameOf), Lexicon.roomPhrases]
    : [[], []]
  const world = Words.ofRung(rung)
  return make({
    world,
    lexicon: Lexicon.make(world, [...places, ...rooms], phrases),
    placesOf: (task) =>
      Result.match(Generator.requestOf(task), {
        onFailure: () => undefined,
        onSuccess: (request) => Generator.layout(request).places.map(nameOf)
      }),
    payload: (task, goal) => ({ ...Result.getOrUndefined(Generator.requestOf(task)), goal })
  })
}

/**
 * The knowledge of ALFWorld's own games. `firstObservations`: by task id, of all tasks that will be
 * played or retold. `texts`: other observations, in which objects are named; what they do not name
 * is no word of the lexicon.
 */
export const ofAlfWorld = (
  firstObservations: ReadonlyMap<string, string>,
  texts: Iterable<string>
): Knowledge.Knowledge => {
  const places = new Map(
    [...firstObservations].map(([id, first]) => [id, Observation.places(first) ?? []])
  )
  const placeNames = [...new Set([...places.values()].flat())].toSorted()
  const placeKinds = kindsOf(placeNames)
  const named = [...new Set([...texts].flatMap(Observation.numbered))].toSorted()
  const objects = named.filter((name) => !placeKinds.has(Observation.kindOf(name) ?? name))
  const goals = [...firstObservations.values()].flatMap((first) => {
    const goal = parseGoal(first)
    return goal === undefined ? [] : [goal.object]
  })
  const world = Words.ofAlfWorld(placeKinds, new Set([...kindsOf(objects), ...goals]), objects)
  return make({
    world,
    lexicon: Lexicon.make(world, placeNames, Lexicon.alfWorldPhrases),
    placesOf: ({ id }) => places.get(rootId(id)),
    payload: ({ payload }) => payload
  })
}

/**
 * The knowledge of any world of the household language. It remembers its notebook of every history
 * it was asked about.
 */
export const make = (description: Description): Knowledge.Knowledge => {
  const { world, lexicon } = description
  const read = Notebook.reader(world.placeKinds)
  const after = (history: History.History, turn: History.Turn) =>
    Notebook.update(read(history), turn, world.placeKinds)
  const restate = restating(description)
  return {
    features: NotebookView.features,
    lexicon,
    describe: (task, history) => describe(read(history), goalOf(task, history), world),
    question: (task, history, action) =>
      question(read(history), goalOf(task, history), action, world),
    annotate: (task, history, action, observation) => {
      const turn = { action, observation }
      return Judgement.reason(
        read(history),
        after(history, turn),
        turn,
        goalOf(task, history),
        world
      )
    },
    foresee: (task, history, action, observation) => {
      const noted = after(history, { action, observation })
      return Judgement.foresight(read(history), noted, goalOf(task, history), world)
    },
    audit: (task, history) => audit(read(history), goalOf(task, history), world),
    restate,
    relabel: (trajectory, random) => relabel(trajectory, random, { world, read, restate })
  }
}

/**
 * What the task asks; a task whose instruction is no goal of this language asks what the first
 * observation says.
 */
const goalOf = ({ instruction }: Task.Task, { first }: History.History): Goal.Goal | undefined =>
  Goal.parse(instruction) ?? parseGoal(first)

const parseGoal = (first: string): Goal.Goal | undefined =>
  Goal.parse(Observation.task(first) ?? "")

/** The id of the task of which a task is a variation. */
const rootId = (id: string): string => id.split(variation)[0] ?? id

const variation = "/as/"

const kindsOf = (names: ReadonlyArray<string>): ReadonlySet<string> =>
  new Set(names.map((name) => Observation.kindOf(name) ?? name))

const describe = (
  notebook: Notebook.Notebook,
  goal: Goal.Goal | undefined,
  { lampKinds }: Words.World
): Knowledge.AbstractState => ({
  text: NotebookView.text(notebook, goal),
  admissible: NotebookView.admissible(notebook, lampKinds).map(Command.write),
  matches: NotebookView.matches(notebook, goal, lampKinds)
})

/**
 * No answer may list an object that is held or noted elsewhere, nor one that is new in a place
 * whose contents are known, except those that the command asks about.
 */
const question = (
  notebook: Notebook.Notebook,
  goal: Goal.Goal | undefined,
  action: string,
  world: Words.World
): Knowledge.Question => {
  const command = Command.parse(action)
  const there =
    command === undefined ? Notebook.here(notebook) : NotebookView.destination(notebook, command)
  const elsewhere = notebook.places.flatMap((place) => (place === there ? [] : place.contents))
  const isHidden = notebook.held !== undefined && command?.verb !== "inventory"
  const noted = isHidden ? [...elsewhere, notebook.held] : elsewhere
  const known = there?.isKnown === true ? new Set([...there.contents, notebook.held]) : undefined
  const others = known === undefined ? [] : world.listable.filter((name) => !known.has(name))
  return {
    text: NotebookView.text(notebook, goal),
    matches: NotebookView.matches(notebook, goal, world.lampKinds, command),
    forbidden: [...new Set([...noted, ...others])].filter(
      (name) => name !== command?.object && name !== command?.place
    ),
    once: world.listable
  }
}

const audit = (
  notebook: Notebook.Notebook,
  goal: Goal.Goal | undefined,
  world: Words.World
): Knowledge.Audit => ({
  success: Judgement.isReached(notebook, goal, world),
  contradictions: notebook.contradictions,
  goalSeen: goal !== undefined && Judgement.isGoalSeen(notebook, goal),
  ...(notebook.malformed === undefined ? {} : { malformed: notebook.malformed })
})

/**
 * What a goal cannot do without must be in the house; which objects there are, nobody knows at the
 * start.
 */
const restating =
  ({ world, placesOf, payload }: Description): Knowledge.Knowledge["restate"] =>
  (task, instruction) => {
    const goal = Goal.parse(instruction)
    const places = placesOf(task)
    if (goal === undefined || places === undefined || !isPossible(goal, places, world)) {
      return undefined
    }
    const sentence = Goal.sentence(goal)
    const { id, origin } = task
    if (sentence === task.instruction) return task
    return {
      ...task,
      id: `${rootId(id)}${variation}${sentence}`,
      instruction: sentence,
      payload: payload(task, sentence),
      origin: {
        _tag: "Generated",
        parentId: id,
        generation: origin._tag === "Generated" ? origin.generation + 1 : 1
      }
    }
  }

const isPossible = (
  { kind, object, place }: Goal.Goal,
  places: ReadonlyArray<string>,
  { objectKinds, lampKinds }: Words.World
): boolean => {
  if (!objectKinds.has(object)) return false
  if (kind === "look") return lampKinds.has(place)
  const kinds = kindsOf(places)
  const isProcessable = kind === "put" || kind === "two" || kinds.has(Layout.applianceOf[kind])
  return kinds.has(place) && isProcessable
}
