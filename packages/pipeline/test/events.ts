/** Events and records of a small invented run, for the tests of what folds them. */
import { Evaluation, type RunEvent, type Trajectory } from "@dreamgym/domain"

export const evaluation = (
  policy: string,
  successes: number,
  episodes = 256
): Evaluation.Evaluation => ({
  policy,
  environment: "household",
  episodes,
  successes,
  faults: 0,
  rate: successes / episodes,
  ...Evaluation.wilson(successes, episodes),
  meanSteps: 9.5,
  byKind: { clean: { episodes, successes } }
})

export const dreamt = (iteration: number): RunEvent.RunEvent => ({
  _tag: "DreamtGroups",
  iteration,
  trajectories: 128,
  transitions: 1200,
  accepted: 120,
  rejected: { Contradiction: 5, UnearnedReward: 3 },
  tokens: 40_000
})

export const updated = (iteration: number): RunEvent.RunEvent => ({
  _tag: "UpdatedPolicy",
  iteration,
  policyVersion: iteration + 1,
  metrics: { "losses/policy_loss": -0.01, entropy: 1.5 }
})

export const saved = (iteration: number): RunEvent.RunEvent => ({
  _tag: "SavedCheckpoint",
  iteration,
  path: `checkpoints/step-${iteration}`
})

export const evaluated = (policy: string, successes: number): RunEvent.RunEvent => ({
  _tag: "EvaluatedPolicy",
  evaluation: evaluation(policy, successes),
  iteration: 2
})

/** A whole run of two iterations. */
export const wholeRun: ReadonlyArray<RunEvent.RunEvent> = [
  { _tag: "RunStarted", run: "test-1", seed: 1 },
  { _tag: "PhaseStarted", phase: "collect" },
  {
    _tag: "CollectedRealExperience",
    trajectories: 1000,
    transitions: 12_345,
    demonstrations: 40,
    successes: 180
  },
  { _tag: "PhaseFinished", phase: "collect", seconds: 3.25 },
  { _tag: "PhaseStarted", phase: "fit" },
  {
    _tag: "PhaseProgressed",
    phase: "fit",
    done: 20,
    total: 1200,
    metrics: { "experience/loss": 1.5 }
  },
  { _tag: "FittedExperienceModel", updates: 1200, loss: 0.25 },
  { _tag: "MeasuredFidelity", metrics: { "fidelity/nextStateExactKnown": 0.98, known: 400 } },
  { _tag: "PhaseFinished", phase: "fit", seconds: 100 },
  { _tag: "ClonedPolicy", policy: "cloned", updates: 300, trajectories: 40, loss: 0.5 },
  { _tag: "MeasuredCalibration", metrics: { "calibration/legitimate": 0.96 } },
  dreamt(1),
  {
    _tag: "RejectedTrajectory",
    iteration: 1,
    task: "t1",
    reason: "Contradiction",
    message: "mug 1 lies elsewhere"
  },
  updated(1),
  dreamt(2),
  updated(2),
  saved(2),
  { _tag: "PhaseFinished", phase: "dream", seconds: 240 },
  evaluated("dreamt", 140),
  evaluated("cloned", 69),
  { _tag: "PhaseFinished", phase: "evaluate", seconds: 30 },
  { _tag: "RunFinished", seconds: 375 }
]

export const trajectory: Trajectory.Trajectory = {
  id: "trajectory-1",
  task: {
    id: "task-1",
    environment: "household",
    instruction: "put a mug in cabinet",
    seed: 3,
    payload: { house: [1, 2] },
    origin: { _tag: "Original" }
  },
  firstObservation: "You are in a room.",
  transitions: [
    {
      observation: "You are in a room.",
      action: {
        text: "go to cabinet 1",
        span: {
          promptIds: [1, 2],
          ids: [3],
          logProbabilities: [-0.1],
          value: Number.NaN,
          temperature: 1,
          policyVersion: 0,
          context: { _tag: "Fresh" }
        }
      },
      reward: 1,
      nextObservation: "On the cabinet 1, you see nothing.",
      provenance: { _tag: "Real", environment: "household", version: "1" }
    }
  ],
  ending: { _tag: "Terminated", success: true },
  policy: "expert",
  policyVersion: -1
}
