/**
 * The files of a model's folder, read and written, with errors that name them.
 * What they mean is decided where they are read.
 */
import { Safetensors } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type FolderError, make as problem } from "./FolderError.ts"

/** Whether there is such a file. */
export const exists = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<boolean, FolderError, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(files.exists(file), unread(file))
})

interface Cause {
  readonly message: string
  readonly reason: { readonly _tag: string }
}

const unread =
  (file: string) =>
  ({ message, reason }: Cause): FolderError =>
    reason._tag === "NotFound"
      ? problem("Absent", { file, expected: "a file", found: "nothing" })
      : problem("Unreadable", { file, expected: "a file that can be read", found: message })

/** A whole file. */
export const bytes = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<Uint8Array, FolderError, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(files.readFile(file), unread(file))
})

const atOnce = 2 ** 24

/** A part of a file, which may be larger than a buffer can be; shorter where the file ends before. */
export const part = Effect.fnUntraced(function* (
  file: string,
  offset: number,
  length: number
): Effect.fn.Return<Uint8Array, FolderError, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  const found = new Uint8Array(length)
  let at = 0
  yield* files.stream(file, { offset, bytesToRead: length, chunkSize: atOnce }).pipe(
    Stream.runForEach((piece) =>
      Effect.sync(() => {
        found.set(piece.subarray(0, length - at), at)
        at += Math.min(piece.length, length - at)
      })
    ),
    Effect.mapError(unread(file))
  )
  return found.subarray(0, at)
})

const lengthBytes = 8

/** What a safetensors file says that it holds. The numbers are not read. */
export const safetensors = Effect.fnUntraced(function* (
  file: string
): Effect.fn.Return<
  Safetensors.Head,
  FolderError | Safetensors.SafetensorsError,
  FileSystem.FileSystem
> {
  const files = yield* FileSystem.FileSystem
  const { size } = yield* Effect.mapError(files.stat(file), unread(file))
  const first = yield* part(file, 0, lengthBytes)
  const length = Math.min(Safetensors.headSize(first) ?? first.length, Number(size), largestHead)
  return yield* Safetensors.head(yield* part(file, 0, length), Number(size), file)
})

/** The largest head that other readers of the format take. */
const largestHead = 100_000_000

/** A file as text. */
export const text = (file: string): Effect.Effect<string, FolderError, FileSystem.FileSystem> =>
  Effect.map(bytes(file), (all) => new TextDecoder().decode(all))

/** A file of JSON that a schema describes. */
export const json = Effect.fnUntraced(function* <A>(
  file: string,
  schema: Schema.ConstraintDecoder<A>
): Effect.fn.Return<A, FolderError, FileSystem.FileSystem> {
  const parsed = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(yield* text(file))
  return yield* Effect.mapError(parsed, (cause) =>
    problem("Malformed", {
      file,
      expected: "the JSON of such a file",
      found: cause.message.replaceAll(/\s+/g, " ")
    })
  )
})

const unwritten = (file: string) => (cause: Cause) =>
  problem("Unwritable", { file, expected: "a place that can be written to", found: cause.message })

/** Makes a folder and those above it. */
export const makeFolder = Effect.fnUntraced(function* (
  folder: string
): Effect.fn.Return<void, FolderError, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  yield* Effect.mapError(files.makeDirectory(folder, { recursive: true }), unwritten(folder))
})

/** The most bytes that are written by one call; twice as many are too many for the system. */
const atMost = 2 ** 30

/** Writes a file, of any size; one of that name is replaced. */
export const write = Effect.fnUntraced(function* (
  file: string,
  all: Uint8Array,
  most = atMost
): Effect.fn.Return<void, FolderError, FileSystem.FileSystem> {
  const files = yield* FileSystem.FileSystem
  const pieces = Array.from({ length: Math.ceil(all.length / most) }, (_, piece) =>
    all.subarray(piece * most, (piece + 1) * most)
  )
  const written =
    pieces.length > 1
      ? Stream.run(Stream.fromIterable(pieces), files.sink(file))
      : files.writeFile(file, all)
  yield* Effect.mapError(written, unwritten(file))
})

/** Writes JSON for people and programs. */
export const writeJson = (
  file: string,
  value: unknown
): Effect.Effect<void, FolderError, FileSystem.FileSystem> =>
  write(file, new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`))
