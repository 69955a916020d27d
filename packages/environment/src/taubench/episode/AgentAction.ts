/**
 * What the agent does, as it may be written: a call of a tool as data or as text, or else a message to the customer.
 * It knows no tools: a call of one that does not exist is still a call, and is answered as such.
 *
 * Read as calls are: the action's `toolCall`; `{"name": ..., "arguments": {...}}`; a message of OpenAI's form with
 * `tool_calls`, of which the first counts; what stands after the last `Action:`; and `name(key='value')`.
 */
import type { Trajectory } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as JsonReader from "../python/JsonReader.ts"
import { fromJson, isDict, isList, type Dict, type Value } from "../python/Value.ts"
import * as PythonCall from "./PythonCall.ts"

/** `Malformed` names a tool but has no object of arguments; it does nothing, and `problem` is what the agent sees. */
export type AgentAction =
  | { readonly _tag: "Call"; readonly name: string; readonly arguments: Dict }
  | { readonly _tag: "Respond"; readonly content: string }
  | { readonly _tag: "Malformed"; readonly name: string; readonly problem: string }

/** The tool by which an agent of the original speaks to the customer. */
export const respond = "respond"

export const read = ({ text, toolCall }: Trajectory.Action): AgentAction =>
  toolCall === undefined
    ? ofText(text)
    : ofCall(toolCall.name, ofUnknown(toolCall.arguments) ?? undefined)

const ofText = (text: string): AgentAction => {
  const [thoughts, ...actions] = text.split("Action:")
  const content = actions.at(-1)?.trim() ?? thoughts ?? ""
  return ofJson(content.trim()) ?? ofPython(content) ?? { _tag: "Respond", content }
}

const ofPython = (text: string): AgentAction | undefined => {
  const call = PythonCall.read(text)
  return call === undefined ? undefined : ofCall(call.name, ofJsonText(call.arguments))
}

/** Undefined where the text is no call: then it is what the agent says, braces and all. */
const ofJson = (text: string): AgentAction | undefined => {
  const value = text.startsWith("{") ? ofJsonText(text) : undefined
  if (!isDict(value)) return undefined
  const [first] = listOf(value.get("tool_calls"))
  const call = isDict(first) ? (first.get("function") ?? first) : value
  if (!isDict(call)) return undefined
  const name = call.get("name")
  const given = call.get("arguments")
  if (typeof name === "string" && given !== undefined) return ofCall(name, parsed(given))
  const content = value.get("content")
  return value.has("role") && typeof content === "string" ? { _tag: "Respond", content } : undefined
}

const ofCall = (name: string, given: Value | undefined): AgentAction => {
  if (!isDict(given)) {
    return {
      _tag: "Malformed",
      name,
      problem: `Error: the arguments of ${name} are no JSON object`
    }
  }
  if (name !== respond) return { _tag: "Call", name, arguments: given }
  const content = given.get("content")
  return typeof content === "string"
    ? { _tag: "Respond", content }
    : { _tag: "Malformed", name, problem: `Error: ${respond} needs the string content` }
}

const listOf = (value: Value | undefined): ReadonlyArray<Value> => (isList(value) ? value : [])

/** Function-calling APIs give the arguments as JSON in a string. */
const parsed = (given: Value): Value | undefined =>
  typeof given === "string" ? ofJsonText(given) : given

const ofUnknown = (given: unknown): Value | undefined =>
  typeof given === "string" ? ofJsonText(given) : fromJson(given)

const ofJsonText = (text: string): Value | undefined => Result.getOrUndefined(JsonReader.read(text))
