/** Real files for these tests, in a folder that goes, on a disk that can be full. */
import type { Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type * as FormatError from "../../src/formats/FormatError.ts"

/** A file system of node:fs that has room for so many bytes. */
export const disk = (room = Number.POSITIVE_INFINITY) => {
  let left = room
  const attempt = <A>(method: string, run: () => A) =>
    Effect.try({
      try: run,
      catch: (cause) =>
        PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method, cause })
    })
  const handleOf = (fd: number): FileSystem.File => ({
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: Effect.die("unused"),
    seek: () => Effect.die("unused"),
    sync: attempt("sync", () => fs.fsyncSync(fd)),
    read: () => Effect.die("unused"),
    readAlloc: () => Effect.succeed(Option.none()),
    truncate: () => Effect.die("unused"),
    write: () => Effect.die("unused"),
    writeAll: (bytes) =>
      attempt("writeAll", () => {
        left -= bytes.length
        if (left < 0) throw new Error("no space left on device")
        fs.writeSync(fd, bytes)
      })
  })
  return FileSystem.layerNoop({
    makeDirectory: (name) => attempt("mkdir", () => void fs.mkdirSync(name, { recursive: true })),
    readDirectory: (name) =>
      fs.existsSync(name)
        ? attempt("readDirectory", () => fs.readdirSync(name))
        : Effect.fail(
            PlatformError.systemError({
              _tag: "NotFound",
              module: "FileSystem",
              method: "readDirectory"
            })
          ),
    remove: (name) => attempt("remove", () => fs.rmSync(name, { force: true })),
    rename: (from, to) => attempt("rename", () => fs.renameSync(from, to)),
    open: (name, how) =>
      Effect.acquireRelease(
        attempt("open", () => fs.openSync(name, how?.flag ?? "r")),
        (fd) => Effect.sync(() => fs.closeSync(fd))
      ).pipe(Effect.map(handleOf))
  })
}

/** Runs in a folder of its own. */
export const inFolder = async <A>(run: (folder: string) => Promise<A> | A): Promise<A> => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "formats-"))
  try {
    return await run(folder)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
}

export const onDisk = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>): Promise<A> =>
  Effect.runPromise(Effect.provide(effect, disk()))

export const collected = <A, E>(stream: Stream.Stream<A, E>): Promise<ReadonlyArray<A>> =>
  Effect.runPromise(Stream.runCollect(stream))

/** What came before the failure, and the failure. */
export const failure = async <A>(stream: Stream.Stream<A, FormatError.FormatError>) => {
  const before: Array<A> = []
  const all = Stream.runForEach(stream, (one) => Effect.sync(() => before.push(one)))
  const { column, file, line, message, reason } = await Effect.runPromise(Effect.flip(all))
  return { before, column, file: path.basename(file), line, message, reason }
}

/** What JSON makes of a trajectory: -0 becomes 0, all else stays. */
export const withoutMinusZero = (value: unknown): unknown =>
  Object.is(value, -0)
    ? 0
    : Array.isArray(value)
      ? value.map(withoutMinusZero)
      : typeof value === "object" && value !== null
        ? Object.fromEntries(
            Object.entries(value).map(([key, one]) => [key, withoutMinusZero(one)])
          )
        : value

export const streamOf = (trajectories: ReadonlyArray<Trajectory.Trajectory>) =>
  Stream.fromIterable(trajectories)

/** A file as another program reads it. */
export const bufferOf = (file: string) => {
  const { buffer } = new Uint8Array(fs.readFileSync(file))
  const slice = (from: number, to?: number) => buffer.slice(from, to)
  return { byteLength: buffer.byteLength, slice }
}
