/**
 * GRPO (Shao et al. 2024): advantages relative to the group of one task, no critic.
 * Settings of `PolicyLearner`; nothing is computed here. Groups of equal returns are left out and
 * counted, never divided by zero; where there is no other, the version stays.
 */
import type { Learner } from "@dreamgym/domain"
import type { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import type * as Layer from "effect/Layer"
import * as DecoderPolicy from "./DecoderPolicy.ts"
import * as PolicyLearner from "./PolicyLearner.ts"

type Options = PolicyLearner.PolicyLearnerOptions
type Ours = "advEstimator" | "gamma" | "gaeLambda"

/** GRPO unless another estimator is named; the whole return counts, undiscounted. */
export type GrpoOptions = Omit<Options, Ours> & Partial<Pick<Options, Ours>>

const settled = (options: GrpoOptions): Options => ({
  advEstimator: "grpo",
  gamma: 1,
  gaeLambda: 1,
  ...options
})

export const make = (trainable: Trainable.Trainable, options: GrpoOptions) =>
  PolicyLearner.make(DecoderPolicy.make(trainable), settled(options))

export const layer = (
  trainable: Trainable.Trainable,
  options: GrpoOptions
): Layer.Layer<Learner.Learner, Learner.LearnerError, Session.SessionPool> =>
  PolicyLearner.layer(DecoderPolicy.make(trainable), settled(options))
