/**
 * Files that survive a crash: replaced whole or not at all, and on the disk before anybody is told.
 * It knows nothing of runs.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { atFile, RunError } from "./RunError.ts"

type Written = Effect.Effect<void, RunError, FileSystem.FileSystem>

/** Writes a new file and waits until the disk has all of it. */
export const write = (file: string, bytes: Uint8Array): Written => put(file, "w", bytes)

/** Appends, and waits until the disk has all of it. */
export const append = (file: string, text: string): Written =>
  put(file, "a", new TextEncoder().encode(text))

/** Replaces the file at once: a reader sees the old one or the new one, never a part. */
export const replace = Effect.fn("DurableFile.replace")(function* (file: string, text: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const aside = `${file}.tmp`
  yield* put(aside, "w", new TextEncoder().encode(text), file)
  yield* fileSystem.rename(aside, file).pipe(Effect.mapError(atFile(file)))
  yield* syncDirectory(path.dirname(file))
})

/** Makes a rename or a new name in this folder last. */
export const syncDirectory = (directory: string): Written =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((fileSystem) => fileSystem.open(directory, { flag: "r" })),
    Effect.flatMap((handle) => handle.sync),
    Effect.scoped,
    Effect.mapError(atFile(directory))
  )

/**
 * The folder and those above it, made one by one: Node's own recursive making never ends on folders such as /proc/x, where a folder
 * cannot be made though its parent is there.
 */
export const makeDirectory = (
  directory: string
): Effect.Effect<void, RunError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if (yield* fileSystem.exists(directory).pipe(Effect.mapError(atFile(directory)))) return
    const parent = path.dirname(directory)
    if (parent !== directory) yield* makeDirectory(parent)
    yield* fileSystem.makeDirectory(directory).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "AlreadyExists",
        () => Effect.void
      ),
      Effect.mapError(atFile(directory))
    )
  })

/** `named` is the file that an error speaks of. What could not be appended whole is taken away again, so that no line is torn. */
const put = Effect.fnUntraced(function* (
  file: string,
  flag: "w" | "a",
  bytes: Uint8Array,
  named = file
) {
  const fileSystem = yield* FileSystem.FileSystem
  const at = Effect.mapError(atFile(named))
  const handle = yield* at(fileSystem.open(file, { flag }))
  const sizeNow = at(Effect.map(handle.stat, ({ size }) => Number(size)))
  const before = flag === "a" ? yield* sizeNow : 0
  const written = Effect.gen(function* () {
    yield* at(handle.writeAll(bytes))
    yield* at(handle.sync)
    const count = (yield* sizeNow) - before
    if (count !== bytes.length) return yield* tookPart(named, count, bytes.length)
  })
  yield* Effect.onError(written, () =>
    flag === "a" ? Effect.ignore(handle.truncate(before)) : Effect.void
  )
}, Effect.scoped)

const tookPart = (file: string, count: number, all: number): RunError =>
  new RunError({
    reason: "Unusable",
    file,
    message: `${file}: the disk took ${count} of ${all} bytes and reported no error; check it, then \`dreamgym resume\` the run`
  })
