/**
 * What the experience model learns from (paper, Eq. 5): each real transition as a question and its answer, reasoning included.
 * It makes texts; tokens, batches and losses are the learner's business, and nothing dreamt is ever taught as true.
 */
import {
  type History,
  type Knowledge,
  type ReplayBuffer,
  Seed,
  type Task,
  Trajectory
} from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Demonstrations from "./Demonstrations.ts"
import * as Format from "./Format.ts"
import { moments, shown, type Moment } from "./Moments.ts"

/** `Synthetic`: a trajectory that is not wholly real. `UnknownWorld`: no Knowledge, so nobody can write the reasoning R*. */
export class TrainingTextError extends Schema.TaggedError<TrainingTextError>()(
  "TrainingTextError",
  {
    reason: Schema.Literals(["Synthetic", "UnknownWorld"]),
    trajectory: Schema.String,
    message: Schema.String
  }
) {}

/** A part of a target with the weight of its tokens in the loss: 1, or 0 where nothing may be learnt from it. */
export interface Segment {
  readonly name: "reasoning" | "foresight" | "observation" | "ending" | "instruction"
  readonly text: string
  readonly weight: number
}

/** `target` is the segments' texts, joined by blanks. `matches` are the exact-match features of the prompt (`Knowledge`). */
export interface TrainingRow {
  readonly prompt: string
  readonly target: string
  readonly segments: ReadonlyArray<Segment>
  readonly matches: Readonly<Record<string, ReadonlyArray<string>>>
}

/** `relabels`: copies of each trajectory told under other tasks, as far as it can be. Copy i of it has its own key. */
export interface Options extends Format.Form {
  readonly knowledge: (environment: string) => Knowledge.Knowledge | undefined
  readonly relabels: number
  readonly key: Seed.Key
  readonly demonstrations?: Demonstrations.Options
}

/**
 * One row per transition, in the trajectories' order, each followed by its relabelled copies. A transition with reward ends its
 * telling. Demonstrations never come from the trajectory that is taught. A relabelled row has no loss on newly revealed contents:
 * under another task they would teach that what is sought is found.
 */
export const rows = Effect.fn("TrainingText.rows")(function* (
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  options: Options
) {
  const tellings = yield* Effect.forEach(trajectories, (trajectory, place) =>
    tellingsOf(trajectory, options, place)
  )
  const list = yield* Effect.forEach(tellings.flat(), (telling) => rowsOf(telling, options))
  return list.flat()
})

/**
 * The row of one transition, everything given. `isNovel`: it reveals something that must not be learnt from this telling. Whoever
 * explains it knows the whole history, whatever the prompt shows of it: R* is the same with and without `form.history`.
 */
export const transitionRow = (
  knowledge: Knowledge.Knowledge,
  moment: {
    readonly task: Task.Task
    readonly before: History.History
    readonly transition: Trajectory.Transition
    readonly isNovel: boolean
  },
  demonstrations: ReadonlyArray<ReplayBuffer.Demonstration>,
  form: Format.Form = {}
): TrainingRow => {
  const { before, isNovel, task, transition } = moment
  const { nextObservation, reward } = transition
  const action = transition.action.text
  const question = knowledge.question(task, shown(before, form), action)
  const reasoning = knowledge.annotate(task, before, action, nextObservation, reward)
  const foresight = knowledge.foresee?.(task, before, action, nextObservation) ?? ""
  const parts = Format.replyParts({ reasoning, observation: nextObservation, isDone: reward > 0 })
  const novel = isNovel ? 0 : 1
  const explained: ReadonlyArray<Segment> =
    foresight === ""
      ? [{ name: "reasoning", text: parts.reasoning, weight: 1 }]
      : [
          { name: "reasoning", text: Format.harmless(reasoning), weight: 1 },
          { name: "foresight", text: Format.harmless(foresight), weight: novel },
          { name: "reasoning", text: Format.tags.observation, weight: 1 }
        ]
  const told: ReadonlyArray<Segment> = [
    ...(form.reasoning === false ? [] : explained),
    { name: "observation", text: parts.observation, weight: foresight === "" ? novel : 1 },
    { name: "ending", text: parts.ending, weight: 1 }
  ]
  return row(
    Format.predictionPrompt(question.text, action, demonstrations, form),
    told,
    question.matches
  )
}

/** Rows for the task generator (M_task shares the parameters): each pair of house and instruction once, real tasks only. */
export const taskRows = Effect.fn("TrainingText.taskRows")(function* (
  trajectories: ReadonlyArray<Trajectory.Trajectory>
) {
  yield* Effect.forEach(trajectories, refuseSynthetic, { discard: true })
  const list = trajectories.map(({ firstObservation, task }) =>
    row(
      Format.taskPrompt(Format.houseText(firstObservation, task.instruction)),
      [{ name: "instruction", text: Format.taskReplyText(task.instruction), weight: 1 }],
      {}
    )
  )
  return [...new Map(list.map((made) => [`${made.prompt}\n${made.target}`, made])).values()]
})

