/**
 * Which buffer a command is about, opened to look on: a run may go on writing to it meanwhile.
 * What is asked of it is for the commands.
 */
import type { ReplayBuffer as Contract } from "@dreamgym/domain"
import * as ReplayBuffer from "@dreamgym/replay/ReplayBuffer"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"

/** `message` says where was looked, and what is there instead. */
export class BufferNotFound extends Schema.TaggedError<BufferNotFound>()("BufferNotFound", {
  file: Schema.String,
  message: Schema.String
}) {}

/** The first argument of every command of `dreamgym replay`. */
export const buffer = Argument.String("buffer").pipe(
  Argument.withDescription("A run's name or folder, or a file replay.sqlite")
)

/** The name of the database in a run's folder. */
const fileName = "replay.sqlite"

/** The file of the buffer that is meant. */
export const locate = Effect.fn("BufferTarget.locate")(function* (
  buffer: string,
  directory: string
) {
  const fileSystem = yield* FileSystem.FileSystem
  const { join, resolve } = yield* Path.Path
  const isFile = (path: string) =>
    Effect.match(fileSystem.stat(path), {
      onSuccess: ({ type }) => type === "File",
      onFailure: () => false
    })
  const places = [buffer, join(buffer, fileName), join(directory, buffer, fileName)]
  const found = yield* Effect.findFirst(places, isFile)
  if (Option.isSome(found)) return resolve(found.value)
  const runs = yield* fileSystem
    .readDirectory(directory)
    .pipe(Effect.orElseSucceed((): Array<string> => []))
  const known = yield* Effect.filter(runs.toSorted(), (name) =>
    isFile(join(directory, name, fileName))
  )
  const file = resolve(buffer)
  return yield* new BufferNotFound({
    file,
    message: `there is no buffer ${buffer}: it is no file, no folder with a ${fileName}, and no run in ${directory} (${
      known.length === 0 ? "which holds none" : `which holds ${known.join(", ")}`
    }); name one of these`
  })
})

/** The service for reading; what would write fails. */
export const reading = (file: string) => ReplayBuffer.layerSqlite({ file, readOnly: true })

/** Flags that say which trajectories are meant; all that are given must hold. */
export const filterFlags = {
  source: Flag.Literals("source", ["real", "synthetic"]).pipe(
    Flag.withDescription("Lived in the real world, or dreamt"),
    Flag.optional
  ),
  environment: Flag.String("environment").pipe(
    Flag.withDescription("Of this environment"),
    Flag.optional
  ),
  task: Flag.String("task").pipe(
    Flag.withMetavar("ID"),
    Flag.withDescription("Of the task with this id"),
    Flag.optional
  ),
  leastQuality: Flag.Finite("least-quality").pipe(
    Flag.withDescription("Of at least this quality"),
    Flag.optional
  ),
  leastVersion: Flag.Int("least-version").pipe(
    Flag.withDescription("Of at least this version of the policy (-1: of no trained one)"),
    Flag.optional
  )
}

/** Flags about a whole trajectory's end. */
export const outcomeFlags = {
  outcome: Flag.Literals("outcome", ["success", "failure"]).pipe(
    Flag.withDescription("Whether the task was solved"),
    Flag.optional
  ),
  verdict: Flag.Literals("verdict", ["accepted", "rejected"]).pipe(
    Flag.withDescription("What the quality filter said; what it never saw counts as accepted"),
    Flag.optional
  )
}

export interface GivenFilter {
  readonly source: Option.Option<"real" | "synthetic">
  readonly environment: Option.Option<string>
  readonly task: Option.Option<string>
  readonly leastQuality: Option.Option<number>
  readonly leastVersion: Option.Option<number>
}

export interface GivenOutcome {
  readonly outcome: Option.Option<"success" | "failure">
  readonly verdict: Option.Option<"accepted" | "rejected">
}

const sources = { real: "Real", synthetic: "Synthetic" } as const

/** Keys that were not given are absent. */
export const filterOf = (given: GivenFilter): Contract.Filter => ({
  ...whenGiven(given.source, (source) => ({ source: sources[source] })),
  ...whenGiven(given.environment, (environment) => ({ environment })),
  ...whenGiven(given.task, (task) => ({ task })),
  ...whenGiven(given.leastQuality, (leastQuality) => ({ leastQuality })),
  ...whenGiven(given.leastVersion, (leastVersion) => ({ leastVersion }))
})

export const trajectoryFilterOf = (
  given: GivenFilter & GivenOutcome
): Contract.TrajectoryFilter => ({
  ...filterOf(given),
  ...whenGiven(given.outcome, (outcome) => ({ isSuccess: outcome === "success" })),
  ...whenGiven(given.verdict, (verdict) => ({ isRejected: verdict === "rejected" }))
})

/** `part` of what was given, or nothing to spread. */
export const whenGiven = <A, B extends object>(
  given: Option.Option<A>,
  part: (value: A) => B
): B | Record<never, never> => (Option.isSome(given) ? part(given.value) : {})
