/**
 * A trajectory as rows of a table, one per transition, and back: the same trajectory but for -0, which JSON columns read as 0.
 * How a table lies in a file is for `Parquet`.
 *
 * Columns in JSON hold what is rarely asked for (payload, origin, tool_call, span, provenance, ending, verdict). `is_success`,
 * `is_rejected` and `source` repeat what these say, for those who filter; a row that contradicts itself is refused. A trajectory
 * without transitions is one row whose `step` is null.
 */
import { Ending, QualityFilter, Task, Trajectory } from "@dreamgym/domain"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as WellFormed from "../WellFormed.ts"

/** Columns of text are UTF-8; what is not well-formed Unicode is written as `WellFormed` says. */
const Text = Schema.String.pipe(
  Schema.decodeTo(
    Schema.String,
    SchemaTransformation.transform({ decode: WellFormed.read, encode: WellFormed.written })
  )
)

/** 64 bits; others write the same columns with 32, or as floating point. */
const Integer = Schema.Union([Schema.BigInt, Schema.Number]).pipe(
  Schema.decodeTo(
    Schema.Int,
    SchemaTransformation.transform({
      decode: Number,
      encode: (value): bigint | number => BigInt(value)
    })
  )
)

const json = <S extends Schema.Top>(schema: S) => Schema.fromJsonString(Schema.toCodecJson(schema))

const Source = Schema.Literals(["real", "synthetic"])

/** `step` counts from 0 and `steps` says how many there are; those of a trajectory follow one another. */
export const TransitionRow = Schema.Struct({
  id: Text,
  step: Schema.NullOr(Integer),
  steps: Integer,
  is_success: Schema.Boolean,
  is_rejected: Schema.Boolean,
  environment: Text,
  task_id: Text,
  instruction: Text,
  seed: Integer,
  payload: json(Schema.Unknown),
  origin: json(Task.Origin),
  first_observation: Text,
  observation: Schema.NullOr(Text),
  action: Schema.NullOr(Text),
  tool_call: Schema.NullOr(json(Schema.Struct({ name: Schema.String, arguments: Schema.Unknown }))),
  span: Schema.NullOr(json(Trajectory.TokenSpan)),
  reward: Schema.NullOr(Schema.Number),
  next_observation: Schema.NullOr(Text),
  source: Schema.NullOr(Source),
  provenance: Schema.NullOr(json(Trajectory.Provenance)),
  ending: json(Ending.Ending),
  policy: Text,
  policy_version: Integer,
  iteration: Schema.NullOr(Integer),
  verdict: Schema.NullOr(json(QualityFilter.Verdict))
})
export interface TransitionRow extends Schema.Schema.Type<typeof TransitionRow> {}

/** What is in a column, whatever a file calls it. */
export const kinds = {
  id: "text",
  step: "integer",
  steps: "integer",
  is_success: "flag",
  is_rejected: "flag",
  environment: "text",
  task_id: "text",
  instruction: "text",
  seed: "integer",
  payload: "text",
  origin: "text",
  first_observation: "text",
  observation: "text",
  action: "text",
  tool_call: "text",
  span: "text",
  reward: "number",
  next_observation: "text",
  source: "text",
  provenance: "text",
  ending: "text",
  policy: "text",
  policy_version: "integer",
  iteration: "integer",
  verdict: "text"
} as const satisfies Readonly<Record<keyof TransitionRow, "text" | "integer" | "number" | "flag">>

export const rowsOf = (trajectory: Trajectory.Trajectory): ReadonlyArray<TransitionRow> => {
  const shared = sharedOf(trajectory)
  return trajectory.transitions.length === 0
    ? [{ ...shared, ...nothing }]
    : trajectory.transitions.map((transition, step) => ({ ...shared, step, ...partOf(transition) }))
}

const sharedOf = ({
  ending,
  firstObservation,
  id,
  iteration,
  policy,
  policyVersion,
  task,
  transitions,
  verdict
}: Trajectory.Trajectory) => ({
  id,
  steps: transitions.length,
  is_success: Ending.isSuccess(ending),
  is_rejected: verdict?._tag === "Rejected",
  environment: task.environment,
  task_id: task.id,
  instruction: task.instruction,
  seed: task.seed,
  payload: task.payload,
  origin: task.origin,
  first_observation: firstObservation,
  ending,
  policy,
  policy_version: policyVersion,
  iteration: iteration ?? null,
  verdict: verdict ?? null
})

const nothing = {
  step: null,
  observation: null,
  action: null,
  tool_call: null,
  span: null,
  reward: null,
  next_observation: null,
  source: null,
  provenance: null
} as const

const partOf = ({
  action,
  nextObservation,
  observation,
  provenance,
  reward
}: Trajectory.Transition) => ({
  observation,
  action: action.text,
  tool_call: action.toolCall ?? null,
  span: action.span ?? null,
  reward,
  next_observation: nextObservation,
  source: sourceOf(provenance),
  provenance
})

const sourceOf = ({ _tag }: Trajectory.Provenance): typeof Source.Type =>
  _tag === "Real" ? "real" : "synthetic"

/** The trajectory of all of its rows, in their order, or what is wrong with them. */
export const trajectoryOf = (
  first: TransitionRow,
  rows: ReadonlyArray<TransitionRow>
): Trajectory.Trajectory | string => {
  const transitions = first.step === null ? [] : rows.map(transitionOf)
  const wrong = contradiction(first) ?? transitions.find((one) => typeof one === "string")
  if (wrong !== undefined) return wrong
  return {
    id: first.id,
    task: taskOf(first),
    firstObservation: first.first_observation,
    transitions: transitions.filter((one) => typeof one !== "string"),
    ending: first.ending,
    policy: first.policy,
    policyVersion: first.policy_version,
    ...(first.iteration === null ? {} : { iteration: first.iteration }),
    ...(first.verdict === null ? {} : { verdict: first.verdict })
  }
}

const taskOf = (row: TransitionRow): Task.Task => ({
  id: row.task_id,
  environment: row.environment,
  instruction: row.instruction,
  seed: row.seed,
  payload: row.payload,
  origin: row.origin
})

const contradiction = (row: TransitionRow): string | undefined =>
  row.is_success !== Ending.isSuccess(row.ending)
    ? "is_success contradicts ending"
    : row.is_rejected !== (row.verdict?._tag === "Rejected")
      ? "is_rejected contradicts verdict"
      : undefined

const transitionOf = (row: TransitionRow): Trajectory.Transition | string => {
  const { action, next_observation: nextObservation, observation, provenance, reward } = row
  if (observation === null || action === null || nextObservation === null)
    return `step ${row.step} has no observation, action or next_observation`
  if (reward === null || provenance === null) return `step ${row.step} has no reward or provenance`
  if (row.source !== sourceOf(provenance)) return "source contradicts provenance"
  return {
    observation,
    action: {
      text: action,
      ...(row.tool_call === null ? {} : { toolCall: row.tool_call }),
      ...(row.span === null ? {} : { span: row.span })
    },
    reward,
    nextObservation,
    provenance
  }
}
