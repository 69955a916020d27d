/**
 * Installs the packages as a user would, from their tarballs into an empty project, and imports each of them there.
 * It shows that what is published stands without this workspace; it does not run the packages' own tests.
 */
import { spawnSync } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { temporary, writeFiles } from "./temporary.ts"

const root = process.cwd()
const bin = join(root, "node_modules/.bin")

/** Runs a command with this workspace's node first on the PATH; what it printed, unless it failed. */
const run = (cwd: string, command: string, ...rest: ReadonlyArray<string>): string => {
  const environment = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` }
  const outcome = spawnSync(command, rest, { cwd, encoding: "utf8", env: environment })
  if (outcome.status === 0) return outcome.stdout
  const said = outcome.error?.message ?? `${outcome.stdout}${outcome.stderr}`
  throw new Error(`${[command, ...rest].join(" ")} failed in ${cwd}:\n${said}`)
}

const folders = globSync("packages/*/package.json").map((path) => join(root, path, ".."))
const nameOf = (folder: string): string =>
  JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name

const pack = (folder: string, into: string): string => {
  const [packed] = JSON.parse(run(folder, "npm", "pack", "--json", "--pack-destination", into))
  return `file:${join(into, packed.filename)}`
}

/** An empty project that depends on the tarballs, and on nothing of this workspace. */
const install = (project: string, into: string): void => {
  const tarballs = Object.fromEntries(folders.map((folder) => [nameOf(folder), pack(folder, into)]))
  const manifest = {
    private: true,
    type: "module",
    dependencies: tarballs,
    // Packages ask for each other by version; here a version is the tarball that was just packed.
    overrides: tarballs
  }
  writeFiles(project, {
    "package.json": JSON.stringify(manifest),
    ".npmrc": readFileSync(join(root, ".npmrc"), "utf8")
  })
  run(project, "npm", "install", "--prefer-offline", "--ignore-scripts")
}

const importAll = (project: string): void => {
  for (const name of folders.map(nameOf)) {
    const program = `import * as all from ${JSON.stringify(name)}
      console.log(import.meta.resolve(${JSON.stringify(name)}), Object.keys(all).length)`
    writeFiles(project, { "import.js": program })
    const [place = "", count = ""] = run(project, "node", "import.js").trim().split(" ")
    if (!place.endsWith("/dist/index.js")) throw new Error(`${name} resolves to ${place}`)
    console.log(`${name}: ${count} modules`)
  }
}

run(root, "tsc", "-b")
using folder = temporary()
const [project, tarballs] = [join(folder.path, "project"), join(folder.path, "tarballs")]
writeFiles(folder.path, { "tarballs/.keep": "" })
install(project, tarballs)
importAll(project)
if (existsSync(join(project, "node_modules/dreamgym/dist/bin.js")))
  console.log(run(project, "npx", "dreamgym", "--help").split("\n", 1)[0])
