/**
 * Everything a run did, as events in the past tense; metrics, reports and dashboards are pure folds of them.
 */
import * as Schema from "effect/Schema"
import { Evaluation } from "./Evaluation.ts"

/** The phases of the packaged run, in order. */
export const Phase = Schema.Literals(["collect", "fit", "clone", "dream", "evaluate"])
export type Phase = typeof Phase.Type

const Numbers = Schema.Record(Schema.String, Schema.Number)

export const RunEvent = Schema.TaggedUnion({
  RunStarted: { run: Schema.String, seed: Schema.Int },
  RunResumed: { run: Schema.String, iteration: Schema.Int },
  PhaseStarted: { phase: Phase },
  PhaseProgressed: { phase: Phase, done: Schema.Number, total: Schema.Number, metrics: Numbers },
  PhaseFinished: { phase: Phase, seconds: Schema.Number },
  CollectedRealExperience: {
    trajectories: Schema.Int,
    transitions: Schema.Int,
    demonstrations: Schema.Int,
    successes: Schema.Int
  },
  FittedExperienceModel: { updates: Schema.Int, loss: Schema.Number },
  MeasuredFidelity: { metrics: Numbers },
  ClonedPolicy: {
    policy: Schema.String,
    updates: Schema.Int,
    trajectories: Schema.Int,
    loss: Schema.Number
  },
  MeasuredCalibration: { metrics: Numbers },
  DreamtGroups: {
    iteration: Schema.Int,
    trajectories: Schema.Int,
    transitions: Schema.Int,
    accepted: Schema.Int,
    rejected: Schema.Record(Schema.String, Schema.Int),
    tokens: Schema.Int
  },
  /** What an iteration learnt from of the real world; `transitions` counts every step that was asked of it, those of faults too. */
  LivedGroups: {
    iteration: Schema.Int,
    trajectories: Schema.Int,
    transitions: Schema.Int,
    accepted: Schema.Int,
    successes: Schema.Int,
    rejected: Schema.Record(Schema.String, Schema.Int),
    tokens: Schema.Int
  },
  /** The experience model learnt anew from all real experience, that of this run too; `metrics` of it before, on what was fresh. */
  RefreshedExperienceModel: {
    iteration: Schema.Int,
    trajectories: Schema.Int,
    updates: Schema.Int,
    loss: Schema.Number,
    metrics: Numbers
  },
  /** Something looks ill: `value` of `metric` is beyond `bound`; `cause` is the likely one, `remedy` the setting to try. */
  RaisedAlarm: {
    iteration: Schema.Int,
    alarm: Schema.String,
    metric: Schema.String,
    value: Schema.Number,
    bound: Schema.Number,
    cause: Schema.String,
    remedy: Schema.String
  },
  RejectedTrajectory: {
    iteration: Schema.Int,
    task: Schema.String,
    reason: Schema.String,
    message: Schema.String
  },
  UpdatedPolicy: { iteration: Schema.Int, policyVersion: Schema.Int, metrics: Numbers },
  SavedCheckpoint: { iteration: Schema.Int, path: Schema.String },
  EvaluatedPolicy: { evaluation: Evaluation, iteration: Schema.Int },
  RunFinished: { seconds: Schema.Number },
  RunStopped: { reason: Schema.String }
})
export type RunEvent = typeof RunEvent.Type
