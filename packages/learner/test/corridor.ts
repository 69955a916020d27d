/**
 * A corridor of five rooms for the tests of learners: walk to the goal room before the steps run
 * out.
 * Its episodes are played in lock-step by a small decoder, and recorded with their exact tokens.
 */
import { Ending, type LanguageModel, Seed, Task, type Trajectory } from "@dreamgym/domain"
import { type Decoder, DecoderModel, Tokenizer, Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import type { Ppo } from "../src/index.ts"

const rooms = [1, 2, 3, 4, 5]

export const tokenizer = Tokenizer.make([
  ...rooms.map((room) => `room ${room}`),
  "goal is",
  "you are in",
  ".",
  "go",
  "left",
  "right",
  "stay"
])

export const network: Decoder.Network = {
  tokenizer,
  config: {
    dimension: 16,
    layers: 1,
    heads: 2,
    mlpRatio: 2,
    features: 1,
    hasValue: true,
    ropeBase: 1e3
  }
}

export const trainableOf = (key: number): Trainable.Trainable => Trainable.make(network, key)

/** Noise on every parameter, so that none is at a value where a mistake would not show. */
export const disturbed = (key: number, of: Decoder.Network = network): Trainable.Trainable => {
  const trainable = Trainable.make(of, key)
  const random = Seed.generator(Seed.key(key, "noise"))
  for (const array of Object.values(trainable.parameters.arrays)) {
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + (random() - 0.5) * 0.3
  }
  return trainable
}

/** Settings with which it is learnt in a dozen updates. */
export const options: Ppo.PpoOptions = {
  gamma: 0.97,
  gaeLambda: 0.95,
  clipRatioLow: 0.2,
  clipRatioHigh: 0.2,
  valueClip: 0,
  vfCoef: 0.5,
  entropyCoef: 0.02,
  klLossCoef: 0,
  ppoEpochs: 2,
  miniBatchSize: 128,
  maxGradNorm: 1,
  targetKl: 0,
  normalizeAdvantages: true,
  seed: 1,
  lr: () => 0.01
}

export const modelOf = (trainable: Trainable.Trainable) =>
  DecoderModel.make({
    name: "corridor",
    network: trainable.network,
    parameters: trainable.parameters,
    featureNames: ["near"],
    version: Effect.sync(() => trainable.version)
  })

const steps: Readonly<Record<string, number>> = { "go left": -1, "go right": 1, stay: 0 }

export interface Play {
  readonly groups: number
  readonly groupSize: number
  readonly key: number
  readonly temperature?: number
  readonly limit?: number
}

interface Walk {
  readonly group: number
  readonly goal: number
  room: number
  ending: Ending.Ending | undefined
  readonly transitions: Array<Trajectory.Transition>
}

/** Groups of walks from room 3 to a goal at one of the ends. */
export const play = Effect.fn(function* (
  model: LanguageModel.Model,
  { groupSize, groups, key, limit = 4, temperature = 1 }: Play
) {
  const walks = Array.from({ length: groups * groupSize }, (_, i): Walk => {
    const group = Math.floor(i / groupSize)
    return {
      group,
      room: 3,
      ending: undefined,
      transitions: [],
      goal: Seed.generator(Seed.key(key, "goal", group))() < 0.5 ? 1 : 5
    }
  })
  for (let step = 0; step < limit; step++) {
    const live = [...walks.entries()].filter(([, walk]) => walk.ending === undefined)
    const prompts = live.map(([i, walk]) => ({
      text: `goal is room ${walk.goal} . you are in room ${walk.room} <act>`,
      key: Seed.key(key, "act", i, step),
      maxTokens: 3,
      temperature,
      allowed: Object.keys(steps)
    }))
    const completions = yield* model.generate(prompts)
    for (const [n, [, walk]] of live.entries()) {
      const completion = completions[n]
      if (completion !== undefined) advance(walk, completion, temperature, step === limit - 1)
    }
  }
  return Array.from({ length: groups }, (_, group) =>
    groupOf(
      group,
      walks.filter((walk) => walk.group === group)
    )
  )
})

const advance = (
  walk: Walk,
  completion: LanguageModel.Completion,
  temperature: number,
  isLast: boolean
): void => {
  const observation = `room ${walk.room}`
  walk.room = Math.min(5, Math.max(1, walk.room + (steps[completion.text] ?? 0)))
  const isThere = walk.room === walk.goal
  if (isThere) walk.ending = Ending.terminated(true)
  else if (isLast) walk.ending = Ending.truncated("StepLimit")
  const { choices, ids, logProbabilities, promptIds, text, value = 0 } = completion
  walk.transitions.push({
    observation,
    action: {
      text,
      span: {
        promptIds,
        ids,
        logProbabilities,
        value,
        temperature,
        policyVersion: 0,
        ...(choices === undefined ? {} : { choices }),
        context: { _tag: "Fresh" }
      }
    },
    reward: isThere ? 1 : 0,
    nextObservation: `room ${walk.room}`,
    provenance: { _tag: "Real", environment: "corridor", version: "1" }
  })
}

export const taskOf = (seed: number): Task.Task => ({
  id: `corridor ${seed}`,
  environment: "corridor",
  instruction: "walk",
  seed,
  payload: null,
  origin: Task.original
})

const groupOf = (group: number, walks: ReadonlyArray<Walk>): Trajectory.TrajectoryGroup => {
  const task = taskOf(group)
  return {
    task,
    policyVersion: 0,
    trajectories: walks.map((walk, i) => ({
      id: `${group} ${i}`,
      task,
      firstObservation: "room 3",
      policy: "corridor",
      transitions: walk.transitions,
      ending: walk.ending ?? Ending.truncated("StepLimit"),
      policyVersion: 0
    }))
  }
}

export const successRate = (groups: ReadonlyArray<Trajectory.TrajectoryGroup>): number => {
  const all = groups.flatMap(({ trajectories }) => trajectories)
  return all.filter(({ ending }) => Ending.isSuccess(ending)).length / all.length
}
