/**
 * Fixed-length collection from several lanes side by side: N lanes, M steps each, episodes begun
 * anew inside and carried across collections (detail 1 of the 37). Whole episodes of text are
 * collected elsewhere, by `@dreamgym/rollout`.
 */
import { Seed } from "@dreamgym/domain"
import { gae, type GaeOptions } from "../src/Advantage.ts"
import type { ControlTask } from "./ControlTask.ts"

/** What acts: log-probabilities of the actions, and the value of the observation. */
export type Judge = (observation: ReadonlyArray<number>) => {
  readonly logProbabilities: ReadonlyArray<number>
  readonly value: number
}

/** One step of a lane with what it earned; `totalReturn` = advantage + value. */
export interface Sample {
  readonly observation: ReadonlyArray<number>
  readonly action: number
  readonly logProbability: number
  readonly value: number
  readonly advantage: number
  readonly totalReturn: number
}

/** An episode that ended at step `step` of all lanes together, counted from 1. */
export interface Episode {
  readonly step: number
  readonly totalReward: number
  readonly length: number
}

interface Lane<S> {
  readonly random: () => number
  state: S
  length: number
  totalReward: number
}

/** Lanes, and how many steps they have made together. */
export interface Lanes<S> {
  readonly task: ControlTask<S>
  readonly lanes: ReadonlyArray<Lane<S>>
  steps: number
}

export const begin = <S>(task: ControlTask<S>, count: number, key: Seed.Key): Lanes<S> => ({
  task,
  steps: 0,
  lanes: Array.from({ length: count }, (_, lane) => {
    const random = Seed.generator(Seed.key(key, "lane", lane))
    return { random, state: task.start(random), length: 0, totalReward: 0 }
  })
})

export interface CollectOptions extends GaeOptions {
  /** M, of each lane. */
  readonly steps: number
  /**
   * True: an episode that was cut at the step limit would have been worth the value of where it was
   * cut.
   */
  readonly bootstrapAtStepLimit: boolean
}

/**
 * M steps of every lane in turn, lane after lane in the result; the lanes go on where they stand at
 * the next call.
 */
export const collect = <S>(
  lanes: Lanes<S>,
  judge: Judge,
  options: CollectOptions
): { readonly samples: ReadonlyArray<Sample>; readonly episodes: ReadonlyArray<Episode> } => {
  const pieces = lanes.lanes.map((): Array<Piece> => [])
  const episodes: Array<Episode> = []
  for (let at = 0; at < options.steps; at++) {
    for (const [i, lane] of lanes.lanes.entries()) {
      lanes.steps++
      const piece = advance(lanes.task, lane, judge, options)
      pieces[i]?.push(piece)
      if (piece.ended !== undefined) episodes.push({ step: lanes.steps, ...piece.ended })
    }
  }
  const samples = lanes.lanes.flatMap((lane, i) => {
    const last = judge(lanes.task.observe(lane.state)).value
    return segmentsOf(pieces[i] ?? []).flatMap((segment) => taught(segment, last, options))
  })
  return { samples, episodes }
}

/**
 * One step; `ended` where it was the last of an episode, `bootstrap` what came after it is worth
 * then.
 */
interface Piece {
  readonly step: Omit<Sample, "advantage" | "totalReturn">
  readonly reward: number
  readonly ended?: Omit<Episode, "step">
  readonly bootstrap: number
}

const advance = <S>(
  task: ControlTask<S>,
  lane: Lane<S>,
  judge: Judge,
  { bootstrapAtStepLimit }: CollectOptions
): Piece => {
  const observation = task.observe(lane.state)
  const { logProbabilities, value } = judge(observation)
  const action = drawn(logProbabilities, lane.random())
  const { isOver, reward, state } = task.step(lane.state, action, lane.random)
  lane.state = state
  lane.length++
  lane.totalReward += reward
  const step = { observation, action, logProbability: logProbabilities[action] ?? 0, value }
  if (!isOver && lane.length < task.stepLimit) return { step, reward, bootstrap: 0 }
  const isWorth = !isOver && bootstrapAtStepLimit
  const bootstrap = isWorth ? judge(task.observe(state)).value : 0
  const ended = { totalReward: lane.totalReward, length: lane.length }
  Object.assign(lane, { state: task.start(lane.random), length: 0, totalReward: 0 })
  return { step, reward, ended, bootstrap }
}

const drawn = (logProbabilities: ReadonlyArray<number>, at: number): number => {
  let left = at
  for (const [action, logProbability] of logProbabilities.entries()) {
    left -= Math.exp(logProbability)
    if (left < 0) return action
  }
  return logProbabilities.length - 1
}

/** Cut after every step that ended an episode; the last segment may be open. */
const segmentsOf = (pieces: ReadonlyArray<Piece>): ReadonlyArray<ReadonlyArray<Piece>> => {
  const edges = pieces.flatMap(({ ended }, i) => (ended === undefined ? [] : [i + 1]))
  const cuts = [0, ...edges, pieces.length]
  return cuts
    .slice(1)
    .map((end, i) => pieces.slice(cuts[i], end))
    .filter(({ length }) => length > 0)
}

/** `last`: the value of where the lane stands now, for a segment that goes on. */
const taught = (
  segment: ReadonlyArray<Piece>,
  last: number,
  options: CollectOptions
): ReadonlyArray<Sample> => {
  const end = segment.at(-1)
  const bootstrap = end?.ended === undefined ? last : end.bootstrap
  const rewards = segment.map(({ reward }) => reward)
  const values = segment.map(({ step }) => step.value)
  const { advantagesT, returnsT } = gae(rewards, values, bootstrap, options)
  return segment.map(({ step }, t) => ({
    ...step,
    advantage: advantagesT[t] ?? 0,
    totalReturn: returnsT[t] ?? 0
  }))
}
