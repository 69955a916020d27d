/**
 * What a notebook shows to somebody with a goal: a short text, the commands that would do
 * something, exact-match features. It judges nothing: whether the goal is reached is the business
 * of `Judgement`.
 *
 * Port of `Notes.text`, `Notes.adm` and `Notes.cf` of the miniature recipe (`notes.py`).
 */
import * as Command from "./Command.ts"
import * as Goal from "./Goal.ts"
import { applianceOf } from "./Layout.ts"
import * as Notebook from "./Notebook.ts"
import * as Observation from "./Observation.ts"
import * as Words from "./Words.ts"

/** The exact-match features, in the order of the recipe (`FN` of `notes.py`). */
export const features = [
  "goalobj",
  "goalplace",
  "held",
  "here",
  "v0",
  "v1",
  "v2",
  "hasobj",
  "haslamp",
  "taskword",
  "there",
  "done",
  "incmd",
  "shut"
] as const

export type Feature = (typeof features)[number]

/**
 * For each feature the words to which it applies; a word without number stands for its whole kind.
 */
export type Matches = Readonly<Record<Feature, ReadonlyArray<string>>>

/**
 * `KIND OBJECT PLACE`, what is held, then for each place its contents, status and name, and where
 * the agent stands. Behind the places of a room stands the room, and where one can go from it.
 */
export const text = (notebook: Notebook.Notebook, goal: Goal.Goal | undefined): string => {
  const { held, places } = notebook
  const words = goal === undefined ? [] : [Goal.word[goal.kind], goal.object, goal.place]
  if (held === undefined) words.push(Words.notebook.emptyHands)
  else words.push(held, ...(notebook.conditions.get(held) ?? []))
  words.push(...(notebook.rooms === undefined ? placeWords(places) : roomWords(notebook)))
  const middle = notebook.rooms?.here ?? Words.notebook.room
  words.push(Words.notebook.facing, Notebook.here(notebook)?.name ?? middle)
  return words.join(" ")
}

const placeWords = (places: ReadonlyArray<Notebook.Place>): ReadonlyArray<string> =>
  places.flatMap(({ contents, isKnown, status, name }) => {
    const nothing = isKnown ? [Words.notebook.nothing] : []
    return [...(contents.length > 0 ? contents : nothing), status, name]
  })

const roomWords = ({ places, rooms }: Notebook.Notebook): ReadonlyArray<string> =>
  [...(rooms?.rooms ?? [])].flatMap(([room, { view }]) =>
    view === undefined
      ? []
      : [
          ...placeWords(places.filter(({ name }) => view.places.includes(name))),
          Words.notebook.room,
          room,
          Command.word.go,
          ...view.exits
        ]
  )

/** The commands that would do something, `examine`, `look` and `inventory` aside. */
export const admissible = (
  notebook: Notebook.Notebook,
  lampKinds: ReadonlySet<string>
): ReadonlyArray<Command.Command> => {
  const { held, places, at } = notebook
  const place = Notebook.here(notebook)
  const elsewhere = places.filter((one, index) => index !== at && Notebook.isInRoom(notebook, one))
  const commands: Array<Command.Command> = [
    ...elsewhere.map(({ name }) => name),
    ...Notebook.exits(notebook)
  ].map((name) => ({ verb: "go", place: name }))
  if (place === undefined) return commands
  const { name, status, kind } = place
  if (status === "closed") commands.push({ verb: "open", place: name })
  if (status === "open") commands.push({ verb: "close", place: name })
  if (Notebook.isOpen(place)) commands.push(...handling(place, held, lampKinds))
  const verb = processes.get(kind)
  if (held !== undefined && verb !== undefined) commands.push({ verb, object: held, place: name })
  return commands
}

