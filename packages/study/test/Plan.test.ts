/** Tests of plans: every run of a study can be run, once, after what it needs. */
import * as Config from "@dreamgym/pipeline/Config"
import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import * as Arms from "../src/Arms.ts"
import * as Plan from "../src/Plan.ts"

const unitsOf = (study: Plan.Study) => Result.getOrThrow(Plan.units(study))
const usual = (form: Plan.Form): Plan.Study => ({ form, ...Plan.usual[form] })
const plenty = () => 10_000

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

  it("gives sim-to-real a tenth of what its real arm lived, once that is known", () => {
    const [unit] = units.filter(({ arm }) => arm === "ppo_s2r")
    if (unit === undefined) return expect.unreachable()
    expect(unit.tenthOf).toBe(unit.id.replace("s2r", "real"))
    expect(unit.needs).toContain(unit.tenthOf)
    const settings = Plan.settingsOf(unit, (other) => (other === unit.tenthOf ? 54_321 : 1))
    expect(settings).toContain("train.realTransitions=5432")
    expect(Plan.settingsOf(unit, () => Number.POSITIVE_INFINITY)).toEqual(unit.settings)
  })
})

describe("an arm", () => {
  const base = Config.defaults

  it("of the data has as much more real experience as its size says, and as many held out", () => {
    const trajectories = Arms.sizes.map((size) => {
      const arm = Arms.all.find(({ name }) => name === Arms.nameOf(size))
      const learnt = Number(arm?.settings(base)["collect.trajectories"]) - 60
      return learnt * 18
    })
    for (const [i, size] of Arms.sizes.entries()) {
      expect((trajectories[i] ?? 0) / size).toBeGreaterThan(0.9)
      expect((trajectories[i] ?? 0) / size).toBeLessThan(1.1)
    }
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
