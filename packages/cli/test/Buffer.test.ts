/** Tests of `dreamgym replay`: what is told of a buffer, what is carried in and out of it, what goes. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Ending, ReplayBuffer as Contract, Task, type Trajectory } from "@dreamgym/domain"
import { Jsonl, ReplayBuffer } from "@dreamgym/replay"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { dreamgym } from "./front.ts"

let home = ""
let file = ""
beforeEach(async () => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "cli-"))
  file = path.join(home, "mine.sqlite")
  await made(file, list)
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const real = { _tag: "Real", environment: "room", version: "1" } as const
const dreamt = {
  _tag: "Synthetic",
  model: "dreamer",
  modelVersion: 3,
  retrieved: ["lived-1#0"],
  reasoning: "mugs stay where they are",
  scores: {},
  cost: 0.25,
  tokens: { prompt: 100, completion: 20 }
} as const

const trajectory = (
  id: string,
  changes: Partial<Trajectory.Trajectory> = {},
  provenance: Trajectory.Provenance = real
): Trajectory.Trajectory => ({
  id,
  task: {
    id: `task-${id}`,
    environment: "room",
    instruction: `find mug ${id}`,
    seed: 0,
    payload: null,
    origin: Task.original
  },
  firstObservation: "you are in a room",
  transitions: [
    {
      observation: "you are in a room",
      action: { text: `take mug ${id}` },
      reward: 1,
      nextObservation: `you hold mug ${id}`,
      provenance
    }
  ],
  ending: Ending.terminated(true),
  policy: "tester",
  policyVersion: 0,
  ...changes
})

const rejection = {
  _tag: "Rejected",
  reason: "Contradiction",
  message: "mug in two places",
  scores: {}
} as const

const list = [
  trajectory("lived-1"),
  trajectory("lived-2", { ending: Ending.truncated("StepLimit"), policyVersion: 2 }),
  trajectory("dream-1", { verdict: { _tag: "Accepted", scores: {} }, iteration: 4 }, dreamt),
  trajectory("dream-2", { ending: Ending.failed("Parse", "no words") }, dreamt),
  trajectory("dream-3", { verdict: rejection }, dreamt)
]

const opened = (options: ReplayBuffer.SqliteOptions) =>
  Layer.provide(ReplayBuffer.layerSqlite(options), NodeServices.layer)

const made = (at: string, trajectories: ReadonlyArray<Trajectory.Trajectory>) =>
  Effect.runPromise(
    Contract.ReplayBuffer.use((buffer) => buffer.add(trajectories)).pipe(
      Effect.provide(opened({ file: at }))
    )
  )

const kept = (at: string): Promise<ReadonlyArray<Trajectory.Trajectory>> =>
  Effect.runPromise(
    Contract.ReplayBuffer.use((buffer) => Stream.runCollect(buffer.trajectories())).pipe(
      Effect.provide(opened({ file: at, readOnly: true }))
    )
  )

const replay = async (...args: ReadonlyArray<string>) => {
  const told = await dreamgym(["replay", ...args, "--json"])
  return { ...told, json: JSON.parse(told.out) }
}

describe("replay stats", () => {
  it("counts by source, environment, verdict and cost", async () => {
    const { code, json } = await replay("stats", file)
    expect(code).toBe(0)
    expect(json).toMatchObject({
      file,
      all: { trajectories: 5, transitions: 5, successes: 3, failed: 1, returns: 5, longest: 1 },
      sources: { real: { trajectories: 2 }, synthetic: { trajectories: 3, successes: 2 } },
      environments: { room: { trajectories: 5 } },
      policies: { tester: { trajectories: 5 } },
      verdicts: { accepted: 1, rejected: 1, unjudged: 3 },
      reasons: { Contradiction: 1 },
      tokens: { prompt: 300, completion: 60 },
      cost: 0.75,
      versions: { from: 0, to: 2 },
      iterations: { from: 4, to: 4 },
      snapshots: []
    })
    expect(Date.now() - Date.parse(json.added.first)).toBeLessThan(600_000)
    expect(Date.parse(json.added.last)).toBeGreaterThanOrEqual(Date.parse(json.added.first))
    expect(json.bytes).toBeGreaterThan(10_000)
  })

  it("is a page for people", async () => {
    const { out } = await dreamgym(["replay", "stats", file])
    expect(out).toMatch(/^ {2}synthetic +3 +3 +2 +66\.7 % +1\.00 +1\.0 +1$/m)
    expect(out).toContain("1 accepted, 1 rejected (Contradiction 1), 3 never judged\n")
  })

  it("of what is not there says so", async () => {
    const { out } = await dreamgym(["replay", "stats", file, "--environment", "moon"])
    expect(out).toContain("It holds nothing of this kind.")
  })

  it("finds the buffer of a run by the run's name and by its folder", async () => {
    const run = path.join(home, "runs", "one")
    fs.mkdirSync(run, { recursive: true })
    await made(path.join(run, "replay.sqlite"), list.slice(0, 1))
    for (const name of [["one", "--directory", path.join(home, "runs")], [run]]) {
      const { json } = await replay("stats", ...name)
      expect(json.file).toBe(path.join(run, "replay.sqlite"))
    }
  })
})

describe("a buffer that is not there, or is none,", () => {
  it("is one clear line, with what is there instead", async () => {
    const runs = path.join(home, "runs")
    fs.mkdirSync(path.join(runs, "one"), { recursive: true })
    fs.copyFileSync(file, path.join(runs, "one", "replay.sqlite"))
    const { code, err, json } = await replay("stats", "two", "--directory", runs)
    expect(code).toBe(1)
    expect(err).toMatch(/^error: there is no buffer two: .*which holds one\).*\n$/)
    expect(json).toMatchObject({ error: { tag: "BufferNotFound" } })
  })

  it("is named where it is a file of something else", async () => {
    fs.writeFileSync(path.join(home, "text"), "no database, text and more text".repeat(100))
    const { code, err } = await replay("query", path.join(home, "text"))
    expect([code, err]).toEqual([1, expect.stringContaining("it is no database")])
  })
})

describe("replay query", () => {
  const idsOf = async (...args: ReadonlyArray<string>) =>
    (await replay("query", file, ...args)).json.map(({ id }: { id: string }) => id)

  it("lists what all given flags are true of, oldest first", async () => {
    expect(await idsOf()).toEqual(["lived-1", "lived-2", "dream-1", "dream-2", "dream-3"])
    expect(await idsOf("--limit", "1")).toEqual(["lived-1"])
    expect(await idsOf("--source", "synthetic", "--outcome", "failure")).toEqual(["dream-2"])
    expect(await idsOf("--verdict", "rejected")).toEqual(["dream-3"])
    expect(await idsOf("--least-version", "1")).toEqual(["lived-2"])
    expect(await idsOf("--task", "task-dream-1")).toEqual(["dream-1"])
    expect(await idsOf("--least-quality", "2")).toEqual([])
  })

  it("tells of each how it ended and what was said of it", async () => {
    const { out } = await dreamgym(["replay", "query", file])
    expect(out).toMatch(/lived-2 .* cut: step limit +never judged +find mug lived-2/)
    expect(out).toMatch(/dream-2 .* fault: parse /)
    expect(out).toMatch(/dream-3 .* rejected: Contradiction /)
  })

  it("shows one whole as a transcript, or as JSON", async () => {
    const { out } = await dreamgym(["replay", "query", file, "--id", "dream-3"])
    expect(out).toBe(
      [
        "dream-3 (room, task task-dream-3, by tester version 0)",
        "Task: find mug dream-3",
        "",
        "you are in a room",
        "",
        "> take mug dream-3",
        "  [dreamt by dreamer version 3 from 1 examples]",
        "  [thought: mugs stay where they are]",
        "you hold mug dream-3",
        "  [reward 1]",
        "",
        "End: success, return 1",
        "Verdict: rejected: Contradiction (mug in two places)",
        ""
      ].join("\n")
    )
    expect((await replay("query", file, "--id", "dream-3")).json).toEqual(list[4])
  })

  it("of an id that is not there fails", async () => {
    const { code, err } = await replay("query", file, "--id", "nobody")
    expect([code, err]).toEqual([1, expect.stringContaining("holds no trajectory nobody")])
  })
})

describe("replay similar", () => {
  it("finds the most alike first, of the kind that is asked for", async () => {
    const { json } = await replay(
      "similar",
      file,
      "you are in a room",
      "--action",
      "take mug lived-2"
    )
    expect(json[0]).toMatchObject({ id: "lived-2#0", similarity: expect.closeTo(1, 5) })
    expect(json).toHaveLength(4)
    const dreams = await replay("similar", file, "a room", "--source", "synthetic", "-k", "9")
    expect(dreams.json.map(({ id }: { id: string }) => id).toSorted()).toEqual([
      "dream-1#0",
      "dream-2#0"
    ])
  })
})

describe("replay export and import", () => {
  it.each([["jsonl.gz"], ["jsonl"], ["parquet"]])("carry everything by %s", async (ending) => {
    const [out, other] = [path.join(home, `x.${ending}`), path.join(home, "other.sqlite")]
    const format = ending.startsWith("jsonl") ? "jsonl" : ending
    const exported = await replay("export", file, "--format", format, "--out", out)
    expect(exported.json).toMatchObject({ written: 5, leftOut: 0, files: [out] })
    const imported = await replay("import", other, out)
    expect(imported.json).toMatchObject({ new: 5, duplicates: 0, refused: 0 })
    expect(await kept(other)).toEqual(list)
    expect((await replay("import", other, out)).json).toMatchObject({ new: 0, duplicates: 5 })
  })

  it("write only what was asked for, and for others only what may be imitated", async () => {
    const out = path.join(home, "x.jsonl")
    const solved = await replay("export", file, "--out", out, "--outcome", "success")
    expect(solved.json).toMatchObject({ unit: "trajectories", written: 3 })
    const messages = await replay("export", file, "--format", "messages", "--out", out)
    expect(messages.json).toMatchObject({ unit: "conversations", written: 3, leftOut: 2 })
    const tasks = await replay("export", file, "--format", "verl", "--out", path.join(home, "v"))
    expect(tasks.json).toMatchObject({ unit: "tasks", written: 5 })
  })

  it("refuse tasks that others are measured by, unless they are allowed", async () => {
    const task = {
      ...trajectory("x").task,
      environment: "tau-bench",
      id: "tau-bench/airline/test/1"
    }
    const from = path.join(home, "x.jsonl")
    const writing = Jsonl.write(from, Stream.make(trajectory("a"), trajectory("b", { task })))
    await Effect.runPromise(Effect.provide(writing, NodeServices.layer))
    expect((await replay("import", file, from)).json).toMatchObject({ new: 1, refused: 1 })
    const { json } = await replay("import", file, from, "--allow-evaluation")
    expect(json).toMatchObject({ new: 1, duplicates: 1, refused: 0 })
  })

  it("of a file that is damaged keep what came before, and say so", async () => {
    const from = path.join(home, "x.jsonl")
    await replay("export", file, "--out", from)
    fs.appendFileSync(from, "no trajectory\n")
    const other = path.join(home, "other.sqlite")
    const few = await replay("import", other, from)
    expect(few.code).toBe(1)
    expect(few.err).toContain("5 new, 0 there already, and these stay\n")
    expect(few.err).toContain("line 6 is no trajectory")
    expect(await kept(other)).toHaveLength(5)
    expect(few.err).toContain("say so by --format")
  })

  it.each([
    ["a name that says nothing", "x.csv", /its name does not say what it is/],
    ["a file that is not there", "x.jsonl", /x\.jsonl: there is no such file/]
  ])("of %s is one clear line", async (_, name, expected) => {
    const { code, err } = await replay("import", file, path.join(home, name))
    expect([code, err]).toEqual([1, expect.stringMatching(expected)])
  })
})

describe("replay prune", () => {
  it.each([
    ["--keep-rejected 0", { real: 0, synthetic: 0, rejected: 1 }],
    ["--keep-synthetic 1", { real: 0, synthetic: 1, rejected: 0 }],
    ["--keep 2", { real: 0, synthetic: 2, rejected: 0 }],
    ["--keep 1", { real: 0, synthetic: 2, rejected: 0 }],
    ["--keep-real 1 --keep 2", { real: 1, synthetic: 1, rejected: 0 }],
    ["--least-quality 2", { real: 2, synthetic: 2, rejected: 1 }],
    ["--least-quality 2 --source synthetic", { real: 0, synthetic: 2, rejected: 1 }]
  ])("by %s takes what it said before that it would take", async (flags, went) => {
    const left = 5 - went.real - went.synthetic - went.rejected
    const dry = await replay("prune", file, ...flags.split(" "), "--dry-run")
    expect(dry.json).toMatchObject({ dryRun: true, went, kept: left })
    expect(await kept(file)).toHaveLength(5)
    const wet = await replay("prune", file, ...flags.split(" "))
    expect(wet.json).toMatchObject({ dryRun: false, went, kept: left })
    expect(await kept(file)).toHaveLength(left)
  })

  it("of nothing in particular is wrong usage", async () => {
    const { code, err } = await replay("prune", file)
    expect([code, err]).toEqual([2, expect.stringContaining("nothing is named that should go")])
  })
})

describe("replay verify", () => {
  it("of a sound buffer says so", async () => {
    const { code, json } = await replay("verify", file)
    expect([code, json]).toEqual([0, { file, trajectories: 5, findings: [] }])
  })

  it("of a buffer in which a word was changed names the row, and is exit code 1", async () => {
    const bytes = fs.readFileSync(file)
    const at = bytes.indexOf("you hold mug lived-2")
    expect(at).toBeGreaterThan(0)
    bytes.write("you lost mug lived-2", at)
    fs.writeFileSync(file, bytes)
    const { code, json } = await replay("verify", file)
    expect(code).toBe(1)
    expect(json.findings).toEqual([expect.stringContaining("row 2")])
  })
})

describe("help", () => {
  it.each(["stats", "query", "similar", "export", "import", "prune", "verify"])(
    "of replay %s has examples",
    async (name) => {
      const { code, out } = await dreamgym(["replay", name, "--help"])
      expect([code, out]).toEqual([0, expect.stringContaining(`dreamgym replay ${name} `)])
    }
  )
})
