/**
 * The pages of the project: every link of theirs to a file of the project leads somewhere.
 * What the pages say is not checked here.
 */
import { describe, expect, it } from "vitest"
import * as Links from "../scripts/links.ts"
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
