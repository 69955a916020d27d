/**
 * A trajectory as rows of a database, and back: the same trajectory, to the last bit of every number and the last character.
 * It knows no SQL. What JSON cannot hold is refused rather than changed.
 */
import { Ending, ReplayBuffer, Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Entry, sourceOf } from "../Kept.ts"
import type { Row, StepRow } from "./StoreWire.ts"

const json = <S extends Schema.Top>(schema: S) => Schema.fromJsonString(Schema.toCodecJson(schema))

/** The columns that hold JSON. */
const columns = {
  task: json(Task.Task),
  ending: json(Ending.Ending),
  tool_call: json(Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })),
  span: json(Trajectory.TokenSpan),
  retrieved: json(Schema.Array(Schema.String)),
  scores: json(Schema.Record(Schema.String, Schema.Number))
}

const encodeTask = Schema.encodeSync(columns.task)
const encodeEnding = Schema.encodeSync(columns.ending)
const encodeToolCall = Schema.encodeSync(columns.tool_call)
const encodeSpan = Schema.encodeSync(columns.span)
const encodeScores = Schema.encodeSync(columns.scores)

const StoredStep = Schema.Struct({
  trajectory: Schema.Int,
  observation: Schema.NullOr(Schema.String),
  action: Schema.String,
  tool_call: Schema.NullOr(columns.tool_call),
  span: Schema.NullOr(columns.span),
  reward: Schema.NullOr(Schema.Number),
  next_observation: Schema.String,
  source: Schema.Literals(["real", "synthetic"]),
  origin: Schema.String,
  origin_version: Schema.String,
  retrieved: Schema.NullOr(columns.retrieved),
  reasoning: Schema.NullOr(Schema.String),
  scores: Schema.NullOr(columns.scores),
  cost: Schema.NullOr(Schema.Number)
})
type StoredStep = typeof StoredStep.Type

const StoredTrajectory = Schema.Struct({
  seq: Schema.Int,
  fingerprint: Schema.String,
  id: Schema.String,
  task: columns.task,
  first_observation: Schema.String,
  ending: columns.ending,
  success: Schema.Int,
  policy: Schema.String,
  policy_version: Schema.Int,
  source: Schema.Literals(["real", "synthetic"]),
  quality: Schema.Number
})

const Loaded = Schema.Struct({
  trajectories: Schema.Array(StoredTrajectory),
  steps: Schema.Array(StoredStep)
})
type Loaded = typeof Loaded.Type
const decode = Schema.decodeUnknownEffect(Loaded)

/** Fails as `Corrupt` where a value of the trajectory is none that JSON knows. */
export const rowOf = (entry: Entry): Effect.Effect<Row, ReplayBuffer.ReplayBufferError> =>
  Effect.try({
    try: () => rowUnsafe(entry),
    catch: (cause) =>
      new ReplayBuffer.ReplayBufferError({
        reason: "Corrupt",
        message: `trajectory ${entry.trajectory.id} cannot be written as JSON: ${String(cause)}`,
        cause
      })
  })

const rowUnsafe = (entry: Entry): Row => {
  const { fingerprint, isSuccess, quality, trajectory } = entry
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
      policy: written(policy),
      policy_version: policyVersion,
      source: sourceOf(entry),
      total_reward: numberOrNull(Trajectory.totalReward(trajectory)),
      length: transitions.length,
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
        retrieved: JSON.stringify(provenance.retrieved),
        reasoning: written(provenance.reasoning),
        scores: encodeScores(provenance.scores),
        cost: numberOrNull(provenance.cost)
      }

/** A page of `StoreEngine.load` as entries, each with its number. Fails as `Corrupt` where a row is none of ours. */
export const entriesOf = (
  page: unknown,
  file: string
): Effect.Effect<
  ReadonlyArray<{ readonly seq: number; readonly entry: Entry }>,
  ReplayBuffer.ReplayBufferError
> =>
  decode(page).pipe(
    Effect.map(({ steps, trajectories }) => {
      const byTrajectory = Map.groupBy(steps, ({ trajectory }) => trajectory)
      return trajectories.map((row) => ({
        seq: row.seq,
        entry: entryOf(row, byTrajectory.get(row.seq) ?? [])
      }))
    }),
    Effect.mapError(
      (cause) =>
        new ReplayBuffer.ReplayBufferError({
          reason: "Corrupt",
          file,
          message: `${file}: a row is no trajectory; move the file away, or restore it from a copy. ${cause.message}`,
          cause
        })
    )
  )

const entryOf = (row: Loaded["trajectories"][number], steps: Loaded["steps"]): Entry => {
  const firstObservation = read(row.first_observation)
  let before = firstObservation
  const transitions = steps.map((step) => {
    const observation = step.observation === null ? before : read(step.observation)
    before = read(step.next_observation)
    return transitionOf(step, observation, before)
  })
  return {
    trajectory: {
      id: read(row.id),
      task: row.task,
      firstObservation,
      transitions,
      ending: row.ending,
      policy: read(row.policy),
      policyVersion: row.policy_version
    },
    fingerprint: row.fingerprint,
    isReal: row.source === "real",
    isSuccess: row.success === 1,
    quality: row.quality
  }
}

const transitionOf = (
  step: StoredStep,
  observation: string,
  nextObservation: string
): Trajectory.Transition => ({
  observation,
  action: {
    text: read(step.action),
    ...(step.tool_call === null ? {} : { toolCall: step.tool_call }),
    ...(step.span === null ? {} : { span: step.span })
  },
  reward: step.reward ?? Number.NaN,
  nextObservation,
  provenance: provenanceOf(step)
})

const provenanceOf = (step: StoredStep): Trajectory.Provenance =>
  step.source === "real"
    ? { _tag: "Real", environment: read(step.origin), version: read(step.origin_version) }
    : {
        _tag: "Synthetic",
        model: read(step.origin),
        modelVersion: Number(step.origin_version),
        retrieved: step.retrieved ?? [],
        reasoning: read(step.reasoning ?? ""),
        scores: step.scores ?? {},
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
