/** Tests of arms: one trainer for dreams, reality, both, and one after the other; the budget of real transitions; co-evolution. */
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { Ending, type Environment } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Arm from "../src/Arm.ts"
import * as ConfigResolve from "../src/ConfigResolve.ts"
import type { Report } from "../src/index.ts"
import { affordable, meter } from "../src/Sources.ts"
import { allOf, bufferOf, copyAt, eventsOf, filesOf, of, tagsOf } from "./runs.ts"
import { configOf, resume, train } from "./tiny.ts"

const home = fs.mkdtempSync(path.join(os.tmpdir(), "arms-"))
const inHome = (name: string) => path.join(home, name)
afterAll(() => fs.rmSync(home, { recursive: true, force: true }))

const configured = (settings: ReadonlyArray<string>) =>
  Result.getOrThrow(ConfigResolve.resolve({ settings }))
const armOf = (settings: ReadonlyArray<string>) => Arm.of(configured(settings))
const refused = (settings: ReadonlyArray<string>) => {
  const result = ConfigResolve.resolve({ settings })
  return Result.isFailure(result) ? result.failure : undefined
}

describe("an arm", () => {
  it.each([
    ["dreamt", []],
    ["real", ["train.realShareStart=1", "train.realShareEnd=1"]],
    ["real", ["train.iterations=0", "train.realIterations=3"]],
    ["mixed", ["train.realShareEnd=0.5"]],
    ["mixed", ["train.realShareStart=1"]],
    ["sim-to-real", ["train.realIterations=3"]]
  ])("is called %s by its settings %j", (name, settings) => {
    expect(armOf(settings).name).toBe(name)
  })

  it("anneals its share in a line, and is real alone after its dreams", () => {
    const arm = armOf([
      "train.iterations=5",
      "train.realShareStart=0.2",
      "train.realShareEnd=0.6",
      "train.realIterations=2"
    ])
    const shares = Array.from({ length: arm.iterations }, (_, i) => arm.realShare(i).toFixed(2))
    expect(shares).toEqual(["0.20", "0.30", "0.40", "0.50", "0.60", "1.00", "1.00"])
    const slow = armOf(["train.iterations=5", "train.realShareEnd=1", "train.realShareOver=2"])
    expect([0, 1, 2, 3, 4].map(slow.realShare)).toEqual([0, 0.5, 1, 1, 1])
  })

  it("of each row of Table 1 is what the row says, and accepted as settings", () => {
    const config = configured([])
    const found = Arm.names.map((name) => {
      const tree = Object.entries(Arm.settings(name, config, 40_000))
      const settings = tree.flatMap(([section, values]) =>
        Object.entries(values).map(([key, value]) => `${section}.${key}=${value}`)
      )
      const resolved = configured(settings)
      const { iterations, name: called, realTransitions } = Arm.of(resolved)
      return [name, resolved.learner.algorithm, called, iterations, realTransitions]
    })
    const unbound = Number.POSITIVE_INFINITY
    expect(found).toEqual([
      ["sft", "ppo", "dreamt", 0, unbound],
      ["dpo", "ppo", "dreamt", 0, unbound],
      ["grpo_real", "grpo", "real", 30, unbound],
      ["ppo_real", "ppo", "real", 30, unbound],
      ["grpo_dream", "grpo", "dreamt", 30, unbound],
      ["ppo_dream", "ppo", "dreamt", 30, unbound],
      ["grpo_s2r", "grpo", "sim-to-real", 33, 4000],
      ["ppo_s2r", "ppo", "sim-to-real", 33, 4000]
    ])
  })
})

describe("settings of real experience that exclude each other", () => {
  it.each([
    [["train.realShareEnd=0.5", "train.realTransitions=79"], /do not pay for one task: .* = 80/],
    [["train.realShareEnd=0.5", "train.realShareOver=31"], /realShareEnd is never reached/],
    [["experience.refreshEvery=2"], /this run lives none: set train.realShareStart/],
    [["experience.refreshEvery=2", "train.realIterations=2"], /nothing is dreamt once/],
    [["train.realTransitions=1000"], /nothing would read train.realTransitions/],
    [["train.realShareOver=3"], /nothing would read train.realShareOver/],
    [["experience.refreshUpdates=3"], /nothing would read experience.refreshUpdates/]
  ])("%j are refused with the reason", (settings, message) => {
    expect(refused(settings)?.message).toMatch(message)
  })
})

