/**
 * The sections of a configuration that say what a run is made of: world, data, models, memory, filter, measurement, machine.
 * How the policy learns is in `ConfigLearning`.
 */
import * as Rung from "@dreamgym/environment/household/Rung"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { flag, oneOf, rate, real, share, text, whole } from "./ConfigFields.ts"

/** The size of a decoder. */
const network = {
  dimension: whole(8, 4096, 64, "Width of the network's hidden states; a multiple of `heads`."),
  layers: whole(1, 48, 2, "Layers of the network."),
  heads: whole(1, 64, 4, "Attention heads of each layer.")
}

export const environment = Schema.Struct({
  name: oneOf(["household", "alfworld"], "household", "The real world to learn for."),
  rung: oneOf(
    Rung.RungName.literals,
    "L3",
    "Difficulty of the household's houses, L0 the easiest."
  ),
  data: Schema.optionalKey(
    text(
      "Folder of the ALFWorld games (default: the variable ALFWORLD_DATA). Only for alfworld.",
      "a path"
    )
  ),
  stepLimit: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })).annotate({
      description: "Most actions of an episode (default: the world's own limit).",
      domain: "a whole number from 1 to 1000"
    })
  )
})

export const collect = Schema.Struct({
  trajectories: whole(
    1,
    1_000_000,
    1000,
    "Real offline trajectories in all, demonstrations included."
  ),
  demonstrations: whole(0, 100_000, 40, "How many of them a scripted expert plays."),
  noisyFraction: share(
    0.5,
    "Share of the rest that follows the expert with random actions mixed in; the others are random."
  ),
  noisyRandomRate: share(0.6, "Share of random actions in a noisy trajectory."),
  heldOutTrajectories: whole(
    1,
    100_000,
    60,
    "How many of `trajectories`, of houses of their own, only measure the experience model."
  )
})

export const experience = Schema.Struct({
  updates: whole(1, 1_000_000, 1500, "Updates of the experience model."),
  batchSize: whole(1, 4096, 64, "Transitions in one update."),
  lr: rate(3e-3, "Learning rate of AdamW (embeddings, norms, biases)."),
  muonLr: rate(0.02, "Learning rate of Muon (matrices)."),
  relabels: whole(0, 8, 1, "How often each trajectory is also told under another task."),
  demonstrations: whole(0, 16, 0, "Similar experiences from the replay buffer in each prompt."),
  history: flag(
    true,
    "Whether prompts tell the whole history; without it the first observation and the last turn are all that they are made of."
  ),
  reasoning: flag(
    true,
    "Whether the model learns and writes the reasoning before the observation."
  ),
  temperature: real(0.01, 5, 1, "Temperature of the dream's replies."),
  minP: share(0.03, "Words less likely than this share of the likeliest word are never said."),
  maxTokens: whole(4, 4096, 32, "Most tokens of one reply."),
  attempts: whole(
    1,
    64,
    3,
    "How often a reply of the dream may be asked for, where it cannot be read, breaks a rule of the filter (contradiction, unearnedReward, missedReward) or does not bring what its reasoning foresees; 1 takes the first."
  ),
  refreshEvery: whole(
    0,
    1_000_000,
    0,
    "Iterations after which the model learns anew from all real experience, where new was lived; 0 is never."
  ),
  refreshUpdates: whole(1, 1_000_000, 200, "Updates of the model each time."),
  ...network
})

export const fidelity = Schema.Struct({
  transitions: whole(1, 1_000_000, 600, "Held-out real transitions that are predicted."),
  minNextStateExact: share(
    0.9,
    "Least share of predictable next observations that must be exactly right."
  ),
  maxFalseSuccess: share(0.02, "Greatest share of unrewarded steps that may be called a success.")
})

export const calibration = Schema.Struct({
  tasks: whole(1, 100_000, 128, "Tasks that one policy plays both in the dream and in reality."),
  minLegitimate: share(0.85, "Least share of dream wins that the dream's own text justifies."),
  maxOptimism: share(0.12, "How far success in the dream may exceed real success."),
  maxMalformed: share(0.1, "Greatest share of dreams that end in a reply that cannot be read."),
  maxContradictions: share(
    0.5,
    "Greatest share of dreams whose text contradicts itself; the filter drops them, so this bounds the waste."
  )
})

export const clone = Schema.Struct({
  maxUpdates: whole(
    1,
    1_000_000,
    600,
    "Most updates of a cloned policy; the best number is found on held-out trajectories."
  ),
  batchSize: whole(1, 4096, 64, "Decisions in one update."),
  lr: rate(2e-3, "Learning rate of AdamW."),
  minUpdates: whole(
    1,
    1_000_000,
    600,
    "Fewest updates of a cloned policy; where it is no less than `maxUpdates`, nothing is searched."
  ),
  patience: whole(1, 100_000, 600, "Updates without progress before it stops."),
  anchorCoef: real(
    0,
    100,
    0,
    "Weight of the KL divergence from `cloned` while `cloned+` learns; 0 is none."
  ),
  ...network
})

