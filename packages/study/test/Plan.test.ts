/** Tests of plans: every run of a study can be run, once, after what it needs. */
import * as Config from "@dreamgym/pipeline/Config"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Arms from "../src/Arms.ts"
import * as Plan from "../src/Plan.ts"

const unitsOf = (study: Plan.Study) => Result.getOrThrow(Plan.units(study))
const usual = (form: Plan.Form): Plan.Study => ({ form, ...Plan.usual[form] })
const plenty: Plan.Facts = () => ({ offline: 10_000, lived: 60_000, iterations: 30 })

const studies = fc.record({
  form: fc.constantFrom<Plan.Form>("full", "quick"),
  parts: fc.uniqueArray(fc.constantFrom(...Arms.parts), { minLength: 1 }),
  seeds: fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 3 }),
  rungs: fc.uniqueArray(fc.constantFrom("L0", "L1", "L2", "L3"), { minLength: 1, maxLength: 2 })
})

describe("any study", () => {
  it("is of units that are there once, each after those that it needs", () => {
    fc.assert(
      fc.property(studies, (study) => {
        const units = unitsOf(study)
        const ids = units.map(({ id }) => id)
        expect(new Set(ids).size).toBe(ids.length)
        for (const [i, { needs }] of units.entries()) {
          for (const need of needs) expect(ids.slice(0, i)).toContain(need)
        }
      }),
      { numRuns: 30 }
    )
  })

  it("asks each part of every seed on every rung", () => {
    fc.assert(
      fc.property(studies, (study) => {
        const ids = new Set(unitsOf(study).map(({ id }) => id))
        for (const seed of study.seeds) {
          for (const rung of study.rungs) {
            for (const arm of study.parts.flatMap((part) =>
              Arms.of(part, study.form === "quick")
            )) {
              expect(ids).toContain(`${rung}/${seed}/${arm}`)
            }
          }
        }
      }),
      { numRuns: 20 }
    )
  })
})

describe.each(["full", "quick"] as const)("the %s study", (form) => {
  const units = unitsOf(usual(form))

  it("has no unit that the trainer would refuse", () => {
    for (const unit of units) {
      const config = Plan.configOf(unit, plenty)
      expect(Result.isFailure(config) ? `${unit.id}: ${config.failure.message}` : "").toBe("")
    }
  })

  it("has no two arms of a seed that are set alike", () => {
    const first = units.filter(({ rung, seed }) => rung === units[0]?.rung && seed === 1)
    const texts = first.map((unit) =>
      JSON.stringify(Result.getOrThrow(Plan.configOf(unit, plenty)))
    )
    expect(new Set(texts).size).toBe(first.length)
  })

  it("gives the real arm ten times the offline data, and sim-to-real a tenth of what that lived", () => {
    const named = (arm: string) => units.filter((unit) => unit.arm === arm)[0]
    const [sft, real, real10x, s2r] = ["sft", "ppo_real", "ppo_real_10x", "ppo_s2r"].map(named)
    if (real10x === undefined || s2r === undefined) return expect.unreachable()
    expect(real10x.needs).toEqual([sft?.id, real?.id])
    expect(s2r.needs).toEqual([named("ppo_dream")?.id, real10x.id, real?.id])
    const known: Readonly<Record<string, Plan.Known>> = {
      [sft?.id ?? ""]: { offline: 5001, lived: 0, iterations: 0 },
      [real?.id ?? ""]: { offline: 5001, lived: 1000, iterations: 10 },
      [real10x.id]: { offline: 5001, lived: 49_990, iterations: 1001 }
    }
    const facts: Plan.Facts = (id) => known[id]
    const added = (unit: Plan.Unit) => Plan.settingsOf(unit, facts).slice(unit.settings.length)
    expect(added(real10x)).toEqual(["train.iterations=1001", "train.realTransitions=50010"])
    expect(added(s2r)).toEqual(["train.realIterations=100", "train.realTransitions=4999"])
    const config = Result.getOrThrow(Plan.configOf(s2r, facts))
    expect(config.train).toMatchObject({ realIterations: 100, realTransitions: 4999 })
    expect(Plan.settingsOf(s2r, () => undefined)).toEqual(s2r.settings)
  })

  it("begins sim-to-real where the dreams of the same algorithm ended, set as those are until then", () => {
    for (const unit of units.filter(({ goesOn }) => goesOn === true)) {
      const from = units.find(({ id }) => id === unit.from)
      if (from === undefined) return expect.unreachable()
      const [before, after] = [from, unit].map((one) => {
        const { learner, train } = Result.getOrThrow(Plan.configOf(one, plenty))
        const { realIterations: _, realTransitions: __, ...dreaming } = train
        return { learner, dreaming }
      })
      expect(after).toEqual(before)
    }
    expect(units.filter(({ goesOn }) => goesOn === true).map(({ arm }) => arm)).toContain("ppo_s2r")
  })

  it("guesses the budgets of what has not run yet near what they will be", () => {
    const configs = Plan.guessed(units)
    expect(configs.size).toBe(units.length)
    const [unit] = units.filter(({ arm }) => arm === "ppo_real_10x")
    const { collect, train } = configs.get(unit?.id ?? "") ?? Config.defaults
    expect((train.realTransitions ?? 0) / collect.trajectories).toBeGreaterThan(80)
    expect((train.realTransitions ?? 0) / collect.trajectories).toBeLessThan(200)
  })
})

