/**
 * The buffer as stages of a pipeline: storing what flows by, and drawing batches from all that was stored.
 * They neither filter nor learn.
 */
import { ReplayBuffer, Seed, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** What a learner takes at once (`Learner.update`). */
export type Batch = ReadonlyArray<Trajectory.TrajectoryGroup>

/**
 * Each batch holds `batchSize` trajectories drawn from the buffer (see `SampleRequest`). One is drawn after every `every`
 * groups (default 1) that flow by. Batch n has the key `Seed.key(seed, "batch", n)`; `firstBatch` (default 0) is the
 * number of the first one, for a run that continues.
 */
export interface BatchesOptions {
  readonly batchSize: number
  readonly realFraction: number
  readonly successFraction?: number
  readonly every?: number
  readonly seed: number
  readonly firstBatch?: number
}

/** Stores each group before it flows on. */
export const through = <E, R>(
  groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
): Stream.Stream<
  Trajectory.TrajectoryGroup,
  E | ReplayBuffer.ReplayBufferError,
  R | ReplayBuffer.ReplayBuffer
> =>
  Stream.tap(groups, ({ trajectories }) =>
    ReplayBuffer.ReplayBuffer.use((buffer) => buffer.add(trajectories))
  )

/**
 * Groups in, batches out. The drawn trajectories come as groups of one task and one policy version; what was one group before
 * may come in part, so a learner that compares within groups (GRPO) should be fed the groups themselves.
 */
export const batches =
  (options: BatchesOptions) =>
  <E, R>(
    groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
  ): Stream.Stream<Batch, E | ReplayBuffer.ReplayBufferError, R | ReplayBuffer.ReplayBuffer> =>
    groups.pipe(
      Stream.grouped(options.every ?? 1),
      Stream.zipWithIndex,
      Stream.mapEffect(([, i]) => drawBatch(options, (options.firstBatch ?? 0) + i))
    )

const drawBatch = Effect.fnUntraced(function* (options: BatchesOptions, number: number) {
  const { batchSize, realFraction, seed, successFraction } = options
  const buffer = yield* ReplayBuffer.ReplayBuffer
  const trajectories = yield* buffer.sample({
    count: batchSize,
    realFraction,
    key: Seed.key(seed, "batch", number),
    ...(successFraction === undefined ? {} : { successFraction })
  })
  return groupsOf(trajectories)
})

/** In the order in which each group is first met. */
const groupsOf = (trajectories: ReadonlyArray<Trajectory.Trajectory>): Batch => {
  const byOrigin = Map.groupBy(trajectories, ({ policyVersion, task }) =>
    JSON.stringify([task.environment, task.id, policyVersion])
  )
  return [...byOrigin.values()].flatMap((members) => {
    const [first] = members
    if (first === undefined) return []
    return [{ task: first.task, policyVersion: first.policyVersion, trajectories: members }]
  })
}
