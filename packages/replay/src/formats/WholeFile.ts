/**
 * A file that is there whole or not at all: written aside, safe on disk, then renamed.
 * What is written is decided by who writes.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import { dirname } from "node:path"
import { type FormatError, ofDisk } from "./FormatError.ts"

/** A file on its way. `keep` makes it safe and gives it its name; without it, nothing is left when the scope closes. */
export interface Coming {
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, FormatError>
  readonly keep: (file: string) => Effect.Effect<void, FormatError>
}

/** Begins `file` as `file.part`; missing folders are made. Fails as `Io`. */
export const begin = Effect.fn("WholeFile.begin")(function* (
  file: string
): Effect.fn.Return<Coming, FormatError, FileSystem.FileSystem | Scope.Scope> {
  const files = yield* FileSystem.FileSystem
  const aside = `${file}.part`
  const onDisk = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.mapError(effect, (cause) => ofDisk(file, cause))
  yield* onDisk(files.makeDirectory(dirname(file), { recursive: true }))
  yield* Effect.addFinalizer(() => Effect.ignore(files.remove(aside, { force: true })))
  const handle = yield* onDisk(files.open(aside, { flag: "w" }))
  const keep = (name: string) =>
    onDisk(handle.sync).pipe(
      Effect.andThen(onDisk(files.rename(aside, name))),
      Effect.andThen(syncDirectory(files, dirname(name)))
    )
  return { write: (bytes) => onDisk(handle.writeAll(bytes)), keep }
})

/** A new name lasts when its folder is written too; not every system lets a folder be opened. */
const syncDirectory = (files: FileSystem.FileSystem, directory: string) =>
  files.open(directory, { flag: "r" }).pipe(
    Effect.flatMap((folder) => folder.sync),
    Effect.scoped,
    Effect.ignore
  )
