/**
 * The memory for likeness: finds the transitions whose state and action are most like those asked about.
 * It embeds a trajectory when something is first asked after it came, so a buffer that nobody asks pays nothing.
 */
import { History, type ReplayBuffer, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Encoder, Pair } from "./Embedding.ts"
import type { Change, Entry, Read } from "./Kept.ts"
import * as Neighbours from "./Neighbours.ts"

/** `apply` follows the changes of what is kept; `similar` answers from it, reading what it needs. */
export interface Recall<E extends Entry> {
  readonly apply: (change: Change<E>) => void
  readonly similar: (
    query: ReplayBuffer.SimilarQuery,
    read: Read<E>
  ) => Effect.Effect<ReadonlyArray<ReplayBuffer.Demonstration>, ReplayBuffer.ReplayBufferError>
}

/** The text that stands for what the agent had seen when it acted; default: the observation. */
export type StateText = (task: Task.Task, history: History.History) => string

/** Transition `index` of the trajectory `id`, which is found as `id#index`. */
interface Item<E extends Entry> {
  readonly entry: E
  readonly id: string
  readonly environment: string
  readonly index: number
  readonly isReal: boolean
}

interface Memory<E extends Entry> {
  readonly encoder: Encoder
  readonly state: StateText
  readonly neighbours: Neighbours.Neighbours<Item<E>>
  readonly waiting: Set<E>
  readonly slots: Map<E, ReadonlyArray<number>>
}

/** Trajectories that are embedded at once. */
const batchSize = 256

export const make = <E extends Entry>(encoder: Encoder, state: StateText): Recall<E> => {
  const memory: Memory<E> = {
    encoder,
    state,
    neighbours: Neighbours.make<Item<E>>(encoder.dimension, encoder.weighting),
    waiting: new Set(),
    slots: new Map()
  }
  const oneAtATime = Semaphore.makeUnsafe(1)
  const similar = Effect.fnUntraced(function* (query: ReplayBuffer.SimilarQuery, read: Read<E>) {
    const embedded = Effect.suspend(() => embedWaiting(memory, read))
    if (memory.waiting.size > 0) yield* oneAtATime.withPermit(embedded)
    const [vector] = yield* encoder.encode([query])
    if (vector === undefined) return []
    for (;;) {
      const found = memory.neighbours.search(vector, query.k, (item) => isWanted(query, item))
      const trajectories = yield* read(found.map(({ item }) => item.entry))
      // What was evicted meanwhile is not found again.
      if (trajectories !== undefined) return demonstrationsOf(found, trajectories)
    }
  })
  return { apply: (change) => apply(memory, change), similar }
}

const apply = <E extends Entry>(
  { neighbours, slots, waiting }: Memory<E>,
  { evicted, inserted }: Change<E>
): void => {
  if (inserted !== undefined) waiting.add(inserted)
  for (const entry of evicted) {
    waiting.delete(entry)
    slots.get(entry)?.forEach(neighbours.remove)
    slots.delete(entry)
  }
}

/** Only what waits now: what comes meanwhile waits for the next question. */
const embedWaiting = <E extends Entry>(memory: Memory<E>, read: Read<E>) =>
  Effect.gen(function* () {
    let rest = [...memory.waiting]
    while (rest.length > 0) {
      const entries = rest.slice(0, batchSize)
      const trajectories = yield* read(entries)
      if (trajectories === undefined) {
        rest = rest.filter((entry) => memory.waiting.has(entry))
        continue
      }
      const pairs = trajectories.flatMap((one) => pairsOf(memory.state, one))
      keep(memory, entries, trajectories, yield* memory.encoder.encode(pairs))
      rest = rest.slice(batchSize)
    }
  })

/** `vectors` of all transitions of `trajectories`, in their order. */
const keep = <E extends Entry>(
  { neighbours, slots, waiting }: Memory<E>,
  entries: ReadonlyArray<E>,
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  vectors: ReadonlyArray<Float32Array>
): void => {
  let at = 0
  entries.forEach((entry, i) => {
    const own = itemsOf(entry, trajectories[i]).map((item) => ({ item, vector: vectors[at++] }))
    // What was evicted while the encoder worked is no longer waited for.
    if (!waiting.delete(entry)) return
    slots.set(
      entry,
      own.flatMap(({ item, vector }) => addTo(neighbours, item, vector))
    )
  })
}

const addTo = <E extends Entry>(
  neighbours: Neighbours.Neighbours<Item<E>>,
  item: Item<E>,
  vector: Float32Array | undefined
): ReadonlyArray<number> =>
  vector === undefined ? [] : [neighbours.add(item, item.isReal, vector)]

const itemsOf = <E extends Entry>(
  entry: E,
  trajectory: Trajectory.Trajectory | undefined
): ReadonlyArray<Item<E>> => {
  if (trajectory === undefined) return []
  const { id, task, transitions } = trajectory
  return transitions.map(({ provenance }, index) => ({
    entry,
    id,
    environment: task.environment,
    index,
    isReal: provenance._tag === "Real"
  }))
}

const pairsOf = (state: StateText, trajectory: Trajectory.Trajectory): ReadonlyArray<Pair> => {
  let history = History.start(trajectory.firstObservation)
  return trajectory.transitions.map(({ action, nextObservation }) => {
    const pair = { state: state(trajectory.task, history), action: action.text }
    history = History.append(history, action.text, nextObservation)
    return pair
  })
}

const isWanted = <E extends Entry>(
  query: ReplayBuffer.SimilarQuery,
  { environment, id, isReal }: Item<E>
): boolean =>
  (isReal || query.realOnly !== true) &&
  id !== query.excludeTrajectory &&
  (query.environment === undefined || environment === query.environment)

const demonstrationsOf = <E extends Entry>(
  found: ReadonlyArray<Neighbours.Found<Item<E>>>,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): ReadonlyArray<ReplayBuffer.Demonstration> =>
  found.flatMap(({ item: { id, index }, similarity }, i) => {
    const trajectory = trajectories[i]
    const transition = trajectory?.transitions[index]
    return trajectory === undefined || transition === undefined
      ? []
      : [{ id: `${id}#${index}`, task: trajectory.task, transition, similarity }]
  })
