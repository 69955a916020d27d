/**
 * The packages as they stand on disk: manifests and project references.
 * It only reads; what they should be is the business of `architecture.ts`.
 */
import { globSync, readFileSync } from "node:fs"
import type { Manifest, Room } from "./architecture.ts"

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))

/** The room names that the `tsconfig.json` of `folder` refers to. */
export const references = (folder: string): ReadonlyArray<string> => {
  const found: ReadonlyArray<{ readonly path: string }> =
    json(`${folder}/tsconfig.json`).references ?? []
  return found.map(({ path }) => path.slice(path.lastIndexOf("/") + 1))
}

/** Every package of the workspace at `root`, by the name of its folder. */
export const read = (root: string): ReadonlyArray<Room> =>
  globSync("packages/*/package.json", { cwd: root })
    .sort()
    .map((path) => {
      const room = path.split("/")[1] ?? ""
      const folder = `${root}/packages/${room}`
      return { room, manifest: json(`${folder}/package.json`), references: references(folder) }
    })

/** The manifests by path, that of the workspace itself first. */
export const manifests = (root: string): Record<string, Manifest> => ({
  "package.json": json(`${root}/package.json`),
  ...Object.fromEntries(
    read(root).map(({ room, manifest }) => [`packages/${room}/package.json`, manifest])
  )
})
