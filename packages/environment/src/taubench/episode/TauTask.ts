/**
 * The tasks of tau-bench as its files write them: who the customer is, what they want, and what a right agent does.
 * They are descriptions; a policy sees none of this. Numbers keep whether they are ints or floats, for rewards hang on it.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as JsonReader from "../python/JsonReader.ts"
import { isDict, isList, type Dict, type Value } from "../python/Value.ts"
import type * as TauReward from "../TauReward.ts"

/** `actions` lead the database to its right end; `outputs` are what the agent must have said to the customer. */
export interface TauTask extends TauReward.Goal {
  readonly userId: string
  readonly instruction: string
}

/** A file is not what it should be. */
export class TauTaskError extends Schema.TaggedError<TauTaskError>()("TauTaskError", {
  reason: Schema.Literals(["json", "field"]),
  file: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.file}: ${this.detail}; take the file from tau-bench's data again`
  }
}

/** Reads `tasks_<split>.json`; the index of a task in the list is its number. */
export const read = (
  text: string,
  file: string
): Result.Result<ReadonlyArray<TauTask>, TauTaskError> => {
  const value = JsonReader.read(text)
  if (Result.isFailure(value)) {
    return Result.fail(new TauTaskError({ reason: "json", file, detail: value.failure.message }))
  }
  return (
    all(listOf(value.success), (task, index) =>
      Result.mapError(
        ofValue(task),
        (field) =>
          new TauTaskError({ reason: "field", file, detail: `task ${index} has no right ${field}` })
      )
    ) ?? Result.fail(new TauTaskError({ reason: "field", file, detail: "it is no list of tasks" }))
  )
}

/** The task in a value that was read; a failure names the field. Fields besides these are ignored. */
export const ofValue = (value: Value | undefined): Result.Result<TauTask, string> => {
  const task: Dict = isDict(value) ? value : new Map()
  const userId = task.get("user_id")
  const instruction = task.get("instruction")
  const actions = all(listOf(task.get("actions")), ofAction)
  const outputs = all(listOf(task.get("outputs")), ofOutput)
  if (typeof userId !== "string") return Result.fail("user_id")
  if (typeof instruction !== "string") return Result.fail("instruction")
  if (actions === undefined || Result.isFailure(actions)) return Result.fail("actions")
  if (outputs === undefined || Result.isFailure(outputs)) return Result.fail("outputs")
  return Result.succeed({
    userId,
    instruction,
    actions: actions.success,
    outputs: outputs.success
  })
}

const ofAction = (value: Value): Result.Result<TauReward.Call, string> => {
  const action: Dict = isDict(value) ? value : new Map()
  const name = action.get("name")
  const given = action.get("kwargs")
  return typeof name === "string" && isDict(given)
    ? Result.succeed({ name, arguments: given })
    : Result.fail("actions")
}

const ofOutput = (value: Value): Result.Result<string, string> =>
  typeof value === "string" ? Result.succeed(value) : Result.fail("outputs")

const listOf = (value: Value | undefined): ReadonlyArray<Value> | undefined =>
  isList(value) ? value : undefined

/** Undefined where there is no list. */
const all = <A, E>(
  values: ReadonlyArray<Value> | undefined,
  one: (value: Value, index: number) => Result.Result<A, E>
): Result.Result<ReadonlyArray<A>, E> | undefined =>
  values === undefined ? undefined : Result.all(values.map(one))
