/**
 * How a critic is trained apart from the policy: with a learning rate of its own, and in updates
 * before the first of the policy, in which it learns what the policy is worth as it is, and the
 * policy does not move (VC-PPO, Yuan et al. 2025). A policy gradient against a critic that knows
 * nothing unlearns what imitation taught. Which updates these are is `PolicyGradient`'s business.
 */
import { Op, Optimizer, type Value } from "@dreamgym/graph"
import * as Record from "effect/Record"
import type { LearnerState } from "./LearnerState.ts"

type Values = Readonly<Record<string, Value.Value>>

/** A parameter that only the critic reads, by its name. */
export const isOfCritic = (name: string): boolean => name.startsWith("critic.")

/**
 * The same weights, of which only the critic's have a gradient: a trunk that both share stays as
 * the policy has it.
 */
export const policyStill = (weights: Values): Values =>
  Record.map(weights, (value, name) => (isOfCritic(name) ? value : Op.stopGradient(value)))

/**
 * The same optimizer, which moves nothing but the critic: weight decay does not reach the policy
 * either.
 */
export const criticOnly = ({ init, update }: Optimizer.Optimizer): Optimizer.Optimizer => ({
  init,
  update: (context) => {
    const { state, updates } = update(context)
    return {
      state,
      updates: Record.map(updates, (by, name) =>
        isOfCritic(name) ? by : Op.multiply(by, Op.constant(0))
      )
    }
  }
})

/**
 * The same optimizer, with which the critic moves `factor` times as far as the learning rate says.
 */
export const withCriticRate = (
  optimizer: Optimizer.Optimizer,
  factor: number
): Optimizer.Optimizer =>
  factor === 1
    ? optimizer
    : Optimizer.partition((name) => (isOfCritic(name) ? "critic" : "policy"), {
        policy: optimizer,
        critic: Optimizer.chain(optimizer, Optimizer.scale(factor))
      })

/**
 * Forgets moments and their count, before the first update of the policy: they are of another loss,
 * and corrected for a count of updates in which the policy had none, its first steps would be too
 * long.
 */
export const forgetMoments = ({ training }: LearnerState): void => {
  new Uint8Array(training.state.memory).fill(0)
}
