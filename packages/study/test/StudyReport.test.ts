/** Tests of the report: every number is that of its runs, every figure has its data, and nothing is claimed that is not shown. */
import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import * as Asked from "../src/Asked.ts"
import * as Findings from "../src/Findings.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Plan from "../src/Plan.ts"
import * as StudyReport from "../src/StudyReport.ts"
import * as StudyText from "../src/StudyText.ts"
import { finished } from "./invented.ts"

const told = (study: Plan.Study, keep: (unit: string) => boolean = () => true) => {
  const units = Result.getOrThrow(Plan.units(study))
  const entries: ReadonlyArray<Ledger.Entry> = units
    .filter(({ id }) => keep(id))
    .map((unit) => finished(unit, Result.getOrThrow(Plan.configOf(unit, () => undefined))))
  return { study, units, entries, directory: "runs/mine" }
}

const table: Plan.Study = { form: "quick", parts: ["table"], seeds: [1, 2], rungs: ["L0"] }
const whole: Plan.Study = { form: "full", ...Plan.usual.full, seeds: [1, 2] }
const reportOf = (files: ReadonlyMap<string, string>) => files.get("report.md") ?? ""

describe("a report", () => {
  const files = StudyReport.files(told(whole))

  it("of a small study reads so", () => {
    expect(reportOf(StudyReport.files(told(table)))).toMatchSnapshot()
  })

  it("has one file of data for each figure, names both, and nothing else that is not there", () => {
    const names = [...files.keys()]
    const figures = names.filter((name) => name.startsWith("figures/"))
    expect(figures).toHaveLength(16)
    const links = [...reportOf(files).matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link)
    expect(links.filter((link) => !names.includes(link))).toEqual([])
    for (const figure of figures) {
      expect(links).toContain(figure)
      expect(links).toContain(figure.replace("figures", "data").replace(".svg", ".csv"))
      expect(files.get(figure)).not.toContain("NaN")
    }
    expect(names.filter((name) => !links.includes(name) && name !== "report.md")).toEqual([])
  })

  it("has no number that is none", () => {
    for (const [name, text] of files) {
      expect([name, /NaN|undefined|Infinity/.exec(text)?.[0]]).toEqual([name, undefined])
    }
  })

  it("is the same each time", () => {
    expect(StudyReport.files(told(table))).toEqual(StudyReport.files(told(table)))
  })

  it("of nothing says so, and what has not run", () => {
    const text = reportOf(StudyReport.files(told(table, () => false)))
    expect(text).toContain("0 of 20 runs are finished")
    expect(text).toContain("Nothing of this is finished yet.")
    expect(text).toContain("Not run yet: `L0/1/sft`")
  })

  it("tells of what failed with its last words, and is of the rest", () => {
    const asked = told(table, (unit) => unit !== "L0/1/sft")
    const reason = "the disk | is full"
    const entries = [
      ...asked.entries,
      { _tag: "Failed", unit: "L0/1/sft", time: "", reason } as const
    ]
    const text = reportOf(StudyReport.files({ ...asked, entries }))
    expect(text).toContain("19 of 20 runs are finished, 1 failed")
    expect(text).toContain("L0/1/sft | the disk \\| is full")
    expect(text).not.toContain("Not run yet")
  })
})

describe("what is found", () => {
  const { entries } = told(whole)
  const runs = Findings.runsOf(entries.flatMap((one) => (one._tag === "Finished" ? [one] : [])))

  it("counts what an arm took over from another run as its own, as its run tells it", () => {
    const [sft, real, dreamt] = Findings.rows(runs, "L2", ["sft", "ppo_real", "ppo_dream"])
    expect([sft?.offline, real?.offline, dreamt?.offline]).toEqual([900, 900, 900])
    expect([real?.lived, real?.synthetic]).toEqual([1000, 0])
    expect([dreamt?.lived, dreamt?.synthetic]).toEqual([0, 1400])
    expect([real?.seconds, dreamt?.seconds]).toEqual([47, 137])
  })

  it("compares seeds with themselves", () => {
    const found = Findings.difference(runs, "L3", ["ppo_dream", "sft"])
    expect(found?.seeds).toBe(2)
    const own = (arm: string) => Findings.scores(runs, "L3", arm).map(({ successes }) => successes)
    const [a = 0, b = 0] = own("ppo_dream")
    const [c = 0, d = 0] = own("sft")
    expect(found?.mean).toBeCloseTo((a - c + b - d) / 200, 10)
  })

  it("follows the own policy of an arm from the one that learning starts from", () => {
    const curve = Findings.curve(runs, "L2", "ppo_real")
    expect(curve.map(({ iteration, transitions }) => [iteration, transitions])).toEqual([
      [0, 0],
      [15, 500],
      [30, 1000]
    ])
    expect(curve[0]?.mean).toBeCloseTo((0.19 + 0.18) / 2, 10)
  })

  it("gives the price of a success where it was first measured, and of the seeds that reached it", () => {
    expect(Findings.price(runs, "L2", "ppo_real", 0.3)).toEqual({
      reached: 2,
      seeds: 2,
      lived: 1000,
      dreamt: 0
    })
    expect(Findings.price(runs, "L2", "ppo_real", 0.99)).toEqual({
      reached: 0,
      seeds: 2,
      lived: undefined,
      dreamt: undefined
    })
  })
})

describe("what a folder was asked", () => {
  it("is read as it was written, and writes the same report", () => {
    const first = told(table)
    const files = StudyReport.files(first)
    const asked = Asked.parse(files.get(StudyReport.askedFile) ?? "")
    if (asked === undefined) return expect.unreachable()
    expect(StudyReport.files({ ...asked, entries: first.entries })).toEqual(files)
    expect(asked.units.map(({ id }) => id)).toEqual(first.units.map(({ id }) => id))
    const settings = (units: ReadonlyArray<Asked.Unit>) =>
      units.map((unit) => [unit.id, unit.settings.toSorted()])
    const facts = Ledger.factsOf(
      new Map(first.entries.flatMap((e) => (e._tag === "Finished" ? [[e.unit, e] as const] : [])))
    )
    const resolved = first.units.map((unit) => ({
      ...unit,
      settings: Plan.settingsOf(unit, facts)
    }))
    expect(settings(asked.units)).toEqual(settings(resolved))
  })

  it("is nothing where that is no study", () => {
    expect(Asked.parse("{}")).toBeUndefined()
    expect(Asked.parse("not even JSON")).toBeUndefined()
  })
})

describe("a data file", () => {
  it("keeps commas, quotes and lines inside their cells", () => {
    expect(
      StudyText.csv([
        { a: 'x, "y"', b: 1 },
        { a: "two\nlines", b: undefined }
      ])
    ).toBe('a,b\n"x, ""y""",1\n"two\nlines",\n')
  })
})
