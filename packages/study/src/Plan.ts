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
 * must be finished before. `from`: whose data, experience model and clones it starts from; where `goesOn`, at the end of whose dreams.
 * `budget` as in `Arms`, its arms by their units.
 */
export interface Unit {
  readonly id: string
  readonly rung: string
  readonly seed: number
  readonly arm: string
  readonly settings: ReadonlyArray<string>
  readonly needs: ReadonlyArray<string>
  readonly from?: string
  readonly goesOn?: boolean
  readonly budget?: Arms.Budget
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
    "train.iterations": 90,
    "train.evaluateEvery": 10
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

/** What a unit came to, as far as others are set by it: transitions as in `Outcome`, and its iterations. */
export interface Known {
  readonly offline: number
  readonly lived: number
  readonly iterations: number
}

/** By the unit's id; undefined of one that is not finished. */
export type Facts = (unit: string) => Known | undefined

/** What a unit is set to; without its budget as long as the runs that this is taken from are not finished. */
export const settingsOf = (
  { budget, settings }: Pick<Unit, "budget" | "settings">,
  facts: Facts
): ReadonlyArray<string> => {
  if (budget === undefined) return settings
  const [of, pace] = [facts(budget.of), facts(budget.pace)]
  if (of === undefined || pace === undefined) return settings
  const most = Math.floor(budget.times * of[budget.what])
  const iterations = mostIterations(most, pace)
  const key = budget.what === "offline" ? "train.iterations" : "train.realIterations"
  return [...settings, `${key}=${iterations}`, `train.realTransitions=${most}`]
}

/**
 * Twice as many as the budget pays for at that pace, for episodes get shorter as the policy gets better: the run ends where the budget
 * does, and the learning rate follows the budget (`LearningRate.ofPolicy`), so that too many do no harm and too few would.
 */
const mostIterations = (transitions: number, { iterations, lived }: Known): number =>
  Math.ceil((2 * transitions * iterations) / Math.max(1, lived))

/** The configuration of a unit, wherever it runs. */
export const configOf = (unit: Unit, facts: Facts): Result.Result<Config, ConfigError> =>
  ConfigResolve.resolve({ settings: settingsOf(unit, facts) })

/** The configurations of all units by id, before any has run: their budgets are guessed. One that is refused is left out. */
export const guessed = (all: ReadonlyArray<Unit>): ReadonlyMap<string, Config> => {
  const configs = new Map<string, Config>()
  const facts: Facts = (id) => {
    const config = configs.get(id)
    return config === undefined ? undefined : guessOf(config)
  }
  for (const unit of all) {
    const config = configOf(unit, facts)
    if (Result.isSuccess(config)) configs.set(unit.id, config.success)
  }
  return configs
}

const guessOf = (config: Config): Known => {
  const { episode, offline } = Arms.expected(config)
  const { groupSize, iterations, realTransitions, tasksPerIteration } = config.train
  const { realShareStart: share } = config.train
  const played = share * iterations * tasksPerIteration * groupSize * episode
  return { offline, iterations, lived: Math.min(played, realTransitions ?? played) }
}

const base = (form: Form, rung: string, seed: number) =>
  ConfigResolve.resolve({ settings: textOf(common(form, rung, seed)) })

const common = (form: Form, rung: string, seed: number): Arms.Settings => ({
  ...shared[form],
  seed,
  "environment.rung": rung
})

const unitOf = (arm: Arms.Arm, form: Form, rung: string, seed: number, config: Config): Unit => {
  const idOf = (name: string) => `${rung}/${seed}/${name}`
  const { budget, goesOn, startsFrom: from } = arm
  return {
    id: idOf(arm.name),
    rung,
    seed,
    arm: arm.name,
    settings: textOf({ ...common(form, rung, seed), ...arm.settings(config) }),
    needs: [...new Set(neededBy(arm).map(idOf))],
    ...(from === undefined ? {} : { from: idOf(from) }),
    ...(goesOn === undefined ? {} : { goesOn }),
    ...(budget === undefined
      ? {}
      : { budget: { ...budget, of: idOf(budget.of), pace: idOf(budget.pace) } })
  }
}

const neededBy = ({ budget, startsFrom }: Arms.Arm): ReadonlyArray<string> =>
  [startsFrom, budget?.of, budget?.pace].filter((name) => name !== undefined)

const textOf = (settings: Arms.Settings): ReadonlyArray<string> =>
  Object.entries(settings).map(([key, value]) => `${key}=${value}`)

const withNeeds = (names: ReadonlySet<string>): ReadonlySet<string> => {
  const needed = Arms.all.filter(({ name }) => names.has(name)).flatMap(neededBy)
  const more = new Set([...names, ...needed])
  return more.size === names.size ? names : withNeeds(more)
}
