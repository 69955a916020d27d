/**
 * What a run would cost, before it begins: episodes, transitions and updates of each phase, counted from the configuration.
 * They are upper bounds: episodes may end early, cloning stops early, the filter rejects.
 */
import * as Arm from "./Arm.ts"
import type { Config } from "./Config.ts"
import { stepLimitOf } from "./ConfigRules.ts"
import * as Curve from "./Curve.ts"

/** `transitions` at most; `updates` of parameters at most; `isReal`: the episodes are played in the real world. */
export interface Step {
  readonly phase: string
  readonly what: string
  readonly isReal: boolean
  readonly episodes: number
  readonly transitions: number
  readonly updates: number
}

export const plan = (config: Config): ReadonlyArray<Step> => {
  const { clone, collect, evaluate, experience, train } = config
  const isDreamt = Arm.dreams(Arm.of(config), config)
  const isClonedTwice = evaluate.clonedPlus || train.start === "cloned+"
  return [
    played(config, "collect", "real offline experience", true, collect.trajectories),
    ...(isDreamt ? [learned("fit", "the experience model", experience.updates)] : []),
    learned("clone", "the clone of the demonstrations", clone.maxUpdates),
    ...(isClonedTwice
      ? [learned("clone", "the clone of all successes, cloned+", clone.maxUpdates)]
      : []),
    ...(isDreamt ? dreamt(config) : []),
    ...lived(config),
    ...curve(config, "dream", Arm.of(config)),
    ...evaluated(config)
  ]
}

const played = (
  config: Config,
  phase: string,
  what: string,
  isReal: boolean,
  episodes: number,
  updates = 0
): Step => ({
  phase,
  what,
  isReal,
  episodes,
  transitions: episodes * stepLimitOf(config),
  updates
})

const learned = (phase: string, what: string, updates: number): Step => ({
  phase,
  what,
  isReal: false,
  episodes: 0,
  transitions: 0,
  updates
})

const dreamt = (config: Config): ReadonlyArray<Step> => {
  const { tasks } = config.calibration
  const arm = Arm.of(config)
  const { dreams } = episodesOf(arm, config)
  const updates = updatesOf(arm, config)
  return [
    played(config, "calibrate", "the first policy, dreamt", false, tasks),
    played(config, "calibrate", "the first policy, real", true, tasks),
    played(config, "dream", "dreams to learn from", false, dreams, updates)
  ]
}

/** What is only played to measure the policy while it learns. */
const curve = (config: Config, phase: string, { iterations, name }: Arm.Arm) => {
  const points = Curve.points(iterations, config)
  const episodes = points * config.evaluate.curveEpisodes
  const what = `${name} while it learns, real`
  return points === 0 ? [] : [played(config, phase, what, true, episodes)]
}

/** Its updates are counted with the dreams where both are learnt from. */
const lived = (config: Config): ReadonlyArray<Step> => {
  const arm = Arm.of(config)
  const { real } = episodesOf(arm, config)
  if (real === 0) return []
  const step = played(config, "dream", "real episodes to learn from", true, real)
  const updates = Arm.dreams(arm, config) ? 0 : updatesOf(arm, config)
  return [{ ...step, transitions: Math.min(arm.realTransitions, step.transitions), updates }]
}

const evaluated = (config: Config): ReadonlyArray<Step> => {
  const { clonedPlus, dpo, episodes, real } = config.evaluate
  const { name } = Arm.of(config)
  const policies = ["cloned", ...(clonedPlus ? ["cloned+"] : []), ...(dpo ? ["dpo"] : []), name]
  const { trajectories } = config.collect
  const preferring = "at most, what `dpo` prefers against"
  const scored = [
    ...(dpo
      ? [played(config, "evaluate", preferring, true, trajectories, config.dpo.updates)]
      : []),
    ...policies.map((policy) => played(config, "evaluate", `${policy}, real`, true, episodes))
  ]
  if (!real || name === "real") return scored
  const baseline = Arm.baselineOf(config)
  const arm = Arm.of(baseline)
  const learning = episodesOf(arm, baseline).real
  const updates = updatesOf(arm, baseline)
  return [
    ...scored,
    played(config, "evaluate", "the baseline real, to learn from", true, learning, updates),
    ...curve(baseline, "evaluate", arm),
    played(config, "evaluate", "real, real", true, episodes)
  ]
}

/** The episodes that an arm learns from. */
const episodesOf = (arm: Arm.Arm, config: Config) => {
  const { groupSize, tasksPerIteration } = config.train
  const real = Array.from({ length: arm.iterations }, (_, i) =>
    Arm.realTasks(arm, i, config)
  ).reduce((sum, count) => sum + count, 0)
  const tasks = arm.iterations * tasksPerIteration
  return { dreams: (tasks - real) * groupSize, real: real * groupSize }
}

/** Every minibatch of every epoch of every iteration. */
const updatesOf = ({ iterations }: Arm.Arm, config: Config): number => {
  const { tasksPerIteration, groupSize } = config.train
  const { miniBatchSize, ppoEpochs } = config.learner
  const decisions = tasksPerIteration * groupSize * stepLimitOf(config)
  return iterations * ppoEpochs * Math.ceil(decisions / miniBatchSize)
}