describe("the budget of real transitions", () => {
  const config = configured(["environment.rung=L0", "train.groupSize=3"])

  it("is never exceeded, whatever the episodes take", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 5000 }),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 30 })),
        (budget, wanted, takes) => {
          let spent = 0
          for (let count = 1; count > 0;) {
            count = affordable(wanted, budget - spent, config)
            for (let i = 0; i < count; i++) spent += takes.next().value
            if (spent === 0) break
          }
          expect(spent).toBeLessThanOrEqual(budget)
        }
      )
    )
  })

  it("buys whole groups, and none from a handful of episodes", () => {
    expect([1000, 120, 119, 60, 59, 0].map((left) => affordable(8, left, config))).toEqual([
      8, 4, 3, 2, 0, 0
    ])
  })

  it("is kept to the single transition by the world itself, and a step beyond is a fault", async () => {
    const world: Environment.Environment = {
      name: "endless",
      version: "1",
      start: () =>
        Effect.succeed({
          observation: "",
          step: () =>
            Effect.succeed({
              observation: "on",
              reward: 0,
              ending: Ending.truncated("StepLimit"),
              provenance: { _tag: "Real", environment: "endless", version: "1" }
            })
        })
    }
    const taken = await Effect.runPromise(
      Effect.gen(function* () {
        const spent = yield* Ref.make(5)
        const episode = yield* meter(world, spent, 7).start({
          id: "1",
          environment: "endless",
          instruction: "go",
          seed: 0,
          origin: { _tag: "Original" },
          payload: {}
        })
        const steps = yield* Effect.forEach([1, 2, 3], () =>
          Effect.result(episode.step({ text: "go" }))
        )
        return { spent: yield* Ref.get(spent), steps }
      }).pipe(Effect.scoped)
    )
    expect(taken.spent).toBe(7)
    expect(taken.steps.map(Result.isSuccess)).toEqual([true, true, false])
    const [, , beyond] = taken.steps
    expect(beyond !== undefined && Result.isFailure(beyond) && beyond.failure.message).toBe(
      "all 7 real transitions of train.realTransitions are spent; raise it for more"
    )
  })
})

const livedBy = (folder: string) =>
  of(folder, "LivedGroups").reduce((sum, { transitions }) => sum + transitions, 0)

describe("a run in the real world alone", () => {
  const baseline = ["train.iterations=2", "evaluate.real=true", "seed=3"]
  let summary: Report.Summary | undefined
  beforeAll(async () => {
    const real = ["train.realShareStart=1", "train.realShareEnd=1", ...baseline]
    summary = await Effect.runPromise(train(configOf(home, "real", real)))
  }, 60_000)

  it("needs no experience model, and tells what it lived", () => {
    const said = tagsOf(eventsOf(inHome("real")))
    expect(said).not.toContain("PhaseStarted fit")
    expect(said).not.toContain("MeasuredCalibration")
    expect(said).not.toContain("DreamtGroups")
    expect(summary?.syntheticTransitions).toBe(0)
    const [collected] = of(inHome("real"), "CollectedRealExperience")
    expect(livedBy(inHome("real"))).toBeGreaterThan(24)
    expect(summary?.realTransitions).toBe((collected?.transitions ?? 0) + livedBy(inHome("real")))
  })

  it("is to the bit the baseline that a dreaming run is compared with", async () => {
    const dreaming = await Effect.runPromise(train(configOf(home, "beside", baseline)))
    const realIn = (found: Report.Summary | undefined) =>
      found?.evaluation.find(({ policy }) => policy === "real")
    expect(realIn(dreaming)).toBeDefined()
    expect(realIn(summary)).toEqual(realIn(dreaming))
    const lived = of(inHome("beside"), "PhaseProgressed").flatMap(
      ({ metrics }) => metrics["real/transitions"] ?? []
    )
    expect(of(inHome("real"), "LivedGroups").map(({ transitions }) => transitions)).toEqual(lived)
  }, 60_000)
})

describe("a run from dreams to the real world", () => {
  const settings = [
    "train.iterations=2",
    "train.realIterations=20",
    "train.realTransitions=150",
    "train.checkpointEvery=1",
    "train.keepLast=99"
  ]

  it("dreams as a dreaming run, then lives within its budget, and ends there", async () => {
    const config = configOf(home, "s2r", settings)
    const { evaluation, realTransitions } = await Effect.runPromise(train(config))
    expect(evaluation.map(({ policy }) => policy)).toEqual(["cloned", "sim-to-real"])
    const sources = eventsOf(inHome("s2r")).flatMap(({ _tag }) =>
      _tag === "DreamtGroups" || _tag === "LivedGroups" ? [_tag] : []
    )
    expect(sources.slice(0, 3)).toEqual(["DreamtGroups", "DreamtGroups", "LivedGroups"])
    expect(new Set(sources.slice(2))).toEqual(new Set(["LivedGroups"]))
    expect(sources.length).toBeLessThan(22)
    expect(livedBy(inHome("s2r"))).toBeLessThanOrEqual(150)
    expect(livedBy(inHome("s2r"))).toBeGreaterThan(75)
    const { iteration, state } = await filesOf(inHome("s2r"))
    expect(iteration).toBe(String(sources.length))
    const [collected] = of(inHome("s2r"), "CollectedRealExperience")
    const learnt = (collected?.transitions ?? 0) + livedBy(inHome("s2r"))
    expect(JSON.parse(state ?? "")).toMatchObject({ counters: { realTransitions: learnt } })
    expect(realTransitions).toBeGreaterThan(learnt)
  }, 60_000)

  it("remembers what it spent when it goes on", async () => {
    const folder = copyAt(inHome("s2r"), inHome("s2r-3"), 3)
    expect(livedBy(folder)).toBeGreaterThan(0)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(inHome("s2r")))
  }, 60_000)
})

