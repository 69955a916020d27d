/**
 * Each rule of `.oxlintrc.json` that the house relies on, with the shortest program that breaks it.
 * A rule that is renamed, misplaced or switched off by a newer linter fails here and not in a review.
 */
import { spawnSync } from "node:child_process"
import { copyFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { temporary, writeFiles } from "../scripts/temporary.ts"

const root = `${import.meta.dirname}/..`
const lines = (count: number) => "\n".repeat(count)
const longFunction = `export const a = () => {${lines(45)}}`

/** Path, text, and the rules that the linter must name, in order. */
const programs: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
  ["packages/a/src/Any.ts", "export const a: any = 1", ["no-explicit-any"]],
  [
    "packages/a/src/As.ts",
    "export const a = (b: unknown) => b as string",
    ["consistent-type-assertions"]
  ],
  [
    "packages/a/src/Angle.ts",
    "export const a = (b: unknown) => <string>b",
    ["consistent-type-assertions"]
  ],
  ["packages/a/src/Const.ts", "export const a = { b: 1 } as const", []],
  ["packages/a/src/NonNull.ts", "export const a = (b?: string) => b!", ["no-non-null-assertion"]],
  ["packages/a/src/Console.ts", "console.log(1)", ["no-console"]],
  ["packages/a/src/Clock.ts", "export const a = Date.now()", ["no-restricted-properties"]],
  ["packages/a/src/Timer.ts", "export const a = performance.now()", ["no-restricted-properties"]],
  ["packages/a/src/Chance.ts", "export const a = Math.random()", ["no-restricted-properties"]],
  ["packages/a/src/Id.ts", "export const a = crypto.randomUUID()", ["no-restricted-properties"]],
  ["packages/a/src/Variable.ts", "export const a = process.env.HOME", ["no-process-env"]],
  ["packages/a/src/Process.ts", 'export { env } from "node:process"', ["no-restricted-imports"]],
  [
    "packages/a/src/Barrel.ts",
    'import { Effect } from "effect"\nexport const a = Effect',
    ["no-restricted-imports"]
  ],
  [
    "packages/a/src/Module.ts",
    'import * as Effect from "effect/Effect"\nexport const a = Effect',
    []
  ],
  ["packages/a/src/Async.ts", "export const a = async () => 1", ["no-async-await"]],
  ["packages/a/src/Session.ts", "export const a = async () => console.log(1)", []],
  ["packages/a/src/wire/Http.ts", "export const a = async () => 1", []],
  ["packages/cli/src/bin.ts", "console.log(process.env.HOME)", []],
  ["packages/a/src/Unused.ts", "const a = 1", ["no-unused-vars"]],
  ["packages/a/src/Left.ts", 'export * from "./Right.ts"', ["no-cycle"]],
  ["packages/a/src/Right.ts", 'export * from "./Left.ts"', ["no-cycle"]],
  ["packages/a/src/Long.ts", `export const a = 1${lines(401)}`, ["max-lines"]],
  ["packages/a/test/Long.test.ts", `export const a = 1${lines(401)}`, ["max-lines"]],
  ["scripts/long.ts", `export const a = 1${lines(401)}`, ["max-lines"]],
  ["packages/a/src/Full.ts", `export const a = 1${lines(400)}`, []],
  ["packages/a/src/LongFunction.ts", longFunction, ["max-lines-per-function"]],
  ["scripts/function.ts", longFunction, ["max-lines-per-function"]],
  ["packages/a/test/Function.test.ts", longFunction, []],
  ["packages/a/test/Async.test.ts", "export const a = async () => console.log(Date.now())", []]
]

const rulesByPath = programs.map(([path, , rules]) => [path, rules] as const)

interface Report {
  readonly diagnostics: ReadonlyArray<{ readonly code: string; readonly filename: string }>
}

const lint = (folder: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const oxlint = `${root}/node_modules/oxlint/bin/oxlint`
  const run = spawnSync(process.execPath, [oxlint, "--format", "json"], {
    cwd: folder,
    encoding: "utf8"
  })
  const report: Report = JSON.parse(run.stdout)
  const rule = (code: string) => code.replace(/^.*\(|\)$/g, "")
  return new Map(
    programs.map(([path]) => [
      path,
      report.diagnostics.filter(({ filename }) => filename === path).map(({ code }) => rule(code))
    ])
  )
}

describe("the linter", () => {
  using folder = temporary()
  writeFiles(folder.path, Object.fromEntries(programs.map(([path, text]) => [path, text])))
  copyFileSync(`${root}/.oxlintrc.json`, `${folder.path}/.oxlintrc.json`)
  const found = lint(folder.path)

  it.each(rulesByPath)("of %s says %j", (path, rules) => {
    expect(found.get(path)).toEqual(rules)
  })
})
