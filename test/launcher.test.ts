/**
 * The launcher of the dreamgym command, on nodes of two ages, in a workspace and installed.
 * The command behind it is a two-line one, so nothing here depends on what the real one does.
 */
import { spawn, spawnSync } from "node:child_process"
import { copyFileSync, symlinkSync } from "node:fs"
import { once } from "node:events"
import { describe, expect, it } from "vitest"
import { temporary, writeFiles } from "../scripts/temporary.ts"

const root = `${import.meta.dirname}/..`
const said = "console.log(JSON.stringify([process.execArgv, process.argv.slice(2)]))"

/** A launcher at `folder`/`home`, in front of a command that tells how it was started, or does `body`. */
const install = (folder: string, home: string, body = said) => {
  writeFiles(folder, {
    [`${home}/bin/README.md`]: "",
    [`${home}/src/bin.ts`]: `const typed: number = 1\n${body}`,
    [`${home}/dist/bin.js`]: body,
    [`${home}/package.json`]: '{ "type": "module" }'
  })
  const launcher = `${folder}/${home}/bin/dreamgym.mjs`
  copyFileSync(`${root}/packages/cli/bin/dreamgym.mjs`, launcher)
  return launcher
}

const run = (node: string, ...rest: ReadonlyArray<string>) => {
  const { status, stdout, stderr } = spawnSync(node, rest, { encoding: "utf8" })
  return { status, stdout: stdout.trim(), stderr: stderr.trim() }
}

/** Makes this node say that it is an old one, as the system's own may be. */
const pretendOld = (folder: string) => {
  writeFiles(folder, {
    "old.cjs": 'Object.defineProperty(process, "version", { value: "v20.20.2" })'
  })
  return `--require=${folder}/old.cjs`
}

describe("the dreamgym launcher", () => {
  it("runs the sources in the workspace, with the arguments given", () => {
    using folder = temporary()
    const launcher = install(folder.path, "packages/cli")
    expect(run(process.execPath, launcher, "train", "--seed=1")).toEqual({
      status: 0,
      stdout: '[["--conditions=source"],["train","--seed=1"]]',
      stderr: ""
    })
  })

  it("runs the built command where it was installed", () => {
    using folder = temporary()
    const launcher = install(folder.path, "node_modules/dreamgym")
    expect(run(process.execPath, launcher, "--help")).toEqual({
      status: 0,
      stdout: '[[],["--help"]]',
      stderr: ""
    })
  })

  it("leaves an old node for the one that was installed beside it", () => {
    using folder = temporary()
    const launcher = install(folder.path, "packages/cli")
    writeFiles(folder.path, { "node_modules/.bin/README.md": "" })
    symlinkSync(process.execPath, `${folder.path}/node_modules/.bin/node`)
    expect(run(process.execPath, pretendOld(folder.path), launcher, "doctor")).toEqual({
      status: 0,
      stdout: '[["--conditions=source"],["doctor"]]',
      stderr: ""
    })
  })

  it("says in one sentence what is missing where there is no other node", () => {
    using folder = temporary()
    const launcher = install(folder.path, "packages/cli")
    const { status, stdout, stderr } = run(process.execPath, pretendOld(folder.path), launcher)
    expect([status, stdout]).toEqual([1, ""])
    expect(stderr).toMatch(/^dreamgym needs Node 22\.19 or newer, and this is v20\.20\.2: [^\n]+$/)
  })

  it("ends as the command ends: with its exit code", () => {
    using folder = temporary()
    const launcher = install(folder.path, "packages/cli", "process.exitCode = 3")
    expect(run(process.execPath, launcher)).toEqual({ status: 3, stdout: "", stderr: "" })
  })

  it("hands a request to stop on to the command, and waits for its end", async () => {
    using folder = temporary()
    const body = `process.on("SIGTERM", () => { console.log("saved"); process.exit(0) })
      setInterval(() => {}, 1000)
      console.log("ready")`
    const launcher = install(folder.path, "packages/cli", body)
    const child = spawn(process.execPath, [launcher], { stdio: ["ignore", "pipe", "inherit"] })
    const heard: Array<string> = []
    child.stdout.on("data", (data) => {
      heard.push(String(data).trim())
      if (heard.length === 1) child.kill("SIGTERM")
    })
    expect(await once(child, "exit")).toEqual([0, null])
    expect(heard).toEqual(["ready", "saved"])
  })
})
