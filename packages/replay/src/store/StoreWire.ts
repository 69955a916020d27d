/**
 * What passes between a store and its writer thread: flat rows of SQL values, and requests with numbers.
 * Only its form: what the rows mean is `StoreRow`, what is done with them `StoreWriting` and `StoreReading`.
 */
import type { Quotas, Shelf } from "../Quotas.ts"

/** A step as it lies in the database. `observation` is null where it is what the step before brought. */
export interface StepRow {
  readonly idx: number
  readonly observation: string | null
  readonly action: string
  readonly tool_call: string | null
  readonly span: string | null
  readonly reward: number | null
  readonly next_observation: string
  readonly source: string
  readonly origin: string
  readonly origin_version: string
  readonly retrieved: string | null
  readonly reasoning: string | null
  readonly scores: string | null
  readonly cost: number | null
  readonly prompt_hash: string | null
  readonly prompt_tokens: number | null
  readonly completion_tokens: number | null
  readonly latency: number | string | null
}

/** A trajectory as it lies in the database. JSON columns hold the schema's JSON. */
export interface TrajectoryRow {
  readonly fingerprint: string
  readonly id: string
  readonly environment: string
  readonly task_id: string
  readonly task: string
  readonly first_observation: string
  readonly ending: string
  readonly success: number
  readonly failed: number
  readonly policy: string
  readonly policy_version: number
  readonly source: string
  readonly total_reward: number | null
  readonly length: number
  readonly real_steps: number
  readonly quality: number
  readonly priority: number
  readonly iteration: number | null
  readonly verdict: string | null
  readonly reason: string | null
  readonly verdict_message: string | null
  readonly verdict_scores: string | null
}

export interface FetchedTrajectory extends TrajectoryRow {
  readonly seq: number
}

export interface FetchedStep extends StepRow {
  readonly trajectory: number
}

/** A trajectory with its steps, ready to be written. */
export interface Row {
  readonly trajectory: TrajectoryRow
  readonly steps: ReadonlyArray<StepRow>
}

/** `maxBytes`: the size that the database may reach. `isReadOnly`: nothing is locked, migrated or written. */
export interface OpenRequest {
  readonly kind: "open"
  readonly file: string
  readonly isReadOnly: boolean
  readonly maxBytes?: number
  readonly quotas: Quotas
}

/** All of `seqs` that are kept get the priority in the same place. */
export interface PrioritiseRequest {
  readonly kind: "prioritise"
  readonly seqs: Float64Array
  readonly priorities: Float64Array
}

/** All of `seqs` that are kept get the vectors in the same place: T x `dimension` numbers for T steps. */
export interface EmbedRequest {
  readonly kind: "embed"
  readonly embedder: string
  readonly dimension: number
  readonly seqs: ReadonlyArray<number>
  readonly vectors: ReadonlyArray<Float32Array>
}

/**
 * Takes away, of `source` where one is named: the rejected, those below `leastQuality`, and dreams of a model older than
 * `leastModelVersion`; then what is over `quotas`, whatever its source.
 */
export interface PruneRequest {
  readonly kind: "prune"
  readonly quotas?: Quotas
  readonly rejected?: boolean
  readonly leastQuality?: number
  readonly leastModelVersion?: number
  readonly source?: "real" | "synthetic"
  readonly at: number
}

/** What changes the database. `at`: milliseconds since 1970, for the record. */
export type Write =
  | { readonly kind: "add"; readonly rows: ReadonlyArray<Row>; readonly at: number }
  | { readonly kind: "replace"; readonly rows: ReadonlyArray<Row>; readonly at: number }
  | PrioritiseRequest
  | EmbedRequest
  | PruneRequest
  | { readonly kind: "snapshot"; readonly at: number }
  | { readonly kind: "restore"; readonly version: number; readonly at: number }
  | { readonly kind: "release"; readonly version: number }

/** A page of the vectors of one space: those after number `after`, in order, until they are of `bytes` together. */
export interface VectorsRequest {
  readonly kind: "vectors"
  readonly embedder: string
  readonly dimension: number
  readonly after: number
  readonly bytes: number
}

