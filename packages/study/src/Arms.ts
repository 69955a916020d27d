/**
 * The arms of the study: what one run is set to beside the settings that all runs of the study share.
 * Which of them run, with which seeds and in which order, says `Plan`.
 */
import * as PipelineArm from "@dreamgym/pipeline/Arm"
import type { Config } from "@dreamgym/pipeline/Config"

/** What is asked: Table 1 in miniature, what each part of the method brings, how much data it needs, what it saves, what it risks. */
export const parts = ["table", "ablations", "scaling", "cost", "exploitation"] as const
export type Part = (typeof parts)[number]

/** Values by key, as for `--set`. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/**
 * `policy`: the one of the run's evaluations that is this arm's. `startsFrom`: the arm whose real data, experience model and clones
 * are this one's too. `tenthOf`: the arm of whose lived real transitions this one may have a tenth.
 */
export interface Arm {
  readonly name: string
  readonly title: string
  readonly policy: string
  readonly settings: (base: Config) => Settings
  readonly startsFrom?: string
  readonly tenthOf?: string
}

/** Whose collected data, experience model and clones others share. */
const first = "sft"

/** The arm that leaves out nothing. */
export const whole = "ppo_dream"

const rows: Readonly<
  Record<PipelineArm.Name, { readonly title: string; readonly policy: string; tenthOf?: string }>
> = {
  sft: { title: "SFT", policy: "cloned+" },
  dpo: { title: "DPO", policy: "dpo" },
  grpo_real: { title: "GRPO real", policy: "real" },
  ppo_real: { title: "PPO real", policy: "real" },
  grpo_dream: { title: "GRPO dreamt", policy: "dreamt" },
  ppo_dream: { title: "PPO dreamt", policy: "dreamt" },
  grpo_s2r: { title: "GRPO sim-to-real", policy: "sim-to-real", tenthOf: "grpo_real" },
  ppo_s2r: { title: "PPO sim-to-real", policy: "sim-to-real", tenthOf: "ppo_real" }
}

const table: ReadonlyArray<Arm> = PipelineArm.names.map((name) => ({
  name,
  ...rows[name],
  ...(name === first ? {} : { startsFrom: first }),
  settings: (base) => ({
    ...withoutBudget(flat(PipelineArm.settings(name, base))),
    ...(name === first ? { "evaluate.clonedPlus": true } : {})
  })
}))

/** The budget of sim-to-real is what the real arm truly used, and that is not known before. */
const withoutBudget = ({ "train.realTransitions": _, ...settings }: Settings): Settings => settings

/** A configuration's fields by dotted key. */
export const flat = (tree: object, prefix = ""): Settings =>
  Object.entries(tree).reduce<Settings>((found, [name, value]) => {
    const key = `${prefix}${name}`
    return typeof value === "object" && value !== null
      ? { ...found, ...flat(value, `${key}.`) }
      : { ...found, [key]: value }
  }, {})

/**
 * A part of the method and the run without it; where the study's settings are without it already, the run with it (`turns` "on").
 * `isPrepared`: what the run prepares (data, experience model, clones, calibration) is what the other arms prepare.
 */
export interface Ablation {
  readonly part: string
  readonly arm: string
  readonly turns: "off" | "on"
  readonly isPrepared: boolean
  readonly settings: Settings
}

export const ablations: ReadonlyArray<Ablation> = [
  {
    part: "history",
    arm: "no_history",
    turns: "off",
    isPrepared: false,
    settings: { "experience.history": false }
  },
  {
    part: "demonstrations in the prompt",
    arm: "demonstrations",
    turns: "on",
    isPrepared: false,
    settings: { "experience.demonstrations": 2 }
  },
  {
    part: "reasoning",
    arm: "no_reasoning",
    turns: "off",
    isPrepared: false,
    settings: { "experience.reasoning": false }
  },
  {
    part: "task generator",
    arm: "no_generator",
    turns: "off",
    isPrepared: true,
    settings: { "curriculum.generate": false }
  },
  {
    part: "quality filter",
    arm: "no_filter",
    turns: "off",
    isPrepared: true,
    settings: {
      "filter.contradiction": false,
      "filter.unearnedReward": false,
      "filter.missedReward": false
    }
  }
]

/** The arm without the quality filter. */
export const unfiltered = "no_filter"

const ablated: ReadonlyArray<Arm> = ablations.map(({ arm, isPrepared, part, settings, turns }) => ({
  name: arm,
  title: `${turns === "off" ? "without" : "with"} ${part}`,
  policy: "dreamt",
  ...(isPrepared ? { startsFrom: first } : {}),
  settings: (base) => ({ ...wholeOf(base), ...settings })
}))

const wholeOf = (base: Config): Settings => flat(PipelineArm.settings(whole, base))

/** Real transitions that an experience model learns from, about. */
export type Size = 250 | 1000 | 4000 | 10_000 | 20_000
export const sizes: ReadonlyArray<Size> = [250, 1000, 4000, 10_000, 20_000]

/**
 * As many trajectories as hold about so many transitions, `perTrajectory` each, and as many more as are held out to measure the model.
 * The share of demonstrations is the study's, so that the clone that dreaming starts from is of the same data.
 */
const scaled = (size: Size): Arm => ({
  name: nameOf(size),
  title: `${size.toLocaleString("en-US")} transitions`,
  policy: "dreamt",
  settings: (base) => {
    const { demonstrations, heldOutTrajectories, trajectories } = base.collect
    const learnt = Math.max(8, Math.round(size / (perTrajectory[base.environment.rung] ?? 18)))
    return {
      ...wholeOf(base),
      "evaluate.clonedPlus": true,
      "collect.trajectories": learnt + heldOutTrajectories,
      "collect.demonstrations": Math.max(4, Math.round((learnt * demonstrations) / trajectories))
    }
  }
})

export const nameOf = (size: Size): string => `data_${size}`

/** Mean length of a collected trajectory, measured with the defaults (seed 1). */
const perTrajectory: Readonly<Record<string, number>> = { L0: 9, L1: 11, L2: 13.5, L3: 18 }

export const all: ReadonlyArray<Arm> = [...table, ...ablated, ...sizes.map(scaled)]

/** The arms that answer a part; `isQuick`: of the reduced study. */
export const of = (part: Part, isQuick: boolean): ReadonlyArray<string> =>
  isQuick ? (quick[part] ?? full[part]) : full[part]

const full: Readonly<Record<Part, ReadonlyArray<string>>> = {
  table: table.map(({ name }) => name),
  ablations: [first, whole, ...ablated.map(({ name }) => name)],
  scaling: sizes.map(nameOf),
  cost: [first, "grpo_real", "ppo_real", "grpo_dream", "ppo_dream"],
  exploitation: [whole, unfiltered]
}

const quick: Readonly<Partial<Record<Part, ReadonlyArray<string>>>> = {
  ablations: [first, whole, "no_generator", unfiltered],
  scaling: [nameOf(250), nameOf(1000)]
}