describe("an arm", () => {
  const base = Config.defaults

  const scaled = Arms.sizes.map((size) => {
    const settings = Arms.all.find(({ name }) => name === Arms.nameOf(size))?.settings(base) ?? {}
    return {
      size,
      learnt: Number(settings["collect.trajectories"]) - base.collect.heldOutTrajectories,
      shown: Number(settings["collect.demonstrations"]),
      start: settings["train.start"]
    }
  })

  it("of the data has as much more real experience as its size says, and as many held out", () => {
    for (const { learnt, shown, size } of scaled) {
      const transitions = shown * 8.4 + (learnt - shown) * 18.5
      expect(transitions / size).toBeGreaterThan(0.9)
      expect(transitions / size).toBeLessThan(1.1)
    }
  })

  it("of the data dreams from the clone of the same demonstrations, where these are not most of it", () => {
    expect(scaled.map(({ shown }) => shown)).toEqual([14, 40, 40, 40, 40])
    expect(new Set(scaled.map(({ start }) => start))).toEqual(new Set(["cloned"]))
  })

  it("of the curriculum differs from uniform sampling by its order alone", () => {
    const settingsOf = (name: string) =>
      new Map(
        Object.entries({
          ...Arms.flat(base),
          ...Arms.all.find((arm) => arm.name === name)?.settings(base)
        })
      )
    const uniform = settingsOf(Arms.uniform)
    const differing = Arms.of("curriculum", false).map((name) =>
      [...settingsOf(name)].flatMap(([key, value]) =>
        uniform.get(key) === value ? [] : [`${key}=${value}`]
      )
    )
    expect(differing).toEqual([
      [],
      ["curriculum.order=growing"],
      ["curriculum.againShare=0.5"],
      ["curriculum.score=absoluteAdvantage", "curriculum.againShare=0.5"],
      ["curriculum.score=learningProgress", "curriculum.againShare=0.5"],
      ["curriculum.score=regret", "curriculum.againShare=0.5"]
    ])
  })

  it("that leaves a part out has it where the others run with it, and the other way round", () => {
    const settings = new Map(Object.entries(Arms.flat(base)))
    for (const { arm, settings: changed, turns } of Arms.ablations) {
      for (const [key, value] of Object.entries(changed)) {
        const now = settings.get(key)
        expect([
          arm,
          key,
          turns === "off" ? Number(now) > Number(value) : Number(now) < Number(value)
        ]).toEqual([arm, key, true])
      }
    }
  })
})
