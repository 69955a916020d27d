/**
 * The arms of the study: what one run is set to beside the settings that all runs of the study share.
 * Which of them run, with which seeds and in which order, says `Plan`.
 */
import * as PipelineArm from "@dreamgym/pipeline/Arm"
import type { Config } from "@dreamgym/pipeline/Config"

/**
 * What is asked: Table 1 in miniature, what each part of the method brings, how much data it needs, what it saves, what it risks, and
 * what the order of tasks brings.
 */
export const parts = [
  "table",
  "ablations",
  "scaling",
  "cost",
  "exploitation",
  "curriculum"
] as const
export type Part = (typeof parts)[number]

/** Values by key, as for `--set`. */
export type Settings = Readonly<Record<string, string | number | boolean>>

/**
 * The most real transitions that an arm learns from beside the offline ones: `times` what `of` collected at first ("offline") or what its
 * policy learnt from ("lived"). `pace`: the arm whose transitions of an iteration say how many iterations that takes, about.
 */
export interface Budget {
  readonly times: number
  readonly what: "offline" | "lived"
  readonly of: string
  readonly pace: string
}

/**
 * `policy`: the one of the run's evaluations that is this arm's. `startsFrom`: the arm whose real data, experience model and clones
 * are this one's too; where `goesOn`, the whole dreaming as well, and this one begins where that ended.
 */
export interface Arm {
  readonly name: string
  readonly title: string
  readonly policy: string
  readonly settings: (base: Config) => Settings
  readonly startsFrom?: string
  readonly goesOn?: boolean
  readonly budget?: Budget
}

/** Whose collected data, experience model and clones others share. */
const first = "sft"

/** The arm that leaves out nothing. */
export const whole = "ppo_dream"

/** The same with a third of the iterations: of what is compared many times, each run is brief. */
export const brief = "ppo_dream_brief"

const rows: Readonly<Record<PipelineArm.Name, Omit<Arm, "name" | "settings">>> = {
  sft: { title: "SFT", policy: "cloned+" },
  dpo: { title: "DPO", policy: "dpo" },
  grpo_real: { title: "GRPO real, fewer iterations", policy: "real" },
  ppo_real: { title: "PPO real, fewer iterations", policy: "real" },
  grpo_dream: { title: "GRPO dreamt", policy: "dreamt" },
  ppo_dream: { title: "PPO dreamt", policy: "dreamt" },
  grpo_s2r: { title: "GRPO sim-to-real", policy: "sim-to-real", ...afterDreams("grpo") },
  ppo_s2r: { title: "PPO sim-to-real", policy: "sim-to-real", ...afterDreams("ppo") }
}

/** A tenth of what the real-only arm used. */
function afterDreams(algorithm: "grpo" | "ppo"): Pick<Arm, "startsFrom" | "goesOn" | "budget"> {
  const [of, pace] = [`${algorithm}_real_10x`, `${algorithm}_real`]
  const budget: Budget = { times: 0.1, what: "lived", of, pace }
  return { startsFrom: `${algorithm}_dream`, goesOn: true, budget }
}

const rowOf = (name: PipelineArm.Name): Arm => ({
  name,
  ...(name === first ? {} : { startsFrom: first }),
  ...rows[name],
  settings: (base) => ({
    ...withoutBudget(flat(PipelineArm.settings(name, base))),
    ...(isReal(name) ? briefly(base) : {}),
    ...(name === "dpo" ? gentle : {}),
    ...(name === first ? { "evaluate.clonedPlus": true } : {})
  })
})

/** The real-only arm that the others are measured against: ten times the offline data, in real transitions of its own. */
const tenfold = (algorithm: "grpo" | "ppo"): Arm => ({
  ...rowOf(`${algorithm}_real`),
  name: `${algorithm}_real_10x`,
  title: `${algorithm.toUpperCase()} real, 10x the offline data`,
  budget: { times: 10, what: "offline", of: first, pace: `${algorithm}_real` }
})

