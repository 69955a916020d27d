/**
 * `scripts/setup.sh`, which makes a fresh clone ready before the first command.
 * npm, node and uname are stand-ins that write down how they were called; what npm really installs is `.ci/run`'s business.
 */
import { spawn } from "node:child_process"
import { copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { text } from "node:stream/consumers"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { temporary, writeFiles } from "../scripts/temporary.ts"

const root = `${import.meta.dirname}/..`
const npm = `#!/bin/sh
echo "npm $*" >>calls
sleep 0.3
rm -rf node_modules && mkdir -p node_modules/.bin && cp "$NODE_AFTER" node_modules/.bin/node
`
const node = (version: string) => `#!/bin/sh\necho ${version}\n`

let clone: ReturnType<typeof temporary>
beforeEach(() => {
  clone = temporary()
  writeFiles(clone.path, {
    "package-lock.json": "{}",
    "tools/npm": npm,
    "tools/node": node("v20.20.2"),
    "tools/uname": '#!/bin/sh\n[ "$1" = -s ] && echo Linux || echo x86_64\n',
    "node-after": node("v24.21.0"),
    "scripts/README.md": "",
    "node_modules/README.md": ""
  })
  copyFileSync(`${root}/scripts/setup.sh`, `${clone.path}/scripts/setup.sh`)
})
afterEach(() => clone[Symbol.dispose]())

const path = (name: string) => `${clone.path}/${name}`
const calls = () => (existsSync(path("calls")) ? readFileSync(path("calls"), "utf8") : "")

const setUp = async (...options: ReadonlyArray<string>) => {
  const prepare = `chmod -R +x tools node-after node_modules; sh scripts/setup.sh ${options.join(" ")}`
  const child = spawn("sh", ["-c", prepare], {
    cwd: clone.path,
    env: {
      PATH: `${path("node_modules/.bin")}:${path("tools")}:/usr/bin:/bin`,
      NODE_AFTER: path("node-after")
    }
  })
  const ended = new Promise((resolve) => child.on("close", resolve))
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended
  ])
  return { status, stdout, stderr }
}

const installed = {
  status: 0,
  stdout: "dreamgym: installing dependencies (npm ci, about a minute) ...\n",
  stderr: ""
}
const silent = { status: 0, stdout: "", stderr: "" }
const once = "npm ci --loglevel=error\n"

describe("the set-up of a clone", () => {
  it("installs what is missing and says so, and the next time says nothing", async () => {
    expect(await setUp()).toEqual(installed)
    expect(await setUp()).toEqual(silent)
    expect(calls()).toBe(once)
  })

  it("installs again when the lock has changed", async () => {
    await setUp()
    writeFileSync(path("package-lock.json"), '{ "changed": true }')
    expect(await setUp()).toEqual(installed)
    expect(calls()).toBe(once + once)
  })

  it("believes an installation that npm itself has recorded", async () => {
    writeFiles(clone.path, { "node_modules/.bin/node": node("v24.21.0") })
    expect(await setUp("--stamp")).toEqual(silent)
    expect(await setUp()).toEqual(silent)
    expect(calls()).toBe("")
  })

  it("runs once where two ask for it at the same time", async () => {
    const [first, second] = await Promise.all([setUp(), setUp()])
    expect([first.status, second.status, calls()]).toEqual([0, 0, once])
    expect(first.stdout + second.stdout).toMatch(/waiting for the set-up that process \d+ runs/)
    expect(existsSync(path(".setup.lock"))).toBe(false)
  })

  it("takes over from a set-up that was killed", async () => {
    symlinkSync("999999999", path(".setup.lock"))
    expect(await setUp()).toEqual(installed)
  })

  it("leaves no record behind when npm fails, so that the next run tries again", async () => {
    writeFileSync(path("tools/npm"), "#!/bin/sh\necho broken >&2\nexit 1\n")
    expect(await setUp()).toEqual({
      ...installed,
      status: 1,
      stderr: "broken\ndreamgym: npm ci failed; what it said is above.\n"
    })
    writeFileSync(path("tools/npm"), npm)
    expect(await setUp()).toEqual(installed)
  })

  it("stops with one sentence, before it installs, where no node can serve", async () => {
    writeFileSync(path("tools/uname"), '#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n')
    expect(await setUp()).toEqual({
      status: 1,
      stdout: "",
      stderr:
        "dreamgym: Node 22.19 or newer is needed here (Darwin arm64, node v20.20.2): install it from https://nodejs.org and run this command again.\n"
    })
    expect(calls()).toBe("")
  })

  it.each([
    ["v22.19.0", 0],
    ["v22.20.1", 0],
    ["v24.0.0", 0],
    ["v100.1.2", 0],
    ["v22.18.9", 1],
    ["v20.99.0", 1],
    ["v9.30.0", 1]
  ])("with no node but %s ends with %i", async (version, status) => {
    writeFileSync(path("tools/npm"), "#!/bin/sh\nmkdir -p node_modules\n")
    writeFileSync(path("tools/node"), node(version))
    expect((await setUp()).status).toBe(status)
  })
})
