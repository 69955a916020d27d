/**
 * What the runs of a study show together: success with intervals, differences within seeds, curves, costs.
 * It is arithmetic on finished units; how that is told is the business of `StudyReport`.
 */
import { Seed } from "@dreamgym/domain"
import * as Arms from "./Arms.ts"
import * as Interval from "./Interval.ts"
import type { Finished } from "./Ledger.ts"
import type { Outcome, Point } from "./Outcome.ts"

/** A finished unit. */
export interface Run {
  readonly unit: string
  readonly rung: string
  readonly seed: number
  readonly arm: string
  readonly outcome: Outcome
  readonly hash: string
}

export const runsOf = (finished: ReadonlyArray<Finished>): ReadonlyArray<Run> =>
  finished.map(({ basis, outcome, unit }) => {
    const [rung = "", seed = "", arm = ""] = unit.split("/")
    return { unit, rung, seed: Number(seed), arm, outcome, hash: basis.hash }
  })

type Runs = ReadonlyArray<Run>

export const titleOf = (arm: string): string =>
  Arms.all.find(({ name }) => name === arm)?.title ?? arm

const policyOf = (arm: string): string => Arms.all.find(({ name }) => name === arm)?.policy ?? arm

export const at = (runs: Runs, rung: string, arm: string): Runs =>
  runs.filter((run) => run.rung === rung && run.arm === arm)

/** `policy` of the arm's runs at the end, by seed; the arm's own where none is named. */
export const scores = (
  runs: Runs,
  rung: string,
  arm: string,
  policy = policyOf(arm)
): ReadonlyArray<Interval.Outcome> =>
  at(runs, rung, arm).flatMap(({ outcome, seed }) => {
    const found = outcome.evaluation.find((one) => one.policy === policy)
    return found === undefined || found.episodes === 0
      ? []
      : [{ seed, episodes: found.episodes, successes: found.successes }]
  })

/** Success of an arm over its seeds; `seeds` holds each seed's rate, in the order of seeds. */
export interface Success extends Interval.Interval {
  readonly seeds: ReadonlyArray<number>
}

export const successOf = (scored: ReadonlyArray<Interval.Outcome>): Success | undefined => {
  const interval = Interval.rate(scored, key)
  const seeds = scored
    .toSorted((a, b) => a.seed - b.seed)
    .map(({ episodes, successes }) => successes / episodes)
  return interval === undefined ? undefined : { ...interval, seeds }
}

/** The same for every interval: a report is the same each time that it is written. */
const key = Seed.key(0, "study")

/**
 * One row of Table 1; transitions, tokens and seconds are means over seeds. A run that began from another tells what that prepared
 * again, with its transitions and seconds, so that each row is as if the arm were alone.
 */
export interface Row {
  readonly rung: string
  readonly arm: string
  readonly title: string
  readonly success: Success
  readonly offline: number
  readonly lived: number
  readonly synthetic: number
  readonly tokens: number
  readonly seconds: number
}

export const rows = (runs: Runs, rung: string, arms: ReadonlyArray<string>): ReadonlyArray<Row> =>
  arms.flatMap((arm) => {
    const own = at(runs, rung, arm)
    const success = successOf(scores(runs, rung, arm))
    const of = (number: (run: Run) => number) => meanOf(own.map(number))
    return success === undefined
      ? []
      : [
          {
            rung,
            arm,
            title: titleOf(arm),
            success,
            offline: of(({ outcome }) => outcome.offline),
            lived: of(({ outcome }) => outcome.lived + outcome.preferring),
            synthetic: of(({ outcome }) => outcome.synthetic),
            tokens: of(({ outcome }) => outcome.tokens),
            seconds: of(({ outcome }) => sumOf(Object.values(outcome.seconds)))
          }
        ]
  })

/** `first` minus `second`, in shares, over the seeds that both have. */
export interface Difference extends Interval.Interval {
  readonly rung: string
  readonly first: string
  readonly second: string
  readonly seeds: number
}

export const difference = (
  runs: Runs,
  rung: string,
  [first, second]: readonly [string, string]
): Difference | undefined => {
  const [a, b] = [scores(runs, rung, first), scores(runs, rung, second)]
  const found = Interval.difference(a, b, key)
  const seeds = a.filter(({ seed }) => b.some((other) => other.seed === seed)).length
  return found === undefined ? undefined : { rung, first, second, seeds, ...found }
}

