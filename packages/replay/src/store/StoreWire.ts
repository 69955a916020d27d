/**
 * What passes between a store and its writer thread: flat rows of SQL values, and requests with numbers.
 * Only its form: what the rows mean is `StoreRow`, what is done with them `StoreEngine`.
 */

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
}

/** As much of a trajectory as is needed to have it back, and its number. */
export interface FetchedTrajectory extends Pick<
  TrajectoryRow,
  "id" | "task" | "first_observation" | "ending" | "policy" | "policy_version" | "length"
> {
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

/** `maxBytes`: the size that the database may reach. The quotas count trajectories. */
export interface OpenRequest {
  readonly kind: "open"
  readonly file: string
  readonly maxBytes?: number
  readonly quotas: { readonly all?: number; readonly real?: number; readonly synthetic?: number }
}

/** What changes the database. `at`: milliseconds since 1970, for the record. */
export type Write =
  | { readonly kind: "add"; readonly rows: ReadonlyArray<Row>; readonly at: number }
  | { readonly kind: "replace"; readonly rows: ReadonlyArray<Row>; readonly at: number }
  | { readonly kind: "snapshot"; readonly at: number }
  | { readonly kind: "restore"; readonly version: number; readonly at: number }
  | { readonly kind: "release"; readonly version: number }

/** What only reads: the numbers of all that is kept, or the rows of those of `seqs` that are. */
export type Reading =
  | { readonly kind: "index" }
  | { readonly kind: "fetch"; readonly seqs: ReadonlyArray<number> }

/** `flags`: 1 real, 2 success, 4 failed. All in the order of `seqs`. */
export interface Index {
  readonly seqs: Float64Array
  readonly flags: Uint8Array
  readonly lengths: Uint32Array
  readonly realSteps: Uint32Array
}

export type Request =
  | OpenRequest
  | Write
  | Reading
  | { readonly kind: "verify" }
  | { readonly kind: "close" }

/** Of one added row: its number where it was new, and the numbers of those that went for it. */
export interface Placed {
  readonly seq?: number
  readonly evicted: ReadonlyArray<number>
}

/** The answer to each kind of request. `fetch` gives rows in no order, the steps of each in theirs. */
export interface Answers {
  readonly open: { readonly isNew: boolean }
  readonly add: ReadonlyArray<Placed>
  readonly replace: ReadonlyArray<number>
  readonly snapshot: number
  readonly restore: boolean
  readonly release: boolean
  readonly index: Index
  readonly fetch: {
    readonly trajectories: ReadonlyArray<FetchedTrajectory>
    readonly steps: ReadonlyArray<FetchedStep>
  }
  readonly verify: ReadonlyArray<string>
  readonly close: boolean
}

/** Why a request failed. */
export interface Failure {
  readonly reason: "Io" | "Corrupt" | "Locked" | "NewerVersion" | "DiskFull"
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
