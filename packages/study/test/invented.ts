/** Runs that were never run: their events and outcomes, by arithmetic on their seed and arm. */
import { Evaluation, type RunEvent } from "@dreamgym/domain"
import type * as Config from "@dreamgym/pipeline/Config"
import * as Arms from "../src/Arms.ts"
import * as Ledger from "../src/Ledger.ts"
import * as Outcome from "../src/Outcome.ts"
import type * as Plan from "../src/Plan.ts"

type Events = ReadonlyArray<RunEvent.RunEvent>

export const evaluation = (policy: string, successes: number, episodes = 100) => ({
  policy,
  environment: "household",
  episodes,
  successes,
  faults: 0,
  rate: successes / episodes,
  ...Evaluation.wilson(successes, episodes),
  meanSteps: 9,
  byKind: {}
})

export const evaluated = (
  policy: string,
  iteration: number,
  successes: number
): RunEvent.RunEvent => ({
  _tag: "EvaluatedPolicy",
  iteration,
  evaluation: evaluation(policy, successes)
})

export const phase = (name: RunEvent.Phase, seconds: number, inside: Events): Events => [
  { _tag: "PhaseStarted", phase: name },
  ...inside,
  { _tag: "PhaseFinished", phase: name, seconds }
]

export const dreamt = (iteration: number, transitions: number): RunEvent.RunEvent => ({
  _tag: "DreamtGroups",
  iteration,
  trajectories: 10,
  transitions,
  accepted: 8,
  rejected: { Contradiction: 2 },
  tokens: 1000
})

export const lived = (iteration: number, transitions: number): RunEvent.RunEvent => ({
  _tag: "LivedGroups",
  iteration,
  trajectories: 10,
  transitions,
  accepted: 10,
  successes: 5,
  rejected: {},
  tokens: 1000
})

export const updated = (iteration: number, rate: number): RunEvent.RunEvent => ({
  _tag: "UpdatedPolicy",
  iteration,
  policyVersion: iteration,
  metrics: { "charts/success_rate": rate }
})

export const progressed = (
  done: number,
  metrics: Readonly<Record<string, number>>
): RunEvent.RunEvent => ({ _tag: "PhaseProgressed", phase: "dream", done, total: 30, metrics })

export const collected = (transitions: number): RunEvent.RunEvent => ({
  _tag: "CollectedRealExperience",
  trajectories: 100,
  transitions,
  demonstrations: 4,
  successes: 20
})

/** Success in percent at the end: later arms of the table are better, later seeds a little worse. */
const successOf = (arm: string, seed: number): number => {
  const place = Arms.all.findIndex(({ name }) => name === arm)
  return Math.max(5, Math.min(95, 20 + 7 * (place % 10) - 3 * seed))
}

/** The whole story of a run with three evaluations at most. */
export const eventsOf = (arm: string, config: Config.Config, iterations: number): Events => {
  const { policy = "dreamt" } = Arms.all.find(({ name }) => name === arm) ?? {}
  const success = successOf(arm, config.seed)
  const isReal = policy === "real"
  const half = Math.ceil(iterations / 2)
  return [
    { _tag: "RunStarted", run: arm, seed: config.seed },
    ...phase("collect", 2, [collected(900)]),
    ...(isReal
      ? []
      : phase("fit", 30, [
          {
            _tag: "MeasuredFidelity",
            metrics: { "fidelity/nextStateExactKnown": 0.9 + 0.01 * config.seed }
          }
        ])),
    ...phase("clone", 10, []),
    ...phase(
      "dream",
      iterations,
      [...new Set([half, iterations])]
        .filter((at) => at > 0)
        .flatMap((at, i) => [
          ...(i === 0 ? [evaluated(policy, 0, 20 - config.seed)] : []),
          isReal ? lived(at, 500) : dreamt(at, 700),
          ...(policy === "sim-to-real" ? [lived(at, 40)] : []),
          updated(at, success / 100 + 0.05),
          progressed(at, { "curriculum/difficulty": arm === "growing" ? 6 + at / 5 : 11 }),
          ...(at < iterations ? [evaluated(policy, at, Math.round(success / 2))] : [])
        ])
    ),
    ...phase("evaluate", 5, [
      evaluated("cloned+", iterations, 20 - config.seed),
      ...(policy === "cloned+" ? [] : [evaluated(policy, iterations, success)])
    ]),
    { _tag: "RunFinished", seconds: 50 + iterations }
  ]
}

/** As a ledger would have it; times and versions are always the same. */
export const finished = (unit: Plan.Unit, config: Config.Config): Ledger.Finished => ({
  _tag: "Finished",
  unit: unit.id,
  time: "2026-01-01T00:00:00.000Z",
  basis: Ledger.basisOf(config, { dreamgym: "0.1.0", node: "24" }),
  outcome: Outcome.of(unit.id, eventsOf(unit.arm, config, config.train.iterations))
})