/** The rows of Table 1, and after those of the real world alone the same with more of it. */
const table: ReadonlyArray<Arm> = PipelineArm.names.flatMap((name) =>
  name === "ppo_real" ? [rowOf(name), tenfold("grpo"), tenfold("ppo")] : [rowOf(name)]
)

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
 * `isPrepared`: what the run prepares (data, experience model, clones, calibration) is what the other arms prepare. `against`: the arm
 * that is otherwise the same, as long.
 */
export interface Ablation {
  readonly part: string
  readonly arm: string
  readonly turns: "off" | "on"
  readonly isPrepared: boolean
  readonly against: typeof whole | typeof brief
  readonly settings: Settings
}

export const ablations: ReadonlyArray<Ablation> = [
  {
    part: "history",
    arm: "no_history",
    turns: "off",
    isPrepared: false,
    against: brief,
    settings: { "experience.history": false }
  },
  {
    part: "demonstrations in the prompt",
    arm: "demonstrations",
    turns: "on",
    isPrepared: false,
    against: brief,
    settings: { "experience.demonstrations": 2 }
  },
  {
    part: "reasoning",
    arm: "no_reasoning",
    turns: "off",
    isPrepared: false,
    against: brief,
    settings: { "experience.reasoning": false }
  },
  {
    part: "task generator",
    arm: "no_generator",
    turns: "off",
    isPrepared: true,
    against: brief,
    settings: { "curriculum.generate": false }
  },
  {
    part: "quality filter",
    arm: "no_filter",
    turns: "off",
    isPrepared: true,
    against: whole,
    settings: {
      "filter.contradiction": false,
      "filter.unearnedReward": false,
      "filter.missedReward": false
    }
  }
]

/** The arm without the quality filter. */
export const unfiltered = "no_filter"

const ablated: ReadonlyArray<Arm> = ablations.map(
  ({ against, arm, isPrepared, part, settings, turns }) => ({
    name: arm,
    title: `${turns === "off" ? "without" : "with"} ${part}`,
    policy: "dreamt",
    ...(isPrepared ? { startsFrom: first } : {}),
    settings: (base) => ({ ...(against === whole ? wholeOf(base) : briefOf(base)), ...settings })
  })
)

const reference: Arm = {
  name: brief,
  title: "PPO dreamt, fewer iterations",
  policy: "dreamt",
  startsFrom: first,
  settings: (base) => briefOf(base)
}

/** Original tasks alone, each as often as the others, of houses from easy ones to those of the rung; others share its preparation. */
export const uniform = "uniform"

/** Original tasks alone, from the easiest on, as the agent masters them. */
export const growing = "growing"

/** What makes a task come again (`curriculum.score`), by the arm's name: half of the tasks come so. */
const scored: Readonly<Record<string, { readonly title: string; readonly score: string }>> = {
  again_variance: { title: "again by variance", score: "variance" },
  again_absolute_advantage: { title: "again by absolute advantage", score: "absoluteAdvantage" },
  again_learning_progress: { title: "again by learning progress", score: "learningProgress" },
  again_regret: { title: "again by regret", score: "regret" }
}

const chosen = (name: string, title: string, settings: Settings): Arm => ({
  name,
  title,
  policy: "dreamt",
  ...(name === uniform ? {} : { startsFrom: uniform }),
  settings: (base) => ({
    ...briefOf(base),
    "curriculum.generate": false,
    "curriculum.spread": true,
    ...settings
  })
})

const curricula: ReadonlyArray<Arm> = [
  chosen(uniform, "drawn evenly", {}),
  chosen(growing, "growing difficulty", { "curriculum.order": "growing" }),
  ...Object.entries(scored).map(([name, { score, title }]) =>
    chosen(name, title, { "curriculum.againShare": 0.5, "curriculum.score": score })
  )
]

const wholeOf = (base: Config): Settings => flat(PipelineArm.settings(whole, base))

const briefly = ({ train }: Config): Settings => ({
  "train.iterations": Math.max(1, Math.round(train.iterations / 3))
})

const briefOf = (base: Config): Settings => ({ ...wholeOf(base), ...briefly(base) })

