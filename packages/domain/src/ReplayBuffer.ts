/**
 * The contract of the experience replay buffer: real and synthetic trajectories with provenance, side by side.
 * It keeps; what may enter is the business of `QualityFilter`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { Task } from "./Task.ts"
import type { Trajectory, Transition } from "./Trajectory.ts"

/**
 * `Locked`: another process writes to the file. `NewerVersion`: a newer program wrote it. `DiskFull`: what was acknowledged stays.
 * `NotEnough`: nothing to draw. `NoSnapshot`: it was released, or a restoration went behind it. `Embedding`: the embedder gave no
 * answer, or vectors of another dimension. `BadRequest`: what was asked contradicts itself.
 * `message` names the file and the remedy.
 */
export class ReplayBufferError extends Schema.TaggedError<ReplayBufferError>()(
  "ReplayBufferError",
  {
    reason: Schema.Literals([
      "Io",
      "Corrupt",
      "Locked",
      "NewerVersion",
      "DiskFull",
      "NotEnough",
      "EvaluationData",
      "NoSnapshot",
      "Embedding",
      "BadRequest"
    ]),
    file: Schema.optionalKey(Schema.String),
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/**
 * All that is named must hold. `task` is the id of a task; `leastQuality` and `leastVersion` (of the policy that acted, -1: none)
 * are inclusive.
 */
export interface Filter {
  readonly source?: "Real" | "Synthetic"
  readonly environment?: string
  readonly task?: string
  readonly leastQuality?: number
  readonly leastVersion?: number
}

/** A transition found for its likeness. `similarity` is a cosine in [-1, 1]. */
export interface Demonstration {
  readonly id: string
  readonly task: Task
  readonly transition: Transition
  readonly similarity: number
}

/**
 * `state` is the abstract state where there is one, else the observation. Of equally similar transitions the real come first, then
 * the older. `source` is that of the transition, the rest of the filter is about its trajectory.
 */
export interface SimilarQuery extends Filter {
  readonly state: string
  readonly action: string
  readonly k: number
  /** Never a transition of this trajectory (a transition may not demonstrate itself). */
  readonly excludeTrajectory?: string
}

/**
 * Which trajectories are likelier. `Uniform`: none. `Proportional`: a priority p (for example |TD error|) is drawn with
 * (|p| + epsilon)^alpha (Schaul et al. 2016, eq. 1). `RankBased`: by the rank of the priority, with (1 / rank)^alpha (section 3.3).
 * `Recency`: every `halfLife` trajectories that came later halve the chance. What was never prioritised has the priority 1.
 */
export type Strategy =
  | { readonly _tag: "Uniform" }
  | { readonly _tag: "Proportional"; readonly alpha: number; readonly epsilon: number }
  | { readonly _tag: "RankBased"; readonly alpha: number }
  | { readonly _tag: "Recency"; readonly halfLife: number }

/**
 * `key` decides the draw. Of the sample `realFraction` is real, `successFraction` successful, and of each environment the share that
 * `environments` gives it, as far as there is enough of each; absent: as it comes. `strategy` (default `Uniform`) says which within
 * that; ranks (`RankBased`) cannot be balanced. Without `replacement` (the default) none comes twice before all came once.
 * `beta` in [0, 1] is how much of the strategy's bias the importance weights take back (default 1: all).
 */
export interface SampleRequest {
  readonly count: number
  readonly key: number
  readonly realFraction?: number
  readonly successFraction?: number
  readonly environments?: Readonly<Record<string, number>>
  readonly strategy?: Strategy
  readonly replacement?: boolean
  readonly beta?: number
}

/**
 * `probability` is that of one draw. `importance` is (N x probability)^-beta over the greatest of the sample, so in (0, 1]
 * (Schaul et al. 2016, section 3.4).
 */
export interface Drawn {
  readonly trajectory: Trajectory
  readonly probability: number
  readonly importance: number
}

/** `priority` is any finite number; `id` that of a trajectory. */
export interface Priority {
  readonly id: string
  readonly priority: number
}

/** `isRejected` absent: both what was accepted (or never judged) and what was rejected. */
export interface TrajectoryFilter extends Filter {
  readonly isSuccess?: boolean
  readonly isRejected?: boolean
}

/** Transitions and successes are those of what was not rejected. */
export interface BufferStats {
  readonly trajectories: number
  readonly realTransitions: number
  readonly syntheticTransitions: number
  readonly duplicates: number
  readonly successes: number
  readonly rejected: number
}

/** A read-only view: what the experience model may look up. */
export class Retrieval extends Context.Service<
  Retrieval,
  {
    readonly similar: (
      query: SimilarQuery
    ) => Effect.Effect<ReadonlyArray<Demonstration>, ReplayBufferError>
  }
>()("@dreamgym/domain/Retrieval") {}

/**
 * `add` acknowledges only what is kept for good; it answers how many trajectories were new (the same task, actions and
 * observations are kept once). Evaluation data is refused with `EvaluationData`. What carries a rejection is kept as a record: it is
 * counted and read, but neither found nor drawn; an episode that failed is found, but not drawn.
 */
export class ReplayBuffer extends Context.Service<
  ReplayBuffer,
  {
    readonly add: (
      trajectories: ReadonlyArray<Trajectory>
    ) => Effect.Effect<number, ReplayBufferError>
    readonly sample: (
      request: SampleRequest
    ) => Effect.Effect<ReadonlyArray<Trajectory>, ReplayBufferError>
    /** The same sample with its probabilities, for learners that weigh what they are shown. */
    readonly draw: (
      request: SampleRequest
    ) => Effect.Effect<ReadonlyArray<Drawn>, ReplayBufferError>
    /** Ids that are not kept are passed over. */
    readonly prioritise: (
      priorities: ReadonlyArray<Priority>
    ) => Effect.Effect<void, ReplayBufferError>
    readonly similar: (
      query: SimilarQuery
    ) => Effect.Effect<ReadonlyArray<Demonstration>, ReplayBufferError>
    readonly stats: Effect.Effect<BufferStats, ReplayBufferError>
    /** What is kept, oldest first, read piece by piece; what comes or goes meanwhile may be missed. */
    readonly trajectories: (
      filter?: TrajectoryFilter
    ) => Stream.Stream<Trajectory, ReplayBufferError>
    /** A number for what is kept now; it stays until it is released. */
    readonly snapshot: Effect.Effect<number, ReplayBufferError>
    /** What was kept at that snapshot is kept now, and nothing else; later snapshots are forgotten. Fails as `NoSnapshot`. */
    readonly restore: (snapshot: number) => Effect.Effect<void, ReplayBufferError>
    readonly release: (snapshot: number) => Effect.Effect<void, ReplayBufferError>
  }
>()("@dreamgym/domain/ReplayBuffer") {}
