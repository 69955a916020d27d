/**
 * `npm run bench -- <area> [--json] [--whole]`: takes the figures of one area, from every package that measures it; `--whole` is the long
 * form of those that have one.
 * It decides nothing about them: the exit code says only whether there were figures and all of them were figures.
 */
import { globSync } from "node:fs"
import { basename, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { parseArgs } from "node:util"
import {
  fault,
  machine,
  table,
  type Bench,
  type Explained,
  type Manner,
  type Report
} from "./figures.ts"

const suffix = ".bench.ts"

const figuresOf = async (file: string, manner: Manner): Promise<Explained> => {
  const { default: bench }: { default?: Bench } = await import(pathToFileURL(resolve(file)).href)
  if (typeof bench !== "function") throw new Error(`${file} has no default export to call`)
  const taken = await bench(manner)
  const explained = "figures" in taken ? taken : { figures: taken }
  const { figures } = explained
  const faults = figures.map(fault).filter((wrong) => wrong !== undefined)
  if (faults.length > 0) throw new Error(`${file}: ${faults.join("; ")}`)
  return explained
}

const measure = async (
  area: string,
  files: ReadonlyArray<string>,
  manner: Manner
): Promise<Report> => {
  const taken: Array<Explained> = []
  // One after the other: benchmarks that run together measure each other.
  for (const file of files) taken.push(await figuresOf(file, manner))
  const figures = taken.flatMap((one) => one.figures)
  const details = taken.flatMap((one) => one.details ?? [])
  if (figures.length === 0) throw new Error(`${files.join(", ")}: no figures`)
  const report = { area, machine: machine(), date: new Date().toISOString(), figures }
  return details.length === 0 ? report : { ...report, details }
}

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      whole: { type: "boolean", default: false }
    }
  })
  const all = globSync(`packages/*/bench/*${suffix}`).sort()
  const areas = [...new Set(all.map((file) => basename(file, suffix)))].sort()
  const [area, ...rest] = positionals
  const files = all.filter((file) => basename(file, suffix) === area)
  if (area === undefined || rest.length > 0 || files.length === 0)
    throw new Error(`name one area: ${areas.join(", ") || "no package measures anything"}`)
  const report = await measure(area, files, { whole: values.whole })
  console.log(values.json ? JSON.stringify(report) : table(report))
}

main().catch((cause: unknown) => {
  console.error(`bench: ${cause instanceof Error ? cause.message : String(cause)}`)
  process.exitCode = 1
})
