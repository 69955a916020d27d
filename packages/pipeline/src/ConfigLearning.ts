/**
 * The sections of a configuration that say how the policy learns: by which algorithm, from what, on which tasks.
 * What it learns with is in `ConfigSections`.
 */
import * as TaskScore from "@dreamgym/experience/TaskScore"
import * as Schema from "effect/Schema"
import { flag, oneOf, rate, real, share, whole } from "./ConfigFields.ts"

/** A field whose default is the algorithm's. */
const ofAlgorithm = <S extends Schema.Constraint>(field: S) => Schema.optionalKey(field)

const clip = (description: string) =>
  ofAlgorithm(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 10 })).annotate({
      description: `${description} (default: the algorithm's, mostly 0.2).`,
      domain: "a number from 0 to 10"
    })
  )

const choice = <const L extends ReadonlyArray<string>>(literals: L, description: string) =>
  ofAlgorithm(
    Schema.Literals(literals).annotate({
      description: `${description} (default: the algorithm's).`,
      domain: `one of ${literals.join(", ")}`
    })
  )

export const learner = Schema.Struct({
  algorithm: oneOf(
    ["ppo", "grpo", "dr_grpo", "dapo", "rloo", "reinforce_plus_plus", "gspo", "cispo"],
    "ppo",
    "How the policy learns; it chooses the estimator of advantages, and the fields whose default is its own."
  ),
  lr: rate(1e-3, "Learning rate of AdamW, falling to a tenth over the run."),
  gamma: share(0.97, "Discount of a reward per step."),
  gaeLambda: share(0.95, "Lambda of the generalized advantage estimate. Only for ppo."),
  advantageLevel: oneOf(
    ["step", "token"],
    "step",
    "Whether actions or their tokens have advantages, discount and lambda. `token` only for ppo and reinforce_plus_plus."
  ),
  normalizeAdvantages: oneOf(
    ["update", "minibatch", "none"],
    "update",
    "Over what ppo brings advantages to mean 0 and deviation 1, of dreams and of reality apart."
  ),
  ratioLevel: choice(
    ["token", "action", "sequence"],
    "Of what the ratio of probabilities is; `sequence` is the geometric mean over an action's tokens"
  ),
  clipRatioLow: clip("How far the ratio may fall below 1"),
  clipRatioHigh: clip("How far the ratio may rise above 1"),
  clipRatioC: real(
    0,
    100,
    0,
    "Dual clip: no bad action counts more than so many times; 0 is none."
  ),
  lossAgg: choice(
    ["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"],
    "How the losses of tokens become one"
  ),
  lossHorizon: whole(1, 100_000, 12, "Tokens that seq-mean-token-sum-norm divides by."),
  critic: oneOf(
    ["shared", "separate"],
    "shared",
    "Whether the critic reads the policy's own network, or has one that begins as a copy of it; that costs as much again. Only for ppo."
  ),
  valueClip: real(0, 100, 0, "Clip of the value's change; 0 is none. Only for ppo."),
  vfCoef: real(0, 100, 0.5, "Weight of the value loss. Only for ppo."),
  criticWarmup: whole(
    0,
    1_000_000,
    0,
    "Iterations at first that train the critic alone. Only for ppo."
  ),
  criticLrFactor: real(1e-3, 1000, 1, "The critic's learning rate over `lr`. Only for ppo."),
  entropyCoef: real(0, 10, 0.003, "Weight of the entropy bonus."),
  klLossCoef: real(0, 100, 0, "Weight of the KL divergence from the cloned policy."),
  klInRewardCoef: real(
    0,
    100,
    0,
    "What each token is charged for its log-probability over the cloned policy's."
  ),
  klEstimator: oneOf(
    ["k1", "k2", "k3"],
    "k3",
    "The estimate of that divergence that is reported; its gradient is the right one in any case."
  ),
  adaptiveKlTarget: real(
    0,
    100,
    0,
    "Nats per token to which the KL coefficients adapt; 0 leaves them as they are."
  ),
  adaptiveKlHorizon: real(1, 1e9, 10_000, "Decisions in which they may double."),
  isCorrectionLevel: oneOf(
    ["none", "token", "action"],
    "none",
    "Whether what an older policy did is weighed by the present one's probability of it, by token or by action."
  ),
  isCorrectionThreshold: real(0.01, 1000, 2, "Greatest such weight."),
  isCorrectionMode: oneOf(
    ["truncate", "mask"],
    "truncate",
    "Whether a greater weight is cut to that, or what it weighs does not count at all."
  ),
  maxStaleness: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })).annotate({
      description:
        "Groups of a policy older by more versions are dropped whole (default: none is).",
      domain: "a whole number from 0 to 1000000"
    })
  ),
  truncated: oneOf(
    ["learn", "drop"],
    "learn",
    "Whether the policy learns from episodes that a limit cut short."
  ),
  bootstrapAtStepLimit: flag(
    false,
    "Whether an episode at its step limit is taken to be worth its last value, as if the limit were none of the task's."
  ),
  overlongTokens: whole(
    0,
    10_000_000,
    0,
    "Tokens of an episode's actions at which the whole `overlongPenalty` is taken from its last reward; 0 is none."
  ),
  overlongBuffer: whole(
    1,
    10_000_000,
    20,
    "Over the last so many tokens before them the penalty grows from 0."
  ),
  overlongPenalty: real(0, 100, 1, "What an episode of so many tokens is charged."),
  ppoEpochs: whole(1, 100, 2, "Passes over each batch."),
  miniBatchSize: whole(1, 1_000_000, 256, "Decisions in one minibatch."),
  maxGradNorm: real(1e-6, 1e6, 1, "Greatest norm of the gradient."),
  adamEpsilon: real(1e-12, 1, 1e-8, "Epsilon of AdamW; 1e-5 is usual with PPO elsewhere."),
  targetKl: real(0, 100, 0, "An iteration stops early beyond this KL divergence; 0 is never.")
})

