/**
 * The settings that nothing would read beside others: to set one there is a mistake, and is refused.
 * What excludes each other is the business of `ConfigRules`.
 */
import * as Algorithm from "./Algorithm.ts"
import type { Config } from "./Config.ts"
import { isLived } from "./ConfigRules.ts"

/** A field, and under which settings nothing reads it. */
export interface Unread {
  readonly key: string
  readonly when: (config: Config) => boolean
  readonly because: string
}

const unlessPpo = (key: string): Unread => ({
  key,
  when: (config) => !Algorithm.hasCritic(config),
  because: "learner.algorithm is not ppo, and only that has a critic"
})

const unlessGenerating = (key: string): Unread => ({
  key,
  when: ({ curriculum }) => !curriculum.generate,
  because: "curriculum.generate is false"
})

const unlessGrowing = (key: string): Unread => ({
  key,
  when: ({ curriculum }) => curriculum.order !== "growing",
  because: "curriculum.order is uniform"
})

const unlessAskedAgain = (key: string): Unread => ({
  key,
  when: ({ filter }) => filter.samples === 0,
  because: "filter.samples is 0, so the experience model is never asked again"
})

const unlessOthersAreAsked = (key: string): Unread => ({
  key,
  when: ({ filter: { maxSimilarity, minJudgeTotal, samples } }) =>
    samples === 0 && minJudgeTotal === 0 && maxSimilarity === 0,
  because: "no rule of the filter asks a model, a judge or the buffer"
})

const unlessPreferring = (key: string): Unread => ({
  key,
  when: ({ evaluate }) => !evaluate.dpo,
  because: "evaluate.dpo is false"
})

export const unread: ReadonlyArray<Unread> = [
  ...["updates", "batchSize", "lr", "beta", "sftCoef"].map((name) =>
    unlessPreferring(`dpo.${name}`)
  ),
  {
    key: "evaluate.curveEpisodes",
    when: ({ train }) => train.evaluateEvery === 0,
    because: "train.evaluateEvery is 0, so no curve is drawn"
  },
  {
    key: "environment.rung",
    when: ({ environment }) => environment.name !== "household",
    because: "environment.name is alfworld, whose games are given"
  },
  {
    key: "environment.data",
    when: ({ environment }) => environment.name !== "alfworld",
    because: "environment.name is household, which makes its own games"
  },
  {
    key: "replay.schema",
    when: ({ replay }) => replay.url === undefined,
    because: "replay.url is not set, so the buffer is a file of the run"
  },
  {
    key: "train.realTransitions",
    when: (config) => !isLived(config),
    because: "the policy learns in dreams only (train.realShareStart, realShareEnd, realIterations)"
  },
  {
    key: "train.realShareOver",
    when: ({ train }) => train.realShareStart === train.realShareEnd,
    because: "train.realShareStart is train.realShareEnd"
  },
  {
    key: "experience.refreshUpdates",
    when: ({ experience }) => experience.refreshEvery === 0,
    because: "experience.refreshEvery is 0"
  },
  unlessPpo("learner.critic"),
  unlessPpo("learner.gaeLambda"),
  unlessPpo("learner.bootstrapAtStepLimit"),
  unlessPpo("learner.valueClip"),
  unlessPpo("learner.vfCoef"),
  unlessPpo("learner.criticWarmup"),
  unlessPpo("learner.criticLrFactor"),
  unlessPpo("learner.normalizeAdvantages"),
  {
    key: "learner.lossHorizon",
    when: (config) => Algorithm.settingsOf(config).lossAgg !== "seq-mean-token-sum-norm",
    because: "learner.lossAgg is not seq-mean-token-sum-norm"
  },
  ...["overlongBuffer", "overlongPenalty"].map((name) => ({
    key: `learner.${name}`,
    when: ({ learner }: Config) => learner.overlongTokens === 0,
    because: "learner.overlongTokens is 0"
  })),
  {
    key: "clone.anchorCoef",
    when: ({ evaluate, train }) => train.start === "cloned" && !evaluate.clonedPlus,
    because: "there is no cloned+ (train.start is cloned, and evaluate.clonedPlus is false)"
  },
  {
    key: "learner.klEstimator",
    when: ({ learner }) => learner.klLossCoef === 0,
    because: "learner.klLossCoef is 0"
  },
  {
    key: "learner.adaptiveKlHorizon",
    when: ({ learner }) => learner.adaptiveKlTarget === 0,
    because: "learner.adaptiveKlTarget is 0"
  },
  ...["isCorrectionThreshold", "isCorrectionMode"].map((name) => ({
    key: `learner.${name}`,
    when: ({ learner }: Config) => learner.isCorrectionLevel === "none",
    because: "learner.isCorrectionLevel is none"
  })),
  {
    key: "train.samplingRounds",
    when: (config) => !Algorithm.comparesGroup(config),
    because: "learner.algorithm learns from attempts that ended alike too"
  },
  unlessGenerating("curriculum.lambda"),
  unlessGenerating("curriculum.perSeed"),
  unlessGrowing("curriculum.startShare"),
  unlessGrowing("curriculum.target"),
  {
    key: "curriculum.score",
    when: ({ curriculum }) => !curriculum.generate && curriculum.againShare === 0,
    because: "curriculum.generate is false and curriculum.againShare is 0"
  },
  {
    key: "curriculum.spread",
    when: ({ environment }) => environment.name !== "household",
    because: "environment.name is alfworld, whose games are given"
  },
  unlessAskedAgain("filter.sampledShare"),
  unlessAskedAgain("filter.minAgreement"),
  {
    key: "filter.maxContradictions",
    when: ({ filter }) => !filter.contradiction,
    because: "filter.contradiction is false"
  },
  unlessOthersAreAsked("filter.faults"),
  unlessOthersAreAsked("filter.concurrency"),
  {
    key: "clone.patience",
    when: ({ clone }) => clone.minUpdates >= clone.maxUpdates,
    because:
      "clone.minUpdates is no less than clone.maxUpdates, so the number of updates is not searched"
  }
]
