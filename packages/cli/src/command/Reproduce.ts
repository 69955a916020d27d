/** `dreamgym reproduce`: the study of the household worlds, from runs to report; what is finished already is not run again. */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Arms from "@dreamgym/study/Arms"
import type * as Asked from "@dreamgym/study/Asked"
import * as Conduct from "@dreamgym/study/Conduct"
import * as Plan from "@dreamgym/study/Plan"
import * as StudyFolder from "@dreamgym/study/StudyFolder"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import { Unsuccessful, UsageError } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as StudyProgress from "../StudyProgress.ts"

const flags = {
  part: Argument.Literals("part", Arms.parts).pipe(
    Argument.withDescription("What is asked (default: all parts)"),
    Argument.optional
  ),
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Little of everything: two seeds, one rung, short runs"),
    Flag.withDefault(false),
    Flag.withoutNegation
  ),
  seeds: Flag.String("seeds").pipe(
    Flag.withMetavar("1,2"),
    Flag.withDescription("Seeds (default: 1,2,3,4,5; with --quick 1,2)"),
    Flag.optional
  ),
  rungs: Flag.String("rungs").pipe(
    Flag.withMetavar("L2,L3"),
    Flag.withDescription("Difficulties of the household (default: L2,L3; with --quick L0)"),
    Flag.optional
  ),
  parallel: Flag.Int("parallel").pipe(
    Flag.withDescription("Runs at the same time; each computes on two threads (default: 1)"),
    Flag.withDefault(1)
  ),
  directory: Flag.String("directory").pipe(
    Flag.withDescription(
      "Folder of the study (default: runs/study; with --quick runs/study-quick)"
    ),
    Flag.optional
  ),
  report: Flag.Boolean("report").pipe(
    Flag.withDescription(
      "Run nothing: write the report of what is finished, of the study that the folder says it is"
    ),
    Flag.withDefault(false),
    Flag.withoutNegation
  ),
  publish: Flag.String("publish").pipe(
    Flag.withMetavar("docs/studies/mine"),
    Flag.withDescription(
      "Run nothing: write the report, with the results that it is made from, into a folder that needs no other"
    ),
    Flag.optional
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("Print the runs and how long they would take, about, and stop"),
    Flag.withDefault(false),
    Flag.withoutNegation
  )
}

export const reproduce = Command.make(
  "reproduce",
  flags,
  Effect.fn("Reproduce.run")(function* (given) {
    if (given.parallel < 1) return yield* usage(`--parallel ${given.parallel}: at least one run`)
    const study = yield* studyOf(given)
    const directory = Option.getOrElse(given.directory, () =>
      study.form === "quick" ? "runs/study-quick" : "runs/study"
    )
    if (given.report || Option.isSome(given.publish)) {
      const kept = isNamed(given) ? undefined : yield* StudyFolder.asked(directory)
      const asked = kept ?? (yield* checked(yield* planned(study, directory)))
      return yield* reported(asked, directory, given.publish)
    }
    const asked = yield* planned(study, directory)
    if (given.dryRun) return yield* showPlan(asked.units, given.parallel)
    return yield* conducted(asked, given.parallel)
  })
).pipe(
  Command.withExamples([
    { command: "dreamgym reproduce --quick", description: "The reduced study, some minutes" },
    { command: "dreamgym reproduce --dry-run", description: "What the whole study would run" },
    {
      command: "dreamgym reproduce table --seeds 1,2,3 --rungs L3 --parallel 4",
      description: "One part of it"
    }
  ])
)

/** A study with all that is planned of its units. */
interface Planned extends Asked.Asked {
  readonly units: ReadonlyArray<Plan.Unit>
}

const planned = (study: Plan.Study, directory: string) =>
  Effect.map(Effect.fromResult(Plan.units(study)), (units): Planned => ({
    study,
    directory,
    units
  }))

/** Refuses results of other settings than would be asked for today. */
const checked = (asked: Planned) => Effect.as(Conduct.check(asked.units, asked.directory), asked)

