/**
 * A trajectory told under another goal, so that the style of a behaviour does not give its goal
 * away. Everything is judged from the text; the hidden game is not asked.
 *
 * Port of `sample_task` and the relabelled rows of `wm.py`.
 */
import { Ending, History, Seed, type Knowledge, type Trajectory } from "@dreamgym/domain"
import * as Command from "./Command.ts"
import * as Goal from "./Goal.ts"
import * as Judgement from "./Judgement.ts"
import type * as Notebook from "./Notebook.ts"
import * as Observation from "./Observation.ts"
import type { World } from "./Words.ts"

/** One turn of a trajectory: its command where it worked, and the notebook after it. */
interface Turn {
  readonly command: Command.Command | undefined
  readonly before: Notebook.Notebook
  readonly after: Notebook.Notebook
}

/** How `relabel` needs the world to be read. */
export interface Reading {
  readonly world: World
  readonly read: (history: History.History) => Notebook.Notebook
  readonly restate: Knowledge.Knowledge["restate"]
}

/**
 * Draws another goal for the same house, half of the time from what was done in it, and tells the
 * trajectory under it: first sentence, rewards and ending. It ends with the first reward. Undefined
 * where the goal drawn is impossible there, was already reached at the start, or the trajectory is
 * a fault. Token spans are left out: nobody sampled them under this goal.
 */
export const relabel = (
  trajectory: Trajectory.Trajectory,
  random: () => number,
  reading: Reading
): Knowledge.Relabelled | undefined => {
  const { world, read, restate } = reading
  if (trajectory.ending._tag === "Failed") return undefined
  const turns = turnsOf(trajectory, read)
  const end = turns.at(-1)?.after
  const goal = end === undefined ? undefined : drawGoal(turns, end, random, world)
  if (goal === undefined || wasThereBefore(turns, goal)) return undefined
  const task = restate(trajectory.task, Goal.sentence(goal))
  if (task === undefined) return undefined
  const first = Observation.withTask(trajectory.firstObservation, task.instruction)
  const won = turns.findIndex(({ after }) => Judgement.isReached(after, goal, world))
  const count = won < 0 ? turns.length : won + 1
  const transitions = trajectory.transitions
    .slice(0, count)
    .map((transition, index): Trajectory.Transition => ({
      ...transition,
      observation: index === 0 ? first : transition.observation,
      action: { text: transition.action.text },
      reward: index === won ? 1 : 0
    }))
  const told: Trajectory.Trajectory = {
    ...trajectory,
    id: `${trajectory.id}~${task.instruction}`,
    task,
    firstObservation: first,
    transitions,
    ending: won < 0 ? cut(trajectory.ending) : Ending.terminated(true)
  }
  return { trajectory: told, novel: turns.slice(0, count).map(isNovel) }
}

const turnsOf = (
  { firstObservation, transitions }: Trajectory.Trajectory,
  read: (history: History.History) => Notebook.Notebook
): ReadonlyArray<Turn> => {
  let history = History.start(firstObservation)
  return transitions.map(({ action, nextObservation }) => {
    const before = read(history)
    history = History.append(history, action.text, nextObservation)
    const isWorking = nextObservation !== Observation.nothingHappens
    const command = isWorking ? Command.parse(action.text) : undefined
    return { command, before, after: read(history) }
  })
}

/** Under the old goal it may have ended; under this one it could have gone on. */
const cut = (ending: Ending.Ending): Ending.Ending =>
  ending._tag === "Terminated" ? Ending.truncated("StepLimit") : ending

const knownPlaces = ({ places }: Notebook.Notebook): number =>
  places.filter(({ isKnown }) => isKnown).length

const isNovel = ({ before, after }: Turn): boolean => knownPlaces(after) > knownPlaces(before)

/**
 * A goal object lay where it is asked to be put when that place was first seen: nothing was left to
 * do.
 */
const wasThereBefore = (turns: ReadonlyArray<Turn>, goal: Goal.Goal): boolean => {
  if (goal.kind !== "put" && goal.kind !== "two") return false
  return turns.some(({ before, after }) =>
    after.places.some(
      ({ kind, isKnown, contents }, index) =>
        kind === goal.place &&
        isKnown &&
        before.places[index]?.isKnown === false &&
        contents.some((name) => Observation.kindOf(name) === goal.object)
    )
  )
}

type Random = () => number

const pickOne = <A>(random: Random, values: ReadonlyArray<A>): A | undefined =>
  values[Seed.below(random, values.length)]

const drawGoal = (
  turns: ReadonlyArray<Turn>,
  end: Notebook.Notebook,
  random: Random,
  world: World
): Goal.Goal | undefined => {
  const commands = turns.flatMap(({ command }) => (command === undefined ? [] : [command]))
  const hindsight = random() < 0.5 ? drawFromDeeds(commands, random, world) : undefined
  if (hindsight !== undefined) return hindsight
  const kind = pickOne(random, world.goals)
  const object = pickOne(random, [...world.objectKinds])
  const places = kind === "look" ? world.lampKinds : new Set(end.places.map((one) => one.kind))
  const place = pickOne(random, [...places].toSorted())
  if (kind === undefined || object === undefined || place === undefined) return undefined
  return { kind, object, place }
}

const drawFromDeeds = (
  commands: ReadonlyArray<Command.Command>,
  random: Random,
  world: World
): Goal.Goal | undefined => {
  const moved = pickOne(random, ofVerb(commands, "move"))
  if (moved !== undefined) return drawFromMove(moved, commands, random, world)
  const lamp = pickOne(random, ofVerb(commands, "use"))?.object
  const taken = pickOne(random, ofVerb(commands, "take"))?.object
  const place = Observation.kindOf(lamp ?? "")
  const object = Observation.kindOf(taken ?? "")
  const isPossible = world.goals.includes("look") && place !== undefined && object !== undefined
  return isPossible ? { kind: "look", object, place } : undefined
}

const ofVerb = (commands: ReadonlyArray<Command.Command>, verb: Command.Verb) =>
  commands.filter((command) => command.verb === verb)

const processes: ReadonlyArray<readonly [Goal.GoalKind, Command.Verb]> = [
  ["clean", "clean"],
  ["hot", "heat"],
  ["cool", "cool"]
]

/**
 * The object moved and where it was put. Four times in ten under any kind of goal: right object,
 * right place, perhaps not as asked (hard negatives); else under a kind that fits what was done.
 */
const drawFromMove = (
  moved: Command.Command,
  commands: ReadonlyArray<Command.Command>,
  random: Random,
  { goals }: World
): Goal.Goal | undefined => {
  const object = Observation.kindOf(moved.object ?? "")
  const place = Observation.kindOf(moved.place ?? "")
  if (object === undefined || place === undefined) return undefined
  const deliveries = goals.filter((kind) => kind !== "look")
  if (random() < 0.4) return goalOf(pickOne(random, deliveries), object, place)
  const done = processes.flatMap(([kind, verb]) =>
    commands.some((one) => one.verb === verb && one.object === moved.object) ? [kind, kind] : []
  )
  const pair: ReadonlyArray<Goal.GoalKind> = random() < 0.3 && goals.includes("two") ? ["two"] : []
  return goalOf(pickOne<Goal.GoalKind>(random, ["put", ...done, ...pair]), object, place)
}

const goalOf = (
  kind: Goal.GoalKind | undefined,
  object: string,
  place: string
): Goal.Goal | undefined => (kind === undefined ? undefined : { kind, object, place })
