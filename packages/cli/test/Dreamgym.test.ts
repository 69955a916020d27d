/** Tests of the front door: what is printed where, and how it ends. */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { Config } from "@dreamgym/pipeline"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { dreamgym, type Told } from "./front.ts"
import * as Invented from "./trainer.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "cli-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const inHome = () => ["--set", `run.directory=${home}`]
const train = (...args: ReadonlyArray<string>) => dreamgym(["train", ...inHome(), ...args])

describe("train", () => {
  it("prints the table, where the run lies and what to try next; progress goes to stderr", async () => {
    const { code, err, out } = await train()
    expect(code).toBe(0)
    expect(out).toContain("`dreamt` beats `cloned`")
    expect(out).toContain(`The run lies in ${path.join(home, "household-1")}`)
    expect(out.match(/^ {2}npx dreamgym /gm)).toHaveLength(3)
    expect(out).not.toContain("✓")
    expect(err).toContain("✓ fit the experience model   1 min 40 s  1,200 updates, loss 0.23")
  })

  it("with --json says exactly one line on stdout: the summary", async () => {
    const { err, out } = await train("--json")
    expect(out.split("\n")).toHaveLength(2)
    const { episodes, high, low, rate, successes } = Invented.evaluation("cloned", 69)
    const cloned = {
      policy: "cloned",
      environment: "household",
      episodes,
      successes,
      rate,
      low,
      high
    }
    expect(JSON.parse(out)).toMatchObject({
      run: "household-1",
      evaluation: [cloned, { policy: "dreamt" }],
      realTransitions: 12_345,
      rejected: { Contradiction: 8 },
      seconds: { collect: 3, fit: 100, dream: 240, evaluate: 20 }
    })
    expect(err).toContain("✓ evaluate in reality")
  })

  it("writes the resolved configuration: flag over --set over file over preset", async () => {
    const file = path.join(home, "mine.toml")
    fs.writeFileSync(file, 'preset = "household-quick"\nseed = 2\n[train]\niterations = 5\n')
    await train("--config", file, "--set", "seed=3", "--seed", "4", "--name", "mine")
    const saved = JSON.parse(fs.readFileSync(path.join(home, "mine", "config.json"), "utf8"))
    expect(saved.config).toMatchObject({
      preset: "household-quick",
      seed: 4,
      train: { iterations: 5 }
    })
  })

  it("with --dry-run shows the plan and its cost, and does nothing", async () => {
    const { code, out } = await train("--dry-run", "--seed", "9")
    expect(code).toBe(0)
    expect(out).toContain("seed = 9")
    expect(out).toMatch(/real transitions to learn from: [\d,]+\n/)
    expect(fs.readdirSync(home)).toEqual([])
    const { out: json } = await train("--dry-run", "--json")
    expect(JSON.parse(json)).toMatchObject({ config: { seed: 1 }, steps: expect.any(Array) })
  })

  it("that fails says so in one line, and keeps the reason with the run", async () => {
    const { code, err, out } = await dreamgym(["train", ...inHome(), "--json"], { failing: true })
    expect(code).toBe(1)
    const run = path.join(home, "household-1")
    expect(err).toContain(`error: ${run}: the disk is full\n`)
    expect(err).not.toContain("    at ")
    expect(JSON.parse(out)).toEqual({
      error: { tag: "RunError", message: `${run}: the disk is full` }
    })
    expect(fs.readFileSync(path.join(run, "report.md"), "utf8")).toContain("Stopped: ")
  })
})

describe("wrong usage", () => {
  it.each([
    ["an unknown command", ["trian"], /Unknown subcommand "trian".*train\nsee `dreamgym --help`/],
    [
      "an unknown flag",
      ["train", "--sed", "1"],
      /Unrecognized flag: --sed.*--seed.*\nsee `dreamgym train --help`/
    ],
    [
      "an unknown key",
      ["train", "--set", "trian.iterations=3"],
      /^error: --set trian.iterations=3: .* did you mean "train.iterations"\?\n$/
    ],
    [
      "an impossible setting",
      ["train", "--set", "train.groupSize=1", "--set", "learner.algorithm=grpo"],
      /^error: .*train.groupSize must be at least 2\n$/
    ],
    [
      "a configuration that is not there",
      ["train", "--config", "/nowhere.toml"],
      /^error: \/nowhere.toml: .*\n$/
    ],
    ["alfworld without games", ["train", "--preset", "alfworld"], /^error: .*ALFWORLD_DATA.*\n$/],
    [
      "two wishes for stdout",
      ["collect", "--output", "-", "--json"],
      /^error: --json and --output -/
    ],
    ["a flag that nothing reads", ["play", "--data", "x"], /^error: --data: nothing would read it/],
    [
      "a person at a served world",
      ["serve", "env", "tau-bench", "--user", "human"],
      /^error: --user human: nobody sits at a served world/
    ],
    [
      "a customer in a house",
      ["serve", "env", "household", "--user", "scripted"],
      /^error: --user: nothing would read it/
    ],
    ["no such task", ["play", "--task", "juggle"], /^error: --task juggle: there is no such task/]
  ])("%s is one clear line on stderr and exit code 2", async (_, args, expected) => {
    const { code, err, out } = await dreamgym(args)
    expect(err).toMatch(expected)
    expect(code).toBe(2)
    expect(args.includes("--json") ? "" : out).toBe("")
  })

  it("with --json is one line of JSON on stdout as well", async () => {
    const { out } = await dreamgym(["train", "--json", "--sed", "3"])
    expect(JSON.parse(out)).toMatchObject({ error: { tag: "UnrecognizedOption" } })
  })
})

