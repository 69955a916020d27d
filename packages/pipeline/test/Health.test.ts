/** Tests of the alarms: each on its cause, once, with the setting to try; none on a run that is well. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { describe, expect, it } from "vitest"
import { defaults, fields } from "../src/Config.ts"
import * as Health from "../src/Health.ts"
import * as View from "../src/ProgressView.ts"
import * as Report from "../src/Report.ts"
import * as RunLog from "../src/RunLog.ts"
import { watched } from "../src/Watch.ts"
import { allOf, copyAt, linesOf, of } from "./runs.ts"
import { configOf, resume, train } from "./tiny.ts"

const table = Health.tableOf(defaults)

/** An iteration as a run tells it, of one metric. */
const told = (metric: string, value: number, iteration: number): RunEvent.RunEvent => {
  const metrics = { [metric]: value }
  if (metric.startsWith("rollout/")) {
    return { _tag: "PhaseProgressed", phase: "dream", done: iteration, total: 30, metrics }
  }
  if (!metric.startsWith("probe/")) {
    return { _tag: "UpdatedPolicy", iteration, policyVersion: iteration, metrics }
  }
  const refreshed = { _tag: "RefreshedExperienceModel", trajectories: 1, updates: 1 } as const
  return { ...refreshed, iteration, loss: 0, metrics }
}

const alarmsOf = (events: ReadonlyArray<RunEvent.RunEvent>): ReadonlyArray<Health.Raised> => {
  let health = Health.initial
  return events.flatMap((event) => {
    const [next, raised] = Health.step(health, event, table)
    health = next
    return raised
  })
}

const series = (metric: string, values: ReadonlyArray<number>) =>
  values.map((value, i) => told(metric, value, i + 1))

const ten = Array.from({ length: 10 }, (_, i) => i)
const repeated = (value: number, times: number): ReadonlyArray<number> =>
  Array.from({ length: times }, () => value)

/** What is well, what is ill, and at which iteration the illness is told. */
const illnesses: Readonly<Record<Health.Name, readonly [ReadonlyArray<number>, number, number]>> = {
  PolicyJumps: [repeated(0.02, 5), 0.25, 7],
  OftenClipped: [repeated(0.15, 5), 0.55, 7],
  EntropyFloor: [repeated(1.4, 5), 0.01, 8],
  UselessCritic: [[-0.2, -0.2, ...repeated(0.3, 8)], -0.4, 13],
  GradientSpike: [repeated(1.1, 5), 6, 6],
  RatioExtreme: [repeated(4, 5), 120, 6],
  SamplerMismatch: [repeated(1e-6, 5), 0.02, 6],
  LengthDrift: [repeated(3, 5), 8, 7],
  TemplateCollapse: [repeated(1.5, 5), 0.2, 7],
  NothingToCompare: [repeated(0.5, 5), 1, 8],
  FalseSuccess: [repeated(0.01, 2), 0.03, 3],
  DreamsTooEasy: [repeated(0.05, 5), 0.3, 7],
  DreamsOvervalued: [repeated(0.1, 5), 0.19, 7]
}

describe("an alarm", () => {
  it.each(Health.names)("%s is raised by its cause, and only then", (name) => {
    const { metric } = table[name]
    const [well, ill, at] = illnesses[name]
    expect(alarmsOf(series(metric, [...well, ...well]))).toEqual([])
    const raised = alarmsOf(series(metric, [...well, ...repeated(ill, 10)]))
    expect(raised.map(({ alarm, iteration }) => [alarm, iteration])[0]).toEqual([name, at])
    expect(raised).toHaveLength(1)
    expect(raised[0]).toMatchObject({
      metric,
      cause: table[name].cause,
      remedy: table[name].remedy
    })
  })

  it("is also raised where actions become short, and where a metric is no number", () => {
    const short = series("rollout/response_length", [...repeated(6, 5), ...repeated(2, 5)])
    expect(alarmsOf(short).map(({ alarm }) => alarm)).toEqual(["LengthDrift"])
    const none = series("losses/grad_norm", [...repeated(1, 6), Number.NaN])
    expect(alarmsOf(none).map(({ alarm }) => alarm)).toEqual(["GradientSpike"])
  })

  it("is raised again only after it was over", () => {
    const values = [...repeated(120, 3), 4, 120, 120, 4]
    const raised = alarmsOf(series("losses/ratio_max", values))
    expect(raised.map(({ iteration }) => iteration)).toEqual([1, 5])
  })

  it("advises only settings that there are", () => {
    const advised = Health.names.flatMap((name) =>
      [...table[name].remedy.matchAll(/\b[a-z]+\.[a-zA-Z]+/g)].map(([key]) => key)
    )
    const known = new Set(fields.map(({ key }) => key))
    expect(advised.length).toBeGreaterThan(Health.names.length)
    expect(advised.filter((key) => !known.has(key))).toEqual([])
  })

  it("has its row in the documentation, with its metric and only settings that it advises", () => {
    const page = fs.readFileSync(new URL("../../../docs/method.md", import.meta.url), "utf8")
    for (const name of Health.names) {
      const [row = ""] = page.split("\n").filter((line) => line.startsWith(`| ${name} |`))
      expect(row).toContain(`| \`${table[name].metric}\``)
      const advised = [...(row.split("|").at(-2) ?? "").matchAll(/\b[a-z]+\.[a-zA-Z]+/g)]
      expect(advised.length).toBeGreaterThan(0)
      for (const [key] of advised) expect(table[name].remedy).toContain(key)
    }
  })

  it("is found the same by a run that goes on from any event", () => {
    const events = ten.flatMap((i) => [
      told("losses/ratio_max", i % 4 === 3 ? 500 : 3, i + 1),
      told("rollout/mutual_information", i < 5 ? 1 : 0.1, i + 1)
    ])
    const all = alarmsOf(events)
    expect(all.length).toBeGreaterThan(2)
    for (const [at] of events.entries()) {
      let health = Health.after(events.slice(0, at), table)
      const later = events.slice(at).flatMap((event) => {
        const [next, raised] = Health.step(health, event, table)
        health = next
        return raised
      })
      expect(later).toEqual(all.slice(all.length - later.length))
      expect(alarmsOf(events.slice(0, at)).length + later.length).toBe(all.length)
    }
  })
})