/**
 * `train` and `heldOut` share no task and no house (nor, through a third trajectory, one of each); transitions of one trajectory
 * stay together. At most `heldOutShare` of the trajectories is held out: whole families, drawn by `key`, while they fit.
 */
export const split = (
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  options: { readonly heldOutShare: number; readonly key: Seed.Key }
): {
  readonly train: ReadonlyArray<Trajectory.Trajectory>
  readonly heldOut: ReadonlyArray<Trajectory.Trajectory>
} => {
  const families = familiesOf(trajectories)
  const room = Math.floor(options.heldOutShare * trajectories.length)
  const chosen = new Set<Trajectory.Trajectory>()
  for (const family of Seed.shuffle(Seed.generator(options.key), families)) {
    if (chosen.size + family.length > room) continue
    for (const trajectory of family) chosen.add(trajectory)
  }
  return {
    train: trajectories.filter((trajectory) => !chosen.has(trajectory)),
    heldOut: trajectories.filter((trajectory) => chosen.has(trajectory))
  }
}

/** A trajectory as it is told: `origin` is the id of the one that was lived. */
interface Telling {
  readonly origin: string
  readonly trajectory: Trajectory.Trajectory
  readonly knowledge: Knowledge.Knowledge
  readonly novel: ReadonlyArray<boolean>
}

const tellingsOf = Effect.fnUntraced(function* (
  trajectory: Trajectory.Trajectory,
  options: Options,
  place: number
) {
  yield* refuseSynthetic(trajectory)
  const knowledge = options.knowledge(trajectory.task.environment)
  if (knowledge === undefined) return yield* unknownWorld(trajectory)
  const copies = Array.from({ length: options.relabels }, (_, copy) =>
    knowledge.relabel(trajectory, Seed.generator(Seed.key(options.key, "relabel", place, copy)))
  )
  const lived: Knowledge.Relabelled = { trajectory, novel: [] }
  return [lived, ...copies].flatMap((told): ReadonlyArray<Telling> =>
    told === undefined ? [] : [{ origin: trajectory.id, knowledge, ...told }]
  )
})

const rowsOf = (telling: Telling, options: Options) => {
  const { knowledge, novel, origin, trajectory } = telling
  const { task } = trajectory
  return Effect.forEach(untilReward(moments(trajectory)), ({ before, transition }, t) =>
    Effect.map(
      Demonstrations.find(options.demonstrations, {
        task,
        history: before,
        action: transition.action.text,
        knowledge,
        excludeTrajectory: origin
      }),
      (demonstrations) => {
        const isNovel = novel[t] ?? false
        const moment = { task, before, transition, isNovel }
        return transitionRow(knowledge, moment, demonstrations, options)
      }
    )
  )
}

/** Told under another task, the goal may be reached early: what follows happened after the end. */
const untilReward = (list: ReadonlyArray<Moment>): ReadonlyArray<Moment> => {
  const end = list.findIndex(({ transition }) => transition.reward > 0)
  return end < 0 ? list : list.slice(0, end + 1)
}

const row = (
  prompt: string,
  segments: ReadonlyArray<Segment>,
  matches: TrainingRow["matches"]
): TrainingRow => ({
  prompt,
  target: segments.map((segment) => segment.text).join(" "),
  segments,
  matches
})

const refuseSynthetic = (
  trajectory: Trajectory.Trajectory
): Effect.Effect<void, TrainingTextError> =>
  Trajectory.isReal(trajectory)
    ? Effect.void
    : Effect.fail(
        new TrainingTextError({
          reason: "Synthetic",
          trajectory: trajectory.id,
          message: `trajectory "${trajectory.id}" holds dreamt transitions; the experience model learns from real ones only`
        })
      )

const unknownWorld = (trajectory: Trajectory.Trajectory) =>
  new TrainingTextError({
    reason: "UnknownWorld",
    trajectory: trajectory.id,
    message: `nothing is known of environment "${trajectory.task.environment}", so no reasoning can be written for "${trajectory.id}"; give its Knowledge`
  })

/** Trajectories joined by a common task or a common house, transitively; in order of their first members. */
const familiesOf = (
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): ReadonlyArray<ReadonlyArray<Trajectory.Trajectory>> => {
  const leaders = new Map<string, string>()
  const leaderOf = (mark: string): string => {
    const above = leaders.get(mark)
    if (above === undefined) return mark
    const leader = leaderOf(above)
    leaders.set(mark, leader)
    return leader
  }
  for (const trajectory of trajectories) {
    const { house, task } = marksOf(trajectory)
    const leader = leaderOf(task)
    if (leaderOf(house) !== leader) leaders.set(leaderOf(house), leader)
  }
  const families = Map.groupBy(trajectories, (trajectory) => leaderOf(marksOf(trajectory).task))
  return [...families.values()]
}

const marksOf = ({ firstObservation, task }: Trajectory.Trajectory) => ({
  task: `task ${task.environment} ${task.id}`,
  house: `house ${task.environment} ${Format.houseText(firstObservation, task.instruction)}`
})
