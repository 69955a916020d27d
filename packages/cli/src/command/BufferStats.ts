/** `dreamgym replay stats`: what a buffer holds, counted. */
import { ReplayBuffer } from "@dreamgym/domain"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Store from "@dreamgym/replay/store/Store"
import * as Command from "effect/cli/Command"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import * as Output from "../Output.ts"
import * as Target from "./BufferTarget.ts"
import * as Tally from "./BufferTally.ts"
import { directory } from "./Resume.ts"

export const stats = Command.make(
  "stats",
  { buffer: Target.buffer, directory, ...Target.filterFlags, ...Target.outcomeFlags },
  Effect.fn("BufferStats.run")(function* (given) {
    const file = yield* Target.locate(given.buffer, given.directory)
    const bytes = yield* sizeOf(file)
    const tally = yield* ReplayBuffer.ReplayBuffer.use((buffer) =>
      Stream.runFold(
        buffer.trajectories(Target.trajectoryFilterOf(given)),
        () => Tally.empty,
        Tally.add
      )
    ).pipe(Effect.provide(Target.reading(file)))
    const record = yield* recordOf(file)
    const { iterations = null, versions = null, ...counts } = tally
    yield* Output.answer({ file, bytes, ...counts, versions, iterations, ...record }, [
      `${file}, ${ReportText.amount(bytes)} bytes`,
      "",
      ...(tally.all.trajectories === 0 ? ["It holds nothing of this kind."] : Tally.lines(tally)),
      ...sentences(record)
    ])
  })
).pipe(
  Command.withDescription("Count what a buffer holds: sources, successes, verdicts, tokens, cost"),
  Command.withExamples([
    { command: "dreamgym replay stats household-1", description: "The buffer of a run" },
    {
      command: "dreamgym replay stats household-1 --source synthetic --json",
      description: "Of dreams only, for a script"
    }
  ])
)

interface Recorded {
  readonly added: { readonly first: string; readonly last: string } | null
  readonly snapshots: ReadonlyArray<{
    readonly version: number
    readonly trajectories: number
    readonly takenAt: string
  }>
}

/** Of the whole buffer, whatever is filtered; times as in ISO 8601. */
const recordOf = Effect.fnUntraced(function* (file: string) {
  const store = yield* Store.open({ file, readOnly: true }, () => undefined)
  const { added, snapshots } = yield* store.dates
  const recorded: Recorded = {
    added: added === undefined ? null : { first: isoOf(added.first), last: isoOf(added.last) },
    snapshots: snapshots.map((one) => ({ ...one, takenAt: isoOf(one.takenAt) }))
  }
  return recorded
}, Effect.scoped)

const isoOf = (milliseconds: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(milliseconds))

const sentences = ({ added, snapshots }: Recorded): ReadonlyArray<string> => [
  ...(added === null ? [] : [`Added: ${added.first} to ${added.last}`]),
  ...(snapshots.length === 0
    ? []
    : [
        `Snapshots: ${snapshots.map(({ trajectories, version }) => `${version} (${ReportText.amount(trajectories)})`).join(", ")}`
      ])
]

/** The database with what its writer has not yet moved into it. */
const sizeOf = Effect.fnUntraced(function* (file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const sizes = yield* Effect.forEach([file, `${file}-wal`], (path) =>
    Effect.match(fileSystem.stat(path), {
      onSuccess: ({ size }) => Number(size),
      onFailure: () => 0
    })
  )
  return sizes.reduce((sum, size) => sum + size, 0)
})
