/** A file system that fails on demand, for tests: the n-th thing that is asked of it goes wrong in a way of one's choice. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as PlatformError from "effect/PlatformError"

type Asked<A> = Effect.Effect<A, PlatformError.PlatformError>

/**
 * `short`: half of the bytes are written, and no error is told. `full` and `broken`: half of them, and an error; of a folder its manifest
 * is removed; other operations are not done at all. `late`: it is done, and an error is told nevertheless.
 */
export const faults = ["short", "full", "broken", "late"] as const
export type Fault = (typeof faults)[number]

const codeOf = { full: "ENOSPC", broken: "EIO", late: "EIO" } as const

const failure = (fault: keyof typeof codeOf, method: string) =>
  PlatformError.systemError({
    _tag: "Unknown",
    module: "FileSystem",
    method,
    cause: Object.assign(new Error(`${codeOf[fault]}: ${method}`), { code: codeOf[fault] })
  })

/** `done` tells what was asked, "method file" each; that of the number `at` (from 1) goes wrong. */
export const failingAt = (at: number, fault: Fault) => {
  const done: Array<string> = []
  const turn =
    (method: string, file: string) =>
    <A>(well: Asked<A>, half?: Asked<A>): Asked<A> =>
      Effect.suspend(() => {
        done.push(`${method} ${file}`)
        if (done.length !== at) return well
        if (fault === "short") return half ?? well
        const before: Asked<unknown> = fault === "late" ? well : (half ?? Effect.void)
        return Effect.andThen(before, Effect.fail(failure(fault, method)))
      })
  const over = (real: FileSystem.FileSystem): FileSystem.FileSystem => ({
    ...real,
    exists: (file) => turn("exists", file)(real.exists(file)),
    readFile: (file) => turn("readFile", file)(real.readFile(file)),
    readDirectory: (file) => turn("readDirectory", file)(real.readDirectory(file)),
    makeDirectory: (file, options) =>
      turn("makeDirectory", file)(real.makeDirectory(file, options)),
    rename: (from, to) => turn("rename", to)(real.rename(from, to)),
    remove: (file, options) =>
      turn("remove", file)(
        real.remove(file, options),
        real.remove(`${file}/manifest.json`, { force: true })
      ),
    open: (file, options) =>
      Effect.map(real.open(file, options), (handle) =>
        withTurns(handle, (method) => turn(method, file))
      )
  })
  return { done, over: Effect.map(FileSystem.FileSystem, over) }
}

type Turn = (method: string) => <A>(well: Asked<A>, half?: Asked<A>) => Asked<A>

/** What is a property of its class must be taken from the handle one by one. */
const withTurns = (handle: FileSystem.File, turn: Turn): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  stat: handle.stat,
  sync: turn("sync")(handle.sync),
  seek: (offset, from) => handle.seek(offset, from),
  read: (buffer, options) => handle.read(buffer, options),
  readAlloc: (size, options) => handle.readAlloc(size, options),
  truncate: (length) => handle.truncate(length),
  write: (bytes) => handle.write(bytes),
  writeAll: (bytes) =>
    turn("write")(
      handle.writeAll(bytes),
      Effect.asVoid(handle.write(bytes.subarray(0, Math.floor(bytes.length / 2))))
    )
})
