/** `dreamgym replay import`: experience from files into a buffer; what is there already is kept once. */
import { ReplayBuffer as Contract } from "@dreamgym/domain"
import type { Trajectory } from "@dreamgym/domain"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as EvaluationTasks from "@dreamgym/replay/formats/EvaluationTasks"
import type * as FormatError from "@dreamgym/replay/formats/FormatError"
import * as Formats from "@dreamgym/replay/formats/Formats"
import * as ReplayBuffer from "@dreamgym/replay/ReplayBuffer"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as Output from "../Output.ts"
import * as Progress from "./BufferProgress.ts"
import * as Target from "./BufferTarget.ts"
import { directory } from "./Resume.ts"

export const importBuffer = Command.make(
  "import",
  {
    buffer: Target.buffer,
    files: Argument.String("FILE|DIR").pipe(
      Argument.withDescription("Where the experience lies"),
      Argument.atLeast(1)
    ),
    directory,
    format: Flag.Literals("format", Formats.readable).pipe(
      Flag.withDescription(
        "Default by name: .jsonl[.gz] ours, .parquet and folders Parquet, .json tau-bench"
      ),
      Flag.optional
    ),
    allowEvaluation: Flag.Boolean("allow-evaluation").pipe(
      Flag.withDescription(
        "Take test tasks of tau-bench and validation games of ALFWorld too: never measure yourself by them afterwards"
      ),
      Flag.withDefault(false),
      Flag.withoutNegation
    )
  },
  Effect.fn("BufferImport.run")(function* (given) {
    const file = yield* fileOf(given.buffer, given.directory)
    const counts = yield* Effect.forEach(given.files, (path) => importOne(path, given)).pipe(
      Effect.provide(ReplayBuffer.layerSqlite({ file, quotas: { rejected: noBound } }))
    )
    const all = counts.reduce(sum)
    yield* Output.answer(
      { file, ...all, files: given.files.map((path, i) => ({ path, ...(counts[i] ?? all) })) },
      [
        ...given.files.map((path, i) => `${path}: ${said(counts[i] ?? all)}`),
        ...(given.files.length > 1 ? [`together: ${said(all)}`] : [])
      ]
    )
  })
).pipe(
  Command.withDescription(
    "Take trajectories in from files: ours, Parquet, recordings of ALFWorld and tau-bench"
  ),
  Command.withExamples([
    {
      command: "dreamgym replay import mine.sqlite household.jsonl.gz",
      description: "Into a buffer of its own, made where it is missing"
    },
    {
      command: "dreamgym replay import mine.sqlite --format alfworld train.jsonl.gz",
      description: "Recorded rollouts of the original ALFWorld"
    }
  ])
)

/** Nothing that is imported goes because there is much of it. */
const noBound = Number.MAX_SAFE_INTEGER

/** A file called `.sqlite` may be new; all else must be there. */
const fileOf = Effect.fnUntraced(function* (buffer: string, directory: string) {
  const { resolve } = yield* Path.Path
  return yield* Target.locate(buffer, directory).pipe(
    Effect.catchIf(
      () => buffer.endsWith(".sqlite"),
      () => Effect.succeed(resolve(buffer))
    )
  )
})

interface Counts {
  readonly new: number
  readonly duplicates: number
  readonly refused: number
}

const sum = (a: Counts, b: Counts): Counts => ({
  new: a.new + b.new,
  duplicates: a.duplicates + b.duplicates,
  refused: a.refused + b.refused
})

const { amount } = ReportText

const said = ({ duplicates, new: added, refused }: Counts): string =>
  [
    `${amount(added)} new`,
    `${amount(duplicates)} there already`,
    ...(refused > 0
      ? [`${amount(refused)} refused: of tasks to be measured by (--allow-evaluation takes them)`]
      : [])
  ].join(", ")

/** Added together: so many share one sync of the disk. */
const together = 256

const importOne = Effect.fnUntraced(function* (
  path: string,
  given: { readonly format: Option.Option<Formats.Readable>; readonly allowEvaluation: boolean }
) {
  const buffer = yield* Contract.ReplayBuffer
  const format = Option.isSome(given.format) ? given.format.value : yield* Formats.named(path)
  let counts: Counts = { new: 0, duplicates: 0, refused: 0 }
  const take = Effect.fnUntraced(function* (some: ReadonlyArray<Trajectory.Trajectory>) {
    const wanted = some.filter(
      ({ task }) => given.allowEvaluation || !EvaluationTasks.isEvaluation(task)
    )
    const added = yield* buffer.add(wanted)
    counts = sum(counts, {
      new: added,
      duplicates: wanted.length - added,
      refused: some.length - wanted.length
    })
  })
  let failure: FormatError.FormatError | undefined
  yield* Progress.counting(Formats.read(format, path), "trajectories taken in").pipe(
    // What came before a damaged line is worth as much as if the file ended there.
    Stream.catch((error) => {
      failure = error
      return Stream.empty
    }),
    Stream.grouped(together),
    Stream.runForEach(take)
  )
  if (failure === undefined) return counts
  yield* stopped(path, given.format, failure, counts)
  return yield* Effect.fail(failure)
})

/** What of a file that could not be read to its end was taken in, and that it may be of another kind than its name says. */
const stopped = Effect.fnUntraced(function* (
  path: string,
  format: Option.Option<Formats.Readable>,
  error: FormatError.FormatError,
  counts: Counts
) {
  if (counts.new > 0) yield* Output.remark(`${path}: ${said(counts)}, and these stay`)
  if (Option.isSome(format) || error.reason !== "Malformed") return
  yield* Output.remark(
    `${path} was read as its name says; if it is something else, say so by --format (${Formats.readable.join(", ")})`
  )
})
