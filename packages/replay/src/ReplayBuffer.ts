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
 * `file` is made where it is missing, its folder is not; `maxBytes` is the size that it may reach; so many trajectories as
 * `cached` says (default 4,096) are held in memory, the others are read when they are wanted. `exactly`: at opening, what is
 * kept becomes what a new buffer would hold after these were added, as for a run that continues from a checkpoint.
 */
export interface SqliteOptions extends Options {
  readonly file: string
  readonly maxBytes?: number
  readonly cached?: number
  readonly exactly?: ReadonlyArray<Trajectory.Trajectory>
}

/** Lives as long as the process. */
export const layerMemory = (options: Options = {}): Layer.Layer<ReplayBuffer.ReplayBuffer> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    make(options, (quotas, changed: Changed<Kept.Coming>) =>
      Effect.succeed(onShelf(Kept.shelf(quotas), changed))
    )
  )

/** Lives on disk, in one file of JSON lines (`Journal`); opening it again gives the same buffer. */
export const layerJsonl = (
  options: JsonlOptions
): Layer.Layer<ReplayBuffer.ReplayBuffer, ReplayBuffer.ReplayBufferError, FileSystem.FileSystem> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    make(options, (quotas, changed: Changed<Kept.Coming>) => inJournal(options, quotas, changed))
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
    make(options, (quotas, changed: Changed<Store.Stored>) => inDatabase(options, quotas, changed))
  )

/** The read-only view of a buffer. */
export const layerRetrieval: Layer.Layer<ReplayBuffer.Retrieval, never, ReplayBuffer.ReplayBuffer> =
  Layer.effect(
    ReplayBuffer.Retrieval,
    Effect.map(ReplayBuffer.ReplayBuffer, ({ similar }) => ReplayBuffer.Retrieval.of({ similar }))
  )

/** Over what `open` keeps; it tells of every change. */
const make = <K extends Kept.Entry, E, R>(
  options: Options,
  open: (quotas: Kept.Quotas, changed: Changed<K>) => Effect.Effect<Kept.Kept<K>, E, R>
): Effect.Effect<ReplayBuffer.ReplayBuffer["Service"], E, R> =>
  Effect.gen(function* () {
    const recall = Recall.make<K>(
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
      const changes = yield* kept.add(comingOf(options, trajectories))
      const count = changes.filter(({ inserted }) => inserted !== undefined).length
      duplicates += trajectories.length - count
      return count
    }, Effect.uninterruptible)
    return ReplayBuffer.ReplayBuffer.of({
      add,
      sample: (request) => sample(kept, request),
      similar: (query) => recall.similar(query, kept.read),
      stats: Effect.sync(() => statsOf(kept.entries(), duplicates)),
      snapshot: settled(() => kept.read(kept.entries()))
    })
  })

type Changed<E extends Kept.Entry> = (change: Kept.Change<E>) => void

/** Reads again where something was evicted between choosing and reading: then the choice is among what is left. */
const settled = <A, E>(read: () => Effect.Effect<A | undefined, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Effect.suspend(read), (found) =>
    found === undefined ? settled(read) : Effect.succeed(found)
  )

const sample = <E extends Kept.Entry>(
  kept: Kept.Kept<E>,
  request: ReplayBuffer.SampleRequest
): Effect.Effect<ReadonlyArray<Trajectory.Trajectory>, ReplayBuffer.ReplayBufferError> =>
  settled(() => {
    const entries = kept.entries().filter(({ isFailed }) => !isFailed)
    return entries.length === 0 && request.count > 0
      ? nothingToDraw(request.count)
      : kept.read(Sampling.sample(entries, request))
  }).pipe(Effect.withSpan("ReplayBuffer.sample"))

const allEqual: Kept.Quality = () => 1

const comingOf = (
  { quality = allEqual }: Options,
  trajectories: ReadonlyArray<Trajectory.Trajectory>
): ReadonlyArray<Kept.Coming> =>
  trajectories.map((trajectory) => Kept.comingOf(trajectory, quality))

const onShelf = (shelf: Kept.Shelf, changed: Changed<Kept.Coming>): Kept.Kept<Kept.Coming> => ({
  entries: shelf.entries,
  read: (entries) => Effect.sync(() => entries.map(({ trajectory }) => trajectory)),
  add: (coming) =>
    Effect.sync(() =>
      coming.map((one) => {
        const change = shelf.insert(one)
        changed(change)
        return change
      })
    )
})

const inJournal = Effect.fnUntraced(function* (
  options: JsonlOptions,
  quotas: Kept.Quotas,
  changed: Changed<Kept.Coming>
) {
  const journal = yield* Journal.open(options.directory)
  const shelf = Kept.shelf(quotas)
  const inMemory = onShelf(shelf, changed)
  yield* inMemory.add(comingOf(options, journal.trajectories))
  const oneAtATime = Semaphore.makeUnsafe(1)
  const append = Effect.fnUntraced(function* (coming: ReadonlyArray<Kept.Coming>) {
    const novel = shelf.novel(coming)
    yield* journal.append(novel.map(({ trajectory }) => trajectory))
    return yield* inMemory.add(novel)
  })
  const kept: Kept.Kept<Kept.Coming> = {
    ...inMemory,
    add: (coming) => oneAtATime.withPermit(append(coming))
  }
  return kept
})

const inDatabase = Effect.fnUntraced(function* (
  options: SqliteOptions,
  quotas: Kept.Quotas,
  changed: Changed<Store.Stored>
) {
  const { cached, exactly, file, maxBytes } = options
  const store = yield* Store.open(
    {
      file,
      quotas,
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(cached === undefined ? {} : { cached })
    },
    changed
  )
  if (exactly !== undefined) {
    yield* refuseEvaluation(options.evaluation, exactly)
    const shelf = Kept.shelf(quotas)
    comingOf(options, exactly).forEach(shelf.insert)
    yield* store.replace(shelf.entries())
  } else if (store.isNew) {
    yield* store.add(comingOf(options, yield* Journal.found(path.dirname(file))))
  }
  return store
})

const statsOf = (
  entries: ReadonlyArray<Kept.Entry>,
  duplicates: number
): ReplayBuffer.BufferStats => ({
  trajectories: entries.length,
  realTransitions: entries.reduce((sum, { realSteps }) => sum + realSteps, 0),
  syntheticTransitions: entries.reduce((sum, { syntheticSteps }) => sum + syntheticSteps, 0),
  duplicates,
  successes: entries.filter(({ isSuccess }) => isSuccess).length
})

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
  Effect.fail(
    new ReplayBuffer.ReplayBufferError({
      reason: "NotEnough",
      message: `a sample of ${count} was asked of a buffer without a faultless trajectory; add some first`
    })
  )
