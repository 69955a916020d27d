/**
 * The file behind a durable buffer: one trajectory per line, only ever appended to, safe on disk before `append` returns.
 * It does not choose what to keep, and one process at a time may write to it.
 */
import { ReplayBuffer, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** `trajectories` are those found at opening. `append` keeps all of its trajectories or, where it fails, none. */
export interface Journal {
  readonly trajectories: ReadonlyArray<Trajectory.Trajectory>
  readonly append: (
    trajectories: ReadonlyArray<Trajectory.Trajectory>
  ) => Effect.Effect<void, ReplayBuffer.ReplayBufferError>
}

/** The file's name in the buffer's directory; a torn end goes to the same name with `.torn` behind it. */
export const fileName = "trajectories.jsonl"

/**
 * Opens or creates `directory/trajectories.jsonl`. A last line without its end was never acknowledged (the process died while
 * it wrote): it is set aside in `trajectories.jsonl.torn`, with a warning. Any other line that is no trajectory fails as
 * `Corrupt`; disk trouble as `Io`.
 */
export const open = Effect.fn("Journal.open")(function* (
  directory: string
): Effect.fn.Return<Journal, ReplayBuffer.ReplayBufferError, FileSystem.FileSystem | Scope.Scope> {
  const files = yield* FileSystem.FileSystem
  const path = `${directory}/${fileName}`
  yield* onDisk(path, files.makeDirectory(directory, { recursive: true }))
  const handle = yield* onDisk(path, files.open(path, { flag: "a+" }))
  yield* syncDirectory(files, directory)
  const { lines, tail } = yield* onDisk(path, read(handle))
  const trajectories = yield* Effect.forEach(lines, (line, i) => decodeLine(path, line, i + 1))
  const size = yield* onDisk(path, handle.stat)
  const end = Number(size.size) - tail.length
  if (tail.length > 0) yield* onDisk(path, setAside(files, handle, path, tail, end))
  return { trajectories, append: yield* appendTo(path, handle, end) }
})

/** The trajectories of the journal in `directory`, if there is one; nothing of it is changed. Fails as `open` does. */
export const found = Effect.fn("Journal.found")(function* (
  directory: string
): Effect.fn.Return<
  ReadonlyArray<Trajectory.Trajectory>,
  ReplayBuffer.ReplayBufferError,
  FileSystem.FileSystem
> {
  const files = yield* FileSystem.FileSystem
  const path = `${directory}/${fileName}`
  if (!(yield* onDisk(path, files.exists(path)))) return []
  return yield* onDisk(path, files.open(path, { flag: "r" })).pipe(
    Effect.flatMap((handle) => onDisk(path, read(handle))),
    Effect.flatMap(({ lines }) =>
      Effect.forEach(lines, (line, i) => decodeLine(path, line, i + 1))
    ),
    Effect.scoped
  )
})

/** JSON in the strict sense: a number that JSON does not know is written so that it comes back. */
const codec = Schema.fromJsonString(Schema.toCodecJson(Trajectory.Trajectory))
const encode = Schema.encodeEffect(codec)
const decode = Schema.decodeUnknownEffect(codec)

const chunkBytes = 1 << 20
const newline = 10

/** The complete lines, and the bytes behind the last newline. */
const read = Effect.fnUntraced(function* (handle: FileSystem.File) {
  const lines: Array<Uint8Array> = []
  let rest: Uint8Array = new Uint8Array(0)
  let position = 0n
  const buffer = new Uint8Array(chunkBytes)
  for (;;) {
    const count = yield* handle.read(buffer, { position })
    if (count === 0) return { lines, tail: rest }
    position += BigInt(count)
    rest = splitLines(joined(rest, buffer.subarray(0, count)), lines)
  }
})

const joined = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Moves the complete lines of `bytes` to `lines`; answers what is left. */
const splitLines = (bytes: Uint8Array, lines: Array<Uint8Array>): Uint8Array => {
  let from = 0
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, from)) {
    lines.push(bytes.subarray(from, at))
    from = at + 1
  }
  return bytes.slice(from)
}

