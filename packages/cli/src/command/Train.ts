/** `dreamgym train`: a new run, from configuration to report. */
import type * as Config from "@dreamgym/pipeline/Config"
import * as Plan from "@dreamgym/pipeline/Plan"
import * as Report from "@dreamgym/pipeline/Report"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as TrainerContract from "@dreamgym/pipeline/TrainerContract"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Output from "../Output.ts"
import * as Running from "../Running.ts"
import * as Settings from "../Settings.ts"

const flags = {
  ...Settings.flags,
  name: Flag.String("name").pipe(
    Flag.withDescription("Name of the run's folder (default: preset, seed and a number)"),
    Flag.optional
  ),
  from: Flag.String("from").pipe(
    Flag.withMetavar("RUN"),
    Flag.withDescription(
      "Folder of a run whose real experience, experience model and clones this one takes over; it must have the same settings for them. Where it is the same run without train.realIterations, this one goes on where its dreams ended"
    ),
    Flag.optional
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Print the resolved configuration and what the run would cost, and stop"),
    Flag.withDefault(false),
    Flag.withoutNegation
  )
}

export const train = Command.make(
  "train",
  flags,
  Effect.fn("Train.run")(function* (given) {
    const name = Option.map(given.name, (value) => ({ flag: "--name", key: "run.name", value }))
    const config = yield* Settings.resolve(given, Option.toArray(name))
    return yield* given.dryRun ? showPlan(config) : runNew(config, given.from)
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym train", description: "The default run, a few minutes on a CPU" },
    {
      command: "dreamgym train --preset household-quick --seed 7",
      description: "About 90 seconds"
    },
    {
      command: "dreamgym train --set learner.algorithm=grpo --set train.groupSize=8",
      description: "With other settings"
    },
    {
      command: "dreamgym train --preset alfworld --config mine.toml --dry-run",
      description: "What would be done, without doing it"
    }
  ])
)

const runNew = Effect.fnUntraced(function* (config: Config.Config, from: Option.Option<string>) {
  const trainer = yield* TrainerContract.Trainer
  const source = yield* Effect.forEach(Option.toArray(from), (run) =>
    RunDirectory.reading(run, config.run.directory)
  )
  const [first] = source
  const done = yield* Running.inDirectory(
    RunDirectory.layerNew(config),
    first === undefined ? trainer.train(config) : trainer.branch(config, first)
  )
  yield* Output.answer(summaryJson(done.value), Running.closing(done))
})

/** The one line of `--json`. */
export const summaryJson = (summary: Report.Summary): Schema.Json =>
  Schema.encodeSync(Schema.toCodecJson(Report.Summary))(summary)

const showPlan = Effect.fnUntraced(function* (config: Config.Config) {
  const steps = Plan.plan(config)
  const total = (isCounted: (step: Plan.Step) => boolean) =>
    ReportText.amount(
      steps.filter(isCounted).reduce((sum, { transitions }) => sum + transitions, 0)
    )
  yield* Output.answer(Schema.encodeSync(PlanJson)({ config, steps }), [
    ...configLines(config),
    "",
    "This run would do, at most:",
    ...ReportText.table(
      ["phase", "what", "episodes", "transitions", "updates"],
      steps.map(({ episodes, phase, transitions, updates, what }) => [
        phase,
        what,
        ...[episodes, transitions, updates].map((count) =>
          count === 0 ? "" : ReportText.amount(count)
        )
      ])
    ),
    "",
    `  real transitions to learn from: ${total((step) => step.isReal && isLearntFrom(step))}`,
    `  real transitions to measure, and for baselines: ${total((step) => step.isReal && !isLearntFrom(step))}`,
    `  synthetic transitions: ${total(({ isReal }) => !isReal)}`
  ])
})

/** By the policy of the run: baselines play in other phases. */
const isLearntFrom = ({ phase }: Plan.Step): boolean => phase === "collect" || phase === "dream"

const PlanJson = Schema.toCodecJson(
  Schema.Struct({ config: Schema.Unknown, steps: Schema.Unknown })
)

/** The resolved configuration as the TOML file that would bring it about. */
const configLines = (config: Config.Config): ReadonlyArray<string> => {
  const [top, sections] = [new Array<string>(), new Array<string>()]
  for (const [key, value] of Object.entries(config)) {
    if (!Predicate.isReadonlyObject(value)) top.push(`${key} = ${JSON.stringify(value)}`)
    else {
      const fields = Object.entries(value).map(
        ([name, field]) => `${name} = ${JSON.stringify(field)}`
      )
      if (fields.length > 0) sections.push("", `[${key}]`, ...fields)
    }
  }
  return [...top, ...sections]
}
