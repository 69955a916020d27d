/**
 * Pairs of trajectories from an offline dataset: one that succeeded and one that did not, from the
 * same beginning. It says which is better, not by how much; `Dpo` learns from it.
 */
import { Ending, Seed, type Trajectory } from "@dreamgym/domain"
import type { Preference } from "./Dpo.ts"
import * as Imitation from "./Imitation.ts"

/** `chosen` succeeded, `rejected` did not; both are of one task, or of one beginning. */
export interface Pair {
  readonly chosen: Trajectory.Trajectory
  readonly rejected: Trajectory.Trajectory
}

/**
 * What two trajectories must share: the task's id, or all that the agent saw before it acted
 * (environment, instruction, first observation).
 */
export const sameness = {
  task: ({ task }) => task.id,
  start: ({ firstObservation, task }) =>
    JSON.stringify([task.environment, task.instruction, firstObservation])
} as const satisfies Readonly<Record<string, (trajectory: Trajectory.Trajectory) => string>>

/**
 * At most `mostPerGroup` pairs of trajectories that share `by`, so that no task outweighs the
 * others by its many attempts.
 */
export interface PairOptions {
  readonly by: keyof typeof sameness
  readonly mostPerGroup: number
  readonly key: Seed.Key
}

/**
 * No pair twice, and within a group every trajectory about as often as any other on its side. Which
 * pairs a group gives depends on the key, the group and its trajectories alone. A failed episode is
 * a fault of somebody else's and is in no pair.
 */
export const pairsOf = (
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  { by, key, mostPerGroup }: PairOptions
): ReadonlyArray<Pair> => {
  const groups = Map.groupBy(trajectories.filter(isWhole), sameness[by])
  return [...groups].flatMap(([name, group]) => {
    const random = Seed.generator(Seed.key(key, name))
    const good = Seed.shuffle(random, group.filter(isGood))
    const bad = Seed.shuffle(
      random,
      group.filter((one) => !isGood(one))
    )
    return crossed(good, bad, mostPerGroup)
  })
}

const isWhole = ({ ending, transitions }: Trajectory.Trajectory): boolean =>
  ending._tag !== "Failed" && transitions.length > 0

const isGood = ({ ending }: Trajectory.Trajectory): boolean => Ending.isSuccess(ending)

/**
 * Both lists around and around; where both would be back at their beginnings at once, the second
 * goes on by one.
 */
const crossed = (
  good: ReadonlyArray<Trajectory.Trajectory>,
  bad: ReadonlyArray<Trajectory.Trajectory>,
  most: number
): ReadonlyArray<Pair> => {
  const round = leastCommonMultiple(good.length, bad.length)
  const count = Math.min(most, good.length * bad.length)
  return Array.from({ length: count }, (_, i) => i).flatMap((i) => {
    const chosen = good[i % good.length]
    const rejected = bad[(i + Math.floor(i / round)) % bad.length]
    return chosen === undefined || rejected === undefined ? [] : [{ chosen, rejected }]
  })
}

const leastCommonMultiple = (a: number, b: number): number => (a * b) / greatestDivisor(a, b)

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b))

/**
 * The rows of pairs, as `Dpo.fit` wants them. A pair of which one side has no action that could
 * have been chosen is left out: there is nothing in it to prefer.
 */
export const preferencesOf = (
  pairs: ReadonlyArray<Pair>,
  options: Imitation.ImitationOptions
): ReadonlyArray<Preference> =>
  pairs.flatMap(({ chosen, rejected }) => {
    const preference = {
      chosen: Imitation.rowsOf(chosen, options),
      rejected: Imitation.rowsOf(rejected, options)
    }
    return Object.values(preference).every(({ length }) => length > 0) ? [preference] : []
  })
