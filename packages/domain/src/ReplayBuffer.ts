/**
 * The contract of the experience replay buffer: real and synthetic trajectories with provenance, side by side.
 * It keeps; what may enter is the business of `QualityFilter`.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Task } from "./Task.ts"
import type { Trajectory, Transition } from "./Trajectory.ts"

/**
 * `Locked`: another process writes to the file. `NewerVersion`: a newer program wrote it. `DiskFull`: what was acknowledged stays.
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
      "EvaluationData"
    ]),
    file: Schema.optionalKey(Schema.String),
    message: Schema.String,
    cause: Schema.optionalKey(Schema.Defect())
  }
) {}

/** A transition found for its likeness. `similarity` is a cosine in [-1, 1]. */
export interface Demonstration {
  readonly id: string
  readonly task: Task
  readonly transition: Transition
  readonly similarity: number
}

/** `state` is the abstract state where there is one, else the observation. */
export interface SimilarQuery {
  readonly state: string
  readonly action: string
  readonly k: number
  /** Of equally similar ones, real transitions come first; with `realOnly` there are no others. */
  readonly realOnly?: boolean
  /** Never a transition of this trajectory (a transition may not demonstrate itself). */
  readonly excludeTrajectory?: string
  readonly environment?: string
}

/** `realFraction` of the sample is real as far as there is enough of both; `key` decides the draw. */
export interface SampleRequest {
  readonly count: number
  readonly realFraction: number
  readonly key: number
  readonly successFraction?: number
}

export interface BufferStats {
  readonly trajectories: number
  readonly realTransitions: number
  readonly syntheticTransitions: number
  readonly duplicates: number
  readonly successes: number
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
 * observations are kept once). Evaluation data is refused with `EvaluationData`.
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
    readonly similar: (
      query: SimilarQuery
    ) => Effect.Effect<ReadonlyArray<Demonstration>, ReplayBufferError>
    readonly stats: Effect.Effect<BufferStats>
    /** Everything that is kept, oldest first. */
    readonly snapshot: Effect.Effect<ReadonlyArray<Trajectory>, ReplayBufferError>
  }
>()("@dreamgym/domain/ReplayBuffer") {}
