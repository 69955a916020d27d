/**
 * A trajectory as rows of a database, and back: the same trajectory, to the last bit of every number and the last character.
 * It knows no SQL. What JSON cannot hold is refused rather than changed.
 */
import { Ending, ReplayBuffer, Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Coming, type Entry, sourceOf } from "../Kept.ts"
import type { Answers, FetchedStep, FetchedTrajectory, Index, Row, StepRow } from "./StoreWire.ts"

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

const rowUnsafe = (entry: Coming): Row => {
  const { fingerprint, isFailed, isSuccess, quality, realSteps, trajectory } = entry
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
      source: sourceOf(entry),
      total_reward: numberOrNull(Trajectory.totalReward(trajectory)),
      length: transitions.length,
      real_steps: realSteps,
      quality
    },
    steps: transitions.map((transition, idx) =>
      stepOf(transition, idx, transitions[idx - 1]?.nextObservation ?? firstObservation)
    )
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

type Origin = Pick<
  StepRow,
  "source" | "origin" | "origin_version" | "retrieved" | "reasoning" | "scores" | "cost"
>

const originOf = (provenance: Trajectory.Provenance): Origin =>
  provenance._tag === "Real"
    ? {
        source: "real",
        origin: written(provenance.environment),
        origin_version: written(provenance.version),
        retrieved: null,
        reasoning: null,
        scores: null,
        cost: null
      }
    : {
        source: "synthetic",
        origin: written(provenance.model),
        origin_version: String(provenance.modelVersion),
        retrieved: encodeRetrieved(provenance.retrieved),
        reasoning: written(provenance.reasoning),
        scores: encodeScores(provenance.scores),
        cost: numberOrNull(provenance.cost)
      }

/** The entries of an index, each with its number. */
export const storedOf = ({ flags, lengths, realSteps, seqs }: Index) =>
  Array.from(seqs, (seq, i): Entry & { readonly seq: number } => {
    const [flag, real] = [flags[i] ?? 0, realSteps[i] ?? 0]
    return {
      seq,
      isReal: (flag & 1) !== 0,
      isSuccess: (flag & 2) !== 0,
      isFailed: (flag & 4) !== 0,
      realSteps: real,
      syntheticSteps: (lengths[i] ?? 0) - real
    }
  })

/** What was fetched, by number. Fails as `Corrupt` where a row is none of ours. */
export const trajectoriesOf = (
  { steps, trajectories }: Answers["fetch"],
  file: string
): Effect.Effect<ReadonlyMap<number, Trajectory.Trajectory>, ReplayBuffer.ReplayBufferError> =>
  Effect.try({
    try: () => {
      const byTrajectory = Map.groupBy(steps, ({ trajectory }) => trajectory)
      return new Map(
        trajectories.map((row) => [row.seq, trajectoryOf(row, byTrajectory.get(row.seq) ?? [])])
      )
    },
    catch: (cause) => damaged(file, `a row is no trajectory (${String(cause)})`)
  })

export const damaged = (file: string, what: string) =>
  new ReplayBuffer.ReplayBufferError({
    reason: "Corrupt",
    file,
    message: `${file}: ${what}; move the file away with its -wal, or restore it from a copy`
  })

const trajectoryOf = (
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
    policyVersion: row.policy_version
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

const provenanceOf = (step: FetchedStep): Trajectory.Provenance =>
  step.source === "real"
    ? { _tag: "Real", environment: read(step.origin), version: read(step.origin_version) }
    : {
        _tag: "Synthetic",
        model: read(step.origin),
        modelVersion: Number(step.origin_version),
        retrieved: decodeRetrieved(step.retrieved),
        reasoning: read(step.reasoning ?? ""),
        scores: decodeScores(step.scores),
        cost: step.cost ?? Number.NaN
      }

/** SQLite has no NaN. */
const numberOrNull = (value: number): number | null => (Number.isNaN(value) ? null : value)

/** SQLite's text is UTF-8, which has no lone surrogates: text that holds one is written in hexadecimal behind this mark. */
const mark = "\u0000utf16:"

const written = (text: string): string =>
  text.isWellFormed() && !text.startsWith(mark) ? text : mark + hexadecimal(text)

const hexadecimal = (text: string): string =>
  Array.from({ length: text.length }, (_, i) =>
    text.charCodeAt(i).toString(16).padStart(4, "0")
  ).join("")

const read = (text: string): string =>
  text.startsWith(mark)
    ? text
        .slice(mark.length)
        .replaceAll(/[^]{4}/g, (unit) => String.fromCharCode(Number.parseInt(unit, 16)))
    : text
