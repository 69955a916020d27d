/** The file system of these tests with renaming and removal, which says of a missing file that it is missing. */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PlatformError from "effect/PlatformError"
import * as fs from "node:fs"
import type { disk } from "../disk.ts"

type Disk = ReturnType<typeof disk>

const attempt = <A>(method: string, run: () => A) =>
  Effect.try({
    try: run,
    catch: (cause) =>
      PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method, cause })
  })

const missing = (pathOrDescriptor: string) =>
  Effect.fail(
    PlatformError.systemError({
      _tag: "NotFound",
      module: "FileSystem",
      method: "open",
      pathOrDescriptor
    })
  )

/** `log` gets the renaming after the writes and syncs. */
export const filesOf = ({ layer, log }: Disk): Layer.Layer<FileSystem.FileSystem> =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (files) =>
      FileSystem.FileSystem.of({
        ...files,
        open: (path, how) =>
          how?.flag !== "r" || fs.existsSync(path) ? files.open(path, how) : missing(path),
        rename: (from, to) =>
          attempt("rename", () => {
            fs.renameSync(from, to)
            log.push("rename")
          }),
        remove: (path) => attempt("remove", () => fs.rmSync(path))
      })
    )
  ).pipe(Layer.provide(layer))
