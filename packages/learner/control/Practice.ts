/**
 * A control task learnt by the library's own policy gradient: collect from the lanes, update, and
 * so on. The settings of CleanRL's `ppo.py` are here too; nothing here is a second learner.
 */
import { Seed } from "@dreamgym/domain"
import type { Parameters } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Decision } from "../src/Decisions.ts"
import * as PolicyGradient from "../src/PolicyGradient.ts"
import * as Collect from "./Collect.ts"
import type { ControlTask } from "./ControlTask.ts"
import * as Mlp from "./Mlp.ts"
import * as Gridworld from "./Gridworld.ts"
import * as MlpPolicy from "./MlpPolicy.ts"

/** `totalSteps` of all lanes together; an update learns from `lanes` x `steps` of them. */
export interface Settings
  extends Omit<PolicyGradient.PolicyGradientOptions, "lr" | "seed">, Collect.CollectOptions {
  readonly totalSteps: number
  readonly lanes: number
  readonly hidden: number
  /** Falls along a straight line to 0 at the last update. */
  readonly learningRate: number
}

/**
 * The defaults of CleanRL's `ppo.py`. One thing differs: an episode cut at the step limit
 * bootstraps.
 */
export const cleanRl: Settings = {
  totalSteps: 500_000,
  lanes: 4,
  steps: 128,
  hidden: 64,
  learningRate: 2.5e-4,
  gamma: 0.99,
  gaeLambda: 0.95,
  bootstrapAtStepLimit: true,
  ppoEpochs: 4,
  miniBatchSize: 128,
  clipRatioLow: 0.2,
  clipRatioHigh: 0.2,
  valueClip: 0.2,
  vfCoef: 0.5,
  entropyCoef: 0.01,
  klLossCoef: 0,
  maxGradNorm: 0.5,
  targetKl: 0,
  normalizeAdvantages: "minibatch",
  adam: { beta1: 0.9, beta2: 0.999, epsilon: 1e-5, weightDecay: 0 }
}

/**
 * The same for the small world: four in five steps do as they are told, so the returns need no
 * discount.
 */
export const onGridworld: Settings = {
  ...cleanRl,
  gamma: 1,
  totalSteps: 60_000,
  learningRate: 2.5e-3
}

/** What one update reported, and how many steps had been made by then. */
export interface Report {
  readonly step: number
  readonly metrics: Readonly<Record<string, number>>
}

export interface Practised {
  readonly parameters: Parameters.Parameters
  readonly episodes: ReadonlyArray<Collect.Episode>
  readonly reports: ReadonlyArray<Report>
}

/** Parameters, lanes and minibatches follow from `seed` alone. */
export const practise = Effect.fn("Practice.practise")(function* <S>(
  task: ControlTask<S>,
  settings: Settings,
  seed: number
) {
  const { actions, observationSize } = task
  const { hidden, lanes: count, learningRate, steps, totalSteps } = settings
  const config: Mlp.MlpConfig = { actions, observationSize, hidden }
  const trained = MlpPolicy.fresh(config, Seed.key(seed, "parameters"))
  const updates = Math.floor(totalSteps / (count * steps))
  const gradient = yield* PolicyGradient.make(MlpPolicy.make(config, trained), {
    ...settings,
    seed,
    lr: (update) => learningRate * (1 - update / updates)
  })
  const lanes = Collect.begin(task, count, Seed.key(seed, "lanes"))
  const judge: Collect.Judge = (observation) => Mlp.judge(trained.parameters, observation)
  const episodes: Array<Collect.Episode> = []
  const reports: Array<Report> = []
  for (let update = 0; update < updates; update++) {
    const collected = Collect.collect(lanes, judge, settings)
    episodes.push(...collected.episodes)
    const metrics = yield* gradient.update(collected.samples.map(decisionOf))
    reports.push({ step: lanes.steps, metrics })
  }
  const practised: Practised = { parameters: trained.parameters, episodes, reports }
  return practised
})

const decisionOf = (sample: Collect.Sample): Decision<MlpPolicy.Row> => ({
  row: { observation: sample.observation, action: sample.action },
  oldLogProbabilities: [sample.logProbability],
  oldValue: sample.value,
  advantage: sample.advantage,
  totalReturn: sample.totalReturn,
  temperature: 1
})

/** The mean return of the last `count` episodes. */
export const lastReturn = ({ episodes }: Pick<Practised, "episodes">, count: number): number => {
  const last = episodes.slice(-count)
  return last.reduce((sum, { totalReward }) => sum + totalReward, 0) / Math.max(1, last.length)
}

/** The exact value, from the start, of always taking the likeliest action in the 4 x 3 world. */
export const greedyValue = (
  logProbabilities: (cell: Gridworld.Cell) => ReadonlyArray<number>
): number => {
  const greedy = (cell: Gridworld.Cell) => {
    const said = logProbabilities(cell)
    const first = said.indexOf(Math.max(...said))
    return said.map((_, action) => (action === first ? 1 : 0))
  }
  return Gridworld.valueOf(greedy, 1000).get(Gridworld.start) ?? Number.NaN
}
