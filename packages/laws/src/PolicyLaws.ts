/**
 * The laws of a policy: what rollouts and learners rely on.
 * They do not say whether it acts well.
 */
import { type Knowledge, Lockstep, type Policy, Seed, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { holds, law, same, type Suite } from "./Law.ts"

/**
 * `decisions` are ones that the policy can make. `tolerance` bounds the difference of log-probabilities and values between a
 * batch and another (natural log; default 0): the order of floating-point sums may depend on the batch.
 */
export interface Options {
  readonly name: string
  readonly policy: Effect.Effect<Policy.Policy["Service"], unknown, Scope.Scope>
  readonly decisions: ReadonlyArray<Policy.Decision>
  readonly knowledge?: (environment: string) => Knowledge.Knowledge | undefined
  readonly tolerance?: number
}

export const policyLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the policy laws`,
  laws: [
    isRepeatable(options),
    isAdmissible(options),
    isIndependentOfTheWave(options),
    keepsWholeSpans(options)
  ]
})

const isRepeatable = ({ decisions, policy }: Options) =>
  law(
    "the same decision gives the same action",
    Effect.gen(function* () {
      const { act } = yield* policy
      const once = yield* Effect.forEach(decisions, act)
      yield* same("the second actions", yield* Effect.forEach(decisions, act), once)
    })
  )

const isAdmissible = ({ decisions, knowledge, policy }: Options) =>
  law(
    "the action is admissible where the admissible ones are known",
    Effect.gen(function* () {
      const { act } = yield* policy
      for (const decision of decisions) {
        const { task, history } = decision
        const known = knowledge?.(task.environment)?.describe(task, history).admissible
        const { text } = yield* act(decision)
        yield* holds(
          known?.includes(text) !== false,
          `"${text}" is none of: ${known?.join(", ") ?? ""}`
        )
      }
    })
  )

const isIndependentOfTheWave = ({ decisions, policy, tolerance = 0 }: Options) =>
  law(
    "an action does not depend on the others of the wave, nor on their order",
    Effect.gen(function* () {
      const { act } = yield* policy
      const alone = yield* Effect.forEach(decisions, act)
      const shuffled = Seed.shuffle(Seed.generator(1), [...decisions.entries()])
      const together = yield* Lockstep.wave(shuffled.map(([, decision]) => act(decision)))
      for (const [place, [i]] of shuffled.entries()) {
        yield* nearlySame(together[place], alone[i], tolerance)
      }
    })
  )

/** A certain token's log-probability is 0, give or take what 32-bit sums lose. */
const rounding = 1e-5

const keepsWholeSpans = ({ decisions, policy }: Options) =>
  law(
    "a span has a finite log-probability for each of its tokens, and names the version",
    Effect.gen(function* () {
      const { act, version } = yield* policy
      const present = yield* version
      for (const { span } of yield* Effect.forEach(decisions, act)) {
        if (span === undefined) continue
        yield* same(
          "the number of log-probabilities",
          span.logProbabilities.length,
          span.ids.length
        )
        yield* same("the version", span.policyVersion, present)
        yield* holds(
          span.logProbabilities.every((p) => Number.isFinite(p) && p <= rounding),
          `log-probabilities: ${span.logProbabilities.join(" ")}`
        )
        yield* holds(
          span.choices?.every((ids, i) => ids.includes(span.ids[i] ?? -1)) !== false,
          "a token is none of its own choices"
        )
      }
    })
  )

const nearlySame = Effect.fnUntraced(function* (
  found: Trajectory.Action | undefined,
  expected: Trajectory.Action | undefined,
  tolerance: number
) {
  yield* same("the action", found?.text, expected?.text)
  yield* same("its tokens", found?.span?.ids, expected?.span?.ids)
  const [a, b] = [found, expected].map((action) =>
    action?.span === undefined ? [] : [...action.span.logProbabilities, action.span.value]
  )
  const distances = (a ?? []).map((value, i) => Math.abs(value - (b?.[i] ?? Number.NaN)))
  yield* holds(
    distances.every((distance) => distance <= tolerance),
    `log-probabilities and value differ by ${distances.join(" ")}`
  )
})
