/**
 * A study as a list of runs: every unit is one run of `dreamgym train`, with a seed, on a rung, of an arm.
 * It runs nothing: `Conduct` does.
 */
import type { Config } from "@dreamgym/pipeline/Config"
import type { ConfigError } from "@dreamgym/pipeline/ConfigError"
import * as ConfigResolve from "@dreamgym/pipeline/ConfigResolve"
import * as Result from "effect/Result"
import * as Arms from "./Arms.ts"

/** "full" trains as the default run does; "quick" is the same questions with little of everything. */
export type Form = "full" | "quick"

/** `seeds` and `rungs` (of the household) are crossed; `parts` say which arms. */
export interface Study {
  readonly form: Form
  readonly parts: ReadonlyArray<Arms.Part>
  readonly seeds: ReadonlyArray<number>
  readonly rungs: ReadonlyArray<string>
}

/** What is run where nothing else is asked for. */
export const usual: Readonly<Record<Form, Omit<Study, "form">>> = {
  full: { parts: Arms.parts, seeds: [1, 2, 3, 4, 5], rungs: ["L2", "L3"] },
  quick: {
    parts: ["table", "ablations", "cost", "exploitation"],
    seeds: [1, 2],
    rungs: ["L0"]
  }
}

/**
 * `id` is "rung/seed/arm", which is also the path of the run in the study's folder. `settings` as for `--set`. `needs`: units that
 * must be finished before. `from`: whose data, experience model and clones it starts from. `tenthOf`: of whose lived real
 * transitions it may have a tenth.
 */
export interface Unit {
  readonly id: string
  readonly rung: string
  readonly seed: number
  readonly arm: string
  readonly settings: ReadonlyArray<string>
  readonly needs: ReadonlyArray<string>
  readonly from?: string
  readonly tenthOf?: string
}

/** All units of a study, those that are needed before those that need them, the first seed's before the second's. */
export const units = (study: Study): Result.Result<ReadonlyArray<Unit>, ConfigError> => {
  const wanted = withNeeds(
    new Set(study.parts.flatMap((part) => Arms.of(part, study.form === "quick")))
  )
  const arms = Arms.all.filter(({ name }) => wanted.has(name))
  const places = study.seeds.flatMap((seed) => study.rungs.map((rung) => ({ rung, seed })))
  return Result.map(
    Result.all(
      places.map(({ rung, seed }) =>
        Result.map(base(study.form, rung, seed), (config) =>
          arms.map((arm) => unitOf(arm, study.form, rung, seed, config))
        )
      )
    ),
    (found) => found.flat()
  )
}

/** The settings that all runs of the study share. */
export const shared: Readonly<Record<Form, Arms.Settings>> = {
  full: {
    preset: "household",
    ...ungated(),
    "evaluate.clonedPlus": false,
    "evaluate.real": false,
    "train.evaluateEvery": 5
  },
  quick: {
    preset: "household-quick",
    ...ungated(),
    "experience.updates": 400,
    "clone.maxUpdates": 200,
    "clone.minUpdates": 200,
    "evaluate.clonedPlus": false,
    "train.evaluateEvery": 3
  }
}

/** A seed whose experience model is refused would be missing from the mean, which would then be of the lucky ones. */
function ungated(): Arms.Settings {
  return {
    "fidelity.minNextStateExact": 0,
    "fidelity.maxFalseSuccess": 1,
    "calibration.minLegitimate": 0,
    "calibration.maxOptimism": 1,
    "calibration.maxMalformed": 1,
    "calibration.maxContradictions": 1,
    "train.minAcceptRate": 0
  }
}

/** What a unit is set to once it is known how many real transitions each arm has lived; Infinity where that is not known yet. */
export const settingsOf = (unit: Unit, lived: (unit: string) => number): ReadonlyArray<string> => {
  if (unit.tenthOf === undefined) return unit.settings
  const budget = Math.floor(lived(unit.tenthOf) / 10)
  return Number.isFinite(budget)
    ? [...unit.settings, `train.realTransitions=${budget}`]
    : unit.settings
}

/** The configuration of a unit, wherever it runs. */
export const configOf = (
  unit: Unit,
  lived: (unit: string) => number
): Result.Result<Config, ConfigError> =>
  ConfigResolve.resolve({ settings: settingsOf(unit, lived) })

const base = (form: Form, rung: string, seed: number) =>
  ConfigResolve.resolve({ settings: textOf(common(form, rung, seed)) })

const common = (form: Form, rung: string, seed: number): Arms.Settings => ({
  ...shared[form],
  seed,
  "environment.rung": rung
})

const unitOf = (arm: Arms.Arm, form: Form, rung: string, seed: number, config: Config): Unit => {
  const idOf = (name: string) => `${rung}/${seed}/${name}`
  const { startsFrom: from } = arm
  return {
    id: idOf(arm.name),
    rung,
    seed,
    arm: arm.name,
    settings: textOf({ ...common(form, rung, seed), ...arm.settings(config) }),
    needs: [from, arm.tenthOf].flatMap((name) => (name === undefined ? [] : [idOf(name)])),
    ...(from === undefined ? {} : { from: idOf(from) }),
    ...(arm.tenthOf === undefined ? {} : { tenthOf: idOf(arm.tenthOf) })
  }
}

const textOf = (settings: Arms.Settings): ReadonlyArray<string> =>
  Object.entries(settings).map(([key, value]) => `${key}=${value}`)

const withNeeds = (names: ReadonlySet<string>): ReadonlySet<string> => {
  const needed = Arms.all
    .filter(({ name }) => names.has(name))
    .flatMap(({ startsFrom, tenthOf }) => [startsFrom, tenthOf])
    .filter((name) => name !== undefined)
  const more = new Set([...names, ...needed])
  return more.size === names.size ? names : withNeeds(more)
}
