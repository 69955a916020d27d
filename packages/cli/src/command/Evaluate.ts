/** `dreamgym evaluate`: success of a run's policy in the real world, on held-out tasks. */
import type { Evaluation } from "@dreamgym/domain"
import * as Report from "@dreamgym/pipeline/Report"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as TrainerContract from "@dreamgym/pipeline/TrainerContract"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Output from "../Output.ts"
import * as Running from "../Running.ts"
import { directory, run } from "./Resume.ts"
import { summaryJson } from "./Train.ts"

const flags = {
  run,
  directory,
  episodes: Flag.Int("episodes").pipe(
    Flag.withDescription("Real episodes (default: evaluate.episodes of the run)"),
    Flag.filter(
      (count) => count >= 1,
      (count) => `--episodes is ${count}; it must be at least 1`
    ),
    Flag.optional
  ),
  policy: Flag.Literals("policy", ["dreamt", "cloned"]).pipe(
    Flag.withDescription("Which policy of the run"),
    Flag.withDefault("dreamt")
  )
}

export const evaluate = Command.make(
  "evaluate",
  flags,
  Effect.fn("Evaluate.run")(function* (given) {
    const trainer = yield* TrainerContract.Trainer
    const done = yield* Running.inDirectory(
      RunDirectory.layerExisting(given.run, given.directory),
      Effect.gen(function* () {
        const { config } = yield* RunDirectory.RunDirectory
        const episodes = Option.getOrElse(given.episodes, () => config.evaluate.episodes)
        return yield* trainer.evaluate(config, { policy: given.policy, episodes })
      })
    )
    yield* Output.answer(evaluationJson(done), evaluationLines(done.value))
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym evaluate household-1 --episodes 512", description: "The dreamt policy" },
    {
      command: "dreamgym evaluate household-1 --policy cloned --json",
      description: "The policy before dreaming, for a script"
    }
  ])
)

type Done = Running.Done<Evaluation.Evaluation>

/** The run's summary with this evaluation alone. */
const evaluationJson = ({ events, name, value }: Done) => {
  const { environment, episodes, high, low, policy, rate, successes } = value
  const evaluation = [{ policy, environment, episodes, successes, rate, low, high }]
  return summaryJson({ ...Report.summary(name, events), evaluation })
}

const evaluationLines = (value: Evaluation.Evaluation): ReadonlyArray<string> => {
  const { amount, percent } = ReportText
  const faults = value.faults === 0 ? "" : `, ${amount(value.faults)} faults counted apart`
  return [
    `${value.policy}: ${percent(value.rate)} success (95 % interval ${percent(value.low)} to ${percent(value.high)})`,
    `in the real ${value.environment}: ${amount(value.successes)} of ${amount(value.episodes)} episodes${faults}, ${value.meanSteps.toFixed(1)} steps on average`
  ]
}
