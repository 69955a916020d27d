/**
 * Scripted policies of the household world: an expert that may stray, and play at random.
 * They read the notebook like any policy and learn nothing.
 */
import { Policy, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Command from "./Command.ts"
import * as Expert from "./Expert.ts"
import * as Goal from "./Goal.ts"
import * as Notebook from "./Notebook.ts"
import * as NotebookView from "./NotebookView.ts"
import * as Observation from "./Observation.ts"
import { rungs, type Rung } from "./Rung.ts"
import * as Words from "./Words.ts"

/** `rung`: whose words and likely places are used (L4 where absent). Shares are in [0, 1]. */
export interface ExpertOptions {
  readonly rung?: Rung
  /** The share of its decisions at which it plays at random instead. */
  readonly randomRate: number
  /** The share of random decisions that may be commands which do nothing. */
  readonly invalidRate?: number
}

export interface RandomOptions {
  readonly rung?: Rung
  readonly invalidRate: number
}

/**
 * The expert; where it does not understand the goal it plays at random. Every choice depends on the
 * decision's key alone.
 */
export const expert = (options: ExpertOptions): Policy.Policy["Service"] => {
  const { rung = rungs.L4, randomRate, invalidRate = 0.06 } = options
  const scene = sceneOf(rung)
  const play = player(rung, invalidRate)
  return policy(`expert-${randomRate}`, scene, ({ notebook, goal }, random) => {
    const isStraying = goal === undefined || random() < randomRate
    const planned = isStraying ? undefined : Expert.next(notebook, goal, rung, random)
    return planned ?? play(notebook, random)
  })
}

/**
 * Play at random as in `wm.offline` of the recipe: 6 times in 10 a verb, each equally likely, else
 * a walk; then what it applies to.
 */
export const random = ({
  rung = rungs.L4,
  invalidRate
}: RandomOptions): Policy.Policy["Service"] => {
  const play = player(rung, invalidRate)
  return policy("random", sceneOf(rung), ({ notebook }, random) => play(notebook, random))
}

type Random = () => number

interface Scene {
  readonly notebook: Notebook.Notebook
  readonly goal: Goal.Goal | undefined
}

const sceneOf = (rung: Rung): ((decision: Policy.Decision) => Scene) => {
  const read = Notebook.reader(Words.ofRung(rung).placeKinds)
  return ({ task, history }) => ({
    notebook: read(history),
    goal: Goal.parse(task.instruction) ?? Goal.parse(Observation.task(history.first) ?? "")
  })
}

const policy = (
  name: string,
  scene: (decision: Policy.Decision) => Scene,
  choose: (scene: Scene, random: Random) => Command.Command | undefined
): Policy.Policy["Service"] => ({
  name,
  version: Effect.succeed(-1),
  act: (decision) =>
    Effect.suspend(() => {
      const command = choose(scene(decision), Seed.generator(decision.key))
      return command === undefined
        ? Effect.fail(noPlaces(name, decision))
        : Effect.succeed({ text: Command.write(command) })
    })
})

const noPlaces = (name: string, { task }: Policy.Decision) =>
  new Policy.PolicyError({
    reason: "NoAdmissibleAction",
    policy: name,
    message: `task ${task.id}: the first observation names no places to go to`
  })

const pickOne = <A>(random: Random, values: ReadonlyArray<A>): A | undefined =>
  values[Seed.below(random, values.length)]

type Play = (notebook: Notebook.Notebook, random: Random) => Command.Command | undefined

const player = (rung: Rung, invalidRate: number): Play => {
  const { lampKinds, listable } = Words.ofRung(rung)
  const lamps = listable.filter((name) => NotebookView.isOfKind(name, lampKinds))
  const objects = listable.filter((name) => !lamps.includes(name))
  return (notebook, random) => {
    const possible = NotebookView.admissible(notebook, lampKinds)
    if (random() < invalidRate) {
      const blundering = wild(notebook, possible, { objects, lamps }, random)
      // In a room without any place there is nothing to blunder with.
      return blundering ?? pickOne(random, possible)
    }
    const verbs = [...new Set(possible.map(({ verb }) => verb))]
    const verb = random() < 0.6 ? pickOne(random, verbs) : "go"
    return pickOne(
      random,
      possible.filter((command) => command.verb === verb)
    )
  }
}

interface Things {
  readonly objects: ReadonlyArray<string>
  readonly lamps: ReadonlyArray<string>
}

/**
 * Port of `Game.random_action`: 8 times in 10 admissible, idle commands included, else perhaps not.
 */
const wild = (
  notebook: Notebook.Notebook,
  possible: ReadonlyArray<Command.Command>,
  things: Things,
  random: Random
): Command.Command | undefined => {
  if (random() >= 0.8) return blunder(notebook, things, random)
  const deeds = possible.filter(({ verb }) => verb !== "go")
  const isDeed = deeds.length > 0 && random() < 0.5
  return pickOne(random, isDeed ? deeds : [...possible, ...idle(notebook)])
}

const idle = (notebook: Notebook.Notebook): ReadonlyArray<Command.Command> => {
  const names = [Notebook.here(notebook)?.name, notebook.held].filter((name) => name !== undefined)
  return [
    { verb: "look" },
    { verb: "inventory" },
    ...names.map((place) => ({ verb: "examine", place }) as const)
  ]
}

/**
 * A command that need not be possible: any object that was seen, mostly the one held, at any place,
 * mostly here.
 */
const blunder = (
  notebook: Notebook.Notebook,
  { objects, lamps }: Things,
  random: Random
): Command.Command | undefined => {
  const here = Notebook.here(notebook)
  const away = here === undefined || random() < 0.4
  const place = (away ? pickOne(random, notebook.places) : here)?.name
  const listed = notebook.places.flatMap(({ contents }) => contents)
  const seen = listed.filter((name) => !lamps.includes(name))
  const isOther = notebook.held === undefined || random() < 0.4
  const object = isOther ? pickOne(random, seen.length > 0 ? seen : objects) : notebook.held
  if (place === undefined || object === undefined) return undefined
  const process = pickOne(random, ["clean", "heat", "cool"] as const) ?? "clean"
  const take: Command.Command = { verb: "take", object, place }
  const move: Command.Command = { verb: "move", object, place }
  return pickOne<Command.Command>(random, [
    { verb: "open", place },
    { verb: "close", place },
    take,
    move,
    take,
    move,
    { verb: process, object, place },
    { verb: "use", object: lamps[0] ?? object },
    { verb: "examine", place: object },
    { verb: "go", place }
  ])
}
