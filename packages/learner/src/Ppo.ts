/**
 * PPO (Schulman et al. 2017) on decisions: GAE, clipped policy and value losses, entropy, KL to a
 * reference.
 * It reads the exact tokens and log-probabilities that the sampler recorded.
 */
import { Learner, type Trajectory } from "@dreamgym/domain"
import type { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { forPpo, type PpoDecisionOptions } from "./Decisions.ts"
import * as DecoderPolicy from "./DecoderPolicy.ts"
import * as PolicyGradient from "./PolicyGradient.ts"
import { statsOf } from "./Stats.ts"

export interface PpoOptions extends PolicyGradient.PolicyGradientOptions, PpoDecisionOptions {}

export const make = Effect.fn("Ppo.make")(function* (
  trainable: Trainable.Trainable,
  options: PpoOptions
): Effect.fn.Return<
  Learner.Learner["Service"],
  Learner.LearnerError,
  Session.SessionPool | Scope.Scope
> {
  const gradient = yield* PolicyGradient.make(DecoderPolicy.make(trainable), options)
  return Learner.Learner.of({
    update: (groups: ReadonlyArray<Trajectory.TrajectoryGroup>) => {
      const decisions = forPpo(groups, options)
      return Effect.map(gradient.update(decisions), (metrics) =>
        statsOf(trainable.version, groups, decisions, metrics)
      )
    },
    state: gradient.state,
    restore: gradient.restore
  })
})

export const layer = (
  trainable: Trainable.Trainable,
  options: PpoOptions
): Layer.Layer<Learner.Learner, Learner.LearnerError, Session.SessionPool> =>
  Layer.effect(Learner.Learner, make(trainable, options))