interface Recording {
  readonly of: string
  readonly iterations: ReadonlyArray<Readonly<Record<string, number>>>
}

const recordings: ReadonlyArray<Recording> = JSON.parse(
  fs.readFileSync(new URL("fixtures/healthy.json", import.meta.url), "utf8")
)

describe("a run that is well", () => {
  it.each(recordings)("($of) raises none", ({ iterations }) => {
    const events = iterations.flatMap((metrics, i) =>
      Object.entries(metrics).map(([metric, value]) => told(metric, value, i + 1))
    )
    expect(events.length).toBeGreaterThan(60)
    expect(alarmsOf(events)).toEqual([])
  })

  it("is ill the moment that one of its metrics is", () => {
    const [recording] = recordings
    const ill = (recording?.iterations ?? []).flatMap((metrics, i) =>
      Object.entries(metrics).map(([metric, value]) =>
        told(metric, metric === "losses/clipfrac" ? value + 0.3 : value, i + 1)
      )
    )
    expect(alarmsOf(ill).map(({ alarm }) => alarm)).toContain("OftenClipped")
  })
})

describe("a run that dreams and lives", () => {
  it("measures everything that an alarm is about", async () => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "measured-"))
    const mixed = [
      "train.realShareStart=0.5",
      "train.realShareEnd=0.5",
      "experience.refreshEvery=1"
    ]
    await Effect.runPromise(
      train(
        configOf(home, "mixed", [...mixed, "experience.refreshUpdates=2", "train.iterations=2"])
      )
    )
    const measured = linesOf(path.join(home, "mixed"), "metrics.jsonl").flatMap((line) =>
      Object.entries(Object(line)).flatMap(([name, value]) =>
        typeof value === "number" && Number.isFinite(value) ? [name] : []
      )
    )
    const wanted = [...new Set(Health.names.map((name) => table[name].metric))]
    expect(wanted.filter((metric) => !measured.includes(metric))).toEqual([])
    fs.rmSync(home, { recursive: true, force: true })
  }, 60_000)
})

describe("a run that is ill", () => {
  it("says so, and a run that goes on says the same", async () => {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "health-"))
    const config = configOf(home, "ill", ["learner.lr=0.5", "learner.ppoEpochs=6"])
    await Effect.runPromise(train(config))
    const ill = path.join(home, "ill")
    expect(of(ill, "RaisedAlarm").map(({ alarm }) => alarm)).toContain("OftenClipped")
    expect(fs.readFileSync(path.join(ill, "report.md"), "utf8")).toContain("## Alarms")
    const folder = copyAt(ill, path.join(home, "resumed"), 2)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(ill))
    fs.rmSync(home, { recursive: true, force: true })
  }, 60_000)
})

const jump = series("losses/ratio_max", [120, 4, 130])

describe("a raised alarm", () => {
  it("follows its event in the run log", async () => {
    const events = await Effect.runPromise(
      Effect.gen(function* () {
        const emitAll = RunLog.RunLog.use((log) => Effect.forEach(jump, log.emit))
        yield* watched(emitAll, defaults)
        return yield* RunLog.RunLog.use((log) => log.events)
      }).pipe(Effect.provide(RunLog.layerMemory))
    )
    expect(events.map(({ _tag }) => _tag)).toEqual([
      "UpdatedPolicy",
      "RaisedAlarm",
      "UpdatedPolicy",
      "UpdatedPolicy",
      "RaisedAlarm"
    ])
  })

  it("is silent where the configuration says so", async () => {
    const config = { ...defaults, health: { ...defaults.health, alarms: false } }
    const events = await Effect.runPromise(
      Effect.gen(function* () {
        yield* watched(
          RunLog.RunLog.use((log) => Stream.runForEach(Stream.fromIterable(jump), log.emit)),
          config
        )
        return yield* RunLog.RunLog.use((log) => log.events)
      }).pipe(Effect.provide(RunLog.layerMemory))
    )
    expect(events).toEqual(jump)
  })

  it("is one line for its cause on the console, not one for each update", () => {
    let view = View.initial
    const lines = [...jump, ...alarmsOf(jump)].flatMap((event) => {
      const [next, said] = View.step(view, event, 0)
      view = next
      return said
    })
    expect(lines).toEqual([
      "! iteration 1, ratio max 120 (bound 100): some action is a hundred times likelier than when it was played; try learner.lr or learner.ppoEpochs lower, or learner.targetKl at 0.02"
    ])
  })

  it("is told again in the report, with all its iterations", () => {
    const report = Report.markdown("a", [...jump, ...alarmsOf(jump)])
    expect(report).toContain("## Alarms")
    expect(report).toMatch(
      /\| ratio extreme \| ratio max 120, bound 100 \| 1, 3 \| some action .* \| learner.lr/
    )
  })
})
