/** `dreamgym collect`: real trajectories as JSON lines, one trajectory per line. */
import { Ending, type Trajectory } from "@dreamgym/domain"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as RunError from "@dreamgym/pipeline/RunError"
import * as TrainerContract from "@dreamgym/pipeline/TrainerContract"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { UsageError } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as Running from "../Running.ts"
import * as Settings from "../Settings.ts"

const flags = {
  ...Settings.flags,
  output: Flag.String("output").pipe(
    Flag.withAlias("o"),
    Flag.withMetavar("FILE.jsonl"),
    Flag.withDescription("Where to; - is stdout"),
    Flag.withDefault("trajectories.jsonl")
  )
}

export const collect = Command.make(
  "collect",
  flags,
  Effect.fn("Collect.run")(function* (given) {
    if (given.output === "-" && (yield* Output.Json)) {
      return yield* new UsageError({
        message: "--json and --output - both want stdout; give a file to --output"
      })
    }
    const config = yield* Settings.resolve(given)
    const trainer = yield* TrainerContract.Trainer
    const trajectories = yield* Running.inSight(trainer.collect(config))
    const text = RunDirectory.linesOf(trajectories)
    if (given.output === "-") return yield* Console.log(text.trimEnd())
    yield* write(given.output, text)
    yield* Output.answer(countsOf(given.output, trajectories), linesOf(given.output, trajectories))
  })
).pipe(
  Command.withExamples([
    {
      command:
        "dreamgym collect --set collect.trajectories=100 --set collect.heldOutTrajectories=10",
      description: "A hundred trajectories into trajectories.jsonl"
    },
    { command: "dreamgym collect --output - | head -1", description: "Look at one" }
  ])
)

const write = Effect.fnUntraced(function* (file: string, text: string) {
  const fileSystem = yield* FileSystem.FileSystem
  yield* fileSystem.writeFileString(file, text).pipe(Effect.mapError(RunError.atFile(file)))
})

type Trajectories = ReadonlyArray<Trajectory.Trajectory>

const countsOf = (file: string, trajectories: Trajectories) => ({
  file,
  trajectories: trajectories.length,
  transitions: trajectories.reduce((sum, { transitions }) => sum + transitions.length, 0),
  successes: trajectories.filter(({ ending }) => Ending.isSuccess(ending)).length
})

const linesOf = (file: string, trajectories: Trajectories): ReadonlyArray<string> => {
  const { successes, transitions } = countsOf(file, trajectories)
  const { amount } = ReportText
  return [
    `${amount(trajectories.length)} real trajectories (${amount(transitions)} transitions, ${amount(successes)} successes) are in ${file}`
  ]
}
