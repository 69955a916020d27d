/**
 * The experience replay buffer: what the agent has lived and dreamt, side by side, in memory or on disk.
 * It keeps; what may enter is the business of `QualityFilter`, except evaluation data, which may never.
 */
import { History, ReplayBuffer, type Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import * as Embedding from "./Embedding.ts"
import * as Journal from "./Journal.ts"
import * as Kept from "./Kept.ts"
import * as Recall from "./Recall.ts"
import * as Sampling from "./Sampling.ts"

/**
 * `capacity` counts trajectories (default: no bound); the oldest synthetic are evicted, real ones never.
 * `evaluation` says which tasks are for evaluation: `add` refuses a batch that holds one, whole.
 * `state` is the text by which transitions are found (default: the observation), `encoder` what makes a vector of it.
 */
export interface Options {
  readonly capacity?: number
  readonly evaluation?: (task: Task.Task) => boolean
  readonly state?: Recall.StateText
  readonly encoder?: Embedding.Encoder
}

/** `directory` is made where it is missing. */
export interface JsonlOptions extends Options {
  readonly directory: string
}

/** Lives as long as the process. */
export const layerMemory = (options: Options = {}): Layer.Layer<ReplayBuffer.ReplayBuffer> =>
  Layer.sync(ReplayBuffer.ReplayBuffer, () => make(options, forgetful))

/** Lives on disk, in one file of JSON lines (`Journal`); opening it again gives the same buffer. */
export const layerJsonl = (
  options: JsonlOptions
): Layer.Layer<ReplayBuffer.ReplayBuffer, ReplayBuffer.ReplayBufferError, FileSystem.FileSystem> =>
  Layer.effect(
    ReplayBuffer.ReplayBuffer,
    Effect.map(Journal.open(options.directory), (journal) => make(options, journal))
  )

/** The read-only view of a buffer. */
export const layerRetrieval: Layer.Layer<ReplayBuffer.Retrieval, never, ReplayBuffer.ReplayBuffer> =
  Layer.effect(
    ReplayBuffer.Retrieval,
    Effect.map(ReplayBuffer.ReplayBuffer, ({ similar }) => ReplayBuffer.Retrieval.of({ similar }))
  )

const forgetful: Journal.Journal = { trajectories: [], append: () => Effect.void }

const make = (options: Options, journal: Journal.Journal): ReplayBuffer.ReplayBuffer["Service"] => {
  const kept = Kept.make(options.capacity ?? Number.POSITIVE_INFINITY)
  const recall = Recall.make(
    options.encoder ?? Embedding.hashed(),
    options.state ?? ((_, history) => History.observation(history))
  )
  const insert = (entry: Kept.Entry): boolean => {
    const change = kept.insert(entry)
    recall.apply(change)
    return change.inserted !== undefined
  }
  journal.trajectories.forEach((trajectory) => insert(Kept.entryOf(trajectory)))
  let duplicates = 0
  const oneAtATime = Semaphore.makeUnsafe(1)
  const add = Effect.fn("ReplayBuffer.add")(function* (
    trajectories: ReadonlyArray<Trajectory.Trajectory>
  ) {
    yield* refuseEvaluation(options.evaluation, trajectories)
    const entries = trajectories.map(Kept.entryOf)
    const novel = kept.novel(entries)
    yield* journal.append(novel.map(({ trajectory }) => trajectory))
    novel.forEach(insert)
    duplicates += entries.length - novel.length
    return novel.length
  })
  const sample = Effect.fn("ReplayBuffer.sample")(function* (request: ReplayBuffer.SampleRequest) {
    const entries = kept.entries().filter(isFaultless)
    if (entries.length === 0 && request.count > 0) return yield* nothingToDraw(request.count)
    return Sampling.sample(entries, request).map(({ trajectory }) => trajectory)
  })
  return ReplayBuffer.ReplayBuffer.of({
    add: (trajectories) => oneAtATime.withPermit(Effect.uninterruptible(add(trajectories))),
    sample,
    similar: recall.similar,
    stats: Effect.sync(() => statsOf(kept.entries(), duplicates)),
    snapshot: Effect.sync(() => kept.entries().map(({ trajectory }) => trajectory))
  })
}

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
