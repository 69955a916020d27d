/**
 * Fetches ALFWorld's released data into a folder for `ALFWORLD_DATA`: goes on where it stopped, checks every byte.
 * It runs only when asked to: no environment, no test fetches anything.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createHash } from "node:crypto"
import * as Zip from "./Zip.ts"

/** A file of the release. `wanted`: which of the files in it are kept (paths under the data folder). */
export interface Archive {
  readonly name: string
  readonly url: string
  readonly bytes: number
  /** In lower-case hexadecimal digits. */
  readonly sha256: string
  readonly wanted: RegExp
}

const release = "https://github.com/alfworld/alfworld/releases/download"

/** The 3,827 games of three splits (and 200 more of `valid_train`). All that playing needs. */
export const games: Archive = {
  name: "json_2.1.3_tw-pddl.zip",
  url: `${release}/0.4.2/json_2.1.3_tw-pddl.zip`,
  bytes: 36_507_267,
  sha256: "5df77ea759f2211a4106082839ddbbb790f1ba4e7d097ed732cf453f72aa36cf",
  wanted: /^json_2\.1\.1\/.*\/game\.tw-pddl$/
}

/** The recorded trajectories, with what people called the goals: for `goals: "human"`. */
export const trajectories: Archive = {
  name: "json_2.1.1_json.zip",
  url: `${release}/0.2.2/json_2.1.1_json.zip`,
  bytes: 72_018_818,
  sha256: "25171f16e20ad7b048c47275c45b0babf3aa1cbab29cec97387922350a9844bc",
  wanted: /^json_2\.1\.1\/.*\/traj_data\.json$/
}

/** What is happening, for whoever shows it. `of` and `received` are bytes; `had` were here before. */
export type Progress =
  | { readonly _tag: "Fetching"; readonly archive: Archive; readonly had: number }
  | { readonly _tag: "Received"; readonly archive: Archive; readonly received: number }
  | { readonly _tag: "Verified"; readonly archive: Archive }
  | { readonly _tag: "Unpacked"; readonly archive: Archive; readonly files: number }

/** `archives`: the games alone where absent. Archives stay in `dataFolder/.download`, so nothing is fetched twice. */
export interface Options {
  readonly dataFolder: string
  readonly archives?: ReadonlyArray<Archive>
  readonly onProgress?: (progress: Progress) => Effect.Effect<void>
}

const remedies = {
  unreachable:
    "check the connection, or fetch the file by hand into the folder .download and try again",
  refused: "look at the address in a browser; fetch the file by hand into the folder .download",
  interrupted: "try again: it goes on from where it stopped",
  checksum: "the file was thrown away; try again, and mistrust a proxy if it happens twice",
  disk: "check the space and the permissions of the folder",
  archive: "the archive was thrown away; try again"
} as const

