/**
 * A trajectory as rows of a database, and back: the same trajectory, to the last bit of every number and the last character.
 * It knows no SQL. What JSON cannot hold is refused rather than changed.
 */
import { Ending, QualityFilter, ReplayBuffer, Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Coming, Entry } from "../Kept.ts"
import { read, written } from "../WellFormed.ts"
import type {
  Dictionary,
  Fetched,
  FetchedStep,
  FetchedTrajectory,
  Index,
  Row,
  StepRow,
  TrajectoryRow
} from "./StoreWire.ts"

const json = <S extends Schema.Top>(schema: S) => Schema.fromJsonString(Schema.toCodecJson(schema))

/** The columns that hold JSON. */
const columns = {
  task: json(Task.Task),
  ending: json(Ending.Ending),
  toolCall: json(Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })),
  span: json(Trajectory.TokenSpan),
  retrieved: json(Schema.Array(Schema.String)),
  scores: json(Schema.Record(Schema.String, Schema.Number))
}

const encodeTask = Schema.encodeSync(columns.task)
const encodeEnding = Schema.encodeSync(columns.ending)
const encodeToolCall = Schema.encodeSync(columns.toolCall)
const encodeSpan = Schema.encodeSync(columns.span)
const encodeRetrieved = Schema.encodeSync(columns.retrieved)
const encodeScores = Schema.encodeSync(columns.scores)

const decodeTask = Schema.decodeUnknownSync(columns.task)
const decodeEnding = Schema.decodeUnknownSync(columns.ending)
const decodeToolCall = Schema.decodeUnknownSync(columns.toolCall)
const decodeSpan = Schema.decodeUnknownSync(columns.span)
const decodeRetrieved = Schema.decodeUnknownSync(columns.retrieved)
const decodeScores = Schema.decodeUnknownSync(columns.scores)
const decodeReason = Schema.decodeUnknownSync(QualityFilter.Rejection)

/** Fails as `Corrupt` where a value of the trajectory is none that JSON knows. */
export const rowOf = (entry: Coming): Effect.Effect<Row, ReplayBuffer.ReplayBufferError> =>
  Effect.try({
    try: () => rowUnsafe(entry),
    catch: (cause) =>
      new ReplayBuffer.ReplayBufferError({
        reason: "Corrupt",
        message: `trajectory ${entry.trajectory.id} cannot be written as JSON: ${String(cause)}`,
        cause
      })
  })

/** Throws where `rowOf` fails. */
export const rowUnsafe = (entry: Coming): Row => {
  const { fingerprint, isFailed, isSuccess, priority, quality, realSteps, trajectory } = entry
  const { ending, firstObservation, id, policy, policyVersion, task, transitions } = trajectory
  return {
    trajectory: {
      fingerprint,
      id: written(id),
      environment: written(task.environment),
      task_id: written(task.id),
      task: encodeTask(task),
      first_observation: written(firstObservation),
      ending: encodeEnding(ending),
      success: isSuccess ? 1 : 0,
      failed: isFailed ? 1 : 0,
      policy: written(policy),
      policy_version: policyVersion,
      source: entry.isReal ? "real" : "synthetic",
      total_reward: numberOrNull(Trajectory.totalReward(trajectory)),
      length: transitions.length,
      real_steps: realSteps,
      quality,
      priority,
      iteration: trajectory.iteration ?? null,
      ...verdictRowOf(trajectory.verdict)
    },
    steps: transitions.map((transition, idx) =>
      stepOf(transition, idx, transitions[idx - 1]?.nextObservation ?? firstObservation)
    )
  }
}

type VerdictRow = Pick<TrajectoryRow, "verdict" | "reason" | "verdict_message" | "verdict_scores">

const verdictRowOf = (verdict: QualityFilter.Verdict | undefined): VerdictRow => {
  const isRejected = verdict?._tag === "Rejected"
  return {
    verdict: verdict === undefined ? null : isRejected ? "rejected" : "accepted",
    reason: isRejected ? verdict.reason : null,
    verdict_message: isRejected ? written(verdict.message) : null,
    verdict_scores: verdict === undefined ? null : encodeScores(verdict.scores)
  }
}

const stepOf = (
  { action, nextObservation, observation, provenance, reward }: Trajectory.Transition,
  idx: number,
  before: string
): StepRow => ({
  idx,
  observation: observation === before ? null : written(observation),
  action: written(action.text),
  tool_call: action.toolCall === undefined ? null : encodeToolCall(action.toolCall),
  span: action.span === undefined ? null : encodeSpan(action.span),
  reward: numberOrNull(reward),
  next_observation: written(nextObservation),
  ...originOf(provenance)
})

type Origin = Pick<StepRow, "source" | "origin" | "origin_version" | keyof typeof nothingDreamt>

const nothingDreamt = {
  retrieved: null,
  reasoning: null,
  scores: null,
  cost: null,
  prompt_hash: null,
  prompt_tokens: null,
  completion_tokens: null,
  latency: null
}

const originOf = (provenance: Trajectory.Provenance): Origin =>
  provenance._tag === "Real"
    ? {
        source: "real",
        origin: written(provenance.environment),
        origin_version: written(provenance.version),
        ...nothingDreamt
      }
    : {
        source: "synthetic",
        origin: written(provenance.model),
        origin_version: String(provenance.modelVersion),
        retrieved: encodeRetrieved(provenance.retrieved),
        reasoning: written(provenance.reasoning),
        scores: encodeScores(provenance.scores),
        cost: numberOrNull(provenance.cost),
        prompt_hash: provenance.promptHash === undefined ? null : written(provenance.promptHash),
        prompt_tokens: provenance.tokens?.prompt ?? null,
        completion_tokens: provenance.tokens?.completion ?? null,
        latency: Number.isNaN(provenance.latency) ? "NaN" : (provenance.latency ?? null)
      }

