/**
 * The pages of the project: every link to a file leads somewhere, every `ts` block in `docs/` runs, and what a page says with `// =>` is so.
 * What they say in sentences is not checked here.
 */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { configPage } from "../scripts/config-page.ts"
import * as Links from "../scripts/links.ts"
import * as Pages from "../scripts/pages.ts"
import { temporary, writeFiles } from "../scripts/temporary.ts"

const root = `${import.meta.dirname}/..`

describe("every link to a file leads somewhere in", () => {
  it.each(Links.pages(root))("%s", (page) => {
    expect(Links.broken(root, page)).toEqual([])
  })
})

it("a link to a missing file or heading is seen; code and the web are left alone", () => {
  using folder = temporary()
  const page = `# A page
[there](b.md) ![there](<b.md> "title") [there](b.md#the-second-part) [there](../README.md) [itself](#a-page)
[gone](gone.md) [gone](b.md#third) [gone][1] [web](https://example.org/x.md)
\`[code](none.md)\`
\`\`\`md
[code](none.md)
\`\`\`

[1]: ../gone.md`
  writeFiles(folder.path, {
    "docs/a.md": page,
    "docs/b.md": "# B\n\n## The second part\n",
    "README.md": ""
  })
  expect(Links.pages(folder.path)).toEqual(["README.md", "docs/a.md", "docs/b.md"])
  expect(Links.broken(folder.path, "docs/a.md")).toEqual([
    "docs/a.md: gone.md",
    "docs/a.md: b.md#third",
    "docs/a.md: ../gone.md"
  ])
})

const programs = Pages.write(
  root,
  `${root}/tmp/pages`,
  Links.pages(root).filter(
    (page) =>
      page.startsWith("docs/") && Pages.isExecutable(readFileSync(`${root}/${page}`, "utf8"))
  )
)

const isRan = (module: unknown): module is Pages.Ran =>
  typeof module === "object" && module !== null && "facts" in module

const run = async (file: string): Promise<ReadonlyArray<Pages.Fact>> => {
  const module: unknown = await import(file)
  return isRan(module) ? module.facts : []
}

const minutes = 60_000

// Imported while tests are collected, so that a page may bring tests of its own.
const withTests = programs.filter(({ file }) => readFileSync(file, "utf8").includes('"vitest"'))
for (const { page, file } of withTests) {
  describe(page, async () => {
    const facts = await run(file)
    it("says what is so", () => expectFacts(page, facts))
  })
}

describe("what a page says its program finds is found:", () => {
  it.each(programs.filter((program) => !withTests.includes(program)))(
    "$page",
    async ({ page, file }) => expectFacts(page, await run(file)),
    4 * minutes
  )
})

const expectFacts = (page: string, facts: ReadonlyArray<Pages.Fact>) => {
  expect(facts.length, `${page} checks nothing`).toBeGreaterThan(0)
  for (const { line, found, expected } of facts) {
    expect(found, `${page}, line ${line}`).toEqual(expected)
  }
}

it(
  "the programs in the pages have no type errors",
  () => {
    const tsc = `${root}/node_modules/typescript/bin/tsc`
    const { stdout } = spawnSync(process.execPath, [tsc, "-p", `${root}/tmp/pages`], {
      encoding: "utf8"
    })
    expect(stdout).toBe("")
  },
  2 * minutes
)

it("the page of settings is what the schema says; `npm run docs` writes it", () => {
  expect(readFileSync(`${root}/docs/config.md`, "utf8")).toBe(configPage())
})

it("a page's program keeps its lines, and turns what the page says into facts", () => {
  const page = `# A page

\`\`\`ts
const two = 1 + 1
two // => 2
[two].map(
  (one) => one + 1
)
// => [
//   3
// ]
\`\`\`
`
  const lines = Pages.moduleOf(page).split("\n")
  expect(lines.slice(3, 11)).toEqual([
    "const two = 1 + 1",
    ";fact(5, (two ), (2))",
    ";fact(9, ([two].map(",
    "  (one) => one + 1",
    ")",
    "), ([",
    "   3",
    " ]))"
  ])
})
