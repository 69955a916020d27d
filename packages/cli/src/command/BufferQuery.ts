/** `dreamgym replay query`: the trajectories of a buffer as a list, or one of them as a transcript. */
import { type Ending, ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Unsuccessful } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as Target from "./BufferTarget.ts"
import { directory } from "./Resume.ts"

export const query = Command.make(
  "query",
  {
    buffer: Target.buffer,
    directory,
    ...Target.filterFlags,
    ...Target.outcomeFlags,
    id: Flag.String("id").pipe(Flag.withDescription("Show this trajectory whole"), Flag.optional),
    limit: Flag.Int("limit").pipe(
      Flag.withDescription("At most so many, oldest first"),
      Flag.withDefault(20)
    )
  },
  Effect.fn("BufferQuery.run")(function* (given) {
    const file = yield* Target.locate(given.buffer, given.directory)
    const matching = ReplayBuffer.ReplayBuffer.use((buffer) =>
      buffer.trajectories(Target.trajectoryFilterOf(given)).pipe(
        Stream.filter(({ id }) => Option.isNone(given.id) || given.id.value === id),
        Stream.take(Option.isSome(given.id) ? 1 : given.limit),
        Stream.runCollect
      )
    )
    const found = yield* Effect.provide(matching, Target.reading(file))
    if (Option.isSome(given.id)) return yield* show(file, given.id.value, found[0])
    yield* Output.answer(
      found.map(summaryOf),
      found.length === 0 ? ["Nothing in the buffer is of this kind."] : listOf(found)
    )
  })
).pipe(
  Command.withDescription("List trajectories, or show one of them whole"),
  Command.withExamples([
    {
      command: "dreamgym replay query household-1 --source synthetic --verdict rejected",
      description: "Dreams that the quality filter rejected, and why"
    },
    { command: "dreamgym replay query household-1 --id ID", description: "A transcript" }
  ])
)

const show = Effect.fnUntraced(function* (
  file: string,
  id: string,
  trajectory: Trajectory.Trajectory | undefined
) {
  if (trajectory === undefined) {
    return yield* new Target.BufferNotFound({
      file,
      message: `${file} holds no trajectory ${id} of this kind; \`dreamgym replay query\` lists what it holds`
    })
  }
  const json = yield* Effect.mapError(
    encode(trajectory),
    ({ message }) => new Unsuccessful({ message })
  )
  yield* Output.answer(json, transcriptOf(trajectory))
})

const encode = Schema.encodeEffect(Schema.toCodecJson(Trajectory.Trajectory))

const summaryOf = (trajectory: Trajectory.Trajectory) => ({
  id: trajectory.id,
  environment: trajectory.task.environment,
  task: trajectory.task.id,
  instruction: trajectory.task.instruction,
  source: Trajectory.isReal(trajectory) ? "real" : "synthetic",
  policy: trajectory.policy,
  policyVersion: trajectory.policyVersion,
  iteration: trajectory.iteration ?? null,
  steps: trajectory.transitions.length,
  return: Trajectory.totalReward(trajectory),
  ending: endingOf(trajectory.ending),
  verdict: verdictOf(trajectory)
})

const listOf = (found: ReadonlyArray<Trajectory.Trajectory>): ReadonlyArray<string> =>
  ReportText.table(
    ["id", "source", "steps", "return", "ending", "verdict", "instruction"],
    found
      .map(summaryOf)
      .map((one) => [
        one.id,
        one.source,
        String(one.steps),
        one.return.toFixed(2),
        one.ending,
        one.verdict,
        briefly(one.instruction)
      ])
  )

const briefly = (text: string): string => {
  const line = text.replaceAll(/\s+/g, " ")
  return line.length > 60 ? `${line.slice(0, 57)}...` : line
}

const endingOf = (ending: Ending.Ending): string =>
  ending._tag === "Terminated"
    ? ending.success
      ? "success"
      : "no success"
    : ending._tag === "Truncated"
      ? `cut: ${ReportText.words(ending.reason)}`
      : `fault: ${ReportText.words(ending.fault)}`

const verdictOf = ({ verdict }: Trajectory.Trajectory): string =>
  verdict === undefined
    ? "never judged"
    : verdict._tag === "Accepted"
      ? "accepted"
      : `rejected: ${verdict.reason}`

const transcriptOf = (trajectory: Trajectory.Trajectory): ReadonlyArray<string> => {
  const { ending, firstObservation, id, policy, policyVersion, task, transitions, verdict } =
    trajectory
  return [
    `${id} (${task.environment}, task ${task.id}, by ${policy} version ${policyVersion})`,
    `Task: ${task.instruction}`,
    "",
    firstObservation,
    ...transitions.flatMap(turnOf),
    "",
    `End: ${endingOf(ending)}${ending._tag === "Failed" ? ` (${ending.message})` : ""}, return ${Trajectory.totalReward(trajectory)}`,
    `Verdict: ${verdictOf(trajectory)}${verdict?._tag === "Rejected" ? ` (${verdict.message})` : ""}`
  ]
}

/** What a dream was thought and made of stands before what it brought. */
const turnOf = ({ action, nextObservation, provenance, reward }: Trajectory.Transition) => [
  "",
  `> ${action.text}`,
  ...(provenance._tag === "Synthetic"
    ? [
        `  [dreamt by ${provenance.model} version ${provenance.modelVersion} from ${provenance.retrieved.length} examples]`,
        ...(provenance.reasoning === "" ? [] : [`  [thought: ${provenance.reasoning}]`])
      ]
    : []),
  nextObservation,
  ...(reward === 0 ? [] : [`  [reward ${reward}]`])
]
