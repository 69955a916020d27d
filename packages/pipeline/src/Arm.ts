/**
 * Where a policy's experience comes from over time, read from the configuration: from dreams, from the real world, or from both.
 * It plays nothing: the trainer is one and the same for all of them.
 */
import * as Annealing from "@dreamgym/replay/sampling/Annealing"
import type { Config, Partial } from "./Config.ts"
import { stepLimitOf } from "./ConfigRules.ts"

/**
 * `name`: the policy's, in tables; `purpose`: what its randomness is keyed by. `iterations`: in all. `realShare`: of the tasks of
 * an iteration, in [0, 1]. `realTransitions`: the most that it may learn from (Infinity: as many as that takes).
 */
export interface Arm {
  readonly name: "dreamt" | "real" | "mixed" | "sim-to-real"
  readonly purpose: "dreamt" | "real"
  readonly iterations: number
  readonly realShare: (iteration: number) => number
  readonly realTransitions: number
}

/** The arm that a run trains: `train.iterations` at the annealed share, then `train.realIterations` in the real world alone. */
export const of = ({ train }: Pick<Config, "train">): Arm => {
  const { iterations, realIterations, realTransitions = Number.POSITIVE_INFINITY } = train
  const share = {
    from: train.realShareStart,
    to: train.realShareEnd,
    over: train.realShareOver === 0 ? iterations - 1 : train.realShareOver
  }
  const name = nameOf(train)
  return {
    name,
    purpose: name === "real" ? "real" : "dreamt",
    iterations: iterations + realIterations,
    realShare: (iteration) => (iteration < iterations ? Annealing.at(share, iteration) : 1),
    realTransitions
  }
}

const nameOf = (train: Config["train"]): Arm["name"] => {
  const { iterations, realIterations, realShareEnd: end, realShareStart: start } = train
  if ((start === 1 && end === 1) || (iterations === 0 && realIterations > 0)) return "real"
  if (start > 0 || end > 0) return "mixed"
  return realIterations > 0 ? "sim-to-real" : "dreamt"
}

/** How many tasks of an iteration are real, as long as the budget lasts. */
export const realTasks = (arm: Arm, iteration: number, { train }: Pick<Config, "train">): number =>
  Math.round(arm.realShare(iteration) * train.tasksPerIteration)

/** Whether there is a use for an experience model: not where all that is learnt from is real. Without iterations it is measured. */
export const dreams = (arm: Arm, config: Pick<Config, "train">): boolean =>
  arm.iterations === 0 ||
  Array.from({ length: arm.iterations }, (_, i) => realTasks(arm, i, config)).some(
    (count) => count < config.train.tasksPerIteration
  )

/** The same learner for as many episodes in the real world alone: the baseline of a run. */
export const baselineOf = (config: Config): Config => {
  const { realTransitions: _, ...train } = config.train
  return {
    ...config,
    train: { ...train, realShareStart: 1, realShareEnd: 1, realShareOver: 0, realIterations: 0 }
  }
}

/** The rows of the paper's Table 1 (`sft` is the policy that all the others start from; `dpo` is evaluated under that name). */
export const names = [
  "sft",
  "dpo",
  "grpo_real",
  "ppo_real",
  "grpo_dream",
  "ppo_dream",
  "grpo_s2r",
  "ppo_s2r"
] as const
export type Name = (typeof names)[number]

/**
 * What to set for a row of Table 1. `realOnly`: the real transitions of the real-only arm, of which sim-to-real has a tenth at most;
 * give the number that it took where it is known, else its bound (`mostTransitions`).
 */
export const settings = (name: Name, config: Config, realOnly = mostTransitions(config)): Partial =>
  byName[name](config, realOnly)

/** No run of so many iterations can have more. */
export const mostTransitions = (config: Config): number =>
  config.train.iterations *
  config.train.tasksPerIteration *
  config.train.groupSize *
  stepLimitOf(config)

const dream = { realShareStart: 0, realShareEnd: 0, realIterations: 0 } as const
const real = { realShareStart: 1, realShareEnd: 1, realIterations: 0 } as const
const simToReal = (config: Config, realOnly: number) => ({
  ...dream,
  realIterations: Math.max(1, Math.ceil(config.train.iterations / 10)),
  realTransitions: Math.floor(realOnly / 10)
})

const byName: Readonly<Record<Name, (config: Config, realOnly: number) => Partial>> = {
  sft: () => ({ train: { ...dream, iterations: 0 } }),
  dpo: () => ({ train: { ...dream, iterations: 0 }, evaluate: { dpo: true } }),
  grpo_real: () => ({ learner: { algorithm: "grpo" }, train: real }),
  ppo_real: () => ({ learner: { algorithm: "ppo" }, train: real }),
  grpo_dream: () => ({ learner: { algorithm: "grpo" }, train: dream }),
  ppo_dream: () => ({ learner: { algorithm: "ppo" }, train: dream }),
  grpo_s2r: (...given) => ({ learner: { algorithm: "grpo" }, train: simToReal(...given) }),
  ppo_s2r: (...given) => ({ learner: { algorithm: "ppo" }, train: simToReal(...given) })
}