/** With the defaults of `dpo.*` it unlearns most of what SFT knows (docs/log.md): a baseline should be as good as it can be. */
const gentle: Settings = { "dpo.lr": 1e-4, "dpo.sftCoef": 1, "dpo.updates": 100 }

const isReal = (name: PipelineArm.Name): boolean => name === "grpo_real" || name === "ppo_real"

/** Real transitions that an experience model learns from, about. */
export type Size = 250 | 1000 | 4000 | 10_000 | 20_000
export const sizes: ReadonlyArray<Size> = [250, 1000, 4000, 10_000, 20_000]

/**
 * As many trajectories as hold about so many transitions, and as many more as are held out to measure the model. The demonstrations are
 * the study's, all but where they would be more than half of the transitions: then they are half. Dreaming starts from their clone
 * (`cloned`), which is thereby the same policy at all other sizes, so that what differs is the experience model alone. That is also
 * why no other arm stands in for a size: theirs start from `cloned+`, which all offline successes make.
 */
const scaled = (size: Size): Arm => ({
  name: nameOf(size),
  title: `${size.toLocaleString("en-US")} transitions`,
  policy: "dreamt",
  settings: (base) => {
    const { explored, shown } = lengthsOf(base)
    const demonstrations = Math.min(
      base.collect.demonstrations,
      Math.max(4, Math.floor(size / 2 / shown))
    )
    const others = Math.max(4, Math.round((size - demonstrations * shown) / explored))
    return {
      ...briefOf(base),
      "train.start": "cloned",
      "evaluate.clonedPlus": true,
      "collect.trajectories": demonstrations + others + base.collect.heldOutTrajectories,
      "collect.demonstrations": demonstrations
    }
  }
})

export const nameOf = (size: Size): string => `data_${size}`

/** Mean transitions of a trajectory: a demonstration (`shown`) and another (`explored`), measured with the defaults (seed 1, 400 each). */
interface Lengths {
  readonly shown: number
  readonly explored: number
}

const lengths: Readonly<Record<string, Lengths>> = {
  L0: { shown: 4.8, explored: 9.3 },
  L1: { shown: 7.9, explored: 11.8 },
  L2: { shown: 8.7, explored: 14.5 },
  L3: { shown: 8.4, explored: 18.5 }
}

const lengthsOf = ({ environment }: Config): Lengths =>
  lengths[environment.rung] ?? { shown: 8.4, explored: 18.5 }

/** How many transitions the offline trajectories of such a run have, about; and an episode that is learnt from, at most about. */
export const expected = (
  config: Config
): { readonly offline: number; readonly episode: number } => {
  const { explored, shown } = lengthsOf(config)
  const { demonstrations, trajectories } = config.collect
  return {
    offline: Math.round(demonstrations * shown + (trajectories - demonstrations) * explored),
    episode: explored
  }
}

export const all: ReadonlyArray<Arm> = [
  ...table,
  reference,
  ...ablated,
  ...sizes.map(scaled),
  ...curricula
]

/** The arms that answer a part; `isQuick`: of the reduced study. */
export const of = (part: Part, isQuick: boolean): ReadonlyArray<string> =>
  isQuick ? (quick[part] ?? full[part]) : full[part]

const full: Readonly<Record<Part, ReadonlyArray<string>>> = {
  table: table.map(({ name }) => name),
  ablations: [first, whole, brief, ...ablated.map(({ name }) => name)],
  scaling: sizes.map(nameOf),
  cost: [
    first,
    "grpo_real",
    "ppo_real",
    "grpo_real_10x",
    "ppo_real_10x",
    "grpo_dream",
    "ppo_dream"
  ],
  exploitation: [whole, unfiltered],
  curriculum: curricula.map(({ name }) => name)
}

const quick: Readonly<Partial<Record<Part, ReadonlyArray<string>>>> = {
  ablations: [first, whole, brief, "no_generator", unfiltered],
  scaling: [nameOf(250), nameOf(1000)],
  curriculum: [uniform, growing, "again_variance"]
}
