/**
 * `npm run torture -- <area>`: runs what a package does to itself at random moments, `packages/<room>/torture/<area>.ts`.
 * It takes minutes, so it is no test; its result is written down in docs/reliability.md.
 */
import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"
import { basename } from "node:path"

const [area, ...rest] = process.argv.slice(2)
const files = globSync("packages/*/torture/*.ts").filter((file) => basename(file, ".ts") === area)
const [file] = files
if (file === undefined || files.length > 1) {
  console.error(`torture: name one area that packages/*/torture has as a file, for example replay`)
  process.exitCode = 1
} else {
  const { status } = spawnSync(process.execPath, ["--conditions=source", file, ...rest], {
    stdio: "inherit"
  })
  process.exitCode = status ?? 1
}
