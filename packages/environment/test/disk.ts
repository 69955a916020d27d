import { Effect, FileSystem, PlatformError } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const read = <A>(method: string, path: string, run: () => A) =>
  Effect.try({
    try: run,
    catch: (cause) =>
      PlatformError.systemError({
        _tag: existsSync(path) ? "Unknown" : "NotFound",
        module: "FileSystem",
        method,
        pathOrDescriptor: path,
        cause
      })
  })

/** Just enough of a disk for the tests: reading and listing. */
export const Disk = FileSystem.layerNoop({
  readFile: (path) => read("readFile", path, () => new Uint8Array(readFileSync(path))),
  readFileString: (path) => read("readFileString", path, () => readFileSync(path, "utf8")),
  readDirectory: (path, options) =>
    read("readDirectory", path, () =>
      readdirSync(path, { encoding: "utf8", recursive: options?.recursive ?? false })
    )
})

const root = fileURLToPath(new URL("../../..", import.meta.url))

/** ALFWORLD_DATA, or the folder beside the repository; undefined where neither is. */
export const dataFolder = [process.env["ALFWORLD_DATA"], `${root}/../shared/data/alfworld`].find(
  (folder) => folder !== undefined && existsSync(`${folder}/json_2.1.1`)
)

/** The recordings of the original program, where they are at hand. */
export const recordings =
  dataFolder !== undefined && existsSync(`${dataFolder}/oracle`)
    ? `${dataFolder}/oracle`
    : undefined
