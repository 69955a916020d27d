/**
 * What no single field can say: settings that exclude each other.
 * The range of one field is the business of `Config`, what nothing would read that of `ConfigUnread`.
 */
import * as Rung from "@dreamgym/environment/household/Rung"
import * as Algorithm from "./Algorithm.ts"
import type { Config } from "./Config.ts"

/** `keys`: the fields that exclude each other, the one to blame first. `broken`: undefined where all is well. */
export interface Rule {
  readonly keys: readonly [string, ...Array<string>]
  readonly broken: (config: Config) => string | undefined
}

const rule = (
  keys: Rule["keys"],
  isBroken: (config: Config) => boolean,
  message: (config: Config) => string
): Rule => ({ keys, broken: (config) => (isBroken(config) ? message(config) : undefined) })

/** The most actions of an episode; ALFWorld's own limit is 50. */
export const stepLimitOf = ({ environment }: Config): number =>
  environment.stepLimit ??
  (environment.name === "household" ? Rung.rungs[environment.rung].stepLimit : 50)

/** The most decisions that one iteration can bring. */
const mostDecisions = (config: Config): number =>
  config.train.tasksPerIteration * config.train.groupSize * stepLimitOf(config)

const headsDivide = (name: "experience" | "clone"): Rule =>
  rule(
    [`${name}.dimension`, `${name}.heads`],
    (config) => config[name].dimension % config[name].heads !== 0,
    (config) =>
      `${name}.dimension (${config[name].dimension}) is no multiple of ${name}.heads (${config[name].heads})`
  )

const isAddress = (url: string): boolean => /^postgres(ql)?:$/.test(URL.parse(url)?.protocol ?? "")

const hasPassword = (url = ""): boolean => {
  const parsed = URL.parse(url)
  return (parsed?.password ?? "") !== "" || parsed?.searchParams.has("password") === true
}

/** Whether the policy learns in the real world at any time. */
export const isLived = ({ train }: Config): boolean =>
  train.realShareStart > 0 || train.realShareEnd > 0 || train.realIterations > 0

const lacksGames = ({ environment }: Config): boolean =>
  environment.name === "alfworld" && environment.data === undefined

/** Whether real experience comes while dreams are still to be dreamt. */
const isMixed = ({ train: { realShareEnd: end, realShareStart: start } }: Config): boolean =>
  start + end > 0 && start + end < 2

/** Real transitions without which not one group of a task can be played. */
const leastReal = (config: Config): number => config.train.groupSize * stepLimitOf(config)

/** Settings of real experience that exclude each other. */
const realRules: ReadonlyArray<Rule> = [
  rule(
    [
      "train.realShareStart",
      "train.realShareEnd",
      "train.realIterations",
      "environment.data",
      "environment.name"
    ],
    (config) => isLived(config) && lacksGames(config),
    () =>
      "the policy is to learn in the real world (train.realShareStart, train.realShareEnd, train.realIterations), and there is none: alfworld needs its games; set environment.data or the variable ALFWORLD_DATA to the folder that holds them"
  ),
  rule(
    ["train.realTransitions", "train.groupSize"],
    (config) => (config.train.realTransitions ?? Number.POSITIVE_INFINITY) < leastReal(config),
    (config) =>
      `train.realTransitions (${config.train.realTransitions}) do not pay for one task: train.groupSize x the step limit = ${leastReal(config)}`
  ),
  rule(
    ["train.realShareOver", "train.iterations"],
    ({ train }) => train.realShareOver > train.iterations,
    ({ train }) =>
      `train.realShareOver (${train.realShareOver}) is more than train.iterations (${train.iterations}): train.realShareEnd is never reached`
  ),
  rule(
    ["experience.refreshEvery", "train.realShareStart", "train.realShareEnd"],
    (config) => config.experience.refreshEvery > 0 && !isMixed(config),
    (config) =>
      isLived(config)
        ? "experience.refreshEvery has nothing to refresh: nothing is dreamt once there is new real experience; set train.realShareStart or train.realShareEnd between 0 and 1"
        : "experience.refreshEvery needs real experience, and this run lives none: set train.realShareStart or train.realShareEnd above 0"
  )
]

