/**
 * The programs in the pages: the `ts` blocks of a page, in order, are one module, and what it says with `// =>` is a fact to check.
 * It writes the module beside nothing else; who runs and compares is `test/docs.test.ts`.
 *
 * `EXPRESSION // => VALUE`, or the expression first and `// => VALUE` on the line below it (VALUE may go on in further comment
 * lines). VALUE is an expression too; found and expected are compared by value. Each line keeps its number, so that an error in
 * the module points at the page.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"

/** What a page says at `line`, and what its program found. */
export interface Fact {
  readonly line: number
  readonly found: unknown
  readonly expected: unknown
}

/** What the module of a page exports. */
export interface Ran {
  readonly facts: ReadonlyArray<Fact>
}

/** Whether a page holds a program. */
export const isExecutable = (page: string): boolean => /^```ts$/m.test(page)

/** The module of a page, line for line; lines outside its `ts` blocks are empty. */
export const moduleOf = (page: string): string => {
  const lines = blocksOf(page.split("\n"))
  const [, ...rest] = withFacts(lines)
  return [header, ...rest, ""].join("\n")
}

/** Writes the modules of `pages` and a project for the type checker into `folder`; gives the file of each page. */
export const write = (
  root: string,
  folder: string,
  pages: ReadonlyArray<string>
): ReadonlyArray<{ readonly page: string; readonly file: string }> => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project(root)))
  return pages.map((page) => {
    const file = join(folder, `${basename(page, ".md")}.ts`)
    writeFileSync(file, moduleOf(readFileSync(join(root, page), "utf8")))
    return { page, file }
  })
}

/** No page begins with a program, so its first line is free. */
const header =
  "const heard: Array<{ line: number; found: unknown; expected: unknown }> = []; " +
  "export const facts = heard; " +
  "const fact = (line: number, found: unknown, expected: unknown) => void heard.push({ line, found, expected })"

/** Pages are read with `strict` alone: an index into a list that cannot be empty needs no second thought there. */
const project = (root: string) => ({
  extends: join(root, "tsconfig.base.json"),
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    declarationMap: false,
    sourceMap: false,
    incremental: false,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: false,
    noUncheckedIndexedAccess: false,
    customConditions: ["source"],
    typeRoots: [join(root, "node_modules/@types")]
  },
  include: ["*.ts"]
})

/** Every line that is not code becomes empty. */
const blocksOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  let isCode = false
  return lines.map((line) => {
    if (line.startsWith("```")) {
      isCode = !isCode && line === "```ts"
      return ""
    }
    return isCode ? line : ""
  })
}

const arrow = "// => "

const withFacts = (lines: ReadonlyArray<string>): Array<string> => {
  const made = [...lines]
  for (const [place, line] of lines.entries()) {
    const at = line.indexOf(arrow)
    if (at < 0) continue
    const start = at === 0 ? statementBefore(lines, place) : place
    const last = at === 0 ? lastOfComment(lines, place) : place
    made[start] = `;fact(${place + 1}, (${made[start] ?? ""}`
    const head = at === 0 ? "" : (made[place] ?? "").split(arrow)[0]
    made[place] = `${head}), (${line.slice(at + arrow.length)}`
    for (let i = place + 1; i <= last; i++) made[i] = (lines[i] ?? "").replace("//", "")
    made[last] = `${made[last]}))`
  }
  return made
}

/** The nearest line above that begins a statement: neither indented, closing, nor empty. */
const statementBefore = (lines: ReadonlyArray<string>, place: number): number => {
  for (let i = place - 1; i >= 0; i--) {
    if (/^[^\s)\]}]/.test(lines[i] ?? "")) return i
  }
  return place
}

const lastOfComment = (lines: ReadonlyArray<string>, place: number): number => {
  let last = place
  while ((lines[last + 1] ?? "").startsWith("//")) last++
  return last
}