interface Named {
  readonly part: Option.Option<Arms.Part>
  readonly quick: boolean
  readonly seeds: Option.Option<string>
  readonly rungs: Option.Option<string>
}

/** Whether the command line says itself which study is meant. */
const isNamed = ({ part, quick, rungs, seeds }: Named): boolean =>
  quick || [part, seeds, rungs].some(Option.isSome)

const studyOf = Effect.fnUntraced(function* (given: Named) {
  const form: Plan.Form = given.quick ? "quick" : "full"
  const usual = Plan.usual[form]
  const seeds = Option.match(given.seeds, { onNone: () => usual.seeds, onSome: numbersOf })
  if (seeds.length === 0 || seeds.some((seed) => !Number.isInteger(seed) || seed < 0)) {
    return yield* usage(
      `--seeds ${Option.getOrElse(given.seeds, () => "")}: whole numbers with commas between them, such as 1,2,3`
    )
  }
  const study: Plan.Study = {
    form,
    seeds: [...new Set(seeds)],
    parts: Option.match(given.part, { onNone: () => usual.parts, onSome: (part) => [part] }),
    rungs: Option.match(given.rungs, {
      onNone: () => usual.rungs,
      onSome: (text) => [...new Set(listOf(text))]
    })
  }
  return study
})

const usage = (message: string) => new UsageError({ message })

const listOf = (text: string): ReadonlyArray<string> => text.split(",").map((one) => one.trim())

const numbersOf = (text: string): ReadonlyArray<number> =>
  listOf(text).map((one) => (/^\d+$/.test(one) ? Number(one) : Number.NaN))

const showPlan = Effect.fnUntraced(function* (units: ReadonlyArray<Plan.Unit>, parallel: number) {
  const planned = Conduct.planned(units)
  const seconds = planned.reduce((sum, one) => sum + one.seconds, 0) / parallel
  const rows = planned.map(({ seconds: own, unit }) => ({
    unit: unit.id,
    seconds: Math.round(own),
    needs: unit.needs,
    settings: unit.settings
  }))
  yield* Output.answer({ units: rows, seconds: Math.round(seconds) }, [
    ...ReportText.table(
      ["run", "about", "after"],
      rows.map(({ needs, seconds: own, unit }) => [unit, ReportText.wall(own), needs.join(", ")])
    ),
    "",
    `${rows.length} runs, ${parallel} at a time: about ${ReportText.wall(seconds)} on two cores each`
  ])
})

const conducted = Effect.fnUntraced(function* (asked: Planned, parallel: number) {
  const program = yield* Conduct.Program
  yield* StudyFolder.begin(yield* checked(asked))
  const ended = yield* Conduct.conduct(asked.units, {
    directory: asked.directory,
    parallel,
    program,
    tell: yield* StudyProgress.view
  })
  const { failed, waiting } = ended
  for (const { reason, unit } of failed) yield* Output.remark(`${unit} failed: ${reason}`)
  for (const unit of waiting) yield* Output.remark(`${unit} was not run: what it needs failed`)
  yield* reported(asked, asked.directory, Option.none())
  if (failed.length + waiting.length > 0) {
    return yield* new Unsuccessful({
      message: `${failed.length + waiting.length} runs are missing`
    })
  }
})

/** Writes the report of what the ledger has, beside it or into a folder for others. */
const reported = Effect.fnUntraced(function* (
  asked: Asked.Asked,
  directory: string,
  publish: Option.Option<string>
) {
  const path = yield* Path.Path
  const entries = yield* Option.match(publish, {
    onNone: () => StudyFolder.report(asked, directory),
    onSome: (target) => StudyFolder.publish(asked, directory, target)
  })
  const finished = entries.filter(({ _tag }) => _tag === "Finished").length
  const units = asked.units.length
  const report = path.join(
    Option.getOrElse(publish, () => directory),
    "report.md"
  )
  yield* Output.answer({ report, finished, units, directory }, [
    `${finished} of ${units} runs are finished. The report lies in ${report}, its figures and data beside it.`
  ])
})
