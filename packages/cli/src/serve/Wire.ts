/**
 * The messages of the OpenEnv protocol: what a client may send, what a server answers, and what a wrong message is told.
 * It sends nothing and knows no world.
 */
import type { Trajectory } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

const fields = Schema.Record(Schema.String, Schema.Unknown)

/** Actions forbid unknown fields, but always take `metadata`, which nothing reads. */
const metadata = Schema.optionalKey(fields)

/** An action in words; `tool_call` is for worlds that offer tools. */
export const TextAction = Schema.Struct({
  text: Schema.String,
  tool_call: Schema.optionalKey(Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })),
  metadata
})

/** The actions of OpenEnv's tool environments. */
export const CallTool = Schema.Struct({
  type: Schema.Literal("call_tool"),
  tool_name: Schema.String,
  arguments: Schema.optionalKey(fields),
  metadata
})

export const ListTools = Schema.Struct({ type: Schema.Literal("list_tools"), metadata })

/** `seed`: which task, the same for the same number; `task`: its id instead; other fields are ignored. */
export const Reset = Schema.Struct({
  seed: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  episode_id: Schema.optionalKey(Schema.NullOr(Schema.String)),
  task: Schema.optionalKey(Schema.NullOr(Schema.String))
})
export type Reset = typeof Reset.Type

/** `success` is null until the end; `admissible_commands` is null where the world does not list them. */
export const Observation = Schema.Struct({
  text: Schema.String,
  instruction: Schema.String,
  admissible_commands: Schema.NullOr(Schema.Array(Schema.String)),
  success: Schema.NullOr(Schema.Boolean),
  truncated: Schema.Boolean
})

/** `reward` is null before the first step. */
export const Shown = Schema.Struct({
  observation: Schema.Union([Observation, fields]),
  reward: Schema.NullOr(Schema.Finite),
  done: Schema.Boolean
})
export type Shown = typeof Shown.Type

/** Null before the first reset. */
export const State = Schema.Struct({
  episode_id: Schema.NullOr(Schema.String),
  step_count: Schema.Int,
  task_id: Schema.NullOr(Schema.String),
  instruction: Schema.NullOr(Schema.String),
  done: Schema.Boolean
})
export type State = typeof State.Type

/** What is wrong with one field, in the words of FastAPI. */
export interface Fault {
  readonly type: string
  readonly loc: ReadonlyArray<string | number>
  readonly msg: string
  readonly input: unknown
}

/** What a client wants done: a step, or to see the tools. */
export type Wanted =
  | { readonly _tag: "Step"; readonly action: Trajectory.Action; readonly tool?: string }
  | { readonly _tag: "ListTools" }

/** The codes of the protocol; the socket closes after the last three. */
export type Code =
  | "INVALID_JSON"
  | "UNKNOWN_TYPE"
  | "VALIDATION_ERROR"
  | "EXECUTION_ERROR"
  | "CAPACITY_REACHED"
  | "FACTORY_ERROR"
  | "SESSION_ERROR"

export const error = (
  code: Code,
  message: string,
  more: Readonly<Record<string, unknown>> = {}
) => ({ type: "error", data: { message, code, ...more } })

/** Reads JSON without throwing. */
export const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

export const isObject = Schema.is(fields)

/** Decodes by a schema; unknown fields are faults where `isStrict`. `at` is where the value lies in its message. */
export const decode =
  <S extends Schema.ConstraintDecoder<unknown>>(schema: S, isStrict: boolean) =>
  (input: unknown, at: ReadonlyArray<string>): Result.Result<S["Type"], ReadonlyArray<Fault>> =>
    Result.mapError(
      Schema.decodeUnknownResult(schema, {
        errors: "all",
        onExcessProperty: isStrict ? "error" : "ignore"
      })(input),
      ({ issue }) => faultsOf(issue, input, at)
    )

export const decodeReset = decode(Reset, false)

const decodeText = decode(TextAction, true)
const decodeCall = decode(CallTool, true)
const decodeList = decode(ListTools, true)

/** The action of a step, in whichever of its three forms. */
export const decodeAction = (
  input: unknown,
  at: ReadonlyArray<string>
): Result.Result<Wanted, ReadonlyArray<Fault>> => {
  const type = isObject(input) ? input["type"] : undefined
  if (type === "list_tools") {
    return Result.map(decodeList(input, at), () => ({ _tag: "ListTools" }) as const)
  }
  if (type === "call_tool") {
    return Result.map(decodeCall(input, at), ({ arguments: given = {}, tool_name: name }) =>
      callOf(name, given)
    )
  }
  return Result.map(decodeText(input, at), ({ text, tool_call: toolCall }) => ({
    _tag: "Step" as const,
    action: { text, ...(toolCall === undefined ? {} : { toolCall }) }
  }))
}

/** The tool of every world that has no tools of its own: it takes the words of an action. */
export const act = {
  name: "act",
  description: "Do something in the world, in its own words",
  inputSchema: {
    type: "object",
    properties: { text: { type: "string" } },
    required: ["text"],
    additionalProperties: false
  }
} as const

/** A tool call as a step. */
export const callOf = (name: string, given: Readonly<Record<string, unknown>>): Wanted => {
  const words = given["text"]
  const isAct = name === act.name && typeof words === "string"
  const text = isAct ? words : JSON.stringify({ name, arguments: given })
  return {
    _tag: "Step",
    tool: name,
    action: { text, ...(isAct ? {} : { toolCall: { name, arguments: given } }) }
  }
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const faultsOf = (
  issue: SchemaIssue.Issue,
  input: unknown,
  at: ReadonlyArray<string>
): ReadonlyArray<Fault> =>
  format(issue).issues.map(({ message, path = [] }) => {
    const keys = path.map((part) => keyOf(typeof part === "object" ? part.key : part))
    return { loc: [...at, ...keys], input: valueAt(input, keys), ...wordsOf(message, input, keys) }
  })

const keyOf = (key: PropertyKey): string | number => (typeof key === "symbol" ? String(key) : key)

const valueAt = (input: unknown, keys: ReadonlyArray<string | number>): unknown =>
  keys.reduce<unknown>((value, key) => (isObject(value) ? value[key] : null), input) ?? null

const wordsOf = (message: string, input: unknown, keys: ReadonlyArray<string | number>) => {
  const parent = valueAt(input, keys.slice(0, -1))
  const last = keys.at(-1)
  const isMissing = last !== undefined && isObject(parent) && !(last in parent)
  if (isMissing) return { type: "missing", msg: "Field required" }
  if (/unexpected|excess/i.test(message)) {
    return { type: "extra_forbidden", msg: "Extra inputs are not permitted" }
  }
  return { type: "value_error", msg: message }
}
