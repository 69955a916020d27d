/**
 * The rule that asks somebody else about the reward: a verifier says how probable success is, and a reward that it contradicts is
 * not believed. The verifier may be learnt (`SuccessVerifier`) or given; it never gives a reward itself.
 */
import { QualityFilter, Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type { Rule, Subject } from "./Rule.ts"

/** The probability, in [0, 1], that this trajectory did its task. */
export type Verifier = (subject: Subject) => Effect.Effect<number, QualityFilter.QualityFilterError>

/**
 * Both inclusive, in [0, 1]: a trajectory with reward must reach `minWon` (default 0: no bound), one without may reach `maxLost` at
 * most (default 1: no bound).
 */
export interface Options {
  readonly verifier: Verifier
  readonly minWon?: number
  readonly maxLost?: number
}

/** Score: `plausibility`, the verifier's probability. One that is none is a fault (`BadAnswer`). */
export const rule = ({ maxLost = 1, minWon = 0, verifier }: Options): Rule => ({
  name: "plausibility",
  reason: "ImplausibleReward",
  judge: Effect.fnUntraced(function* (subject) {
    const plausibility = yield* verifier(subject)
    if (!(plausibility >= 0 && plausibility <= 1)) return yield* noProbability(plausibility)
    const isWon = Trajectory.totalReward(subject.trajectory) > 0
    const isPlausible = isWon ? plausibility >= minWon : plausibility <= maxLost
    return {
      scores: { plausibility },
      complaint: isPlausible
        ? undefined
        : complaintOf(plausibility, isWon ? minWon : maxLost, isWon)
    }
  })
})

const complaintOf = (plausibility: number, bound: number, isWon: boolean): string =>
  `${isWon ? "a reward" : "no reward"} was given, but the verifier finds success ` +
  `${plausibility.toFixed(3)} probable; the bound is ${bound}`

const noProbability = (answer: number) =>
  new QualityFilter.QualityFilterError({
    reason: "BadAnswer",
    rule: "plausibility",
    message: `the verifier answered ${answer}, which is no probability; it must be a number from 0 to 1`
  })
