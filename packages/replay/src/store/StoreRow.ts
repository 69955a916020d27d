/**
 * A trajectory as rows of a database, and back: the same trajectory, to the last bit of every number and the last character.
 * It knows no SQL. What JSON cannot hold is refused rather than changed.
 */
import { Ending, ReplayBuffer, Task, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Entry, sourceOf } from "../Kept.ts"
import type { Row } from "./StoreWire.ts"

const json = <S extends Schema.Top>(schema: S) => Schema.fromJsonString(Schema.toCodecJson(schema))

const ToolCall = Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })

const StoredStep = Schema.Struct({
  idx: Schema.Int,
  observation: Schema.NullOr(Schema.String),
  action: Schema.String,
  tool_call: Schema.NullOr(json(ToolCall)),
  span: Schema.NullOr(json(Trajectory.TokenSpan)),
  reward: Schema.NullOr(Schema.Number),
  next_observation: Schema.String,
  source: Schema.Literals(["real", "synthetic"]),
  origin: Schema.String,
  origin_version: Schema.String,
  retrieved: Schema.NullOr(json(Schema.Array(Schema.String))),
  reasoning: Schema.NullOr(Schema.String),
  scores: Schema.NullOr(json(Schema.Record(Schema.String, Schema.Number))),
  cost: Schema.NullOr(Schema.Number)
})
type StoredStep = typeof StoredStep.Type

const StoredTrajectory = Schema.Struct({
  fingerprint: Schema.String,
  id: Schema.String,
  environment: Schema.String,
  task_id: Schema.String,
  task: json(Task.Task),
  first_observation: Schema.String,
  ending: json(Ending.Ending),
  success: Schema.Int,
  policy: Schema.String,
  policy_version: Schema.Int,
  source: Schema.Literals(["real", "synthetic"]),
  total_reward: Schema.NullOr(Schema.Number),
  length: Schema.Int,
  quality: Schema.Number
})

const Stored = Schema.Struct({ trajectory: StoredTrajectory, steps: Schema.Array(StoredStep) })
const encode = Schema.encodeEffect(Stored)

const Loaded = Schema.Struct({
  trajectories: Schema.Array(Schema.Struct({ ...StoredTrajectory.fields, seq: Schema.Int })),
  steps: Schema.Array(Schema.Struct({ ...StoredStep.fields, trajectory: Schema.Int }))
})
type Loaded = typeof Loaded.Type
const decode = Schema.decodeUnknownEffect(Loaded)

/** Fails as `Corrupt` where a value of the trajectory is none that JSON knows. */
export const rowOf = (entry: Entry): Effect.Effect<Row, ReplayBuffer.ReplayBufferError> => {
  const { fingerprint, isSuccess, quality, trajectory } = entry
  const { ending, firstObservation, id, policy, policyVersion, task, transitions } = trajectory
  return encode({
    trajectory: {
      fingerprint,
      id: written(id),
      environment: written(task.environment),
      task_id: written(task.id),
      task,
      first_observation: written(firstObservation),
      ending,
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
  }).pipe(
    Effect.mapError(
      (cause) =>
        new ReplayBuffer.ReplayBufferError({
          reason: "Corrupt",
          message: `trajectory ${id} cannot be written as JSON: ${cause.message}`,
          cause
        })
    )
  )
}

const stepOf = (
  { action, nextObservation, observation, provenance, reward }: Trajectory.Transition,
  idx: number,
  before: string
): StoredStep => ({
  idx,
  observation: observation === before ? null : written(observation),
  action: written(action.text),
  tool_call: action.toolCall ?? null,
  span: action.span ?? null,
  reward: numberOrNull(reward),
  next_observation: written(nextObservation),
  ...originOf(provenance)
})

const originOf = Trajectory.Provenance.match({
  Real: ({ environment, version }) => ({
    source: "real" as const,
    origin: written(environment),
    origin_version: written(version),
    retrieved: null,
    reasoning: null,
    scores: null,
    cost: null
  }),
  Synthetic: ({ cost, model, modelVersion, reasoning, retrieved, scores }) => ({
    source: "synthetic" as const,
    origin: written(model),
    origin_version: String(modelVersion),
    retrieved,
    reasoning: written(reasoning),
    scores,
    cost: numberOrNull(cost)
  })
})

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
