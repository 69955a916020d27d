/**
 * The published studies: what a page says of one is what its results give, and its report is theirs.
 * Whether the results are right is not checked here; `dreamgym reproduce` makes them.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Ledger, StudyFolder, StudyReport } from "@dreamgym/study"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as ResultsTable from "../scripts/results-table.ts"

const root = join(import.meta.dirname, "..")
const folder = ResultsTable.newest(root)
const none = "docs/studies holds no published study yet"

describe("the newest published study", () => {
  it("is what the README's table says", async (context) => {
    if (folder === undefined) return context.skip(none)
    const readme = readFileSync(join(root, "README.md"), "utf8")
    expect(ResultsTable.between(readme)).toBe(await ResultsTable.block(root, folder))
  }, 60_000)

  it("has the report and the data that its results give", async (context) => {
    if (folder === undefined) return context.skip(none)
    const read = Effect.all([StudyFolder.asked(folder), Ledger.read(folder)])
    const [asked, entries] = await Effect.runPromise(Effect.provide(read, NodeServices.layer))
    if (asked === undefined) return expect.unreachable()
    for (const [name, text] of StudyReport.files({ ...asked, entries })) {
      if (name.startsWith("figures/")) continue
      expect([name, readFileSync(join(folder, name), "utf8")]).toEqual([name, text])
    }
  }, 120_000)
})

describe("a page with a place for the table", () => {
  const page = "# A\n<!-- study:begin -->\nold\n<!-- study:end -->\nrest\n"

  it("gets the new one in place of the old, and keeps the rest", () => {
    const found = ResultsTable.rewritten(page, "new\n\nlines")
    expect(found).toBe("# A\n<!-- study:begin -->\n\nnew\n\nlines\n\n<!-- study:end -->\nrest\n")
    expect(ResultsTable.between(found)).toBe("new\n\nlines")
    expect(ResultsTable.rewritten(found, "new\n\nlines")).toBe(found)
  })

  it("is asked for where there is none", () => {
    expect(() => ResultsTable.rewritten("# A\n<!-- study:end -->", "x")).toThrow("study:begin")
  })
})
