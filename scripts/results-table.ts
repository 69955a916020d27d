/**
 * `npx node --conditions=source scripts/results-table.ts [FOLDER]` writes what a study found into README.md, between its two markers.
 * FOLDER is a published study (default: the last one in docs/studies by name); nothing is measured here, and nothing else is changed.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Ledger, ResultsTable, StudyFolder } from "@dreamgym/study"
import * as Effect from "effect/Effect"

const [begin, end] = ["<!-- study:begin -->", "<!-- study:end -->"]

/** The last published study by name; undefined where there is none. */
export const newest = (root: string): string | undefined => {
  const studies = join(root, "docs/studies")
  return readdirSync(studies)
    .toSorted()
    .map((name) => join(studies, name))
    .findLast((folder) => existsSync(join(folder, "study.json")))
}

/** What stands between the markers, as the study in `folder` has it. */
export const block = (root: string, folder: string): Promise<string> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const asked = yield* StudyFolder.asked(folder)
      if (asked === undefined) return yield* Effect.die(new Error(`${folder} is no study`))
      const entries = yield* Ledger.read(folder)
      const report = join(relative(root, folder), "report.md")
      return ResultsTable.lines({ ...asked, entries }, report).join("\n")
    }).pipe(Effect.provide(NodeServices.layer))
  )

/** What stands between the markers of a page; undefined where it has not both, in this order. */
export const between = (page: string): string | undefined => {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  return from < 0 || to < from ? undefined : page.slice(from + begin.length, to).trim()
}

/** The page with another text between its markers. */
export const rewritten = (page: string, text: string): string => {
  if (between(page) === undefined) {
    throw new Error(`README.md has no place for the table: write ${begin} and ${end} into it`)
  }
  const before = page.slice(0, page.indexOf(begin) + begin.length)
  return `${before}\n\n${text}\n\n${page.slice(page.indexOf(end))}`
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..")
  const folder = process.argv[2] ?? newest(root)
  if (folder === undefined) throw new Error("docs/studies holds no published study")
  const readme = join(root, "README.md")
  writeFileSync(readme, rewritten(readFileSync(readme, "utf8"), await block(root, folder)))
}
