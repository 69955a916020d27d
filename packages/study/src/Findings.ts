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

/** One row of Table 1; transitions, tokens and seconds are means over seeds. */
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
            offline: of((run) => offlineOf(run, runs)),
            lived: of(({ outcome }) => outcome.lived + outcome.preferring),
            synthetic: of(({ outcome }) => outcome.synthetic),
            tokens: of(({ outcome }) => outcome.tokens),
            seconds: of((run) => secondsOf(run, runs))
          }
        ]
  })

/** The run whose data and models this one took over, if it did. */
const originOf = (run: Run, runs: Runs): Run | undefined => {
  const { startsFrom } = Arms.all.find(({ name }) => name === run.arm) ?? {}
  return runs.find(
    ({ arm, rung, seed }) => arm === startsFrom && rung === run.rung && seed === run.seed
  )
}

const offlineOf = (run: Run, runs: Runs): number =>
  run.outcome.offline > 0 ? run.outcome.offline : (originOf(run, runs)?.outcome.offline ?? 0)

/** Wall time, with what the run's data, its experience model (where it dreams) and its clones took, whichever run made them. */
const secondsOf = (run: Run, runs: Runs): number => {
  const own = run.outcome.seconds
  const origin = originOf(run, runs)?.outcome.seconds ?? {}
  const dreams = run.outcome.synthetic > 0
  const taken = ["collect", "clone", ...(dreams ? ["fit"] : [])]
    .filter((phase) => (own[phase] ?? 0) === 0)
    .reduce((sum, phase) => sum + (origin[phase] ?? 0), 0)
  return taken + Object.values(own).reduce((sum, seconds) => sum + seconds, 0)
}

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

/** It begins with the policy that learning starts from (SFT), where that was measured. */
export const curve = (runs: Runs, rung: string, arm: string): ReadonlyArray<Moment> => {
  const points = at(runs, rung, arm).flatMap((run) =>
    pointsOf(run, runs).map((point) => ({ seed: run.seed, point }))
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

/** Of the arm's own policy, in the order of iterations. */
const pointsOf = (run: Run, runs: Runs): ReadonlyArray<Point> => {
  const policy = policyOf(run.arm)
  const own = run.outcome.curve.filter((point) => point.policy === policy && point.episodes > 0)
  const start = originOf(run, runs)?.outcome.curve.findLast((point) => point.policy === "cloned+")
  return start === undefined || own.some(({ iteration }) => iteration === 0)
    ? own
    : [{ ...start, policy, iteration: 0, lived: 0, dreamt: 0 }, ...own]
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
    const point = pointsOf(run, runs).find(
      ({ episodes, successes }) => successes / episodes >= target
    )
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
  return [...Map.groupBy(all, ({ iteration }) => iteration)]
    .toSorted(([a], [b]) => a - b)
    .map(([iteration, found]) => ({ iteration, rate: meanOf(found.map(({ rate }) => rate)) }))
}

/** By how much success in the last dreams exceeds success in reality at the end, over seeds. */
export const excess = (runs: Runs, rung: string, arm: string): Interval.Interval | undefined => {
  const real = scores(runs, rung, arm)
  const gaps = at(runs, rung, arm).flatMap(({ outcome, seed }) => {
    const found = real.find((one) => one.seed === seed)
    const last = outcome.believed.slice(-Math.max(1, Math.floor(outcome.believed.length / 5)))
    return found === undefined || last.length === 0
      ? []
      : [meanOf(last.map(({ rate }) => rate)) - found.successes / found.episodes]
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
  numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length)