/** Settings of the learner that exclude each other. */
const learnerRules: ReadonlyArray<Rule> = [
  rule(
    ["learner.adaptiveKlTarget", "learner.klLossCoef", "learner.klInRewardCoef"],
    ({ learner }) =>
      learner.adaptiveKlTarget > 0 && learner.klLossCoef === 0 && learner.klInRewardCoef === 0,
    () =>
      "learner.adaptiveKlTarget adapts learner.klLossCoef and learner.klInRewardCoef, and both are 0: nothing holds the policy near its reference; set one of them"
  ),
  rule(
    ["learner.clipRatioC"],
    ({ learner }) => learner.clipRatioC > 0 && learner.clipRatioC <= 1,
    ({ learner }) =>
      `learner.clipRatioC (${learner.clipRatioC}) bounds what is beyond the advantage itself: set it above 1 (usual: 3), or to 0 for none`
  ),
  rule(
    ["learner.clipRatioC", "learner.algorithm"],
    ({ learner }) => learner.clipRatioC > 0 && learner.algorithm === "cispo",
    () => "cispo clips the weight itself and has no dual clip: leave learner.clipRatioC at 0"
  ),
  rule(
    ["learner.ratioLevel", "learner.algorithm"],
    ({ learner }) => learner.algorithm === "cispo" && learner.ratioLevel === "sequence",
    () => "cispo weighs tokens or actions: set learner.ratioLevel to token or action"
  ),
  rule(
    ["learner.advantageLevel", "learner.algorithm"],
    (config) => config.learner.advantageLevel === "token" && Algorithm.comparesGroup(config),
    ({ learner }) =>
      `${learner.algorithm} gives all tokens of an episode one advantage: set learner.advantageLevel to step`
  ),
  ...(["advantageLevel", "isCorrectionLevel"] as const).map((level) =>
    rule(
      [`learner.${level}`, "learner.ratioLevel"],
      (config) =>
        config.learner[level] === "token" && Algorithm.settingsOf(config).ratioLevel !== "token",
      (config) =>
        `learner.${level} is token, but the ratio is of the ${Algorithm.settingsOf(config).ratioLevel}: set learner.ratioLevel to token`
    )
  ),
  rule(
    ["learner.criticWarmup", "learner.vfCoef"],
    ({ learner }) => learner.criticWarmup > 0 && learner.vfCoef === 0,
    () => "learner.criticWarmup trains a critic, and learner.vfCoef 0 trains none"
  ),
  rule(
    ["learner.critic", "learner.vfCoef"],
    ({ learner }) => learner.critic === "separate" && learner.vfCoef === 0,
    () =>
      "learner.critic separate has a network of its own, and learner.vfCoef 0 trains none: its values would never say anything; set learner.vfCoef above 0"
  ),
  rule(
    ["learner.bootstrapAtStepLimit", "learner.truncated"],
    ({ learner }) => learner.bootstrapAtStepLimit && learner.truncated === "drop",
    () =>
      "learner.bootstrapAtStepLimit says what an episode at its step limit is worth, and learner.truncated drop leaves all of those out: set learner.truncated to learn"
  ),
  rule(
    ["learner.overlongBuffer", "learner.overlongTokens"],
    ({ learner }) => learner.overlongTokens > 0 && learner.overlongBuffer > learner.overlongTokens,
    ({ learner }) =>
      `learner.overlongBuffer (${learner.overlongBuffer}) is part of learner.overlongTokens (${learner.overlongTokens}) and cannot be more`
  ),
  rule(
    ["learner.overlongPenalty", "learner.overlongTokens"],
    ({ learner }) => learner.overlongTokens > 0 && learner.overlongPenalty === 0,
    () =>
      "learner.overlongPenalty 0 charges nothing for learner.overlongTokens: set it above 0 (usual: 1), or learner.overlongTokens to 0"
  ),
  rule(
    ["learner.criticWarmup", "train.iterations"],
    ({ learner, train }) =>
      learner.criticWarmup > 0 && learner.criticWarmup >= train.iterations + train.realIterations,
    ({ learner }) =>
      `learner.criticWarmup (${learner.criticWarmup}) is the whole run: the policy would never learn`
  )
]

