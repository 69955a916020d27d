/**
 * The tasks of tau2-bench (V. Barres et al., 2025; sierra-research/tau2-bench), retail and airline, as its files write them.
 * They are descriptions; `Tau2Score` scores an episode by them. Domains where the customer has tools of their own (telecom)
 * have fields that are refused here.
 *
 * A task's file is `<domain>/tasks.json`, a list of `Tau2Task`; `<domain>/split_tasks.json` names the ids of each split.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

export const domains = ["retail", "airline"] as const
export type Domain = (typeof domains)[number]

/** The splits of both domains; `base` holds all tasks. */
export const splits = ["base", "train", "test"] as const
export type Split = (typeof splits)[number]

/** What the reward is the product of. */
export const RewardBasis = Schema.Literals([
  "DB",
  "ENV_ASSERTION",
  "ACTION",
  "COMMUNICATE",
  "NL_ASSERTION"
])
export type RewardBasis = typeof RewardBasis.Type

const nullable = <S extends Schema.Constraint>(schema: S) => Schema.NullOr(schema)

const Text = Schema.NullOr(Schema.String)

/** A call that the agent is expected to make. `compare_args`: the arguments that count; those of the agent's call where absent. */
export const ExpectedAction = Schema.Struct({
  action_id: Schema.String,
  requestor: Schema.optionalKey(Schema.Literal("assistant")),
  name: Schema.String,
  arguments: Schema.Record(Schema.String, Schema.Unknown),
  info: Schema.optionalKey(Text),
  compare_args: Schema.optionalKey(nullable(Schema.Array(Schema.String)))
})
export interface ExpectedAction extends Schema.Schema.Type<typeof ExpectedAction> {}

const Criteria = Schema.Struct({
  actions: nullable(Schema.Array(ExpectedAction)),
  env_assertions: Schema.optionalKey(nullable(Schema.Tuple([]))),
  communicate_info: nullable(Schema.Array(Schema.String)),
  nl_assertions: nullable(Schema.Array(Schema.String)),
  reward_basis: Schema.NonEmptyArray(RewardBasis)
})

const Instructions = Schema.Struct({
  task_instructions: Schema.String,
  domain: Schema.Literals(domains),
  reason_for_call: Schema.String,
  known_info: Text,
  unknown_info: Text
})

/** `initial_state` is always null in these domains: each episode starts from the database as it is on disk. */
export const Tau2Task = Schema.Struct({
  id: Schema.String,
  description: nullable(Schema.Struct({ purpose: Text, relevant_policies: Text, notes: Text })),
  user_scenario: Schema.Struct({ persona: Text, instructions: Instructions }),
  initial_state: Schema.Null,
  evaluation_criteria: Criteria,
  annotations: Schema.optionalKey(Schema.Unknown),
  issues: Schema.optionalKey(Schema.Array(Schema.Unknown))
})
export interface Tau2Task extends Schema.Schema.Type<typeof Tau2Task> {}

const Splits = Schema.Record(Schema.String, Schema.Array(Schema.String))

/** A file is not what it should be; `file` is the name that the reader was given. */
export class Tau2TaskError extends Schema.TaggedError<Tau2TaskError>()("Tau2TaskError", {
  reason: Schema.Literals(["json", "field", "split"]),
  file: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.detail}; take the file from tau2-bench again`
  }
}

/** Reads `tasks.json`. A field that is not known is refused, for it might say how to score. */
export const read = (
  text: string,
  file: string
): Result.Result<ReadonlyArray<Tau2Task>, Tau2TaskError> =>
  Result.flatMap(parse(text, file), (json) =>
    Result.mapError(
      decodeTasks(json, { onExcessProperty: "error" }),
      (issue) => new Tau2TaskError({ reason: "field", file, detail: issue.message })
    )
  )

/** Reads `split_tasks.json` and picks the tasks of one split, in the order written there. */
export const ofSplit = (
  tasks: ReadonlyArray<Tau2Task>,
  split: Split,
  text: string,
  file: string
): Result.Result<ReadonlyArray<Tau2Task>, Tau2TaskError> => {
  const byId = new Map(tasks.map((task) => [task.id, task]))
  return Result.flatMap(parse(text, file), (json) => {
    const refuse = (detail: string) =>
      Result.fail(new Tau2TaskError({ reason: "split", file, detail }))
    const ids = Result.getOrUndefined(decodeSplits(json))?.[split]
    if (ids === undefined) return refuse(`there is no list of ids under "${split}"`)
    const unknown = ids.find((id) => !byId.has(id))
    if (unknown !== undefined)
      return refuse(`${split} names task ${unknown}, which tasks.json has not`)
    return Result.succeed(ids.map((id) => byId.get(id)).filter((task) => task !== undefined))
  })
}

/** What the customer is told, in the form of the original: each part under its title, indented by two. */
export const instructionOf = ({ user_scenario }: Tau2Task): string => {
  const { instructions, persona } = user_scenario
  const parts = [
    `Domain: ${instructions.domain}`,
    section("Reason for call", instructions.reason_for_call),
    section("Known info", instructions.known_info),
    section("Unknown info", instructions.unknown_info),
    section("Task instructions", instructions.task_instructions)
  ]
  const told = parts.filter((part) => part !== undefined).join("\n")
  return [section("Persona", persona), section("Instructions", told)]
    .filter((part) => part !== undefined)
    .join("\n")
}

const section = (title: string, text: string | null): string | undefined =>
  text === null || text === "" ? undefined : `${title}:\n${text.replaceAll(/^(?=.*\S)/gm, "  ")}`

const decodeTasks = Schema.decodeUnknownResult(Schema.Array(Tau2Task))

const decodeSplits = Schema.decodeUnknownResult(Splits)

const parseJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

const parse = (text: string, file: string) =>
  Result.mapError(
    parseJson(text),
    () => new Tau2TaskError({ reason: "json", file, detail: "no complete JSON" })
  )
