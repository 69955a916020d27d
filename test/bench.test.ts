/**
 * `npm run bench`: that figures arrive as they were taken, and that what is no figure is refused.
 * Whether a figure is good is not judged here.
 */
import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { table } from "../scripts/figures.ts"
import { temporary, writeFiles } from "../scripts/temporary.ts"

const script = `${import.meta.dirname}/../scripts/bench.ts`
const steps = { name: "steps", unit: "steps/s", goal: 100, higherIsBetter: true }

/** Runs the benchmarks that `files` (path to the figures that each gives, or to its program) describe. */
const bench = (files: Record<string, unknown>, ...options: ReadonlyArray<string>) => {
  using folder = temporary()
  const program = (given: unknown) =>
    typeof given === "string" ? given : `export default async () => (${JSON.stringify(given)})`
  writeFiles(
    folder.path,
    Object.fromEntries(Object.entries(files).map(([path, given]) => [path, program(given)]))
  )
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...options], {
    cwd: folder.path,
    encoding: "utf8"
  })
  return { status, stdout, stderr: stderr.trim() }
}

describe("a benchmark", () => {
  it("gives the figures of its area from all packages as one object", () => {
    const missing = { ...steps, name: "steps on a GPU", missing: "no GPU here" }
    const measured = { ...steps, value: 120, against: "the same by hand" }
    const run = bench(
      {
        "packages/graph/bench/engine.bench.ts": [measured],
        "packages/language/bench/engine.bench.ts": [missing],
        "packages/replay/bench/replay.bench.ts": [{ ...steps, value: 1 }]
      },
      "engine",
      "--json"
    )
    expect([run.status, run.stderr]).toEqual([0, ""])
    expect(JSON.parse(run.stdout)).toEqual({
      area: "engine",
      machine: expect.stringContaining(process.version),
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      figures: [measured, missing]
    })
  })

  it("is a table for a reader, which says whether each goal is met", () => {
    const lower = { name: "latency", unit: "ms", goal: 5, higherIsBetter: false }
    const figures = [
      { ...steps, value: 1234.5, against: "PyTorch" },
      { ...lower, value: 6.789 },
      { ...lower, name: "latency on a GPU", missing: "no GPU here" }
    ]
    expect(table({ area: "engine", machine: "one core", date: "today", figures })).toBe(
      `engine on one core, today
figure            value         goal                 against
steps             1235 steps/s  >= 100  met          PyTorch
latency           6.79 ms       <= 5    not met
latency on a GPU  -             <= 5    no GPU here`
    )
  })

  it("tells after its figures what explains them", () => {
    const details = { lines: ["", "most of it is waiting"], data: [0.9] }
    const figures = [{ ...steps, value: 120 }]
    const run = bench({ "packages/a/bench/a.bench.ts": { figures, details } }, "a", "--json")
    expect(JSON.parse(run.stdout)).toMatchObject({ figures, details: [details] })
    const report = { area: "a", machine: "one core", date: "today", figures, details: [details] }
    expect(table(report).split("\n").slice(-2)).toEqual(details.lines)
  })

  it("is taken in its long form where that is asked for", () => {
    const program = `export default async ({ whole }) => [{ ...${JSON.stringify(steps)}, value: whole ? 200 : 1 }]`
    const taken = [[], ["--whole"]].map((options) =>
      bench({ "packages/a/bench/a.bench.ts": program }, "a", "--json", ...options)
    )
    expect(taken.map(({ stdout }) => JSON.parse(stdout).figures[0].value)).toEqual([1, 200])
  })

  it.each([
    ["value is not a finite number", { ...steps, value: null }],
    ["goal is not a number", { ...steps, goal: "fast", value: 1 }],
    ["higherIsBetter is not a boolean", { ...steps, higherIsBetter: undefined, value: 1 }],
    ["null is not a figure", null]
  ])("is refused where the %s", (reason, figure) => {
    const { status, stdout, stderr } = bench({ "packages/a/bench/a.bench.ts": [figure] }, "a")
    expect([status, stdout]).toEqual([1, ""])
    expect(stderr).toContain(reason)
  })

  it.each([
    ["no figures at all", ["a"], "packages/a/bench/a.bench.ts: no figures"],
    ["an unknown area", ["b"], "bench: name one area: a"],
    ["no area", [], "bench: name one area: a"],
    ["two areas", ["a", "a"], "bench: name one area: a"],
    ["an unknown option", ["a", "--fast"], "Unknown option '--fast'"]
  ])("with %s is an error", (_, options, reason) => {
    const { status, stdout, stderr } = bench({ "packages/a/bench/a.bench.ts": [] }, ...options)
    expect([status, stdout]).toEqual([1, ""])
    expect(stderr).toContain(reason)
  })
})