describe("a run that also learns from preferences", () => {
  it("evaluates that baseline, and tells what it cost in the real world", async () => {
    const settings = ["evaluate.dpo=true", "dpo.updates=10", "train.iterations=0"]
    const { evaluation } = await Effect.runPromise(train(configOf(home, "dpo", settings)))
    expect(evaluation.map(({ policy }) => policy)).toEqual(["cloned", "dpo", "dreamt"])
    const [told] = of(inHome("dpo"), "PhaseProgressed").filter(
      ({ metrics }) => metrics["dpo/transitions"] !== undefined
    )
    expect(told?.metrics["dpo/pairs"]).toBeGreaterThan(3)
    expect(told?.metrics["dpo/transitions"]).toBeGreaterThan(told?.metrics["dpo/pairs"] ?? 0)
    const report = fs.readFileSync(path.join(inHome("dpo"), "report.md"), "utf8")
    expect(report).toContain(
      `| beside them, the baseline \`dpo\` alone | ${told?.metrics["dpo/transitions"]} more |`
    )
  }, 60_000)
})

describe("a run in dreams and the real world at once", () => {
  const settings = [
    "train.realShareStart=0.25",
    "train.realShareEnd=0.75",
    "train.realTransitions=330",
    "experience.refreshEvery=2",
    "experience.refreshUpdates=10",
    "health.probes=true"
  ]
  beforeAll(async () => {
    await Effect.runPromise(train(configOf(home, "mixed", settings)))
  }, 60_000)

  it("lives its share of each iteration, and keeps that in its buffer", async () => {
    const dreamt = of(inHome("mixed"), "DreamtGroups").map(({ trajectories }) => trajectories)
    const lived = of(inHome("mixed"), "LivedGroups").map(({ trajectories }) => trajectories)
    expect(dreamt).toEqual([9, 6, 6, 3])
    expect(lived).toEqual([3, 6, 6, 9])
    expect(livedBy(inHome("mixed"))).toBeLessThanOrEqual(330)
    const kept = (await bufferOf(inHome("mixed"))).filter(
      ({ iteration, transitions }) =>
        iteration !== undefined && transitions[0]?.provenance._tag === "Real"
    )
    expect(kept.length).toBe(24)
  })

  it("refreshes its experience model from what it lived, while there are dreams to come", () => {
    const events = of(inHome("mixed"), "RefreshedExperienceModel")
    expect(events.map(({ iteration, trajectories }) => [iteration, trajectories])).toEqual([[2, 9]])
    const [calibrated] = of(inHome("mixed"), "MeasuredCalibration")
    for (const event of [calibrated, ...events]) {
      expect(event?.metrics["probe/transitions"]).toBeGreaterThan(20)
      expect(event?.metrics["probe/falseSuccessRate"]).toBeTypeOf("number")
    }
  })

  it("goes on though it is interrupted while its experience model learns", async () => {
    const folder = copyAt(inHome("mixed"), inHome("mixed-interrupted"), 0)
    const isRefreshing = () => of(folder, "UpdatedPolicy").some(({ iteration }) => iteration === 2)
    await Effect.runPromise(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(resume(folder))
        const seen = Effect.delay(Effect.sync(isRefreshing), "2 millis")
        yield* Effect.repeat(seen, { until: (found) => found })
        yield* Fiber.interrupt(fiber)
      })
    )
    expect((await filesOf(folder))["iteration"]).toMatch(/^[12]$/)
    await Effect.runPromise(resume(folder))
    expect(await allOf(folder)).toEqual(await allOf(inHome("mixed")))
  }, 60_000)

  it.each([0, 2])(
    "goes on from checkpoint %i to the same end",
    async (from) => {
      const folder = copyAt(inHome("mixed"), inHome(`mixed-${from}`), from)
      await Effect.runPromise(resume(folder))
      expect(await allOf(folder)).toEqual(await allOf(inHome("mixed")))
    },
    60_000
  )
})
