/** Tests of what the command loads: only what it was asked for. */
import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import * as Parts from "../src/Parts.ts"

const bin = fileURLToPath(new URL("../src/bin.ts", import.meta.url))

/** Tells at the end which files of packages were loaded, from `packages/` or `node_modules/` on. */
const watch = `data:text/javascript,import { registerHooks } from "node:module"
const urls = []
registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) })
process.on("exit", () => process.stderr.write(JSON.stringify(urls)))`

/** The files of our packages, and the names of others, that a process with these arguments loads. */
const loadedBy = (...args: ReadonlyArray<string>) => {
  const flags = ["--conditions=source", "--import", watch.replaceAll("\n", ";")]
  const script = `${[...flags, bin, ...args].map((arg) => `'${arg}'`).join(" ")} 2>&1 >/dev/null`
  const told = execFileSync("sh", ["-c", `'${process.execPath}' ${script}`], { encoding: "utf8" })
  const urls: ReadonlyArray<string> = JSON.parse(told)
  const foreign = urls.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  const own = urls.flatMap((url) => /\/packages\/(.+)$/.exec(url)?.[1] ?? [])
  return { foreign: [...new Set(foreign)].toSorted(), own: own.toSorted() }
}

describe("the command loads", () => {
  it("for its version, and so for its help, no part and no engine", () => {
    expect(loadedBy("--version")).toEqual({
      foreign: ["@effect/platform-node", "@effect/platform-node-shared", "effect"],
      own: [
        "cli/src/Dreamgym.ts",
        "cli/src/Failure.ts",
        "cli/src/Output.ts",
        "cli/src/Parts.ts",
        "cli/src/Training.ts",
        "cli/src/bin.ts",
        "pipeline/src/TrainerContract.ts",
        "pipeline/src/Versions.ts"
      ]
    })
  })

  it("for a part that part alone", () => {
    const { foreign, own } = loadedBy("config")
    expect(own.filter((file) => file.startsWith("cli/src/command/"))).toEqual([
      "cli/src/command/ConfigTable.ts"
    ])
    expect(foreign).toEqual(["@effect/platform-node", "@effect/platform-node-shared", "effect"])
  })
})

describe("the parts", () => {
  const names = (args: ReadonlyArray<string>) =>
    Effect.runPromise(
      Effect.map(Parts.forArguments(args), (parts) => ({
        all: parts.map(({ name }) => name),
        whole: parts
          .filter(({ examples, subcommands }) => examples.length + subcommands.length > 0)
          .map(({ name }) => name)
      }))
    )

  it("are whole where they are named, wherever flags stand", async () => {
    expect((await names(["--json", "replay", "stats"])).whole).toEqual(["replay"])
    expect((await names(["--help"])).whole).toEqual([])
  })

  it.each([["--completions", "bash"], ["--completions=zsh"], ["--wizard"]])(
    "are all whole for %s",
    async (...args) => {
      const { all, whole } = await names(args)
      expect(whole).toEqual(all)
      expect(all).toHaveLength(13)
    }
  )
})
