/**
 * Recorded runs of tau-bench as experience: the file that its `run.py` leaves, an array of {task_id, reward, info, traj, trial}.
 * Such a file says neither its domain nor its split: the first is told by the agent's policy text, the second is taken to be `test`,
 * on which the published runs were made.
 *
 * A trajectory's instruction is what the simulated user was told. Observations are what the user said or a tool answered; an action
 * that calls a tool reads `Action:` and then the call as JSON, behind what was said with it. The recorded reward comes with the
 * last transition. The array is read whole: such files are of a few megabytes.
 */
import { Ending, Task, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { readFile } from "node:fs/promises"
import { basename } from "node:path"
import { briefly, FormatError, malformed, ofDisk } from "./FormatError.ts"

/**
 * A trajectory per run, by the policy `recorded-` and the file's name. Fails as `Malformed` where the file is no such array (with
 * the number of the run where one is wrong), and as `Missing` or `Io`.
 */
export const read = (file: string): Stream.Stream<Trajectory.Trajectory, FormatError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const text = yield* Effect.tryPromise({
        try: () => readFile(file, "utf8"),
        catch: (cause) => ofDisk(file, cause)
      })
      const runs = yield* Effect.mapError(decodeArray(text), (cause) => noArray(file, cause))
      return Stream.fromIterable(runs).pipe(
        Stream.zipWithIndex,
        Stream.mapEffect(([run, index]) =>
          Effect.mapError(trajectoryOf(file, run), (cause) =>
            malformed(file, index + 1, "row", cause)
          )
        )
      )
    })
  )

const Call = Schema.Struct({
  function: Schema.Struct({ name: Schema.String, arguments: Schema.String })
})

const Message = Schema.Struct({
  role: Schema.Literals(["system", "user", "assistant", "tool"]),
  content: Schema.NullOr(Schema.String),
  name: Schema.optionalKey(Schema.String),
  tool_calls: Schema.optional(Schema.NullOr(Schema.Array(Call)))
})
type Message = typeof Message.Type

const Run = Schema.Struct({
  task_id: Schema.Int,
  reward: Schema.Finite,
  trial: Schema.Int,
  info: Schema.Struct({ task: Schema.Struct({ instruction: Schema.String }) }),
  traj: Schema.Array(Message)
})
type Run = typeof Run.Type

const decodeArray = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Array(Schema.Unknown)))
const decodeRun = Schema.decodeUnknownEffect(Run)

const noArray = (file: string, cause: unknown) =>
  new FormatError({
    reason: "Malformed",
    file,
    message: `${file} is no file of tau-bench runs, a JSON array (${briefly(cause)}); name another, or say its --format`,
    cause
  })

const trajectoryOf = Effect.fnUntraced(function* (file: string, unknown: unknown) {
  const run = yield* decodeRun(unknown)
  const [policy, first, ...turns] = run.traj
  if (policy?.role !== "system" || first?.role !== "user")
    return yield* Effect.fail("it does not begin with a policy and a user")
  const domain = /# (Airline|Retail) /i.exec(policy.content ?? "")?.[1]?.toLowerCase()
  if (domain === undefined) return yield* Effect.fail("its policy is of no known domain")
  const steps = yield* Effect.fromResult(stepsOf(first, turns))
  const task = taskOf(run, domain)
  const actor = `recorded-${basename(file).replace(/\.json$/, "")}`
  const trajectory: Trajectory.Trajectory = {
    id: `${task.id}/${actor}/${run.trial}`,
    task,
    firstObservation: first.content ?? "",
    transitions: steps.map(({ action, after, before }, i) => ({
      observation: before,
      action,
      reward: i === steps.length - 1 ? run.reward : 0,
      nextObservation: after,
      provenance: { _tag: "Real", environment: "tau-bench", version: domain }
    })),
    ending: endingOf(run),
    policy: actor,
    policyVersion: -1
  }
  return trajectory
})

const taskOf = ({ info, task_id: index }: Run, domain: string): Task.Task => ({
  id: `tau-bench/${domain}/test/${index}`,
  environment: "tau-bench",
  instruction: info.task.instruction,
  seed: 0,
  payload: { domain, split: "test", index },
  origin: Task.original
})

interface Step {
  readonly before: string
  readonly action: Trajectory.Action
  readonly after: string
}

/** After the first, the agent and the world take turns. */
const stepsOf = (
  first: Message,
  turns: ReadonlyArray<Message>
): Result.Result<ReadonlyArray<Step>, string> => {
  const steps: Array<Step> = []
  let before = first.content ?? ""
  for (let i = 0; i < turns.length; i += 2) {
    const [agent, world] = [turns[i], turns[i + 1]]
    if (agent?.role !== "assistant" || (world?.role !== "user" && world?.role !== "tool"))
      return Result.fail(`its messages ${i + 3} and ${i + 4} are no action and its answer`)
    const after = world.content ?? ""
    steps.push({ before, action: actionOf(agent), after })
    before = after
  }
  return Result.succeed(steps)
}

/** Of several calls only the first was carried out, as tau-bench does it. */
const actionOf = ({ content, tool_calls: calls }: Message): Trajectory.Action => {
  const call = calls?.[0]?.function
  if (call === undefined) return { text: content ?? "" }
  const toolCall = { name: call.name, arguments: argumentsOf(call.arguments) }
  const spoken = content === null || content === "" ? "" : `${content}\n`
  return { text: `${spoken}Action:\n${JSON.stringify(toolCall)}`, toolCall }
}

const decodeJson = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Unknown))

/** Arguments that are no JSON stay the text that the model wrote. */
const argumentsOf = (text: string): unknown => Result.getOrElse(decodeJson(text), () => text)

/** A run ends by the user's word or by a transfer to a human; else its actions were used up. */
const endingOf = ({ reward, traj }: Run): Ending.Ending => {
  const last = traj.at(-1)
  const isOver =
    last?.role === "tool"
      ? last.name === "transfer_to_human_agents"
      : (last?.content ?? "").includes("###STOP###")
  return isOver ? Ending.terminated(reward >= 1 - 1e-6) : Ending.truncated("StepLimit")
}
