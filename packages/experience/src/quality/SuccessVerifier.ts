/**
 * A verifier that is learnt from what really happened: logistic regression on the words of a step tells how probable its reward is.
 * It sees text only and no dream ever teaches it; where a rule verifier exists (`Knowledge.audit`) that one is exact and this is not.
 */
import { Seed, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { subject } from "../DreamTask.ts"
import type { Verifier } from "./Plausibility.ts"

/**
 * `seed` orders the steps of each of `epochs` (default 4) passes; `rate` (default 0.3) is AdaGrad's; features that share one of the
 * `buckets` (default 65,536) share its weight.
 */
export interface Options {
  readonly seed: number
  readonly epochs?: number
  readonly rate?: number
  readonly buckets?: number
}

/**
 * Learns from the real transitions of these trajectories, faults left out: the label is whether the step was rewarded. A trajectory's
 * probability of success is that of its likeliest step (0 without steps). Nothing to learn from: every step has one half; where nobody
 * ever won no step is likely, so learn from both.
 */
export const learn = (
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  options: Options
): Verifier => {
  const buckets = options.buckets ?? 65_536
  const examples = trajectories
    .filter(({ ending }) => ending._tag !== "Failed")
    .flatMap((trajectory) => examplesOf(trajectory, buckets))
  const weights = fitted(examples, options, buckets)
  return ({ trajectory }) =>
    Effect.sync(() =>
      stepsOf(trajectory).reduce(
        (most, step) => Math.max(most, probability(weights, featuresOf(step, buckets))),
        0
      )
    )
}

interface Example {
  readonly features: Int32Array
  readonly isRewarded: boolean
}

const examplesOf = (trajectory: Trajectory.Trajectory, buckets: number): ReadonlyArray<Example> => {
  const steps = stepsOf(trajectory)
  return trajectory.transitions.flatMap(({ provenance, reward }, t) => {
    const step = steps[t]
    if (step === undefined || provenance._tag === "Synthetic") return []
    return [{ features: featuresOf(step, buckets), isRewarded: reward > 0 }]
  })
}

/** AdaGrad, one step at a time. */
const fitted = (
  examples: ReadonlyArray<Example>,
  { epochs = 4, rate = 0.3, seed }: Options,
  buckets: number
): Float64Array => {
  const weights = new Float64Array(buckets)
  const squares = new Float64Array(buckets).fill(1e-8)
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = Seed.shuffle(Seed.generator(Seed.key(seed, "verifier", epoch)), examples)
    for (const { features, isRewarded } of order) {
      const slope = probability(weights, features) - (isRewarded ? 1 : 0)
      for (const feature of features) {
        squares[feature] = (squares[feature] ?? 0) + slope * slope
        weights[feature] =
          (weights[feature] ?? 0) - (rate * slope) / Math.sqrt(squares[feature] ?? 1)
      }
    }
  }
  return weights
}

const probability = (weights: Float64Array, features: Int32Array): number => {
  let sum = 0
  for (const feature of features) sum += weights[feature] ?? 0
  return 1 / (1 + Math.exp(-sum))
}

/** A step as the words of what was seen, what was done and what it brought, those of the instruction replaced by a star. */
interface Step {
  readonly seen: ReadonlyArray<string>
  readonly action: ReadonlyArray<string>
  readonly brought: ReadonlyArray<string>
}

const stepsOf = ({ task, transitions }: Trajectory.Trajectory): ReadonlyArray<Step> => {
  const wanted = new Set(wordsOf(subject(task).instruction))
  const told = (text: string) => wordsOf(text).map((word) => (wanted.has(word) ? "*" : word))
  return transitions.map(({ action, nextObservation, observation }) => ({
    seen: told(observation),
    action: told(action.text),
    brought: told(nextObservation)
  }))
}

/** Numbers are one word: which mug it is says nothing of another house. */
const wordsOf = (text: string): ReadonlyArray<string> =>
  (text.toLowerCase().match(/[a-z]+|\d+/g) ?? []).map((word) => (/\d/.test(word) ? "#" : word))

/** Word pairs of each part, those of what was seen beside the verb: what an action is worth depends on where it is done. */
const featuresOf = ({ action, brought, seen }: Step, buckets: number): Int32Array => {
  const verb = action[0] ?? ""
  const names = [
    "bias",
    `whole ${action.join(" ")}`,
    ...pairs(action).map((pair) => `action ${pair}`),
    ...pairs(brought).map((pair) => `brought ${pair}`),
    ...pairs(seen).map((pair) => `seen ${verb} ${pair}`)
  ]
  return Int32Array.from(new Set(names.map((name) => Seed.key(0, name) % buckets)))
}

const pairs = (words: ReadonlyArray<string>): ReadonlyArray<string> =>
  words.map((word, i) => `${words[i - 1] ?? "^"} ${word}`)
