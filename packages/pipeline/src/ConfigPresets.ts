/**
 * The named settings that a run can start from; each says only what differs from the defaults.
 * A preset is no world of its own: any of its fields can be set otherwise.
 */
import type { Config, Partial } from "./Config.ts"

export const presets: Readonly<Record<Config["preset"], Partial>> = {
  household: {},
  "household-quick": {
    collect: { trajectories: 500, heldOutTrajectories: 30 },
    experience: { updates: 500 },
    fidelity: { transitions: 200, minNextStateExact: 0.8 },
    calibration: { tasks: 64, minLegitimate: 0.7, maxOptimism: 0.2 },
    clone: { maxUpdates: 300, patience: 60 },
    train: { iterations: 12, checkpointEvery: 4 },
    evaluate: { episodes: 128, real: false }
  },
  alfworld: {
    environment: { name: "alfworld" },
    collect: { trajectories: 100, demonstrations: 20, heldOutTrajectories: 12 },
    experience: { updates: 200, batchSize: 16, maxTokens: 96 },
    fidelity: { transitions: 100, minNextStateExact: 0 },
    calibration: {
      tasks: 16,
      minLegitimate: 0,
      maxOptimism: 1,
      maxMalformed: 1,
      maxContradictions: 1
    },
    clone: { maxUpdates: 200, batchSize: 16 },
    train: { iterations: 10, tasksPerIteration: 8, checkpointEvery: 5, minAcceptRate: 0 },
    curriculum: { generate: false },
    evaluate: { episodes: 32, clonedPlus: false, real: false }
  }
}
