/** `dreamgym resume`: goes on with a run from its last checkpoint that can be used. */
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as Runs from "@dreamgym/pipeline/Runs"
import * as TrainerContract from "@dreamgym/pipeline/TrainerContract"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Output from "../Output.ts"
import * as Running from "../Running.ts"
import { summaryJson } from "./Train.ts"

/** The run that a command is about. */
export const run = Argument.String("run").pipe(
  Argument.withDescription("Name or folder of the run")
)

export const directory = Flag.String("directory").pipe(
  Flag.withDescription("Folder of all runs"),
  Flag.withDefault("runs")
)

const runOrNewest = Argument.String("run").pipe(
  Argument.withDescription("Name or folder of the run (default: the newest that can go on)"),
  Argument.optional
)

export const resume = Command.make(
  "resume",
  { run: runOrNewest, directory },
  Effect.fn("Resume.run")(function* (given) {
    const trainer = yield* TrainerContract.Trainer
    const chosen = yield* Option.match(given.run, {
      onNone: () => newest(given.directory),
      onSome: Effect.succeed
    })
    const done = yield* Running.inDirectory(
      RunDirectory.layerExisting(chosen, given.directory),
      Effect.gen(function* () {
        const { config } = yield* RunDirectory.RunDirectory
        return yield* trainer.resume(config)
      })
    )
    yield* Output.answer(summaryJson(done.value), Running.closing(done))
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym resume", description: "The newest run in the folder runs" },
    { command: "dreamgym resume household-1", description: "A run in the folder runs" },
    { command: "dreamgym resume /data/runs/big", description: "A run anywhere" }
  ])
)

/** Says which run it is, and which newer ones it is not. */
const newest = Effect.fnUntraced(function* (directory: string) {
  const { name, path, skipped } = yield* Runs.newest(directory)
  for (const one of skipped) yield* Output.remark(`skipped run ${one.run}: ${one.reason}`)
  yield* Output.remark(`going on with run ${name}`)
  return path
})
