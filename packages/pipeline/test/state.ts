/** States of runs as checkpoints hold them, for tests that save some. */
import { atRest, type State } from "../src/CheckpointManifest.ts"

/** That of a run after `iteration`, whose buffer stands at snapshot `iteration` of the `held` ones. */
export const stateAt = (iteration: number, held: ReadonlyArray<number> = [iteration]): State => ({
  ...atRest,
  policyVersion: iteration,
  hasOptimizer: true,
  random: { seed: 1, iteration },
  counters: {
    realTransitions: 12_345,
    episodes: 128 * iteration,
    transitions: 1200 * iteration,
    tokens: 40_000 * iteration,
    updates: iteration,
    seconds: 0.5 * iteration
  },
  buffer: {
    snapshot: iteration,
    held,
    trajectories: 1,
    realTransitions: 1,
    syntheticTransitions: 0,
    successes: 1,
    rejected: 0
  }
})
