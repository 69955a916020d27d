/**
 * The named settings that a run can start from; each says only what differs from the defaults.
 * A preset is no world of its own: any of its fields can be set otherwise.
 */
import type { Config, Partial } from "./Config.ts"

export const presets: Readonly<Record<Config["preset"], Partial>> = {
  household: {},
  "household-quick": {
    environment: { rung: "L0" },
    collect: { trajectories: 800, demonstrations: 20, heldOutTrajectories: 40 },
    experience: { updates: 700 },
    fidelity: { transitions: 300, minNextStateExact: 0.8 },
    calibration: { tasks: 64, maxOptimism: 0.2 },
    clone: { maxUpdates: 300, minUpdates: 300 },
    train: { iterations: 12, checkpointEvery: 4 },
    evaluate: { episodes: 128, real: false }
  },
  alfworld: {
    environment: { name: "alfworld" },
    collect: { trajectories: 160, demonstrations: 60, heldOutTrajectories: 12 },
    experience: { updates: 1400, batchSize: 24, minP: 0.1, maxTokens: 96 },
    fidelity: { transitions: 200, minNextStateExact: 0.4 },
    // Wide, but a model that would harm is refused. Contradictions bound nothing: things may truly be seen in two places here.
    calibration: {
      tasks: 48,
      minLegitimate: 0.15,
      maxOptimism: 0.4,
      maxMalformed: 0.5,
      maxContradictions: 1
    },
    clone: { maxUpdates: 400, batchSize: 32 },
    train: {
      start: "cloned",
      iterations: 10,
      tasksPerIteration: 16,
      checkpointEvery: 2,
      minAcceptRate: 0.1
    },
    curriculum: { generate: false },
    filter: { contradiction: false },
    evaluate: { episodes: 140, clonedPlus: false, real: false }
  }
}
