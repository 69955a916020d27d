/**
 * The experience replay buffer: what the agent has lived and dreamt, side by side, in memory or on disk.
 * It keeps; what may enter is the business of `QualityFilter`, except evaluation data, which may never.
 */
import { type Embedder as Contract, History, ReplayBuffer, type Task } from "@dreamgym/domain"
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as ById from "./ById.ts"
import * as Contents from "./Contents.ts"
import * as Kept from "./Kept.ts"
import * as Recall from "./Recall.ts"
import * as Embedder from "./retrieval/Embedder.ts"
import * as Sampling from "./Sampling.ts"
import * as Shelf from "./Shelf.ts"
import * as Store from "./store/Store.ts"

type Buffer = ReplayBuffer.ReplayBuffer["Service"]
type Failed = ReplayBuffer.ReplayBufferError

/**
 * `capacity` counts trajectories (default: no bound); only synthetic ones are evicted for it, real ones never. `quotas` bound
 * each source by itself, and what was rejected (default 1,024). Within a bound the least `quality` goes first (default: all are
 * equal), then the oldest. `evaluation` says which tasks are for evaluation: `add` refuses a batch that holds one, whole.
 *
 * `state` is the text by which transitions are found (default: the observation), `embedder` what makes a vector of it (default:
 * hashed words). `keepVectors`: whether vectors outlive the process, where trajectories do; default: those that cost more to make
 * than to read. `stateName` names what `state` tells and its version, because vectors of another state are of no use: without it the
 * vectors of a `state` of one's own are not kept.
 */
export interface Options {
  readonly capacity?: number
  readonly quotas?: Omit<Kept.Quotas, "all">
  readonly quality?: Kept.Quality
  readonly evaluation?: (task: Task.Task) => boolean
  readonly state?: Recall.StateText
  readonly stateName?: string
  readonly embedder?: Contract.Embedder
  readonly keepVectors?: boolean
}

/**
 * `file` is made where it is missing, its folder is not; `maxBytes` is the size that it may reach; so many trajectories as
 * `cached` says (default 4,096) are held in memory, the others are read when they are wanted. `exactly`: at opening, what is
 * kept becomes what a new buffer would hold after these were added, as for a run that continues from a checkpoint. `readOnly`:
 * looks on while another process may write; whatever would write fails as `BadRequest`.
 */
export interface SqliteOptions extends Options {
  readonly file: string
  readonly maxBytes?: number
  readonly cached?: number
  readonly exactly?: ReadonlyArray<Trajectory.Trajectory>
  readonly readOnly?: boolean
}

/** Opens what keeps the trajectories; `changed` must hear of every change (`Kept`). */
export type Open<E, R> = (
  quotas: Kept.Quotas,
  changed: (change: Kept.Change) => void
) => Effect.Effect<Kept.Kept, E, R>

/** Lives as long as the process. */
export const layerMemory = (options: Options = {}): Layer.Layer<ReplayBuffer.ReplayBuffer> =>
  layerOf(options, (quotas, changed) => Effect.sync(() => Shelf.make(quotas, changed)))

/**
 * Lives in a SQLite database (`Store`), written by one thread, safe on disk before `add` answers. Where vectors are kept, a copy of
 * them for fast starts lies beside it.
 */
export const layerSqlite = (
  options: SqliteOptions
): Layer.Layer<ReplayBuffer.ReplayBuffer, Failed, FileSystem.FileSystem> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    FileSystem.FileSystem.use((files) =>
      make(options, Recall.make({ ...recalling(options), files }), (quotas, changed) =>
        inDatabase(options, quotas, changed)
      )
    )
  )

/** Lives in whatever `open` opens, for as long as the layer's scope. */
export const layerOf = <E, R>(
  options: Options,
  open: Open<E, R>
): Layer.Layer<ReplayBuffer.ReplayBuffer, E, Exclude<R, Scope.Scope>> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    Effect.suspend(() => make(options, Recall.make(recalling(options)), open))
  )

/** The read-only view of a buffer. */
export const layerRetrieval: Layer.Layer<ReplayBuffer.Retrieval, never, ReplayBuffer.ReplayBuffer> =
  Layer.effect(
    ReplayBuffer.Retrieval,
    Effect.map(ReplayBuffer.ReplayBuffer, ({ similar }) => ReplayBuffer.Retrieval.of({ similar }))
  )

const recalling = (options: Options): Recall.Options => {
  const { embedder = Embedder.hashed(), state, stateName } = options
  const isNamed = state === undefined || stateName !== undefined
  return {
    embedder,
    state: state ?? ((_, history) => History.observation(history)),
    name: stateName === undefined ? embedder.name : `${embedder.name} of ${stateName}`,
    keepsVectors: options.keepVectors ?? (isNamed && !Embedder.isCheap(embedder))
  }
}