describe("help", () => {
  it.each([
    "train",
    "resume",
    "evaluate",
    "collect",
    "play",
    "env",
    "serve",
    "config",
    "model",
    "export",
    "reproduce",
    "doctor"
  ])("of %s is an answer", async (name) => {
    const { code, out } = await dreamgym([name, "--help"])
    expect(code).toBe(0)
    expect(out).toContain(`dreamgym ${name}`)
  })

  it("completions and the version are there", async () => {
    expect((await dreamgym(["--completions", "bash"])).out).toContain("dreamgym")
    expect((await dreamgym(["--version"])).out).toContain("0.1.0")
  })
})

/** Takes the end of a run away, as if its process had died before. */
const unfinish = (name: string) => {
  const file = path.join(home, name, "events.jsonl")
  const lines = fs.readFileSync(file, "utf8").trimEnd().split("\n")
  fs.writeFileSync(file, `${lines.slice(0, -1).join("\n")}\n`)
}

/** Every file of a run, so that a change of any can be seen. */
const contentsOf = (name: string) =>
  fs
    .readdirSync(path.join(home, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name: file, parentPath }) => path.join(parentPath, file))
    .map((file) => [file, fs.readFileSync(file, "utf8")])

describe("a run that is finished", () => {
  it("has nothing to do: exit code 3, a way on, and nothing changed", async () => {
    await train("--name", "one")
    const before = contentsOf("one")
    const { code, err, out } = await dreamgym(["resume", path.join(home, "one"), "--json"])
    expect([code, JSON.parse(out)]).toMatchObject([3, { error: { tag: "NothingToDo" } }])
    expect(err).toMatch(
      /^error: run one is finished, .* `dreamgym train --set train.iterations=N`\n$/
    )
    expect(contentsOf("one")).toEqual(before)
  })
})

describe("resume without a name", () => {
  const at = (name: string, seconds: number) => {
    for (const file of ["config.json", "events.jsonl"]) {
      fs.utimesSync(path.join(home, name, file), seconds, seconds)
    }
  }

  it("takes the newest run that can go on, and says which it passed over and why", async () => {
    for (const name of ["old", "newer", "newest"]) await train("--name", name)
    fs.mkdirSync(path.join(home, "begun"))
    fs.copyFileSync(path.join(home, "old", "config.json"), path.join(home, "begun", "config.json"))
    fs.writeFileSync(path.join(home, "begun", "events.jsonl"), "")
    for (const name of ["old", "newer"]) unfinish(name)
    for (const [i, name] of ["old", "newer", "newest", "begun"].entries()) at(name, 1000 + i)
    const { code, err, out } = await dreamgym(["resume", "--directory", home, "--json"])
    expect([code, JSON.parse(out).run]).toEqual([0, "newer"])
    expect(err.split("\n").slice(0, 3)).toEqual([
      "skipped run begun: it ended before its first checkpoint",
      "skipped run newest: it is finished",
      "going on with run newer"
    ])
  })

  it("where no run can go on, is exit code 3 and says why", async () => {
    const none = await dreamgym(["resume", "--directory", path.join(home, "none")])
    expect([none.code, none.err]).toEqual([
      3,
      `error: ${path.join(home, "none")} has no run that can go on; start one with \`dreamgym train\`\n`
    ])
    await train("--name", "one")
    const { code, err } = await dreamgym(["resume", "--directory", home])
    expect([code, err]).toEqual([3, expect.stringContaining("(one: it is finished); start one")])
  })
})

describe("resume and evaluate", () => {
  it("go on with a run that is there", async () => {
    await train("--name", "one")
    unfinish("one")
    const { code, out } = await dreamgym(["resume", "one", "--directory", home, "--json"])
    expect([code, JSON.parse(out).run]).toEqual([0, "one"])
    const evaluated = await dreamgym([
      "evaluate",
      path.join(home, "one"),
      "--episodes",
      "10",
      "--policy",
      "cloned",
      "--json"
    ])
    expect(JSON.parse(evaluated.out)).toMatchObject({
      run: "one",
      evaluation: [{ policy: "cloned", episodes: 10, successes: 5 }],
      realTransitions: 12_345
    })
  })

  it("use the checkpoint before a torn one, and say so", async () => {
    await train("--name", "one")
    unfinish("one")
    const [older, newer] = ["step-000000", "step-000012"].map((step) =>
      path.join(home, "one", "checkpoints", step, "policy")
    )
    fs.writeFileSync(newer ?? "", "")
    const { code, err, out } = await dreamgym(["resume", path.join(home, "one"), "--json"])
    expect(code).toBe(0)
    expect(err).toContain(`warning: ${newer}: the checkpoint's file has 0 of 1 bytes; `)
    expect(out.trim().split("\n")).toHaveLength(1)
    unfinish("one")
    fs.writeFileSync(older ?? "", "")
    const torn = await dreamgym(["resume", path.join(home, "one")])
    expect(torn.code).toBe(1)
    expect(torn.err).toMatch(/^error: .*none of the 2 checkpoints can be used: restore [^\n]*\n$/)
  })

  it("say which runs there are where one is not", async () => {
    await train("--name", "one")
    const { code, err } = await dreamgym(["resume", "two", "--directory", home])
    expect(code).toBe(1)
    expect(err).toContain("the runs are one")
  })
})