/** Why the data is not there. `url` is the address asked. */
export class DownloadError extends Schema.TaggedError<DownloadError>()("DownloadError", {
  reason: Schema.Literals(["unreachable", "refused", "interrupted", "checksum", "disk", "archive"]),
  url: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.url}: ${this.detail}; ${remedies[this.reason]}`
  }
}

/** How many files were unpacked below `dataFolder`, by archive. */
export interface Report {
  readonly archive: Archive
  readonly files: number
}

/** Fetches, verifies and unpacks. What is verified already is only unpacked. */
export const alfworld = Effect.fn("Download.alfworld")(function* (options: Options) {
  const { archives = [games], dataFolder, onProgress = () => Effect.void } = options
  const folder = `${dataFolder}/.download`
  const files = yield* FileSystem.FileSystem
  const reports: Array<Report> = []
  for (const archive of archives) {
    const job: Job = { archive, file: `${folder}/${archive.name}`, dataFolder, onProgress }
    yield* onDisk(job, files.makeDirectory(folder, { recursive: true }))
    yield* fetchMissing(job)
    const bytes = yield* verified(job)
    const count = yield* unpackAll(job, bytes)
    yield* onProgress({ _tag: "Unpacked", archive, files: count })
    reports.push({ archive, files: count })
  }
  return reports
})

interface Job {
  readonly archive: Archive
  readonly file: string
  readonly dataFolder: string
  readonly onProgress: (progress: Progress) => Effect.Effect<void>
}

const fault = ({ archive: { url } }: Job, reason: DownloadError["reason"], detail: string) =>
  new DownloadError({ reason, url, detail })

const onDisk = <A, R>(job: Job, use: Effect.Effect<A, { readonly message: string }, R>) =>
  Effect.mapError(use, ({ message }) => fault(job, "disk", message))

/** The bytes of the archive that are here already. */
const sizeOf = Effect.fnUntraced(function* (job: Job) {
  const files = yield* FileSystem.FileSystem
  if (!(yield* onDisk(job, files.exists(job.file)))) return 0
  return Number((yield* onDisk(job, files.stat(job.file))).size)
})

const fetchMissing = Effect.fnUntraced(function* (job: Job) {
  const { archive, onProgress } = job
  const had = yield* sizeOf(job)
  if (had >= archive.bytes) return
  yield* onProgress({ _tag: "Fetching", archive, had })
  const client = HttpClient.followRedirects(yield* HttpClient.HttpClient, 5)
  const request = HttpClientRequest.setHeaders(HttpClientRequest.get(archive.url), {
    "accept-encoding": "identity",
    ...(had > 0 ? { range: `bytes=${had}-` } : {})
  })
  const response = yield* Effect.mapError(client.execute(request), ({ message }) =>
    fault(job, "unreachable", message)
  )
  if (response.status !== 200 && response.status !== 206) {
    return yield* fault(job, "refused", `the server answers ${response.status}`)
  }
  // A server that knows no ranges sends all of it again.
  const isRest = response.status === 206
  yield* receive(job, response.stream, isRest ? had : 0)
})

const receive = Effect.fnUntraced(function* (
  job: Job,
  body: Stream.Stream<Uint8Array, { readonly message: string }>,
  had: number
) {
  const { archive, file, onProgress } = job
  const files = yield* FileSystem.FileSystem
  let received = had
  const counted = body.pipe(
    Stream.mapError(({ message }) => fault(job, "interrupted", message)),
    Stream.tap((chunk) => {
      received += chunk.length
      return received > archive.bytes
        ? Effect.fail(fault(job, "checksum", `more than the ${archive.bytes} bytes of the release`))
        : onProgress({ _tag: "Received", archive, received })
    })
  )
  const sink = files.sink(file, { flag: had > 0 ? "a" : "w" })
  yield* Stream.run(counted, sink).pipe(
    Effect.catchTag("PlatformError", ({ message }) => Effect.fail(fault(job, "disk", message))),
    Effect.tapError(({ reason }) => (reason === "checksum" ? discard(job) : Effect.void))
  )
  if (received < archive.bytes) {
    return yield* fault(job, "interrupted", `${received} of ${archive.bytes} bytes came`)
  }
})

const discard = Effect.fnUntraced(function* (job: Job) {
  const files = yield* FileSystem.FileSystem
  yield* onDisk(job, files.remove(job.file, { force: true }))
})

const verified = Effect.fnUntraced(function* (job: Job) {
  const { archive, file, onProgress } = job
  const files = yield* FileSystem.FileSystem
  const bytes = yield* onDisk(job, files.readFile(file))
  const sum = createHash("sha256").update(bytes).digest("hex")
  if (bytes.length === archive.bytes && sum === archive.sha256) {
    yield* onProgress({ _tag: "Verified", archive })
    return bytes
  }
  yield* discard(job)
  const found = `${bytes.length} bytes with SHA-256 ${sum}`
  return yield* fault(job, "checksum", `${found}, not ${archive.bytes} with ${archive.sha256}`)
})

const unpackAll = Effect.fnUntraced(function* (job: Job, bytes: Uint8Array) {
  const { archive, dataFolder } = job
  const files = yield* FileSystem.FileSystem
  const damaged = ({ message }: Zip.ZipError) => fault(job, "archive", message)
  const entries = yield* Effect.mapError(Effect.fromResult(Zip.entries(bytes)), damaged)
  const kept = entries.filter(({ name }) => archive.wanted.test(name) && !isAstray(name))
  if (kept.length === 0) {
    yield* discard(job)
    return yield* fault(
      job,
      "archive",
      `none of its ${entries.length} files is one of ${archive.wanted}`
    )
  }
  for (const entry of kept) {
    const content = yield* Effect.mapError(Effect.fromResult(Zip.unpack(bytes, entry)), damaged)
    const path = `${dataFolder}/${entry.name}`
    const folder = path.slice(0, path.lastIndexOf("/"))
    yield* onDisk(job, files.makeDirectory(folder, { recursive: true }))
    yield* onDisk(job, files.writeFile(path, content))
  }
  return kept.length
})

/** Whether a path leads out of the data folder. */
const isAstray = (name: string): boolean =>
  name.startsWith("/") || name.includes("\\") || name.split("/").includes("..")