export const replay = Schema.Struct({
  dreams: whole(
    1,
    10_000_000,
    1024,
    "Dreams that the buffer keeps beside all real trajectories; the oldest go first."
  ),
  rejected: whole(0, 10_000_000, 1024, "Rejected dreams that it keeps as a record."),
  url: Schema.optionalKey(
    text(
      "PostgreSQL server that keeps the buffer (default: replay.sqlite in the run's folder). Its password is read from the variable PGPASSWORD.",
      "postgresql://user@host:port/database"
    )
  ),
  schema: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[a-z_][a-z0-9_]{0,62}$/)).annotate({
      description:
        "Schema of this run alone on that server (default: dreamgym_ and the run's name).",
      domain: "small letters, digits and underscores, 63 at most"
    })
  )
})

export const filter = Schema.Struct({
  contradiction: flag(true, "Reject dreams whose text contradicts itself."),
  maxContradictions: whole(0, 1000, 0, "So many contradictions are allowed."),
  unearnedReward: flag(true, "Reject dreams that win without having done the task."),
  missedReward: flag(true, "Reject dreams that do the task and do not win."),
  maxCharacters: whole(1, 10_000_000, 100_000, "Reject dreams whose text is longer."),
  minMeanLogProbability: real(
    -1000,
    0,
    -1000,
    "Least mean log-probability per token that the experience model gave to a dream; -1000 is none."
  ),
  minLogProbability: real(
    -1000,
    0,
    -1000,
    "Least log-probability that it gave to any token of the dream; -1000 is none."
  ),
  duplicate: flag(false, "Reject dreams that repeat another one of the iteration."),
  maxSimilarity: share(
    0,
    "Reject dreams of whose every step the replay buffer knows one at least this similar; 0 is never."
  ),
  samples: whole(
    0,
    64,
    0,
    "How often the experience model is asked again about a dream's step; 0 is never."
  ),
  sampledShare: real(
    0.01,
    1,
    0.25,
    "Share of a dream's steps about which it is asked again, of those that reveal nothing new."
  ),
  minAgreement: share(0.5, "Least share of its new answers that agree with the dream."),
  minPlausibility: share(
    0,
    "Least probability of success that a verifier, learnt from the real trajectories, gives to a dream that wins; 0 asks none."
  ),
  minJudgeTotal: whole(
    0,
    8,
    0,
    "Least sum of a judge model's four grades of a dream, each from 0 to 2; 0 asks no judge."
  ),
  concurrency: whole(
    1,
    1024,
    1,
    "How many dreams of a group are judged side by side; more where a judge answers slowly."
  ),
  faults: oneOf(
    ["stop", "pass"],
    "stop",
    "Where a judge or a model does not answer: stop the run, or let the dream pass this rule."
  ),
  noContrast: flag(false, "Drop groups in which all dreams have the same return."),
  allFailed: flag(false, "Drop groups in which no dream succeeds.")
})

export const evaluate = Schema.Struct({
  episodes: whole(1, 1_000_000, 256, "Real held-out episodes of each policy."),
  temperature: real(0, 5, 1, "Temperature of the policies; 0 takes the likeliest action."),
  curveEpisodes: whole(
    1,
    1_000_000,
    64,
    "How many of these the policy in training plays each time that `train.evaluateEvery` asks for."
  ),
  clonedPlus: flag(true, "Also evaluate the clone of every successful offline trajectory."),
  real: flag(true, "Also run the same learner in the real world, as a baseline."),
  dpo: flag(
    false,
    "Also evaluate the first policy after direct preference optimisation: offline successes over its own failures at the same tasks."
  )
})

export const dpo = Schema.Struct({
  updates: whole(1, 1_000_000, 200, "Updates of the preference baseline."),
  batchSize: whole(1, 4096, 16, "Pairs in one update."),
  lr: rate(5e-4, "Learning rate of AdamW."),
  beta: real(1e-3, 100, 0.1, "How dear it is to move away from the first policy."),
  sftCoef: real(0, 100, 0, "Weight of imitating what is preferred.")
})

export const run = Schema.Struct({
  directory: text("Folder of all runs.", "a path").pipe(
    Schema.withDecodingDefaultKey(Effect.succeed("runs"))
  ),
  name: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)).annotate({
      description: "Folder of this run (default: preset, seed and a number).",
      domain: "letters, digits, points, hyphens and underscores"
    })
  )
})

export const engine = Schema.Struct({
  workers: whole(1, 256, 2, "Threads that run models side by side."),
  intraOpNumThreads: whole(1, 256, 1, "Threads inside one model's run."),
  provider: oneOf(
    ["cpu", "cuda", "webgpu", "coreml", "dml", "auto"],
    "cpu",
    "Where models run; what does not work here is refused. See `dreamgym doctor`."
  )
})
