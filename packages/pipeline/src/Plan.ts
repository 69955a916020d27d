/**
 * What a run would cost, before it begins: episodes, transitions and updates of each phase, counted from the configuration.
 * They are upper bounds: episodes may end early, cloning stops early, the filter rejects.
 */
import type { Config } from "./Config.ts"
import { stepLimitOf } from "./ConfigRules.ts"

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
  const { calibration, clone, collect, evaluate, experience, train } = config
  const dreams = train.iterations * train.tasksPerIteration * train.groupSize
  const learning = updatesOfLearner(config)
  const played = (phase: string, what: string, isReal: boolean, episodes: number, updates = 0) => ({
    phase,
    what,
    isReal,
    episodes,
    transitions: episodes * stepLimitOf(config),
    updates
  })
  const learned = (phase: string, what: string, updates: number) => ({
    ...played(phase, what, false, 0),
    updates
  })
  const policies = ["cloned", ...(evaluate.clonedPlus ? ["cloned+"] : []), "dreamt"]
  return [
    played("collect", "real offline experience", true, collect.trajectories),
    learned("fit", "the experience model", experience.updates),
    learned("clone", "the clone of the demonstrations", clone.maxUpdates),
    ...(evaluate.clonedPlus || train.start === "cloned+"
      ? [learned("clone", "the clone of all successes, cloned+", clone.maxUpdates)]
      : []),
    played("calibrate", "the first policy, dreamt", false, calibration.tasks),
    played("calibrate", "the first policy, real", true, calibration.tasks),
    played("dream", "dreams to learn from", false, dreams, learning),
    ...policies.map((policy) => played("evaluate", `${policy}, real`, true, evaluate.episodes)),
    ...(evaluate.real
      ? [
          played("evaluate", "the baseline real, to learn from", true, dreams, learning),
          played("evaluate", "real, real", true, evaluate.episodes)
        ]
      : [])
  ]
}

/** Every minibatch of every epoch of every iteration. */
const updatesOfLearner = (config: Config): number => {
  const { iterations, tasksPerIteration, groupSize } = config.train
  const { miniBatchSize, ppoEpochs } = config.learner
  const decisions = tasksPerIteration * groupSize * stepLimitOf(config)
  return iterations * ppoEpochs * Math.ceil(decisions / miniBatchSize)
}
