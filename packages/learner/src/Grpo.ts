/**
 * GRPO (Shao et al. 2024): advantages relative to the group of one task, no critic.
 * Groups of equal returns are left out and counted, never divided by zero; where there is no other,
 * the version stays.
 */
import { Learner, type Trajectory } from "@dreamgym/domain"
import type { Session } from "@dreamgym/graph"
import type { Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { forGrpo } from "./Decisions.ts"
import * as DecoderPolicy from "./DecoderPolicy.ts"
import * as PolicyGradient from "./PolicyGradient.ts"
import { statsOf } from "./Stats.ts"

export const make = Effect.fn("Grpo.make")(function* (
  trainable: Trainable.Trainable,
  options: PolicyGradient.PolicyGradientOptions
): Effect.fn.Return<
  Learner.Learner["Service"],
  Learner.LearnerError,
  Session.SessionPool | Scope.Scope
> {
  const gradient = yield* PolicyGradient.make(DecoderPolicy.make(trainable), {
    ...options,
    vfCoef: 0,
    normalizeAdvantages: false
  })
  return Learner.Learner.of({
    update: (groups: ReadonlyArray<Trajectory.TrajectoryGroup>) => {
      const { decisions, zeroVarianceGroups } = forGrpo(groups)
      // Where every group is of equal returns nothing follows; that is no fault, as all may have
      // succeeded.
      const isIdle = decisions.length === 0 && zeroVarianceGroups > 0
      const updated = isIdle ? Effect.succeed({}) : gradient.update(decisions)
      return Effect.map(updated, (metrics) =>
        statsOf(trainable.version, groups, decisions, {
          ...metrics,
          "reward/zero_variance_groups": zeroVarianceGroups
        })
      )
    },
    state: gradient.state,
    restore: gradient.restore
  })
})

export const layer = (
  trainable: Trainable.Trainable,
  options: PolicyGradient.PolicyGradientOptions
): Layer.Layer<Learner.Learner, Learner.LearnerError, Session.SessionPool> =>
  Layer.effect(Learner.Learner, make(trainable, options))
