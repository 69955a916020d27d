/** `dreamgym resume`: goes on with a run from its last whole checkpoint. */
import { RunDirectory, TrainerContract } from "@dreamgym/pipeline"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
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

export const resume = Command.make(
  "resume",
  { run, directory },
  Effect.fn("Resume.run")(function* (given) {
    const trainer = yield* TrainerContract.Trainer
    const done = yield* Running.inDirectory(
      RunDirectory.layerExisting(given.run, given.directory),
      Effect.gen(function* () {
        const { config } = yield* RunDirectory.RunDirectory
        return yield* trainer.resume(config)
      })
    )
    yield* Output.answer(summaryJson(done.value), Running.closing(done))
  })
).pipe(
  Command.withDescription("Go on with a run from its last whole checkpoint"),
  Command.withExamples([
    { command: "dreamgym resume household-1", description: "A run in the folder runs" },
    { command: "dreamgym resume /data/runs/big", description: "A run anywhere" }
  ])
)
