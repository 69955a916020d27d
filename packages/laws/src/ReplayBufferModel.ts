/**
 * A replay buffer that is obviously right: one list, walked from end to end for every question.
 * It finds nothing by likeness, keeps nothing on disk and is not fast; it says what a real buffer must answer.
 */
import { Ending, type ReplayBuffer, type Task, Trajectory } from "@dreamgym/domain"

type Trajectories = ReadonlyArray<Trajectory.Trajectory>

/**
 * How many trajectories may stay; absent: no bound. `capacity` bounds real and synthetic ones together, and only synthetic ones go
 * for it; `quotas` bound each kind by itself. The least `quality` goes first, then the oldest. A trajectory of a task that
 * `evaluation` names is refused.
 */
export interface Setting {
  readonly evaluation: (task: Task.Task) => boolean
  readonly quality: (trajectory: Trajectory.Trajectory) => number
  readonly capacity?: number
  readonly quotas?: Quotas
}

export interface Quotas {
  readonly real?: number
  readonly synthetic?: number
  readonly rejected?: number
}

/** `seq`: the younger, the greater. `priority` is 1 until it is set. */
export interface Item {
  readonly seq: number
  readonly trajectory: Trajectory.Trajectory
  readonly priority: number
}

/** `items` are oldest first; `forgotten` are the snapshots that were released, or lay after a restored one. */
export interface Model {
  readonly setting: Setting
  readonly snapshots: Map<number, ReadonlyArray<Item>>
  readonly forgotten: Set<number>
  items: ReadonlyArray<Item>
  came: number
  duplicates: number
}

export const make = (setting: Setting): Model => ({
  setting,
  snapshots: new Map(),
  forgotten: new Set(),
  items: [],
  came: 0,
  duplicates: 0
})

/** How many were new, or undefined where evaluation data is among them: then nothing changes. */
export const add = (model: Model, trajectories: Trajectories): number | undefined => {
  if (trajectories.some(({ task }) => model.setting.evaluation(task))) return undefined
  return trajectories.filter((one) => addOne(model, one)).length
}

const addOne = (model: Model, trajectory: Trajectory.Trajectory): boolean => {
  const content = contentOf(trajectory)
  const twin = model.items.find((item) => contentOf(item.trajectory) === content)
  if (twin !== undefined && rankOf(trajectory) <= rankOf(twin.trajectory)) {
    model.duplicates++
    return false
  }
  const others = model.items.filter((item) => item !== twin)
  model.items = [...others, { seq: model.came++, trajectory, priority: 1 }]
  evict(model)
  return true
}

/** What two trajectories must share to be the same experience. */
const contentOf = ({ firstObservation, task, transitions }: Trajectory.Trajectory): string => {
  const turns = transitions.map(({ action, nextObservation }) => [action.text, nextObservation])
  return JSON.stringify([task.environment, task.id, task.instruction, firstObservation, turns])
}

/** From the one that yields to the one that stays. */
const kinds = ["rejected", "synthetic", "real"] as const

const kindOf = (trajectory: Trajectory.Trajectory): (typeof kinds)[number] =>
  Trajectory.isRejected(trajectory)
    ? "rejected"
    : Trajectory.isReal(trajectory)
      ? "real"
      : "synthetic"

const rankOf = (trajectory: Trajectory.Trajectory): number => kinds.indexOf(kindOf(trajectory))

const evict = (model: Model): void => {
  const { capacity = Number.POSITIVE_INFINITY, quality, quotas = {} } = model.setting
  const of = (kind: (typeof kinds)[number]) =>
    model.items.filter(({ trajectory }) => kindOf(trajectory) === kind)
  for (const kind of kinds.toReversed()) {
    const own = quotas[kind] ?? Number.POSITIVE_INFINITY
    const shared = kind === "synthetic" ? capacity - of("real").length : own
    const excess = of(kind).length - Math.max(0, Math.min(own, shared))
    const byWorth = of(kind).toSorted((a, b) => quality(a.trajectory) - quality(b.trajectory))
    const gone = new Set(byWorth.slice(0, Math.max(0, excess)))
    model.items = model.items.filter((item) => !gone.has(item))
  }
}

/** The rest of a filter holds for a trajectory; `source` is decided by whoever asks. */
const isWanted = (
  { quality }: Setting,
  { environment, leastQuality, leastVersion, task }: ReplayBuffer.Filter,
  trajectory: Trajectory.Trajectory
): boolean =>
  (environment === undefined || trajectory.task.environment === environment) &&
  (task === undefined || trajectory.task.id === task) &&
  (leastQuality === undefined || quality(trajectory) >= leastQuality) &&
  (leastVersion === undefined || trajectory.policyVersion >= leastVersion)

/** What is kept of what the filter names, oldest first. */
export const trajectories = (
  { items, setting }: Model,
  filter: ReplayBuffer.TrajectoryFilter = {}
): Trajectories => {
  const { isRejected, isSuccess, source } = filter
  return items
    .map(({ trajectory }) => trajectory)
    .filter(
      (one) =>
        isWanted(setting, filter, one) &&
        (source === undefined || (source === "Real") === Trajectory.isReal(one)) &&
        (isSuccess === undefined || isSuccess === Ending.isSuccess(one.ending)) &&
        (isRejected === undefined || isRejected === Trajectory.isRejected(one))
    )
}

