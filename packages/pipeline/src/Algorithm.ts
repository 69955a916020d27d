/**
 * The algorithms by name: each is a choice of settings of one learner, and each of these can be set otherwise.
 * What the settings do is the learner package's business.
 */
import type { LossAgg } from "@dreamgym/learner/Aggregation"
import { type AdvEstimator, estimators } from "@dreamgym/learner/Estimator"
import type { PolicyLearnerOptions } from "@dreamgym/learner/Options"
import type { RatioLevel } from "@dreamgym/learner/Surrogate"
import type { Config } from "./Config.ts"

export type Name = Config["learner"]["algorithm"]

/** What an algorithm is; see the fields of the same names. */
export interface Settings {
  readonly advEstimator: AdvEstimator
  readonly ratioLevel: RatioLevel
  readonly lossAgg: LossAgg
  readonly surrogate: "clip" | "cispo"
  readonly clipRatioLow: number
  readonly clipRatioHigh: number
}

const usual = {
  ratioLevel: "action",
  lossAgg: "seq-mean-token-mean",
  surrogate: "clip",
  clipRatioLow: 0.2,
  clipRatioHigh: 0.2
} as const

/**
 * The ratio of `ppo`, `grpo`, `rloo` and `reinforce_plus_plus` is of whole actions, which are a few tokens here. DAPO (Yu et al. 2025):
 * clip-higher, every token the same; its dynamic sampling is `train.samplingRounds`. Dr.GRPO (Liu et al. 2025): neither deviation nor
 * length divides. GSPO (Zheng et al. 2025): its own narrow clip. CISPO (MiniMax 2025): only clipped above.
 */
const table: Readonly<Record<Name, Settings>> = {
  ppo: { ...usual, advEstimator: "gae" },
  grpo: { ...usual, advEstimator: "grpo" },
  dr_grpo: {
    ...usual,
    advEstimator: "dr_grpo",
    ratioLevel: "token",
    lossAgg: "seq-mean-token-sum-norm"
  },
  dapo: {
    ...usual,
    advEstimator: "grpo",
    ratioLevel: "token",
    lossAgg: "token-mean",
    clipRatioHigh: 0.28
  },
  rloo: { ...usual, advEstimator: "rloo" },
  reinforce_plus_plus: { ...usual, advEstimator: "reinforce_plus_plus" },
  gspo: {
    ...usual,
    advEstimator: "grpo",
    ratioLevel: "sequence",
    clipRatioLow: 3e-4,
    clipRatioHigh: 4e-4
  },
  cispo: {
    ...usual,
    advEstimator: "grpo",
    ratioLevel: "token",
    lossAgg: "token-mean",
    surrogate: "cispo",
    clipRatioLow: 1
  }
}

/** The algorithm with what is set otherwise. */
export const settingsOf = ({ learner }: Pick<Config, "learner">): Settings => {
  const { algorithm, clipRatioHigh, clipRatioLow, lossAgg, ratioLevel } = learner
  const own = table[algorithm]
  return {
    ...own,
    ratioLevel: ratioLevel ?? own.ratioLevel,
    lossAgg: lossAgg ?? own.lossAgg,
    clipRatioLow: clipRatioLow ?? own.clipRatioLow,
    clipRatioHigh: clipRatioHigh ?? own.clipRatioHigh
  }
}

/** Whether the episodes of a group are judged by each other: then one alone says nothing. */
export const comparesGroup = (config: Pick<Config, "learner">): boolean =>
  estimators[settingsOf(config).advEstimator].comparesGroup

export const hasCritic = (config: Pick<Config, "learner">): boolean =>
  estimators[settingsOf(config).advEstimator].hasCritic

/** Whether the critic has a network of its own. */
export const hasOwnCritic = (config: Pick<Config, "learner">): boolean =>
  hasCritic(config) && config.learner.critic === "separate"

type Ours = "lr" | "seed" | "reference" | "worker"

/** All that a learner is told, but for its rate, its seed, its reference and its place. */
export const optionsOf = (config: Config): Omit<PolicyLearnerOptions, Ours> => {
  const { learner, train } = config
  const { adaptiveKlHorizon, adaptiveKlTarget } = learner
  const { advantageLevel, normalizeAdvantages } = learner
  const { overlongBuffer: bufferTokens, overlongPenalty: penalty } = learner
  return {
    ...settingsOf(config),
    ...correctionOf(learner),
    ...(adaptiveKlTarget === 0
      ? {}
      : { adaptiveKl: { target: adaptiveKlTarget, horizon: adaptiveKlHorizon } }),
    ...(learner.maxStaleness === undefined ? {} : { maxStaleness: learner.maxStaleness }),
    ...(learner.overlongTokens === 0
      ? {}
      : { overlong: { maxTokens: learner.overlongTokens, bufferTokens, penalty } }),
    groupSize: train.groupSize,
    gamma: learner.gamma,
    gaeLambda: learner.gaeLambda,
    advantageLevel,
    normalizeAdvantages:
      normalizeAdvantages === "minibatch" ? "minibatch" : normalizeAdvantages === "update",
    clipRatioC: learner.clipRatioC,
    lossHorizon: learner.lossHorizon,
    valueClip: learner.valueClip,
    vfCoef: learner.vfCoef,
    criticWarmup: learner.criticWarmup,
    criticLrFactor: learner.criticLrFactor,
    entropyCoef: learner.entropyCoef,
    klLossCoef: learner.klLossCoef,
    klInRewardCoef: learner.klInRewardCoef,
    klEstimator: learner.klEstimator,
    truncated: learner.truncated,
    bootstrapAtStepLimit: learner.bootstrapAtStepLimit,
    adam: { epsilon: learner.adamEpsilon },
    ppoEpochs: learner.ppoEpochs,
    miniBatchSize: learner.miniBatchSize,
    maxGradNorm: learner.maxGradNorm,
    targetKl: learner.targetKl
  }
}

const correctionOf = ({
  isCorrectionLevel: level,
  isCorrectionMode: mode,
  isCorrectionThreshold: threshold
}: Config["learner"]) => (level === "none" ? {} : { isCorrection: { level, threshold, mode } })
