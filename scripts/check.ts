/**
 * Type-checks all sources, tests and scripts against each other's sources, with Effect's own diagnostics.
 * It emits nothing: `tsc -b` builds each package, from its own sources and the declarations of its references.
 */
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"

const effectCompiler = "node_modules/@effect/tsgo-linux-x64/lib/tsc"
const plainCompiler = "node_modules/typescript/bin/tsc"

/** Suggestions are for editors; errors and warnings count. A finding begins with its place and goes on to the next one. */
const findingsOf = (output: string) =>
  output
    .split(/\n(?=\S+\(\d+,\d+\): |(?:error|warning) TS)/)
    .filter((finding) => /(?:error|warning) TS\d+/.test(finding.split("\n")[0] ?? ""))

const compilerCommand = (): ReadonlyArray<string> => {
  if (existsSync(effectCompiler)) return [effectCompiler]
  console.log("Effect's diagnostics: skipped (@effect/tsgo has no compiler for this platform here)")
  return [process.execPath, plainCompiler]
}

const [command = plainCompiler, ...rest] = compilerCommand()
const run = spawnSync(command, [...rest, "-p", "tsconfig.check.json", "--pretty", "false"], {
  encoding: "utf8"
})
const findings = [run.stdout, run.stderr].flatMap(findingsOf)
for (const finding of findings) console.error(finding)
if (run.error !== undefined) console.error(`${command}: ${run.error.message}`)
process.exitCode = run.status === 0 && findings.length === 0 ? 0 : 1
