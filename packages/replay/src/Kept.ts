/**
 * What a buffer keeps, whatever it keeps it in: the entry that stands for each trajectory, and the rules of who may stay.
 * Where it is kept (memory, a SQLite file, PostgreSQL) is a `Kept`; who finds and draws follows its changes.
 */
import { Ending, type ReplayBuffer, Trajectory } from "@dreamgym/domain"
import type * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import type * as VectorIndex from "./retrieval/VectorIndex.ts"

export { room, shelfOf, shelves, takesThePlaceOf, type Quotas, type Shelf } from "./Quotas.ts"

type Failed = ReplayBuffer.ReplayBufferError

/**
 * What must be known of a kept trajectory again and again; the trajectory itself is read when it is wanted. `seq`: the younger,
 * the greater, never used again. `id`, `environment` and `task` are the trajectory's; `version` is the policy's. An entry never
 * changes.
 */
export interface Entry {
  readonly seq: number
  readonly id: string
  readonly environment: string
  readonly task: string
  readonly isReal: boolean
  readonly isSuccess: boolean
  /** An episode that failed is kept for what it shows of the world, but nobody may learn to act from it. */
  readonly isFailed: boolean
  /** The quality filter rejected it: a record, neither found nor drawn. */
  readonly isRejected: boolean
  readonly realSteps: number
  readonly syntheticSteps: number
  readonly quality: number
  readonly version: number
  /** When it was read or added; later ones are told by `Change.prioritised`. */
  readonly priority: number
}

/** A trajectory on its way in. `fingerprint` stands for its content, `quality` decides who goes. */
export interface Coming extends Omit<Entry, "seq"> {
  readonly trajectory: Trajectory.Trajectory
  readonly fingerprint: string
}

/** What an addition, a restoration or a new priority changed. `evicted` may hold the inserted one itself, where there was no room for it. */
export interface Change {
  readonly inserted?: Entry
  readonly evicted: ReadonlyArray<Entry>
  readonly prioritised?: ReadonlyArray<Prioritised>
}

export interface Prioritised {
  readonly seq: number
  readonly priority: number
}

/**
 * What is kept now and the way in. Every change is told to the one `changed` that it was opened with, in the order of commits and
 * before the call that made it answers.
 */
export interface Kept {
  /** Oldest first. */
  readonly entries: () => ReadonlyArray<Entry>
  /** One change per trajectory, when all of them are kept for good. */
  readonly add: (coming: ReadonlyArray<Coming>) => Effect.Effect<ReadonlyArray<Change>, Failed>
  /** Makes these all that is kept, in their order. */
  readonly replace: (coming: ReadonlyArray<Coming>) => Effect.Effect<void, Failed>
  readonly read: Read
  readonly prioritise: (list: ReadonlyArray<Prioritised>) => Effect.Effect<void, Failed>
  readonly snapshot: Effect.Effect<number, Failed>
  /** Fail as `NoSnapshot` where there is none of this number. */
  readonly restore: (snapshot: number) => Effect.Effect<void, Failed>
  readonly release: (snapshot: number) => Effect.Effect<void, Failed>
  /** Learns what others wrote; absent where nobody else can. Called before every question. */
  readonly refresh?: Effect.Effect<void, Failed>
  /** Absent where vectors are not kept. */
  readonly vectors?: Vectors
}

/** The trajectories of entries, in their order, or undefined where one of them is not kept any more. */
export type Read = (
  entries: ReadonlyArray<Entry>
) => Effect.Effect<ReadonlyArray<Trajectory.Trajectory> | undefined, Failed>

/** Whose vectors they are: the embedder's name and the length D of a vector. */
export interface Space {
  readonly embedder: string
  readonly dimension: number
}

/** The vectors of a trajectory of T transitions: `vectors`[T x D], one row per transition. */
export interface Embedded {
  readonly seq: number
  readonly vectors: Float32Array
}

/** Vectors beside the trajectories, so that none need be made twice. They go with their trajectory. */
export interface Vectors {
  /** Where a copy for fast starts may lie (`SideCar`); absent: nowhere. */
  readonly sideCar?: string
  /** What is kept of this space, page by page, in the order of `seq`. Fails as `Embedding` where a row has another length than it says. */
  readonly read: <E>(
    space: Space,
    page: (some: ReadonlyArray<Embedded>) => Effect.Effect<void, E>
  ) => Effect.Effect<void, E | Failed>
  /** Those that are not kept any more are passed over; vectors of other spaces go. */
  readonly write: (space: Space, some: ReadonlyArray<Embedded>) => Effect.Effect<void, Failed>
  /** Undefined or absent: the store does not search in this space; whoever does reads its vectors into memory. */
  readonly search?: (space: Space) => Search | undefined
}

/** Transition `index` of trajectory `seq`; `similarity` is the cosine, 0 where either vector is empty. */
export interface Near {
  readonly seq: number
  readonly index: number
  readonly similarity: number
}

/**
 * What a store that searches answers; undefined where vectors that were kept in this space went meanwhile, for those of another or
 * with a table: then nothing of what was written is sure to be there.
 */
export interface Search {
  /** Those of `seqs` whose vectors are kept. Asked before the first question and whenever something came. */
  readonly known: (
    seqs: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlySet<number> | undefined, Failed>
  /** One list per query, in the order and with the filters of `VectorIndex.search`; what was rejected is not found. */
  readonly nearest: (
    queries: ReadonlyArray<VectorIndex.Query>
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Near>> | undefined, Failed>
}

/** How good a trajectory is, the greater the better; NaN counts as 0. */
export type Quality = (trajectory: Trajectory.Trajectory) => number

export const comingOf = (trajectory: Trajectory.Trajectory, quality: Quality): Coming => {
  const { ending, transitions } = trajectory
  const realSteps = transitions.filter(({ provenance }) => provenance._tag === "Real").length
  return {
    trajectory,
    fingerprint: fingerprintOf(trajectory),
    id: trajectory.id,
    environment: trajectory.task.environment,
    task: trajectory.task.id,
    isReal: Trajectory.isReal(trajectory),
    isSuccess: Ending.isSuccess(ending),
    isFailed: ending._tag === "Failed",
    isRejected: Trajectory.isRejected(trajectory),
    realSteps,
    syntheticSteps: transitions.length - realSteps,
    quality: quality(trajectory) || 0,
    version: trajectory.policyVersion,
    priority: firstPriority
  }
}

/** What was never prioritised. */
export const firstPriority = 1

/** SHA-256 of the content: environment, task, first observation, actions, and what they brought. */
const fingerprintOf = ({ firstObservation, task, transitions }: Trajectory.Trajectory): string => {
  const turns = transitions.flatMap(({ action, nextObservation }) => [action.text, nextObservation])
  const { environment, id, instruction } = task
  const text = JSON.stringify([environment, id, instruction, firstObservation, ...turns])
  return createHash("sha256").update(text).digest("hex")
}