const make = <E, R>(
  options: Options,
  recall: Recall.Recall,
  open: Open<E, R>
): Effect.Effect<Buffer, E, R | Scope.Scope> =>
  Effect.gen(function* () {
    const sampling = Sampling.make()
    const byId = ById.make()
    const kept = yield* open(quotasOf(options), (change) => {
      recall.apply(change)
      sampling.apply(change)
      byId.apply(change)
    })
    const similar = yield* recall.over(kept)
    const { refresh = Effect.void } = kept
    const counted = { duplicates: 0 }
    return ReplayBuffer.ReplayBuffer.of({
      similar,
      add: (trajectories) => add(options, kept, counted, trajectories),
      sample: (request) =>
        Effect.map(draw(kept, sampling, request), (drawn) =>
          drawn.map(({ trajectory }) => trajectory)
        ),
      draw: (request) => draw(kept, sampling, request),
      prioritise: (priorities) => prioritise(kept, byId, priorities),
      stats: Effect.map(refresh, () => Contents.statsOf(kept.entries(), counted.duplicates)),
      trajectories: (filter = {}) =>
        Stream.unwrap(Effect.map(refresh, () => Contents.trajectories(kept, filter))),
      snapshot: kept.snapshot,
      restore: kept.restore,
      release: kept.release
    })
  })

/** Enough to see why dreams are rejected. */
const rejectedKept = 1024

const quotasOf = ({ capacity, quotas }: Options): Kept.Quotas => ({
  rejected: rejectedKept,
  ...quotas,
  ...(capacity === undefined ? {} : { all: capacity })
})

const add = Effect.fn("ReplayBuffer.add")(function* (
  options: Options,
  kept: Kept.Kept,
  counted: { duplicates: number },
  trajectories: ReadonlyArray<Trajectory.Trajectory>
) {
  yield* refuseEvaluation(options, trajectories)
  const changes = yield* kept.add(comingOf(options, trajectories))
  const count = changes.filter(({ inserted }) => inserted !== undefined).length
  counted.duplicates += trajectories.length - count
  return count
}, Effect.uninterruptible)

const draw = Effect.fn("ReplayBuffer.draw")(function* (
  kept: Kept.Kept,
  sampling: Sampling.Sampling,
  request: ReplayBuffer.SampleRequest
): Effect.fn.Return<ReadonlyArray<ReplayBuffer.Drawn>, Failed> {
  if (kept.refresh !== undefined) yield* kept.refresh
  for (;;) {
    const drawn = yield* sampling.draw(request, kept.entries)
    const trajectories = yield* kept.read(drawn.map(({ entry }) => entry))
    // What was evicted between choosing and reading: the choice is among what is left.
    if (trajectories === undefined) continue
    return drawn.flatMap(({ importance, probability }, i) => {
      const trajectory = trajectories[i]
      return trajectory === undefined ? [] : [{ trajectory, probability, importance }]
    })
  }
})

const prioritise = Effect.fn("ReplayBuffer.prioritise")(function* (
  kept: Kept.Kept,
  byId: ById.ById,
  priorities: ReadonlyArray<ReplayBuffer.Priority>
): Effect.fn.Return<void, Failed> {
  const wrong = priorities.find(({ priority }) => !Number.isFinite(priority))
  if (wrong !== undefined) {
    return yield* new ReplayBuffer.ReplayBufferError({
      reason: "BadRequest",
      message: `the priority of ${wrong.id} is ${wrong.priority}; nothing was prioritised. Find out where the update gave no finite number`
    })
  }
  if (kept.refresh !== undefined) yield* kept.refresh
  const latest = new Map(priorities.map(({ id, priority }) => [id, priority]))
  const list = [...latest].flatMap(([id, priority]) =>
    byId.seqs(id, kept.entries).map((seq) => ({ seq, priority }))
  )
  if (list.length > 0) yield* kept.prioritise(list)
})

const allEqual: Kept.Quality = () => 1

const comingOf = (
  { quality = allEqual }: Options,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): ReadonlyArray<Kept.Coming> =>
  trajectories.map((trajectory) => Kept.comingOf(trajectory, quality))

const inDatabase = Effect.fnUntraced(function* (
  options: SqliteOptions,
  quotas: Kept.Quotas,
  changed: (change: Kept.Change) => void
) {
  const { cached, exactly, file, maxBytes, readOnly } = options
  const store = yield* Store.open(
    {
      file,
      quotas,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(cached === undefined ? {} : { cached }),
      ...(readOnly === undefined ? {} : { readOnly })
    },
    changed
  )
  if (exactly !== undefined) yield* beginWith(options, quotas, store, exactly)
  return store
})

/** What is kept becomes what a new buffer would hold after these were added, and nothing else. */
export const beginWith = Effect.fnUntraced(function* (
  options: Options,
  quotas: Kept.Quotas,
  kept: Kept.Kept,
  exactly: ReadonlyArray<Trajectory.Trajectory>
): Effect.fn.Return<void, Failed> {
  yield* refuseEvaluation(options, exactly)
  yield* kept.replace(Shelf.remaining(quotas, comingOf(options, exactly)))
})

const refuseEvaluation = (
  { evaluation }: Options,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): Effect.Effect<void, Failed> => {
  const refused = trajectories.find(({ task }) => evaluation?.(task) === true)
  return refused === undefined
    ? Effect.void
    : Effect.fail(
        new ReplayBuffer.ReplayBufferError({
          reason: "EvaluationData",
          message: `trajectory ${refused.id} is of task ${refused.task.id}, which is kept for evaluation; take it out of what is added`
        })
      )
}
