/**
 * Recorded runs of the original tau-bench, and their replay here: the same actions to the same customer's lines, every tool
 * result and the reward compared. It judges our tools and our reward, never the agent that was recorded.
 *
 * A transcript is a JSON list of runs; `traj` holds the messages, as an OpenAI-like model saw and wrote them.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as JsonReader from "../python/JsonReader.ts"
import { isDict, isList, type Dict, type Value } from "../python/Value.ts"
import * as ScriptedUser from "./ScriptedUser.ts"
import * as TauEpisode from "./TauEpisode.ts"
import * as TauTask from "./TauTask.ts"

/** One action of the agent, as text (`AgentAction`), and what came back; absent after the last of a run that was cut. */
export interface RecordedStep {
  readonly text: string
  readonly observation?: string
}

/** `reward` is the original's; `lines` are the customer's, in order. */
export interface RecordedRun {
  readonly taskIndex: number
  readonly trial: number
  readonly reward: number
  readonly task: TauTask.TauTask
  readonly lines: ReadonlyArray<string>
  readonly steps: ReadonlyArray<RecordedStep>
}

/** The first thing in which our episode differs. `step` counts from 1. */
export interface Difference {
  readonly step: number
  readonly action: string
  readonly expected: string
  readonly actual: string
}

/** `ending` is absent where the recording stops before the episode does. */
export interface Verdict {
  readonly taskIndex: number
  readonly trial: number
  readonly recorded: number
  readonly rescored: number
  readonly ending?: string
  readonly difference?: Difference
}

/** The file is no transcript; `run` counts from 0 and is -1 for the whole file. */
export class TranscriptError extends Schema.TaggedError<TranscriptError>()("TranscriptError", {
  reason: Schema.Literals(["json", "field"]),
  file: Schema.String,
  run: Schema.Int,
  detail: Schema.String
}) {
  override get message(): string {
    const place = this.run < 0 ? this.file : `${this.file}, run ${this.run}`
    return `${place}: ${this.detail}; fetch the transcript again`
  }
}

export const read = (
  text: string,
  file: string
): Result.Result<ReadonlyArray<RecordedRun>, TranscriptError> => {
  const refuse = (reason: TranscriptError["reason"], run: number, detail: string) =>
    new TranscriptError({ reason, file, run, detail })
  const value = JsonReader.read(text)
  if (Result.isFailure(value)) return Result.fail(refuse("json", -1, value.failure.message))
  if (!isList(value.success)) return Result.fail(refuse("field", -1, "it is no list of runs"))
  return Result.all(
    value.success.map((run, index) =>
      Result.mapError(runOf(run), (field) => refuse("field", index, `it has no right ${field}`))
    )
  )
}

/**
 * Replays a run on `shop`, the recorded customer's lines with it. `renamed` puts a recorded observation in the words of the
 * data at hand, where these changed since: the 200 runs on the airline are from data that called the field `state` of a
 * user's address `province`.
 */
export const replay = Effect.fn("Transcript.replay")(function* (
  shop: TauEpisode.Shop,
  run: RecordedRun,
  renamed: (observation: string) => string = (observation) => observation
) {
  const user = ScriptedUser.fromLines(run.lines)
  const episode = yield* TauEpisode.open(shop, run.task, { user, key: 0 })
  const { reward: recorded, taskIndex, trial } = run
  let verdict: Verdict = { taskIndex, trial, recorded, rescored: 0 }
  for (const [index, { observation: before, text }] of run.steps.entries()) {
    const { ending, observation, reward } = yield* episode.step({ text })
    const expected = before === undefined ? observation : renamed(before)
    const isSame = expected === observation
    verdict = {
      ...verdict,
      rescored: verdict.rescored + reward,
      ...(ending === undefined ? {} : { ending: ending._tag }),
      ...(isSame || verdict.difference !== undefined
        ? {}
        : { difference: { step: index + 1, action: text, expected, actual: observation } })
    }
    if (ending !== undefined) break
  }
  return verdict
}, Effect.scoped)

/** The customer's lines in the messages that follow `system`, and the agent's actions with what came back. */
const runOf = (value: Value): Result.Result<RecordedRun, string> => {
  const run = dictOf(value)
  const taskIndex = run.get("task_id")
  const [trial, reward] = [run.get("trial"), run.get("reward")]
  const task = TauTask.ofValue(dictOf(run.get("info")).get("task"))
  const messages = run.get("traj")
  if (typeof taskIndex !== "bigint" || typeof trial !== "bigint")
    return Result.fail("task_id or trial")
  if (typeof reward !== "number") return Result.fail("reward")
  if (Result.isFailure(task)) return Result.fail(`info.task.${task.failure}`)
  if (!isList(messages) || !messages.every(isDict)) return Result.fail("traj")
  return Result.succeed({
    taskIndex: Number(taskIndex),
    trial: Number(trial),
    reward,
    task: task.success,
    lines: messages.filter(isOf("user")).map(contentOf),
    steps: stepsOf(messages)
  })
}

const stepsOf = (messages: ReadonlyArray<Dict>): ReadonlyArray<RecordedStep> =>
  messages.flatMap((message, index) => {
    if (!isOf("assistant")(message)) return []
    const next = messages[index + 1]
    const step = { text: textOf(message) }
    return [next === undefined ? step : { ...step, observation: contentOf(next) }]
  })

/** The first call, written as an action; else what was said, written so that it cannot be taken for a call. */
const textOf = (message: Dict): string => {
  const calls = message.get("tool_calls")
  const [first] = isList(calls) ? calls : []
  const called = dictOf(dictOf(first).get("function"))
  const name = called.get("name")
  return typeof name === "string"
    ? JSON.stringify({ name, arguments: called.get("arguments") })
    : JSON.stringify({ name: "respond", arguments: { content: contentOf(message) } })
}

const isOf =
  (role: string) =>
  (message: Dict): boolean =>
    message.get("role") === role

const contentOf = (message: Dict): string => {
  const content = message.get("content")
  return typeof content === "string" ? content : ""
}

const dictOf = (value: Value | undefined): Dict => (isDict(value) ? value : new Map())
