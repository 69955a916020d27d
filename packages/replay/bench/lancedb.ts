/**
 * LanceDB beside ours, where `DREAMGYM_BENCH_LANCEDB=1` asks for it: it is 200 MB, so it is installed then and not before.
 * It takes no figure itself (`lancedb/beside.ts`).
 */
import { spawnSync } from "node:child_process"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import type { Figure } from "../../../scripts/figures.ts"
import { beside, type LanceDb } from "./lancedb/beside.ts"

const locks = path.join(import.meta.dirname, "lancedb")
const home = path.join(import.meta.dirname, "../../../node_modules/.cache/dreamgym-lancedb")

/** What is wrong, where it could not be installed. */
const installed = (): string | undefined => {
  if (fs.existsSync(path.join(home, "node_modules/@lancedb/lancedb"))) return undefined
  fs.mkdirSync(home, { recursive: true })
  for (const name of ["package.json", "package-lock.json"]) {
    fs.copyFileSync(path.join(locks, name), path.join(home, name))
  }
  // Not `npm ci`: it wants the packages of all platforms in the lock file, and a registry need not have them.
  const install = ["install", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"]
  const { status, stderr } = spawnSync("npm", install, { cwd: home, encoding: "utf8" })
  return status === 0 ? undefined : `npm install in ${home} failed: ${stderr.slice(-200)}`
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
  const entry = createRequire(path.join(home, "package.json")).resolve("@lancedb/lancedb")
  const program: LanceDb = await import(pathToFileURL(entry).href)
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "dreamgym-bench-"))
  const figures = await beside(program, directory)
  fs.rmSync(directory, { recursive: true })
  return figures
}
