/**
 * The memory for likeness: finds the transitions whose state and action are most like those asked about.
 * It embeds a trajectory when something is first asked after it came, so a buffer that nobody asks pays nothing.
 */
import { History, type ReplayBuffer, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Encoder, Pair } from "./Embedding.ts"
import type { Change, Entry } from "./Kept.ts"
import * as Neighbours from "./Neighbours.ts"

/** `apply` follows the changes of what is kept; `similar` answers from it. */
export interface Recall {
  readonly apply: (change: Change) => void
  readonly similar: (
    query: ReplayBuffer.SimilarQuery
  ) => Effect.Effect<ReadonlyArray<ReplayBuffer.Demonstration>, ReplayBuffer.ReplayBufferError>
}

/** The text that stands for what the agent had seen when it acted; default: the observation. */
export type StateText = (task: Task.Task, history: History.History) => string

/** Transition i of trajectory t is found as `t#i`. */
interface Item {
  readonly trajectory: Trajectory.Trajectory
  readonly transition: Trajectory.Transition
  readonly index: number
  readonly isReal: boolean
}

export const make = (encoder: Encoder, state: StateText): Recall => {
  const neighbours = Neighbours.make<Item>(encoder.dimension, encoder.weighting)
  const waiting = new Set<Entry>()
  const slots = new Map<Entry, ReadonlyArray<number>>()
  const oneAtATime = Semaphore.makeUnsafe(1)
  const apply = ({ evicted, inserted }: Change): void => {
    if (inserted !== undefined) waiting.add(inserted)
    for (const entry of evicted) {
      waiting.delete(entry)
      slots.get(entry)?.forEach(neighbours.remove)
      slots.delete(entry)
    }
  }
  const embedWaiting = Effect.fnUntraced(function* () {
    const entries = [...waiting]
    const items = entries.map(itemsOf)
    const vectors = yield* encoder.encode(entries.flatMap((entry) => pairsOf(state, entry)))
    let at = 0
    entries.forEach((entry, i) => {
      const own = (items[i] ?? []).map((item) => ({ item, vector: vectors[at++] }))
      // What was evicted while the encoder worked is no longer waited for.
      if (!waiting.delete(entry)) return
      slots.set(
        entry,
        own.flatMap(({ item, vector }) => addTo(neighbours, item, vector))
      )
    })
  })
  const similar = Effect.fnUntraced(function* (query: ReplayBuffer.SimilarQuery) {
    if (waiting.size > 0) yield* oneAtATime.withPermit(Effect.suspend(embedWaiting))
    const [vector] = yield* encoder.encode([query])
    if (vector === undefined) return []
    const found = neighbours.search(vector, query.k, (item) => isWanted(query, item))
    return found.map(demonstrationOf)
  })
  return { apply, similar }
}

const addTo = (
  neighbours: Neighbours.Neighbours<Item>,
  item: Item,
  vector: Float32Array | undefined
): ReadonlyArray<number> =>
  vector === undefined ? [] : [neighbours.add(item, item.isReal, vector)]

const itemsOf = ({ trajectory }: Entry): ReadonlyArray<Item> =>
  trajectory.transitions.map((transition, index) => ({
    trajectory,
    transition,
    index,
    isReal: transition.provenance._tag === "Real"
  }))

const pairsOf = (state: StateText, { trajectory }: Entry): ReadonlyArray<Pair> => {
  let history = History.start(trajectory.firstObservation)
  return trajectory.transitions.map(({ action, nextObservation }) => {
    const pair = { state: state(trajectory.task, history), action: action.text }
    history = History.append(history, action.text, nextObservation)
    return pair
  })
}

const isWanted = (query: ReplayBuffer.SimilarQuery, { isReal, trajectory }: Item): boolean =>
  (isReal || query.realOnly !== true) &&
  trajectory.id !== query.excludeTrajectory &&
  (query.environment === undefined || trajectory.task.environment === query.environment)

const demonstrationOf = ({
  item,
  similarity
}: Neighbours.Found<Item>): ReplayBuffer.Demonstration => ({
  id: `${item.trajectory.id}#${item.index}`,
  task: item.trajectory.task,
  transition: item.transition,
  similarity
})