describe("collect", () => {
  it("writes JSON lines, and says how many", async () => {
    const file = path.join(home, "all.jsonl")
    const { out } = await dreamgym(["collect", "--output", file, "--json"])
    expect(JSON.parse(out)).toEqual({ file, trajectories: 0, transitions: 0, successes: 0 })
    expect(fs.readFileSync(file, "utf8")).toBe("")
  })

  it("says which file it cannot write", async () => {
    const { code, err } = await dreamgym(["collect", "--output", "/nowhere/all.jsonl"])
    expect(code).toBe(1)
    expect(err).toMatch(/^error: \/nowhere\/all.jsonl: there is no such file/)
  })
})

describe("play", () => {
  it("plays the lines of a pipe", async () => {
    const { code, out } = await dreamgym(["play", "--rung", "L0"], {
      stdin: "?\ninventory\nquit\n"
    })
    expect(code).toBe(0)
    expect(out).toContain("Your task is to: ")
    expect(out).toMatch(/> \?\n {2}go to /)
    expect(out).toContain("> inventory\nYou are not carrying anything.")
    expect(out).toContain("Left after 1 steps.")
  })

  it("ends at the step limit, and where the lines end", async () => {
    const stdin = "look\n".repeat(30)
    const { err, out } = await dreamgym(["play", "--rung", "L0", "--json"], { stdin })
    expect(JSON.parse(out)).toMatchObject({ steps: 10, reward: 0, success: false, ended: true })
    expect(err).toContain("> look")
  })
})

describe("env replay", () => {
  const data = fileURLToPath(new URL("../../environment/test/fixtures", import.meta.url))

  it("needs to know where the games are", async () => {
    const { code, err } = await dreamgym(["env", "replay", "alfworld", "x.jsonl"])
    expect([code, err]).toEqual([2, expect.stringContaining("ALFWORLD_DATA")])
  })

  it("says which recording it cannot read", async () => {
    const file = path.join(home, "broken.jsonl")
    fs.writeFileSync(file, '{"game": 3}\n')
    const { code, err } = await dreamgym(["env", "replay", "alfworld", file, "--data", data])
    expect(code).toBe(1)
    expect(err).toMatch(/^error: .*broken.jsonl, line 1: /)
  })
})

describe("config", () => {
  it("lists every key", async () => {
    const { out } = await dreamgym(["config", "--json"])
    const keys = JSON.parse(out).map(({ key }: { readonly key: string }) => key)
    expect(keys).toEqual(Config.fields.map(({ key }) => key))
  })
})

/** The command as a process that gets `signal` as soon as stderr holds `cue`. */
const interrupted = (signal: NodeJS.Signals, cue: string, pause: string) =>
  new Promise<Told>((resolve, reject) => {
    const entry = fileURLToPath(new URL("invented.ts", import.meta.url))
    const args = ["--conditions=source", entry, pause, "train", ...inHome(), "--json"]
    const child = spawn(process.execPath, args, { cwd: home })
    const told = { out: "", err: "" }
    child.stdout.on("data", (chunk) => (told.out += String(chunk)))
    child.stderr.on("data", (chunk) => {
      const before = told.err
      told.err += String(chunk)
      if (!before.includes(cue) && told.err.includes(cue)) child.kill(signal)
    })
    child.on("error", reject)
    child.on("close", (code) => resolve({ ...told, code: code ?? -1 }))
  })

describe("an interrupt", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "by %s ends the run cleanly, and the last line says how to go on",
    async (signal) => {
      const { code, err, out } = await interrupted(signal, "dream and improve ...", "20")
      const run = path.join(home, "household-1")
      expect(code).toBe(130)
      expect(out).toBe("")
      expect(err.trimEnd().split("\n").at(-1)).toBe(
        `run household-1 is saved; go on with \`dreamgym resume ${run}\``
      )
      expect(fs.existsSync(path.join(run, "lock"))).toBe(false)
      expect(fs.readFileSync(path.join(run, "events.jsonl"), "utf8")).toContain(
        '"reason":"interrupted"'
      )
      expect((await dreamgym(["resume", run])).code).toBe(0)
    }
  )
})
