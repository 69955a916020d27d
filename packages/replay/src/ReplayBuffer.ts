/**
 * The experience replay buffer: what the agent has lived and dreamt, side by side, in memory or on disk.
 * It keeps; what may enter is the business of `QualityFilter`, except evaluation data, which may never.
 */
import { History, ReplayBuffer, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import * as path from "node:path"
import * as Embedding from "./Embedding.ts"
import * as Journal from "./Journal.ts"
import * as Kept from "./Kept.ts"
import * as Recall from "./Recall.ts"
import * as Sampling from "./Sampling.ts"
import * as Store from "./store/Store.ts"

/**
 * `capacity` counts trajectories (default: no bound); only synthetic ones are evicted for it, real ones never. `quotas` bound
 * each source by itself. Of one source the least `quality` goes first (default: all are equal), then the oldest.
 * `evaluation` says which tasks are for evaluation: `add` refuses a batch that holds one, whole.
 * `state` is the text by which transitions are found (default: the observation), `encoder` what makes a vector of it.
 */
export interface Options {
  readonly capacity?: number
  readonly quotas?: Omit<Kept.Quotas, "all">
  readonly quality?: Kept.Quality
  readonly evaluation?: (task: Task.Task) => boolean
  readonly state?: Recall.StateText
  readonly encoder?: Embedding.Encoder
}

/** `directory` is made where it is missing. */
export interface JsonlOptions extends Options {
  readonly directory: string
}

/**
 * `file` is made where it is missing, its folder is not; `maxBytes` is the size that it may reach. `exactly`: at opening, what is
 * kept becomes what a new buffer would hold after these were added, as for a run that continues from a checkpoint.
 */
export interface SqliteOptions extends Options {
  readonly file: string
  readonly maxBytes?: number
  readonly exactly?: ReadonlyArray<Trajectory.Trajectory>
}

/** Lives as long as the process. */
export const layerMemory = (options: Options = {}): Layer.Layer<ReplayBuffer.ReplayBuffer> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    make(options, (quotas, changed) => Effect.succeed(onShelf(Kept.shelf(quotas), changed)))
  )

/** Lives on disk, in one file of JSON lines (`Journal`); opening it again gives the same buffer. */
export const layerJsonl = (
  options: JsonlOptions
): Layer.Layer<ReplayBuffer.ReplayBuffer, ReplayBuffer.ReplayBufferError, FileSystem.FileSystem> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    make(options, (quotas, changed) => inJournal(options, quotas, changed))
  )

/**
 * Lives in a SQLite database (`Store`), written by one thread, safe on disk before `add` answers. Where the database is new and a
 * journal of `layerJsonl` lies beside it, it begins with what that one holds.
 */
export const layerSqlite = (
  options: SqliteOptions
): Layer.Layer<ReplayBuffer.ReplayBuffer, ReplayBuffer.ReplayBufferError, FileSystem.FileSystem> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    make(options, (quotas, changed) => inDatabase(options, quotas, changed))
  )

/** The read-only view of a buffer. */
export const layerRetrieval: Layer.Layer<ReplayBuffer.Retrieval, never, ReplayBuffer.ReplayBuffer> =
  Layer.effect(
    ReplayBuffer.Retrieval,
    Effect.map(ReplayBuffer.ReplayBuffer, ({ similar }) => ReplayBuffer.Retrieval.of({ similar }))
  )

type Changed = (change: Kept.Change) => void

/** Over what `open` keeps; it tells of every change. */
const make = Effect.fnUntraced(function* <E, R>(
  options: Options,
  open: (quotas: Kept.Quotas, changed: Changed) => Effect.Effect<Kept.Kept, E, R>
) {
  const recall = Recall.make(
    options.encoder ?? Embedding.hashed(),
    options.state ?? ((_, history) => History.observation(history))
  )
  const all = options.capacity === undefined ? {} : { all: options.capacity }
  const kept = yield* open({ ...options.quotas, ...all }, recall.apply)
  let duplicates = 0
  const add = Effect.fn("ReplayBuffer.add")(function* (
    trajectories: ReadonlyArray<Trajectory.Trajectory>
  ) {
    yield* refuseEvaluation(options.evaluation, trajectories)
    const changes = yield* kept.add(entriesOf(options, trajectories))
    const count = changes.filter(({ inserted }) => inserted !== undefined).length
    duplicates += trajectories.length - count
    return count
  }, Effect.uninterruptible)
  const sample = Effect.fn("ReplayBuffer.sample")(function* (request: ReplayBuffer.SampleRequest) {
    const entries = kept.entries().filter(isFaultless)
    if (entries.length === 0 && request.count > 0) return yield* nothingToDraw(request.count)
    return Sampling.sample(entries, request).map(({ trajectory }) => trajectory)
  })
  return ReplayBuffer.ReplayBuffer.of({
    add,
    sample,
    similar: recall.similar,
    stats: Effect.sync(() => statsOf(kept.entries(), duplicates)),
    snapshot: Effect.sync(() => kept.entries().map(({ trajectory }) => trajectory))
  })
})

