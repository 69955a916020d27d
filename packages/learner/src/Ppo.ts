/**
 * PPO (Schulman et al. 2017): GAE, clipped policy and value losses, entropy, KL to a reference.
 * Settings of `PolicyLearner`; nothing is computed here.
 */
import type { Learner } from "@dreamgym/domain"
import type { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import type * as Layer from "effect/Layer"
import * as DecoderPolicy from "./DecoderPolicy.ts"
import * as PolicyLearner from "./PolicyLearner.ts"

/** GAE unless another estimator is named. */
export type PpoOptions = Omit<PolicyLearner.PolicyLearnerOptions, "advEstimator"> &
  Partial<Pick<PolicyLearner.PolicyLearnerOptions, "advEstimator">>

export const make = (trainable: Trainable.Trainable, options: PpoOptions) =>
  PolicyLearner.make(DecoderPolicy.make(trainable), { advEstimator: "gae", ...options })

export const layer = (
  trainable: Trainable.Trainable,
  options: PpoOptions
): Layer.Layer<Learner.Learner, Learner.LearnerError, Session.SessionPool> =>
  PolicyLearner.layer(DecoderPolicy.make(trainable), { advEstimator: "gae", ...options })
