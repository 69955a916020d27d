/** Tests of `dreamgym reproduce`: what it asks for, what it refuses, what it leaves behind. The study's own tests run its runs. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { dreamgym } from "./front.ts"

let home = ""
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), "reproduce-"))
})
afterEach(() => fs.rmSync(home, { recursive: true, force: true }))

const reproduce = (...args: ReadonlyArray<string>) =>
  dreamgym(["reproduce", "--directory", path.join(home, "study"), ...args])

describe("reproduce", () => {
  it("with --dry-run lists the runs, each after what it needs, and does nothing", async () => {
    const { code, out } = await reproduce("--dry-run", "--quick", "table", "--seeds", "7")
    expect(code).toBe(0)
    expect(out).toContain("L0/7/ppo_s2r")
    expect(out).toMatch(/10 runs, 1 at a time: about [\d]+ min/)
    expect(fs.readdirSync(home)).toEqual([])
    const { out: json } = await reproduce(
      "--dry-run",
      "--quick",
      "--json",
      "cost",
      "--seeds",
      "1,2"
    )
    const { seconds, units } = JSON.parse(json)
    expect(units).toHaveLength(14)
    expect(units[2]).toMatchObject({
      unit: "L0/1/ppo_real",
      needs: ["L0/1/sft"],
      settings: expect.arrayContaining(["seed=1", "environment.rung=L0", "learner.algorithm=ppo"])
    })
    expect(seconds).toBeGreaterThan(60)
  })

  it.each([
    [["--seeds", "1,x"], "--seeds 1,x: whole numbers with commas between them, such as 1,2,3"],
    [["--seeds", ""], "--seeds : whole numbers"],
    [["--parallel", "0"], "--parallel 0: at least one run"],
    [["--rungs", "L9"], 'environment.rung is "L9"; it must be one of L0'],
    [["everything"], "everything"]
  ])("%j is wrong usage, and is told so", async (args, message) => {
    const { code, err } = await reproduce("--quick", ...args)
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
    expect(fs.readdirSync(home)).toEqual([])
  })

  it("with --report writes what is finished, which may be nothing", async () => {
    const { code, out } = await reproduce("--report", "--quick", "--json")
    expect(code).toBe(0)
    const { finished, report, units } = JSON.parse(out)
    expect([finished, units]).toEqual([0, 26])
    const text = fs.readFileSync(report, "utf8")
    expect(text).toContain("0 of 26 runs are finished")
    expect(text).toContain("--quick --seeds 1,2 --rungs L0 --directory")
  })
})

describe("a study's folder", () => {
  it("says itself what it was asked, to --report and to --publish", async () => {
    expect((await reproduce("--report", "--quick", "exploitation", "--seeds", "3")).code).toBe(0)
    const { code, out } = await reproduce("--report", "--json")
    expect([code, JSON.parse(out)]).toMatchObject([0, { units: 3, finished: 0 }])
    const target = path.join(home, "published")
    const published = await reproduce("--publish", target)
    expect([published.code, published.out]).toEqual([0, expect.stringContaining(target)])
    expect(fs.readdirSync(target).toSorted()).toEqual([
      "data",
      "report.md",
      "results.jsonl",
      "study.json"
    ])
    expect(fs.readFileSync(path.join(target, "report.md"), "utf8")).toContain(
      `npx dreamgym reproduce exploitation --quick --seeds 3 --rungs L0 --directory ${path.join(home, "study")}`
    )
  })

  it("is not published over files that are no study's", async () => {
    fs.writeFileSync(path.join(home, "mine.txt"), "")
    const { code, err } = await reproduce("--quick", "--publish", home)
    expect([code, err]).toEqual([1, expect.stringContaining("is no study")])
    expect(fs.readdirSync(home)).toEqual(["mine.txt"])
  })
})

describe("train --from", () => {
  it("begins from what another run prepared, and says where that is not", async () => {
    const set = ["--set", `run.directory=${home}`]
    expect((await dreamgym(["train", ...set, "--name", "first"])).code).toBe(0)
    expect((await dreamgym(["train", ...set, "--name", "second", "--from", "first"])).code).toBe(0)
    const { code, err } = await dreamgym(["train", ...set, "--name", "third", "--from", "none"])
    expect([code, err]).toEqual([1, expect.stringContaining('there is no run "none"')])
    expect(fs.readdirSync(home).toSorted()).toEqual(["first", "second"])
  })
})