/** Features of the state; with a command also what it names and what lies where it leads. */
export const matches = (
  notebook: Notebook.Notebook,
  goal: Goal.Goal | undefined,
  lampKinds: ReadonlySet<string>,
  command?: Command.Command
): Matches => {
  const { held, places } = notebook
  const place = Notebook.here(notebook)
  const rooms = [...(notebook.rooms?.rooms ?? [])].map(([name, { visits }]) => ({ name, visits }))
  const visited = (test: (visits: number) => boolean): ReadonlyArray<string> =>
    [...places, ...rooms].flatMap(({ name, visits }) => (test(visits) ? [name] : []))
  const isLampGoal = goal?.kind === "look"
  const holding = (test: (name: string) => boolean): ReadonlyArray<string> =>
    namesOf(places.filter(({ contents }) => contents.some(test)))
  return {
    goalobj: goal === undefined ? [] : [goal.object],
    goalplace: goal === undefined ? [] : [goal.place],
    held: held === undefined ? [] : [held],
    here: [
      ...(notebook.rooms === undefined ? [] : [notebook.rooms.here]),
      ...(place === undefined
        ? []
        : [place.name, ...(Notebook.isOpen(place) ? place.contents : [])])
    ],
    v0: visited((visits) => visits === 0),
    v1: visited((visits) => visits === 1),
    v2: visited((visits) => visits > 1),
    hasobj: holding((name) => Observation.kindOf(name) === goal?.object),
    haslamp: isLampGoal ? holding((name) => isOfKind(name, lampKinds)) : [],
    taskword: goal === undefined ? [] : taskWords[goal.kind],
    there: command === undefined ? [] : contentsThere(notebook, command),
    done: done(notebook, goal),
    incmd: [command?.object, command?.place].filter((name) => name !== undefined),
    shut: namesOf(places.filter(({ status }) => status === "closed"))
  }
}

/** The place that a command leads to or concerns, else the one where the agent stands. */
export const destination = (
  notebook: Notebook.Notebook,
  { verb, place }: Command.Command
): Notebook.Place | undefined =>
  verb === "go" || verb === "open" || verb === "examine"
    ? Notebook.find(notebook, place)
    : Notebook.here(notebook)

export const isOfKind = (name: string, kinds: ReadonlySet<string>): boolean =>
  kinds.has(Observation.kindOf(name) ?? name)

const namesOf = (places: ReadonlyArray<Notebook.Place>): ReadonlyArray<string> =>
  places.map(({ name }) => name)

const processes: ReadonlyMap<string, "clean" | "heat" | "cool"> = new Map([
  [applianceOf.clean, "clean"],
  [applianceOf.hot, "heat"],
  [applianceOf.cool, "cool"]
])

/** What hands can do at a place that lies open. */
const handling = (
  { name, contents }: Notebook.Place,
  held: string | undefined,
  lampKinds: ReadonlySet<string>
): ReadonlyArray<Command.Command> => {
  const isLamp = (object: string): boolean => isOfKind(object, lampKinds)
  const lamps = contents.filter(isLamp).map((object) => ({ verb: "use", object }) as const)
  if (held !== undefined) return [{ verb: "move", object: held, place: name }, ...lamps]
  const loose = contents.filter((object) => !isLamp(object))
  return [...loose.map((object) => ({ verb: "take", object, place: name }) as const), ...lamps]
}

/** The kind of goal, and the verb that serves it where that is another word. */
const taskWords: Readonly<Record<Goal.GoalKind, ReadonlyArray<string>>> = {
  put: [Goal.word.put],
  look: [Goal.word.look, Command.word.use],
  clean: [Goal.word.clean],
  hot: [Goal.word.hot, Command.word.heat],
  cool: [Goal.word.cool],
  two: [Goal.word.two]
}

const contentsThere = (
  notebook: Notebook.Notebook,
  command: Command.Command
): ReadonlyArray<string> => {
  const place = destination(notebook, command)
  if (place === undefined) return notebook.rooms?.rooms.get(command.place ?? "")?.view?.places ?? []
  return place.isKnown && place.contents.length === 0 ? [Words.notebook.nothing] : place.contents
}

/**
 * Lamps that are lit, objects with the condition that is asked, and what lies where things are to
 * be put.
 */
const done = (
  { lit, conditions, places }: Notebook.Notebook,
  goal: Goal.Goal | undefined
): ReadonlyArray<string> => {
  if (goal === undefined) return lit
  const { kind } = goal
  const processed = [...conditions].flatMap(([name, list]) =>
    list.some((condition) => condition === kind) ? [name] : []
  )
  const isPutting = kind === "put" || kind === "two"
  const delivered = isPutting
    ? places.flatMap((place) => (place.kind === goal.place ? place.contents : []))
    : []
  return [...new Set([...lit, ...processed, ...delivered])]
}
