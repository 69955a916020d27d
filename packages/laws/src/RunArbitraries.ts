/**
 * Arbitraries for what a run reports: evaluations and events.
 * The words of an episode are in `Arbitraries`.
 */
import type { Evaluation, RunEvent } from "@dreamgym/domain"
import * as fc from "fast-check"
import { finite, numbers, text } from "./Arbitraries.ts"

const count = fc.nat({ max: 1_000_000 })
const seconds = fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value + 0)
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0)

export const evaluation: fc.Arbitrary<Evaluation.Evaluation> = fc
  .record({
    policy: text,
    environment: text,
    successes: count,
    losses: count,
    faults: count,
    bounds: fc.tuple(share, share, share),
    meanSteps: seconds,
    byKind: fc.dictionary(
      fc.stringMatching(/^[a-z][a-z ]{0,8}$/),
      fc.record({ episodes: count, successes: count }),
      { maxKeys: 3, noNullPrototype: true }
    )
  })
  .map(({ bounds, losses, ...rest }) => {
    const [low = 0, rate = 0, high = 0] = bounds.toSorted((a, b) => a - b)
    return { ...rest, episodes: rest.successes + losses + rest.faults, rate, low, high }
  })

export const phase: fc.Arbitrary<(typeof RunEvent.Phase)["Type"]> = fc.constantFrom(
  "collect",
  "fit",
  "clone",
  "dream",
  "evaluate"
)

const event = <const Tag extends string, Fields>(
  tag: Tag,
  fields: { [Key in keyof Fields]: fc.Arbitrary<Fields[Key]> }
) => fc.record<Fields>(fields).map((rest) => ({ _tag: tag, ...rest }))

const rejected = fc.dictionary(fc.stringMatching(/^[A-Z][a-z]{1,8}$/), count, {
  maxKeys: 3,
  noNullPrototype: true
})

/** Total: a new kind of event without its line here does not compile. */
const events: { readonly [Tag in RunEvent.RunEvent["_tag"]]: fc.Arbitrary<RunEvent.RunEvent> } = {
  RunStarted: event("RunStarted", { run: text, seed: fc.integer() }),
  RunResumed: event("RunResumed", { run: text, iteration: count }),
  PhaseStarted: event("PhaseStarted", { phase }),
  PhaseProgressed: event("PhaseProgressed", {
    phase,
    done: finite,
    total: finite,
    metrics: numbers
  }),
  PhaseFinished: event("PhaseFinished", { phase, seconds }),
  CollectedRealExperience: event("CollectedRealExperience", {
    trajectories: count,
    transitions: count,
    demonstrations: count,
    successes: count
  }),
  FittedExperienceModel: event("FittedExperienceModel", { updates: count, loss: finite }),
  MeasuredFidelity: event("MeasuredFidelity", { metrics: numbers }),
  ClonedPolicy: event("ClonedPolicy", {
    policy: text,
    updates: count,
    trajectories: count,
    loss: finite
  }),
  MeasuredCalibration: event("MeasuredCalibration", { metrics: numbers }),
  DreamtGroups: event("DreamtGroups", {
    iteration: count,
    trajectories: count,
    transitions: count,
    accepted: count,
    rejected,
    tokens: count
  }),
  LivedGroups: event("LivedGroups", {
    iteration: count,
    trajectories: count,
    transitions: count,
    accepted: count,
    successes: count,
    rejected,
    tokens: count
  }),
  RefreshedExperienceModel: event("RefreshedExperienceModel", {
    iteration: count,
    trajectories: count,
    updates: count,
    loss: finite,
    metrics: numbers
  }),
  RaisedAlarm: event("RaisedAlarm", {
    iteration: count,
    alarm: text,
    metric: text,
    value: finite,
    bound: finite,
    cause: text,
    remedy: text
  }),
  RejectedTrajectory: event("RejectedTrajectory", {
    iteration: count,
    task: text,
    reason: text,
    message: text
  }),
  UpdatedPolicy: event("UpdatedPolicy", {
    iteration: count,
    policyVersion: count,
    metrics: numbers
  }),
  SavedCheckpoint: event("SavedCheckpoint", { iteration: count, path: text }),
  EvaluatedPolicy: event("EvaluatedPolicy", { evaluation, iteration: count }),
  RunFinished: event("RunFinished", { seconds }),
  RunStopped: event("RunStopped", { reason: text })
}

export const runEvent: fc.Arbitrary<RunEvent.RunEvent> = fc.oneof(...Object.values(events))
