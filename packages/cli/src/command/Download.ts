/** `dreamgym env download`: the released data of a world, fetched once. No other command fetches anything. */
import * as Download from "@dreamgym/environment/alfworld/Download"
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Output from "../Output.ts"
import * as World from "../World.ts"
import { data } from "./EnvironmentFlags.ts"

export const download = Command.make(
  "download",
  {
    environment: Argument.Literals("environment", ["alfworld"]).pipe(
      Argument.withDescription("Whose data")
    ),
    data,
    goals: Flag.Boolean("human-goals").pipe(
      Flag.withDescription("Also what people called the goals"),
      Flag.withDefault(false),
      Flag.withoutNegation
    )
  },
  Effect.fn("Download.run")(function* (given) {
    const dataFolder = yield* World.alfworldFolder(given.data)
    const archives = given.goals ? [Download.games, Download.trajectories] : [Download.games]
    const reports = yield* Download.alfworld({ dataFolder, archives, onProgress: told() }).pipe(
      Effect.provide(FetchHttpClient.layer)
    )
    yield* Output.answer(
      {
        dataFolder,
        archives: reports.map(({ archive: { bytes, name, sha256, url }, files }) => ({
          name,
          url,
          bytes,
          sha256,
          files
        }))
      },
      [
        ...reports.map(({ archive, files }) => `${amount(files)} files of ${archive.name}`),
        `The data are in ${dataFolder}: set ALFWORLD_DATA to it, or give it to --data.`
      ]
    )
  })
).pipe(
  Command.withDescription("Fetch the released data of a world: resumed, verified, unpacked"),
  Command.withExamples([
    {
      command: "dreamgym env download alfworld --data ~/alfworld",
      description: "ALFWorld's games, 37 MB"
    }
  ])
)

const { amount } = ReportText

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

/** Tells what happens on stderr, and of what is received every twentieth part. */
const told = () => {
  let last = 0
  return (progress: Download.Progress): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { archive } = progress
      const isPart = progress._tag === "Received"
      if (isPart && progress.received - last < archive.bytes / 20) return Effect.void
      last = isPart ? progress.received : 0
      return Effect.forEach(linesOf(progress), Output.remark, { discard: true })
    })
}

const linesOf = (progress: Download.Progress): ReadonlyArray<string> => {
  const { bytes, name, sha256, url } = progress.archive
  switch (progress._tag) {
    case "Fetching":
      return [
        `fetching ${url}`,
        `  ${megabytes(bytes)}, SHA-256 ${sha256}`,
        ...(progress.had > 0 ? [`  going on after ${megabytes(progress.had)}`] : [])
      ]
    case "Received":
      return [`  ${megabytes(progress.received)} of ${megabytes(bytes)}`]
    case "Verified":
      return [`${name} is what was released`]
    case "Unpacked":
      return [`${name} is unpacked`]
  }
}