/** The entries of an index. */
export const entriesOf = (index: Index): ReadonlyArray<Entry> => {
  const environmentAt = wordAt(index.environments)
  const taskAt = wordAt(index.tasks)
  return index.ids.map((id, i) => {
    const [flag, realSteps] = [index.flags[i] ?? 0, index.realSteps[i] ?? 0]
    return {
      seq: index.seqs[i] ?? 0,
      id: read(id),
      environment: environmentAt(i),
      task: taskAt(i),
      isReal: (flag & 1) !== 0,
      isSuccess: (flag & 2) !== 0,
      isFailed: (flag & 4) !== 0,
      isRejected: (flag & 8) !== 0,
      realSteps,
      syntheticSteps: (index.lengths[i] ?? 0) - realSteps,
      quality: index.qualities[i] ?? 0,
      version: index.versions[i] ?? 0,
      priority: index.priorities[i] ?? 0
    }
  })
}

const wordAt = ({ at, words }: Dictionary) => {
  const texts = words.map(read)
  return (i: number): string => texts[at[i] ?? 0] ?? ""
}

/** What was fetched, by number. Fails as `Corrupt` where a row is none of ours. */
export const trajectoriesOf = Effect.fnUntraced(function* (
  { steps, trajectories }: Fetched,
  file: string
): Effect.fn.Return<ReadonlyMap<number, Trajectory.Trajectory>, ReplayBuffer.ReplayBufferError> {
  const stepsOf = Map.groupBy(steps, ({ trajectory }) => trajectory)
  const found = new Map<number, Trajectory.Trajectory>()
  for (const row of trajectories) {
    const read = trajectoryOf(row, stepsOf.get(row.seq) ?? [])
    if (Result.isFailure(read))
      return yield* damaged(file, `row ${row.seq} is no trajectory (${read.failure})`)
    found.set(row.seq, read.success)
  }
  return found
})

export const damaged = (file: string, what: string) =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Corrupt",
    file,
    message: `${file}: ${what}; move the file away with its -wal, or restore it from a copy`
  })

/** A failure says what is wrong with the row. */
export const trajectoryOf = (
  row: FetchedTrajectory,
  steps: ReadonlyArray<FetchedStep>
): Result.Result<Trajectory.Trajectory, string> =>
  Result.try({ try: () => trajectoryUnsafe(row, steps), catch: String })

const trajectoryUnsafe = (
  row: FetchedTrajectory,
  steps: ReadonlyArray<FetchedStep>
): Trajectory.Trajectory => {
  if (steps.length !== row.length) {
    throw new Error(`${steps.length} of the ${row.length} steps of row ${row.seq} are there`)
  }
  const firstObservation = read(row.first_observation)
  let before = firstObservation
  const transitions = steps.map((step) => {
    const observation = step.observation === null ? before : read(step.observation)
    before = read(step.next_observation)
    return transitionOf(step, observation, before)
  })
  return {
    id: read(row.id),
    task: decodeTask(row.task),
    firstObservation,
    transitions,
    ending: decodeEnding(row.ending),
    policy: read(row.policy),
    policyVersion: row.policy_version,
    ...(row.iteration === null ? {} : { iteration: row.iteration }),
    ...(row.verdict === null ? {} : { verdict: verdictOf(row) })
  }
}

const verdictOf = (row: VerdictRow): QualityFilter.Verdict => {
  const scores = decodeScores(row.verdict_scores)
  return row.verdict === "accepted"
    ? { _tag: "Accepted", scores }
    : {
        _tag: "Rejected",
        reason: decodeReason(row.reason),
        message: read(row.verdict_message ?? ""),
        scores
      }
}

const transitionOf = (
  step: FetchedStep,
  observation: string,
  nextObservation: string
): Trajectory.Transition => ({
  observation,
  action: {
    text: read(step.action),
    ...(step.tool_call === null ? {} : { toolCall: decodeToolCall(step.tool_call) }),
    ...(step.span === null ? {} : { span: decodeSpan(step.span) })
  },
  reward: step.reward ?? Number.NaN,
  nextObservation,
  provenance: provenanceOf(step)
})

const provenanceOf = (step: FetchedStep): Trajectory.Provenance => {
  if (step.source === "real") {
    return { _tag: "Real", environment: read(step.origin), version: read(step.origin_version) }
  }
  if (step.source !== "synthetic") throw new Error(`${step.source} is no source`)
  return {
    _tag: "Synthetic",
    model: read(step.origin),
    modelVersion: Number(step.origin_version),
    retrieved: decodeRetrieved(step.retrieved),
    reasoning: read(step.reasoning ?? ""),
    scores: decodeScores(step.scores),
    cost: step.cost ?? Number.NaN,
    ...(step.prompt_hash === null ? {} : { promptHash: read(step.prompt_hash) }),
    ...tokensOf(step),
    ...(step.latency === null ? {} : { latency: Number(step.latency) })
  }
}

const tokensOf = ({ completion_tokens, prompt_tokens }: FetchedStep) =>
  prompt_tokens === null || completion_tokens === null
    ? {}
    : { tokens: { prompt: prompt_tokens, completion: completion_tokens } }

/** SQLite has no NaN. */
const numberOrNull = (value: number): number | null => (Number.isNaN(value) ? null : value)
