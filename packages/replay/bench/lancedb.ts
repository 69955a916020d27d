/**
 * LanceDB beside ours, where `DREAMGYM_BENCH_LANCEDB=1` asks for it: it is 200 MB, so it is installed then and not before.
 * It takes no figure itself (`lancedb/beside.ts`).
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { Figure } from "../../../scripts/figures.ts"

const home = new URL("lancedb/", import.meta.url)

/** What is wrong, where it could not be installed. */
const installed = (): string | undefined => {
  if (fs.existsSync(new URL("node_modules/@lancedb/lancedb", home))) return undefined
  const { status, stderr } = spawnSync("npm", ["ci", "--omit=optional", "--ignore-scripts"], {
    cwd: home,
    encoding: "utf8"
  })
  return status === 0 ? undefined : `npm ci in ${home.pathname} failed: ${stderr.slice(-200)}`
}

const missing = (why: string): ReadonlyArray<Figure> => [
  { name: "LanceDB beside", unit: "ms", goal: 0, higherIsBetter: false, missing: why }
]

export const lancedb = async (): Promise<ReadonlyArray<Figure>> => {
  if (process.env["DREAMGYM_BENCH_LANCEDB"] !== "1") {
    return missing("DREAMGYM_BENCH_LANCEDB=1 runs it, and installs its 200 MB first")
  }
  const failure = installed()
  if (failure !== undefined) return missing(failure)
  const { beside } = await import("./lancedb/beside.ts")
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-bench-"))
  const figures = await beside(directory)
  fs.rmSync(directory, { recursive: true })
  return figures
}
