/**
 * The links of the project's pages that point to files of the project.
 * Links to the web are not followed: whether another site stands is not this project's to say.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Every page of the project at `root`. */
export const pages = (root: string): ReadonlyArray<string> =>
  globSync(["*.md", "docs/**/*.md", "packages/*/README.md"], { cwd: root }).sort()

/** The targets of the links and images of a page, its code blocks left out. */
export const targets = (text: string): ReadonlyArray<string> =>
  [
    ...text
      .replace(/^(`{3,}).*?^\1/gms, "")
      .replace(/`[^`\n]*`/g, "")
      .matchAll(link)
  ].map(([, inline, reference]) => inline ?? reference ?? "")

const link = /\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s+(\S+)/gm
const isOfTheWeb = /^[a-z][a-z+.-]*:|^#/

/** The anchor of a heading as code hosts make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replace(/\s/g, "-")

const anchors = (text: string): ReadonlyArray<string> =>
  [...text.replace(/^(`{3,}).*?^\1/gms, "").matchAll(/^#+\s+(.+)$/gm)].map(([, heading = ""]) =>
    anchorOf(heading)
  )

/** The links of `page` whose file, or whose heading in a page, does not exist. */
export const broken = (root: string, page: string): ReadonlyArray<string> =>
  targets(readFileSync(join(root, page), "utf8"))
    .filter((target) => !isOfTheWeb.test(target))
    .filter((target) => {
      const [path = "", anchor] = target.split("#")
      const file = join(root, dirname(page), decodeURIComponent(path))
      if (!existsSync(file)) return true
      return (
        anchor !== undefined &&
        path.endsWith(".md") &&
        !anchors(readFileSync(file, "utf8")).includes(anchor)
      )
    })
    .map((target) => `${page}: ${target}`)