/** Success over a run; `x` in iterations, `transitions` lived or dreamt until then, means over seeds. */
export interface Moment extends Interval.Interval {
  readonly iteration: number
  readonly transitions: number
}

/** Of the arm's own policy; the first point is that which learning starts from. */
export const curve = (runs: Runs, rung: string, arm: string): ReadonlyArray<Moment> => {
  const points = at(runs, rung, arm).flatMap((run) =>
    pointsOf(run).map((point) => ({ seed: run.seed, point }))
  )
  const byIteration = [...Map.groupBy(points, ({ point }) => point.iteration)]
  return byIteration
    .toSorted(([a], [b]) => a - b)
    .flatMap(([iteration, found]) => {
      const scored = found.map(({ point: { episodes, successes }, seed }) => ({
        seed,
        episodes,
        successes
      }))
      const interval = Interval.rate(scored, key)
      const transitions = meanOf(found.map(({ point }) => point.lived + point.dreamt))
      return interval === undefined ? [] : [{ iteration, transitions, ...interval }]
    })
}

/** In the order of iterations. */
const pointsOf = ({ arm, outcome }: Run): ReadonlyArray<Point> => {
  const policy = policyOf(arm)
  return outcome.curve.filter((point) => point.policy === policy && point.episodes > 0)
}

/** What it took to reach a success: means over the seeds that reached it. Undefined where none did. */
export interface Price {
  readonly reached: number
  readonly seeds: number
  readonly lived: number | undefined
  readonly dreamt: number | undefined
}

export const price = (runs: Runs, rung: string, arm: string, target: number): Price => {
  const own = at(runs, rung, arm)
  const firsts = own.flatMap((run) => {
    const point = pointsOf(run).find(({ episodes, successes }) => successes / episodes >= target)
    return point === undefined ? [] : [point]
  })
  const of = (number: (point: Point) => number) =>
    firsts.length === 0 ? undefined : meanOf(firsts.map(number))
  return {
    reached: firsts.length,
    seeds: own.length,
    lived: of(({ lived }) => lived),
    dreamt: of(({ dreamt }) => dreamt)
  }
}

/** Share of successes among the dreams of each iteration, a mean over seeds. */
export const believed = (
  runs: Runs,
  rung: string,
  arm: string
): ReadonlyArray<{ readonly iteration: number; readonly rate: number }> => {
  const all = at(runs, rung, arm).flatMap(({ outcome }) => outcome.believed)
  return [...Map.groupBy(all, ([iteration]) => iteration)]
    .toSorted(([a], [b]) => a - b)
    .map(([iteration, found]) => ({ iteration, rate: meanOf(found.map(([, rate]) => rate)) }))
}

/** Mean difficulty of the tasks that each iteration played, over seeds. */
export const difficulty = (
  runs: Runs,
  rung: string,
  arm: string
): ReadonlyArray<Interval.Interval & { readonly iteration: number }> => {
  const all = at(runs, rung, arm).flatMap(({ outcome }) => outcome.played)
  return [...Map.groupBy(all, ([iteration]) => iteration)]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([iteration, found]) => {
      const interval = Interval.mean(
        found.map(([, difficulty]) => difficulty),
        key
      )
      return interval === undefined ? [] : [{ iteration, ...interval }]
    })
}

/** By how much success in the last dreams exceeds success in reality at the end, over seeds. */
export const excess = (runs: Runs, rung: string, arm: string): Interval.Interval | undefined => {
  const real = scores(runs, rung, arm)
  const gaps = at(runs, rung, arm).flatMap(({ outcome, seed }) => {
    const found = real.find((one) => one.seed === seed)
    const last = outcome.believed.slice(-Math.max(1, Math.floor(outcome.believed.length / 5)))
    return found === undefined || last.length === 0
      ? []
      : [meanOf(last.map(([, rate]) => rate)) - found.successes / found.episodes]
  })
  return Interval.mean(gaps, key)
}

/** A measure of the experience model over seeds; `name` without its section. */
export const measure = (
  runs: Runs,
  rung: string,
  arm: string,
  name: string
): Interval.Interval | undefined =>
  Interval.mean(
    at(runs, rung, arm).flatMap(({ outcome: { fidelity } }) => {
      const value = fidelity[name] ?? fidelity[`fidelity/${name}`]
      return value === undefined ? [] : [value]
    }),
    key
  )

export const meanOf = (numbers: ReadonlyArray<number>): number =>
  sumOf(numbers) / Math.max(1, numbers.length)

const sumOf = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, number) => sum + number, 0)
