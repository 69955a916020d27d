/**
 * The buffer as stages of a pipeline: storing what flows by, and drawing from all that was stored.
 * They neither filter nor learn.
 */
import { ReplayBuffer, Seed, type Trajectory } from "@dreamgym/domain"
import * as Stream from "effect/Stream"
import * as Annealing from "./sampling/Annealing.ts"

/** What a learner takes at once (`Learner.update`). */
export type Batch = ReadonlyArray<Trajectory.TrajectoryGroup>

/**
 * Each batch holds `batchSize` trajectories drawn from the buffer (see `SampleRequest`), one after every `every` groups (default 1)
 * that flow by. Batch n has the key `Seed.key(seed, "batch", n)`; `firstBatch` (default 0) is the number of the first one, for a run
 * that continues. Shares may be annealed: at batch n they are what `Annealing.at` says of step n.
 */
export interface BatchesOptions {
  readonly batchSize: number
  readonly realFraction?: Annealing.Annealed
  readonly successFraction?: Annealing.Annealed
  readonly environments?: Readonly<Record<string, Annealing.Annealed>>
  readonly strategy?: ReplayBuffer.Strategy
  readonly every?: number
  readonly seed: number
  readonly firstBatch?: number
}

/** `beta` of the importance weights, annealed from 0.4 to 1 by Schaul et al. (2016); default 1. */
export interface DrawsOptions extends BatchesOptions {
  readonly beta?: Annealing.Annealed
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

/** Groups in, weighed trajectories out, for a learner that takes importance weights. */
export const draws =
  (options: DrawsOptions) =>
  <E, R>(
    groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
  ): Stream.Stream<
    ReadonlyArray<ReplayBuffer.Drawn>,
    E | ReplayBuffer.ReplayBufferError,
    R | ReplayBuffer.ReplayBuffer
  > =>
    groups.pipe(
      Stream.grouped(options.every ?? 1),
      Stream.zipWithIndex,
      Stream.mapEffect(([, i]) =>
        ReplayBuffer.ReplayBuffer.use((buffer) =>
          buffer.draw(requestAt(options, (options.firstBatch ?? 0) + i))
        )
      )
    )

/**
 * Groups in, batches out. The drawn trajectories come as groups of one task and one policy version; what was one group before
 * may come in part, so a learner that compares within groups (GRPO) should be fed the groups themselves. `Learner.update` takes no
 * weights: what another strategy than `Uniform` draws is biased, and only `draws` tells by how much.
 */
export const batches =
  (options: BatchesOptions) =>
  <E, R>(
    groups: Stream.Stream<Trajectory.TrajectoryGroup, E, R>
  ): Stream.Stream<Batch, E | ReplayBuffer.ReplayBufferError, R | ReplayBuffer.ReplayBuffer> =>
    groups.pipe(
      draws(options),
      Stream.map((drawn) => groupsOf(drawn.map(({ trajectory }) => trajectory)))
    )

const requestAt = (options: DrawsOptions, number: number): ReplayBuffer.SampleRequest => {
  const { batchSize, beta, environments, realFraction, seed, strategy, successFraction } = options
  return {
    count: batchSize,
    key: Seed.key(seed, "batch", number),
    ...(realFraction === undefined ? {} : { realFraction: Annealing.at(realFraction, number) }),
    ...(successFraction === undefined
      ? {}
      : { successFraction: Annealing.at(successFraction, number) }),
    ...(environments === undefined
      ? {}
      : {
          environments: Object.fromEntries(
            Object.entries(environments).map(([name, share]) => [name, Annealing.at(share, number)])
          )
        }),
    ...(beta === undefined ? {} : { beta: Annealing.at(beta, number) }),
    ...(strategy === undefined ? {} : { strategy })
  }
}

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
