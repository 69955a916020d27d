/**
 * The packages as they stand on disk: manifests and project references.
 * It only reads; what they should be is the business of `architecture.ts`.
 */
import { globSync, readFileSync } from "node:fs"
import type { Manifest, Room } from "./architecture.ts"

const json = (path: string) => JSON.parse(readFileSync(path, "utf8"))

/** Every package of the workspace at `root`, by the name of its folder. */
export const read = (root: string): ReadonlyArray<Room> =>
  globSync("packages/*/package.json", { cwd: root })
    .sort()
    .map((path) => {
      const folder = `${root}/${path.slice(0, -"/package.json".length)}`
      const references: ReadonlyArray<{ readonly path: string }> =
        json(`${folder}/tsconfig.json`).references ?? []
      return {
        room: folder.slice(folder.lastIndexOf("/") + 1),
        manifest: json(`${folder}/package.json`),
        references: references.map((reference) => reference.path.replace("../", ""))
      }
    })

/** The manifests by path, that of the workspace itself first. */
export const manifests = (root: string): Record<string, Manifest> => ({
  "package.json": json(`${root}/package.json`),
  ...Object.fromEntries(
    read(root).map(({ room, manifest }) => [`packages/${room}/package.json`, manifest])
  )
})