export const stats = (model: Model): ReplayBuffer.BufferStats => {
  const accepted = trajectories(model, { isRejected: false })
  const transitions = accepted.flatMap((one) => one.transitions)
  const real = transitions.filter(({ provenance }) => provenance._tag === "Real").length
  return {
    trajectories: model.items.length,
    realTransitions: real,
    syntheticTransitions: transitions.length - real,
    duplicates: model.duplicates,
    successes: accepted.filter(({ ending }) => Ending.isSuccess(ending)).length,
    rejected: model.items.length - accepted.length
  }
}

/** A transition that may be found, and where it is: the younger, the greater `age`. */
export interface Findable {
  readonly task: Task.Task
  readonly transition: Trajectory.Transition
  readonly age: number
}

/** All that the wishes of a question allow, oldest first, whatever they are like. */
export const findable = (
  { items, setting }: Model,
  query: ReplayBuffer.SimilarQuery
): ReadonlyArray<Findable> =>
  items
    .map(({ trajectory }) => trajectory)
    .filter(
      (one) =>
        isWanted(setting, query, one) &&
        !Trajectory.isRejected(one) &&
        one.id !== query.excludeTrajectory
    )
    .flatMap(({ task, transitions }) => transitions.map((transition) => ({ task, transition })))
    .filter(
      ({ transition: { provenance } }) =>
        query.source === undefined || provenance._tag === query.source
    )
    .map((found, age) => ({ ...found, age }))

/** What may be drawn, oldest first. */
export const drawable = ({ items }: Model): ReadonlyArray<Item> =>
  items.filter(
    ({ trajectory }) => trajectory.ending._tag !== "Failed" && !Trajectory.isRejected(trajectory)
  )

/** Sets the priorities of what is kept; a later one of the same id counts. */
export const prioritise = (
  model: Model,
  priorities: ReadonlyArray<ReplayBuffer.Priority>
): void => {
  const latest = new Map(priorities.map(({ id, priority }) => [id, priority]))
  model.items = model.items.map((item) => ({
    ...item,
    priority: latest.get(item.trajectory.id) ?? item.priority
  }))
}

/** `number` is what the buffer called it. Priorities are part of it. */
export const snapshot = ({ forgotten, items, snapshots }: Model, number: number): void => {
  forgotten.delete(number)
  snapshots.set(number, items)
}

/** Snapshots are in the order in which they were taken; those after the restored one are forgotten. */
export const restore = (model: Model, number: number): void => {
  const numbers = [...model.snapshots.keys()]
  model.items = model.snapshots.get(number) ?? model.items
  numbers.slice(numbers.indexOf(number) + 1).forEach((later) => release(model, later))
}

export const release = ({ forgotten, snapshots }: Model, number: number): void => {
  snapshots.delete(number)
  forgotten.add(number)
}

/** Bounds, both inclusive: some details are left to the buffer. */
export interface Range {
  readonly low: number
  readonly high: number
}

/** The chance of each of `items`, oldest first, at one draw that keeps no balance. */
export const chances = (
  model: Model,
  items: ReadonlyArray<Item>,
  strategy: ReplayBuffer.Strategy
): ReadonlyArray<Range> => {
  if (strategy._tag === "RankBased") return byRank(items, strategy.alpha)
  if (strategy._tag === "Recency") return byAge(model, items, strategy.halfLife)
  return shares(
    items.map(({ priority }) =>
      strategy._tag === "Uniform" ? 1 : (Math.abs(priority) + strategy.epsilon) ** strategy.alpha
    )
  )
}

const shares = (weights: ReadonlyArray<number>): ReadonlyArray<Range> => {
  const sum = sumOf(weights)
  return weights.map((weight) => ({ low: weight / sum, high: weight / sum }))
}

const sumOf = (values: ReadonlyArray<number>): number => values.reduce((sum, x) => sum + x, 0)

/** The greatest without its sign is first; equal ones share their ranks in any order. */
const byRank = (items: ReadonlyArray<Item>, alpha: number): ReadonlyArray<Range> => {
  const sum = sumOf(items.map((_, i) => (i + 1) ** -alpha))
  const sizes = items.map(({ priority }) => Math.abs(priority))
  return sizes.map((size) => {
    const before = sizes.filter((other) => other > size).length
    const alike = sizes.filter((other) => other === size).length
    return { low: (before + alike) ** -alpha / sum, high: (before + 1) ** -alpha / sum }
  })
}

/** An item is so much older as others came after it: at least those that are kept, at most all that ever came. */
const byAge = (
  { came, items: all }: Model,
  items: ReadonlyArray<Item>,
  halfLife: number
): ReadonlyArray<Range> => {
  const weights = items.map((item) => ({
    low: 2 ** ((item.seq + 1 - came) / halfLife),
    high: 2 ** ((all.indexOf(item) + 1 - all.length) / halfLife)
  }))
  const least = sumOf(weights.map(({ low }) => low))
  const most = sumOf(weights.map(({ high }) => high))
  return weights.map(({ high, low }) => ({
    low: low / (low + most - high),
    high: high / (high + least - low)
  }))
}