const decodeLine = (path: string, line: Uint8Array, number: number) =>
  Effect.try({ try: () => utf8.decode(line), catch: (cause) => new NotText({ cause }) }).pipe(
    Effect.flatMap(decode),
    Effect.mapError(
      (cause) =>
        new ReplayBuffer.ReplayBufferError({
          reason: "Corrupt",
          file: path,
          message: `line ${number} of ${path} is no trajectory; take that line out, or move the file away, and open it again. ${cause.message}`,
          cause
        })
    )
  )

/** Fatal, because a byte that is no text must not become a replacement character in silence. */
const utf8 = new TextDecoder("utf-8", { fatal: true })

class NotText extends Schema.TaggedError<NotText>()("NotText", { cause: Schema.Defect() }) {
  override readonly message = "the bytes are not UTF-8"
}

const setAside = Effect.fnUntraced(function* (
  files: FileSystem.FileSystem,
  handle: FileSystem.File,
  path: string,
  tail: Uint8Array,
  end: number
) {
  const aside = `${path}.torn`
  yield* Effect.scoped(
    Effect.gen(function* () {
      const torn = yield* files.open(aside, { flag: "a" })
      yield* torn.writeAll(joined(tail, Uint8Array.of(newline)))
      yield* torn.sync
    })
  )
  yield* handle.truncate(end)
  yield* handle.sync
  yield* Effect.logWarning(
    `${path} ended within a line, which was never acknowledged; its ${tail.length} bytes are now in ${aside}`
  )
})

/** A new file is only there for good when its folder is written too; not every system lets a folder be opened. */
const syncDirectory = (files: FileSystem.FileSystem, directory: string) =>
  files.open(directory, { flag: "r" }).pipe(
    Effect.flatMap((folder) => folder.sync),
    Effect.scoped,
    Effect.ignore
  )

/** `start` is the length of the file. After a failed write the file is cut back to what was acknowledged. */
const appendTo = Effect.fnUntraced(function* (
  path: string,
  handle: FileSystem.File,
  start: number
) {
  let end = start
  let broken: ReplayBuffer.ReplayBufferError | undefined
  const cutBack = Effect.suspend(() => handle.truncate(end))
  const write = (bytes: Uint8Array) =>
    onDisk(path, Effect.andThen(handle.writeAll(bytes), handle.sync)).pipe(
      Effect.tap(() => Effect.sync(() => (end += bytes.length))),
      Effect.tapError((error) =>
        cutBack.pipe(Effect.catch(() => Effect.sync(() => (broken = error))))
      ),
      // Half a line must not stay behind because a fiber was interrupted.
      Effect.uninterruptible
    )
  return Effect.fnUntraced(function* (trajectories: ReadonlyArray<Trajectory.Trajectory>) {
    if (broken !== undefined) return yield* broken
    if (trajectories.length === 0) return
    const lines = yield* Effect.forEach(trajectories, (trajectory) => encodeLine(path, trajectory))
    yield* write(new TextEncoder().encode(lines.join("")))
  })
})

const encodeLine = (path: string, trajectory: Trajectory.Trajectory) =>
  encode(trajectory).pipe(
    Effect.map((line) => `${line}\n`),
    Effect.mapError(
      (cause) =>
        new ReplayBuffer.ReplayBufferError({
          reason: "Corrupt",
          file: path,
          message: `trajectory ${trajectory.id} cannot be written as JSON: ${cause.message}`,
          cause
        })
    )
  )

const onDisk = <A, R>(
  path: string,
  effect: Effect.Effect<A, PlatformError.PlatformError, R>
): Effect.Effect<A, ReplayBuffer.ReplayBufferError, R> =>
  Effect.mapError(
    effect,
    (cause) =>
      new ReplayBuffer.ReplayBufferError({
        reason: "Io",
        file: path,
        message: `${path}: ${cause.message}; see that the disk has room and the folder may be written`,
        cause
      })
  )