export const train = Schema.Struct({
  start: oneOf(
    ["cloned", "cloned+"],
    "cloned+",
    "The policy that dreaming starts from: the clone of the demonstrations, or of all successful offline trajectories."
  ),
  iterations: whole(0, 1_000_000, 30, "Rounds of dreaming and learning."),
  tasksPerIteration: whole(1, 100_000, 32, "Tasks dreamt in one iteration."),
  groupSize: whole(1, 1024, 4, "Dreams of each task."),
  samplingRounds: whole(
    1,
    100,
    1,
    "How often an iteration may play more tasks in place of those whose attempts all ended alike; 1 plays each once."
  ),
  checkpointEvery: whole(1, 1_000_000, 10, "Iterations between two checkpoints."),
  keepLast: whole(1, 1_000_000, 3, "How many of the newest checkpoints stay."),
  keepEvery: whole(
    0,
    1_000_000,
    0,
    "Checkpoints at multiples of so many iterations stay for ever; 0 is none."
  ),
  evaluateEvery: whole(
    0,
    1_000_000,
    0,
    "Iterations between two evaluations of the policy in training on held-out real tasks, for a curve; nothing is learnt from them. 0 is none."
  ),
  minAcceptRate: share(0.3, "The run stops where less of its dreams than this pass the filter."),
  realShareStart: share(
    0,
    "Share of an iteration's tasks that is played in the real world, at first: 0 dreams only, 1 is training in reality."
  ),
  realShareEnd: share(0, "The same share at the end."),
  realShareOver: whole(
    0,
    1_000_000,
    0,
    "Iterations in which the share goes from start to end in a line; 0 is all of `iterations`."
  ),
  realIterations: whole(
    0,
    1_000_000,
    0,
    "Iterations in the real world alone, after the others: sim-to-real."
  ),
  realTransitions: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000_000 })).annotate({
      description:
        "Most real transitions that the policy learns from, beside the offline ones (default: as many as the shares take). Where nothing is dreamt beside them, the learning rate comes down with what is left of them.",
      domain: "a whole number from 1 to 1000000000"
    })
  )
})

export const curriculum = Schema.Struct({
  lambda: share(0.25, "Greatest share of generated tasks."),
  failQuota: share(0.1, "Share of tasks on which every attempt failed so far."),
  perSeed: whole(1, 100, 2, "Most variations of one seed task."),
  generate: flag(true, "Whether tasks are generated at all."),
  score: oneOf(
    TaskScore.names,
    "variance",
    "By what a task seeds new ones and comes again: variance of its returns, their distance from the mean, progress since it was last tried, or regret."
  ),
  againShare: share(0, "Share of original tasks that come again by their score."),
  order: oneOf(
    ["uniform", "growing"],
    "uniform",
    "Whether all original tasks are drawn from, or only the easiest until those are mastered."
  ),
  startShare: share(
    0.3,
    "Share of the tasks, the easiest, with which a growing curriculum begins."
  ),
  target: share(0.6, "Mean return on the hardest tenth that is open at which the next one opens."),
  spread: flag(
    false,
    "Whether the household's collected and practised houses go from easy ones to those of the rung."
  )
})

export const health = Schema.Struct({
  alarms: flag(
    true,
    "Whether a run tells what looks ill in it, with the likely cause and the setting to try."
  ),
  probes: flag(
    false,
    "Whether the experience model is also measured on the real episodes of calibration: fresh, and of the policy itself."
  )
})
