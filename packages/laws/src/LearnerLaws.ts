/**
 * The laws of a learner: determinism, restoring, and what must never teach.
 * They do not say whether it learns well; that is measured.
 */
import { Ending, type Learner, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { failsWith, holds, law, same, type Suite } from "./Law.ts"

export type State = Readonly<Record<string, Uint8Array>>

/**
 * `learner` makes a fresh one; every one starts from the same state. `groups` teach something: their trajectories have spans and
 * different returns. `zeroAdvantage`: groups from which nothing follows (GRPO: equal returns), and how far the policy may move
 * all the same (weight decay, entropy bonus), by the caller's own `distance` between states.
 */
export interface Options {
  readonly name: string
  readonly learner: Effect.Effect<Learner.Learner["Service"], unknown, Scope.Scope>
  readonly groups: ReadonlyArray<Trajectory.TrajectoryGroup>
  readonly zeroAdvantage?: {
    readonly groups: ReadonlyArray<Trajectory.TrajectoryGroup>
    readonly distance: (before: State, after: State) => number
    readonly tolerance: number
  }
}

export const learnerLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the learner laws`,
  laws: [
    isRepeatable(options),
    continuesFromItsState(options),
    makesNewVersions(options),
    refusesNothing(options),
    ignoresFaults(options),
    ...(options.zeroAdvantage === undefined ? [] : [staysPut(options, options.zeroAdvantage)])
  ]
})

const isRepeatable = ({ groups, learner }: Options) =>
  law(
    "the same state and groups give the same update",
    Effect.gen(function* () {
      const once = yield* updated(yield* learner, groups)
      const again = yield* updated(yield* learner, groups)
      yield* same("the statistics of the second update", again.stats, once.stats)
      yield* sameState("the state after the second update", again.state, once.state)
    })
  )

const continuesFromItsState = ({ groups, learner }: Options) =>
  law(
    "an update after restore is bit for bit the one without",
    Effect.gen(function* () {
      const first = yield* learner
      const { state } = yield* updated(first, groups)
      const whole = yield* updated(first, groups)
      const second = yield* learner
      yield* second.restore(state)
      yield* sameState("the restored state", yield* second.state, state)
      const continued = yield* updated(second, groups)
      yield* same("the statistics", continued.stats, whole.stats)
      yield* sameState("the state", continued.state, whole.state)
    })
  )

const makesNewVersions = ({ groups, learner }: Options) =>
  law(
    "every update makes a new version and changes the parameters",
    Effect.gen(function* () {
      const own = yield* learner
      const before = yield* copied(own)
      const first = yield* updated(own, groups)
      const second = yield* updated(own, groups)
      yield* same("the version", second.stats.policyVersion, first.stats.policyVersion + 1)
      yield* holds(!isSameState(before, first.state), "the update changed nothing")
    })
  )

const refusesNothing = ({ groups, learner }: Options) =>
  law(
    "groups without trajectories are an error of their own and change nothing",
    Effect.gen(function* () {
      const own = yield* learner
      const before = yield* copied(own)
      for (const nothing of [[], groups.map((group) => ({ ...group, trajectories: [] }))]) {
        yield* failsWith("an update", own.update(nothing), "LearnerError", "NoTokens")
        yield* sameState("the state", yield* own.state, before)
      }
    })
  )

const ignoresFaults = ({ groups, learner }: Options) =>
  law(
    "what failed teaches nothing",
    Effect.gen(function* () {
      const without = yield* updated(yield* learner, groups)
      const withFaults = yield* updated(yield* learner, groups.map(addFaults))
      yield* sameState("the state", withFaults.state, without.state)
      yield* same(
        "the trajectories that taught",
        withFaults.stats.trajectories,
        without.stats.trajectories
      )
    })
  )

const staysPut = (
  { learner }: Options,
  { distance, groups, tolerance }: NonNullable<Options["zeroAdvantage"]>
) =>
  law(
    "groups without advantage leave the policy where it is",
    Effect.gen(function* () {
      const own = yield* learner
      const before = yield* copied(own)
      const { state } = yield* updated(own, groups)
      const moved = distance(before, state)
      yield* holds(moved <= tolerance, `it moved by ${moved}, more than ${tolerance}`)
    })
  )

/** Beside each trajectory, its twin that failed and claims a great reward. */
const addFaults = (group: Trajectory.TrajectoryGroup): Trajectory.TrajectoryGroup => ({
  ...group,
  trajectories: group.trajectories.flatMap((trajectory) => [
    {
      ...trajectory,
      id: `${trajectory.id}-failed`,
      transitions: trajectory.transitions.map((transition) => ({ ...transition, reward: 100 })),
      ending: Ending.failed("Environment", "a fault of the law")
    },
    trajectory
  ])
})

const updated = Effect.fnUntraced(function* (
  learner: Learner.Learner["Service"],
  groups: ReadonlyArray<Trajectory.TrajectoryGroup>
) {
  const stats = yield* learner.update(groups)
  return { stats, state: yield* copied(learner) }
})

/** A copy, because a learner may hand out its own memory. */
const copied = (learner: Learner.Learner["Service"]) =>
  Effect.map(learner.state, (state): State =>
    Object.fromEntries(Object.entries(state).map(([name, bytes]) => [name, bytes.slice()]))
  )

const sameState = (what: string, found: State, expected: State) =>
  holds(
    isSameState(found, expected),
    `${what} differs in: ${differing(found, expected).join(", ")}`
  )

const isSameState = (a: State, b: State): boolean => differing(a, b).length === 0

const differing = (a: State, b: State): ReadonlyArray<string> =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
    (name) => !isSameBytes(a[name] ?? new Uint8Array(), b[name] ?? new Uint8Array())
  )

const isSameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i])
