/** `dreamgym env replay`: a recording of the original, played again on our engine. */
import { Recording } from "@dreamgym/environment"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { Unsuccessful } from "../Failure.ts"
import * as Output from "../Output.ts"
import * as World from "../World.ts"
import { data } from "./EnvironmentFlags.ts"

export const replay = Command.make(
  "replay",
  {
    environment: Argument.Literals("environment", ["alfworld"]).pipe(
      Argument.withDescription("Whose recording it is")
    ),
    files: Argument.String("FILE.jsonl[.gz]").pipe(
      Argument.withDescription("Recordings"),
      Argument.atLeast(1)
    ),
    data
  },
  Effect.fn("Replay.run")(function* (given) {
    const folder = yield* World.alfworldFolder(given.data)
    const reports = yield* Effect.forEach(given.files, (file) =>
      Effect.flatMap(Recording.read(file), (recording) => Recording.replay(recording, folder))
    )
    const verdicts = reports.flatMap((report) => report.verdicts)
    const differing = verdicts.filter(({ difference }) => difference !== undefined)
    const [passed, failed] = [verdicts.length - differing.length, differing.length]
    const shown = differing.slice(0, mostShown).flatMap(linesOf)
    const more =
      differing.length > mostShown ? [`... and ${differing.length - mostShown} more`, ""] : []
    yield* Output.answer(
      { passed, failed, differences: differing.slice(0, mostShown).map(jsonOf) },
      [...shown, ...more, `${passed} passed, ${failed} failed`]
    )
    if (failed > 0) return yield* new Unsuccessful({ message: `${failed} failed` })
  })
).pipe(
  Command.withDescription("Play a recording of the original again on our engine, and compare"),
  Command.withExamples([
    {
      command: "dreamgym env replay alfworld recording.jsonl.gz --data ~/alfworld",
      description: "Prints the first differences; exit code 1 where there is one"
    }
  ])
)

const mostShown = 5

const linesOf = ({ difference, game, rollout }: Recording.Verdict): ReadonlyArray<string> =>
  difference === undefined
    ? []
    : [
        `${game} (${rollout}), ${difference.step === 0 ? "opening" : `step ${difference.step}: ${difference.command}`}`,
        `  ${difference.what}`,
        ...difference.expected.split("\n").map((line) => `  - ${line}`),
        ...difference.actual.split("\n").map((line) => `  + ${line}`),
        ""
      ]

const jsonOf = ({ difference, game, rollout }: Recording.Verdict) => ({
  game,
  rollout,
  step: difference?.step ?? 0,
  command: difference?.command ?? "",
  what: difference?.what ?? "",
  expected: difference?.expected ?? "",
  actual: difference?.actual ?? ""
})