const quotas: Rule = rule(
  ["curriculum.againShare", "curriculum.failQuota", "curriculum.lambda"],
  ({ curriculum: { againShare, failQuota, generate, lambda } }) =>
    againShare > 0 && againShare + failQuota + (generate ? lambda : 0) > 1,
  () =>
    "curriculum.againShare, curriculum.failQuota and curriculum.lambda are shares of the same tasks, and together more than all of them"
)

/** Impossible settings. */
export const rules: ReadonlyArray<Rule> = [
  quotas,
  ...realRules,
  ...learnerRules,
  rule(
    ["collect.demonstrations", "collect.trajectories"],
    ({ collect }) => collect.demonstrations > collect.trajectories,
    ({ collect }) =>
      `collect.demonstrations (${collect.demonstrations}) are part of collect.trajectories (${collect.trajectories}) and cannot be more`
  ),
  rule(
    ["collect.heldOutTrajectories", "collect.trajectories"],
    ({ collect }) => collect.heldOutTrajectories >= collect.trajectories,
    ({ collect }) =>
      `collect.heldOutTrajectories (${collect.heldOutTrajectories}) leave none of collect.trajectories (${collect.trajectories}) to learn from`
  ),
  rule(
    ["evaluate.curveEpisodes", "evaluate.episodes", "train.evaluateEvery"],
    ({ evaluate, train }) => train.evaluateEvery > 0 && evaluate.curveEpisodes > evaluate.episodes,
    ({ evaluate }) =>
      `evaluate.curveEpisodes (${evaluate.curveEpisodes}) are the first of evaluate.episodes (${evaluate.episodes}) and cannot be more`
  ),
  rule(
    ["collect.demonstrations", "clone.maxUpdates"],
    ({ collect }) => collect.demonstrations < 2,
    () => "cloning needs at least 2 collect.demonstrations: one to learn from, one held out"
  ),
  headsDivide("experience"),
  headsDivide("clone"),
  rule(
    ["learner.algorithm", "train.groupSize"],
    (config) => Algorithm.comparesGroup(config) && config.train.groupSize < 2,
    ({ learner }) =>
      `${learner.algorithm} compares the attempts at one task with each other: train.groupSize must be at least 2`
  ),
  rule(
    ["learner.miniBatchSize", "train.tasksPerIteration", "train.groupSize"],
    (config) => config.learner.miniBatchSize > mostDecisions(config),
    (config) =>
      `learner.miniBatchSize (${config.learner.miniBatchSize}) is more than an iteration can bring: train.tasksPerIteration x train.groupSize x the step limit = ${mostDecisions(config)} decisions`
  ),
  rule(
    ["environment.data", "environment.name"],
    lacksGames,
    () =>
      "alfworld needs its games: set environment.data or the variable ALFWORLD_DATA to the folder that holds them"
  ),
  rule(
    ["replay.url"],
    ({ replay }) => replay.url !== undefined && !isAddress(replay.url),
    () => "replay.url is no address of PostgreSQL; write postgresql://user@host:port/database"
  ),
  rule(
    ["replay.url"],
    ({ replay }) => hasPassword(replay.url),
    () =>
      "replay.url has a password, and a run's configuration is written down: take it out, and set the variable PGPASSWORD"
  ),
  rule(
    ["train.minAcceptRate"],
    ({ train }) => train.iterations > 0 && train.minAcceptRate === 1,
    () => "train.minAcceptRate 1 stops the run at the first rejected dream; set it below 1"
  )
]