/**
 * What only reads. `fetch`: the rows of those of `seqs` that are kept. `page`: `count` rows after number `after`, in order, the hidden
 * ones too. `hasChanged`: whether another process has written since the last `index`. `soundness`: what is wrong by SQLite's own
 * checks and by the counts. `dates`: when what is kept came, and the snapshots.
 */
export type Reading =
  | { readonly kind: "index" }
  | { readonly kind: "fetch"; readonly seqs: ReadonlyArray<number> }
  | { readonly kind: "page"; readonly after: number; readonly count: number }
  | VectorsRequest
  | { readonly kind: "hasChanged" }
  | { readonly kind: "soundness" }
  | { readonly kind: "dates" }

/** Milliseconds since 1970; `added` is absent where nothing is kept. */
export interface Dates {
  readonly added?: { readonly first: number; readonly last: number }
  readonly snapshots: ReadonlyArray<{
    readonly version: number
    readonly trajectories: number
    readonly takenAt: number
  }>
}

/** Words that come again and again: row i has `words[at[i]]`. */
export interface Dictionary {
  readonly words: ReadonlyArray<string>
  readonly at: Uint32Array
}

/** `flags`: 1 real, 2 success, 4 failed, 8 rejected. All in the order of `seqs`. */
export interface Index {
  readonly seqs: Float64Array
  readonly ids: ReadonlyArray<string>
  readonly environments: Dictionary
  readonly tasks: Dictionary
  readonly flags: Uint8Array
  readonly lengths: Uint32Array
  readonly realSteps: Uint32Array
  readonly qualities: Float64Array
  readonly versions: Float64Array
  readonly priorities: Float64Array
}

/** `vacuum`: gives the space of what is gone back. */
export type Request =
  | OpenRequest
  | Write
  | Reading
  | { readonly kind: "vacuum" }
  | { readonly kind: "close" }

/** Of one added row: its number where it was new, and the numbers of those that went for it. */
export interface Placed {
  readonly seq?: number
  readonly evicted: ReadonlyArray<number>
}

/** The rows of trajectories in no order (`fetch`) or by number (`page`), and their steps, in order. */
export interface Fetched {
  readonly trajectories: ReadonlyArray<FetchedTrajectory>
  readonly steps: ReadonlyArray<FetchedStep>
}

/** What went, by number and by shelf. `held`: how many of them a snapshot still holds, so that their space is not free. */
export interface PruneAnswer {
  readonly evicted: ReadonlyArray<number>
  readonly went: Readonly<Record<Shelf, number>>
  readonly held: number
}

/** The answer to each kind of request. */
export interface Answers {
  readonly open: { readonly isNew: boolean }
  readonly add: ReadonlyArray<Placed>
  readonly replace: ReadonlyArray<number>
  readonly prioritise: boolean
  readonly embed: boolean
  readonly prune: PruneAnswer
  readonly snapshot: number
  readonly restore: boolean
  readonly release: boolean
  readonly index: Index
  readonly fetch: Fetched
  readonly page: Fetched
  /** Empty where there are no more. */
  readonly vectors: {
    readonly seqs: ReadonlyArray<number>
    readonly vectors: ReadonlyArray<Float32Array>
  }
  readonly hasChanged: boolean
  readonly soundness: ReadonlyArray<string>
  readonly dates: Dates
  readonly vacuum: boolean
  readonly close: boolean
}

/** Why a request failed. */
export interface Failure {
  readonly reason:
    | "Io"
    | "Corrupt"
    | "Locked"
    | "NewerVersion"
    | "DiskFull"
    | "Embedding"
    | "BadRequest"
  readonly message: string
}

/** What goes into the thread, and what comes out. One thread serves all stores of a process, each by its number. */
export interface Call {
  readonly store: number
  readonly id: number
  readonly request: Request
}

export type Reply =
  | { readonly id: number; readonly answer: Answers[Request["kind"]] }
  | { readonly id: number; readonly failure: Failure }
