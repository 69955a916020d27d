/**
 * What one run came to, as a pure fold of its events: the numbers that a study compares.
 * What several runs show together is the business of `Findings`.
 */
import { RunEvent } from "@dreamgym/domain"
import { Summary, apart, summary } from "@dreamgym/pipeline/Report"
import { surviving } from "@dreamgym/pipeline/Surviving"
import * as Schema from "effect/Schema"

const Numbers = Schema.Record(Schema.String, Schema.Number)

/** Success of a policy in the real world after `iteration` iterations; `lived` real and `dreamt` synthetic transitions until then. */
export const Point = Schema.Struct({
  policy: Schema.String,
  iteration: Schema.Int,
  lived: Schema.Int,
  dreamt: Schema.Int,
  episodes: Schema.Int,
  successes: Schema.Int
})
export interface Point extends Schema.Schema.Type<typeof Point> {}

/** An iteration and a number of it: short, for a study has thousands of them. */
const At = Schema.Tuple([Schema.Int, Schema.Number])

/**
 * Transitions: `offline` were collected at first, `lived` are what the policy learnt from beside them, `preferring` were played to
 * find preferences, `calibrating` only measured. `synthetic` were dreamt. `seconds` by phase. `curve` is in the order of iterations. `believed`: by
 * iteration, the share of successes among the dreams (or real episodes) that its update learnt from. `played`: by iteration, the mean
 * difficulty of the tasks that it played, in about how many steps they take (`Difficulty` of the pipeline).
 */
export const Outcome = Schema.Struct({
  evaluation: Summary.fields.evaluation,
  offline: Schema.Int,
  lived: Schema.Int,
  preferring: Schema.Int,
  calibrating: Schema.Int,
  synthetic: Schema.Int,
  tokens: Schema.Int,
  seconds: Numbers,
  fidelity: Numbers,
  calibration: Numbers,
  curve: Schema.Array(Point),
  believed: Schema.Array(At),
  played: Schema.Array(At)
})
export interface Outcome extends Schema.Schema.Type<typeof Outcome> {}

type Events = ReadonlyArray<RunEvent.RunEvent>

const { guards } = RunEvent.RunEvent

/** `events` as they stand in the run's log. */
export const of = (unit: string, events: Events): Outcome => {
  const counted = surviving(events)
  const found = summary(unit, counted)
  return {
    evaluation: found.evaluation,
    offline: sum(counted.filter(guards.CollectedRealExperience), ({ transitions }) => transitions),
    lived: livedUntil(counted, Number.POSITIVE_INFINITY),
    preferring: paid(counted, apart.preferences),
    calibrating: paid(counted, apart.calibration),
    synthetic: found.syntheticTransitions,
    tokens: found.tokens,
    seconds: shortened(found.seconds),
    fidelity: lastOf(counted, "MeasuredFidelity"),
    calibration: lastOf(counted, "MeasuredCalibration"),
    curve: curveOf(counted),
    believed: counted.filter(guards.UpdatedPolicy).flatMap(({ iteration, metrics }) => {
      const rate = metrics["charts/success_rate"]
      return rate === undefined ? [] : [[iteration, short(rate)] as const]
    }),
    played: playedIn(counted)
  }
}

const playedIn = (events: Events): Outcome["played"] =>
  events.filter(guards.PhaseProgressed).flatMap(({ done, metrics, phase }) => {
    const difficulty = metrics["curriculum/difficulty"]
    return phase !== "dream" || difficulty === undefined ? [] : [[done, short(difficulty)] as const]
  })

/** More digits than anybody can see make a ledger of hundreds of runs long. */
const short = (value: number): number => Number(value.toPrecision(5))

const shortened = (numbers: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, short(value)]))

/** Of the same policy at the same iteration the last evaluation stands. */
const curveOf = (events: Events): ReadonlyArray<Point> => {
  const points = new Map<string, Point>()
  for (const { evaluation, iteration } of events.filter(guards.EvaluatedPolicy)) {
    const { episodes, policy, successes } = evaluation
    points.set(`${policy} ${iteration}`, {
      policy,
      iteration,
      lived: livedUntil(events, iteration),
      dreamt: sum(until(events.filter(guards.DreamtGroups), iteration), (one) => one.transitions),
      episodes,
      successes
    })
  }
  return [...points.values()].toSorted((a, b) => a.iteration - b.iteration)
}

const livedUntil = (events: Events, iteration: number): number =>
  sum(until(events.filter(guards.LivedGroups), iteration), ({ transitions }) => transitions)

const until = <A extends { readonly iteration: number }>(events: ReadonlyArray<A>, last: number) =>
  events.filter(({ iteration }) => iteration <= last)

const lastOf = (events: Events, tag: "MeasuredFidelity" | "MeasuredCalibration") => {
  const found = events.findLast(({ _tag }) => _tag === tag)
  return found !== undefined && "metrics" in found ? shortened(found.metrics) : {}
}

const paid = (events: Events, metric: string): number =>
  sum(events, (event) => ("metrics" in event ? (event.metrics[metric] ?? 0) : 0))

const sum = <A>(values: ReadonlyArray<A>, count: (value: A) => number): number =>
  values.reduce((total, value) => total + count(value), 0)
