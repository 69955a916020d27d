/**
 * `dreamgym env replay`: a recording of the original, played again on our engine, and the first differences.
 * Which worlds can be replayed is `Replayed.worlds`.
 */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Unsuccessful } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as Replayed from "../Replayed.ts"
import { data } from "./EnvironmentFlags.ts"

export const replay = Command.make(
  "replay",
  {
    environment: Argument.Literals("environment", Replayed.names).pipe(
      Argument.withDescription("Whose recording it is")
    ),
    files: Argument.String("FILE.jsonl[.gz]").pipe(
      Argument.withDescription("Recordings"),
      Argument.atLeast(1)
    ),
    data
  },
  Effect.fn("Replay.run")(function* (given) {
    const play = Replayed.worlds[given.environment]
    const found = yield* Effect.forEach(given.files, (file) => play(file, given.data))
    const rollouts = found.flat()
    const differing = rollouts.filter(({ difference }) => difference !== undefined)
    const shown = differing.slice(0, mostShown)
    const [passed, failed] = [rollouts.length - differing.length, differing.length]
    const skipped = rollouts.flatMap((one) => one.skipped)
    yield* Output.answer({ passed, failed, skipped, differences: shown.map(jsonOf) }, [
      ...shown.flatMap(linesOf),
      ...(failed > mostShown ? [`... and ${failed - mostShown} more`, ""] : []),
      ...skippedLines(skipped),
      `${passed} passed, ${failed} failed`
    ])
    if (failed > 0) return yield* new Unsuccessful({ message: `${failed} failed` })
  })
).pipe(
  Command.withDescription("Play a recording of the original again on our engine, and compare"),
  Command.withExamples([
    {
      command: "dreamgym env replay alfworld recording.jsonl.gz --data ~/alfworld",
      description: "Prints the first differences; exit code 1 where there is one"
    },
    {
      command: "dreamgym env replay tau-bench oracle/retail_fuzz.jsonl",
      description: "Without --data, the data around the recording serve where they are of its kind"
    }
  ])
)

const mostShown = 5

/** How much of a long text is shown from where the two part. */
const context = 300

const linesOf = ({ difference, name }: Replayed.Rollout): ReadonlyArray<string> => {
  if (difference === undefined) return []
  const [expected, actual] = fromWhereTheyPart(difference.expected, difference.actual)
  return [
    `${name}, ${difference.at}`,
    `  ${difference.what}`,
    ...expected.split("\n").map((line) => `  - ${line}`),
    ...actual.split("\n").map((line) => `  + ${line}`),
    ""
  ]
}

/** Both texts, of long ones only the part around the first difference. */
const fromWhereTheyPart = (expected: string, actual: string): readonly [string, string] => {
  if (Math.max(expected.length, actual.length) <= 2 * context) return [expected, actual]
  let at = 0
  while (at < expected.length && expected[at] === actual[at]) at++
  return [around(expected, at), around(actual, at)]
}

const around = (text: string, at: number): string => {
  const start = Math.max(0, at - context / 3)
  const end = start + context
  return `${start > 0 ? "..." : ""}${text.slice(start, end)}${end < text.length ? "..." : ""}`
}

const skippedLines = (skipped: ReadonlyArray<string>): ReadonlyArray<string> =>
  skipped.length === 0
    ? []
    : [
        `${ReportText.amount(skipped.length)} calls are not compared:`,
        ...[...new Set(skipped)].map((reason) => `  ${reason}`)
      ]

const jsonOf = ({ difference, name }: Replayed.Rollout) => ({
  name,
  at: difference?.at ?? "",
  what: difference?.what ?? "",
  expected: difference?.expected ?? "",
  actual: difference?.actual ?? ""
})