const allEqual: Kept.Quality = () => 1

const entriesOf = (
  { quality = allEqual }: Options,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): ReadonlyArray<Kept.Entry> => trajectories.map((trajectory) => Kept.entryOf(trajectory, quality))

const onShelf = (shelf: Kept.Shelf, changed: Changed): Kept.Kept => {
  const insert = (entry: Kept.Entry) => {
    const change = shelf.insert(entry)
    changed(change)
    return change
  }
  return {
    entries: shelf.entries,
    add: (entries) => Effect.sync(() => entries.map(insert))
  }
}

const inJournal = Effect.fnUntraced(function* (
  options: JsonlOptions,
  quotas: Kept.Quotas,
  changed: Changed
) {
  const journal = yield* Journal.open(options.directory)
  const shelf = Kept.shelf(quotas)
  const inMemory = onShelf(shelf, changed)
  yield* inMemory.add(entriesOf(options, journal.trajectories))
  const oneAtATime = Semaphore.makeUnsafe(1)
  const add = Effect.fnUntraced(function* (entries: ReadonlyArray<Kept.Entry>) {
    const novel = shelf.novel(entries)
    yield* journal.append(novel.map(({ trajectory }) => trajectory))
    return yield* inMemory.add(novel)
  })
  return {
    ...inMemory,
    add: (entries: ReadonlyArray<Kept.Entry>) => oneAtATime.withPermit(add(entries))
  }
})

const inDatabase = Effect.fnUntraced(function* (
  options: SqliteOptions,
  quotas: Kept.Quotas,
  changed: Changed
) {
  const { exactly, file, maxBytes } = options
  const size = maxBytes === undefined ? {} : { maxBytes }
  const store = yield* Store.open({ file, quotas, ...size }, changed)
  if (exactly !== undefined) {
    yield* refuseEvaluation(options.evaluation, exactly)
    const shelf = Kept.shelf(quotas)
    entriesOf(options, exactly).forEach(shelf.insert)
    yield* store.replace(shelf.entries())
  } else if (store.isNew) {
    yield* store.add(entriesOf(options, yield* Journal.found(path.dirname(file))))
  }
  return store
})

/** An episode that failed is kept for what it shows of the world, but nobody may learn to act from it. */
const isFaultless = ({ trajectory }: Kept.Entry): boolean => trajectory.ending._tag !== "Failed"

const statsOf = (
  entries: ReadonlyArray<Kept.Entry>,
  duplicates: number
): ReplayBuffer.BufferStats => {
  const transitions = entries.flatMap(({ trajectory }) => trajectory.transitions)
  const realTransitions = transitions.filter(({ provenance }) => provenance._tag === "Real").length
  return {
    trajectories: entries.length,
    realTransitions,
    syntheticTransitions: transitions.length - realTransitions,
    duplicates,
    successes: entries.filter(({ isSuccess }) => isSuccess).length
  }
}

const refuseEvaluation = (
  isEvaluation: Options["evaluation"],
  trajectories: ReadonlyArray<Trajectory.Trajectory>
) => {
  const refused = trajectories.find(({ task }) => isEvaluation?.(task) === true)
  return refused === undefined
    ? Effect.void
    : Effect.fail(
        new ReplayBuffer.ReplayBufferError({
          reason: "EvaluationData",
          message: `trajectory ${refused.id} is of task ${refused.task.id}, which is kept for evaluation; take it out of what is added`
        })
      )
}

const nothingToDraw = (count: number) =>
  new ReplayBuffer.ReplayBufferError({
    reason: "NotEnough",
    message: `a sample of ${count} was asked of a buffer without a faultless trajectory; add some first`
  })
