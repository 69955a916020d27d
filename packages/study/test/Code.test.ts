/** Tests of the commit that a result names: the checkout's own, and none where there is none. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import * as Code from "../src/Code.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "code-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const at = (folder: string) =>
  Effect.runPromise(Effect.provide(Code.at(folder), NodeServices.layer))

const git = (...args: ReadonlyArray<string>): string =>
  execFileSync("git", ["-C", home, ...args], { encoding: "utf8" }).trim()

describe("the commit of a folder", () => {
  it("is that of its checkout, and says whether tracked files have changed since", async () => {
    git("init", "--quiet")
    fs.mkdirSync(path.join(home, "inside"))
    const file = path.join(home, "inside", "file")
    fs.writeFileSync(file, "one")
    git("add", ".")
    const person = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    git(...person, "commit", "--quiet", "--message", "first")
    const commit = git("rev-parse", "HEAD")
    fs.writeFileSync(path.join(home, "untracked"), "")
    expect(await at(path.join(home, "inside"))).toEqual({ commit, isChanged: false })
    fs.writeFileSync(file, "two")
    expect(await at(home)).toEqual({ commit, isChanged: true })
  })

  it("is none where there is no checkout, no commit, or no folder", async () => {
    expect(await at(home)).toBeUndefined()
    git("init", "--quiet")
    expect(await at(home)).toBeUndefined()
    expect(await at(path.join(home, "nowhere"))).toBeUndefined()
  })

  it("is told once each, with a mark where files had been changed", () => {
    const [a, b] = ["a".repeat(40), "b".repeat(40)]
    const codes = [
      { commit: a, isChanged: false },
      undefined,
      { commit: b, isChanged: true },
      { commit: a, isChanged: false }
    ]
    expect(Code.words(codes)).toBe(`${"a".repeat(12)}, ${"b".repeat(12)}+`)
    expect(Code.words([undefined])).toBe("")
  })
})
