/**
 * What a tortured run is after each iteration: known beforehand, so that whatever a kill left can be judged.
 * It saves and judges nothing itself.
 */
import type { Trajectory } from "@dreamgym/domain"
import type { Offline } from "../src/Collect.ts"

/** Dreams that one iteration adds, and how many the buffer keeps: most of them go again, held by snapshots for a while. */
export const dreamsPerIteration = 7
export const dreamsKept = 20

/** Iterations between two checkpoints, and how many of these stay. */
export const checkpointEvery = 2
export const keepLast = 3

const synthetic = {
  _tag: "Synthetic",
  model: "dreamer",
  modelVersion: 1,
  retrieved: [],
  reasoning: "",
  scores: {},
  cost: 0
} as const

const real = { _tag: "Real", environment: "room", version: "1" } as const

const trajectoryOf = (id: string, provenance: typeof synthetic | typeof real) => ({
  id,
  task: {
    id: "task",
    environment: "room",
    instruction: "wait",
    seed: 0,
    payload: null,
    origin: { _tag: "Original" as const }
  },
  firstObservation: "a room",
  transitions: [
    {
      observation: "a room",
      action: { text: "wait" },
      reward: 0,
      nextObservation: `${id} strikes`,
      provenance
    }
  ],
  ending: { _tag: "Terminated" as const, success: false },
  policy: "tester",
  policyVersion: 0
})

export const offline: Offline = {
  demonstrations: [],
  train: [trajectoryOf("real", real)],
  heldOut: []
}

const numbersOf = (iteration: number): ReadonlyArray<number> =>
  Array.from({ length: dreamsPerIteration }, (_, i) => (iteration - 1) * dreamsPerIteration + i)

/** What iteration `iteration` (from 1) adds. */
export const dreamsOf = (iteration: number): ReadonlyArray<Trajectory.Trajectory> =>
  numbersOf(iteration).map((number) => trajectoryOf(`dream-${number}`, synthetic))

/** The ids that the buffer holds after it, oldest first. */
export const idsAfter = (iteration: number): ReadonlyArray<string> => {
  const count = iteration * dreamsPerIteration
  const first = Math.max(0, count - dreamsKept)
  const dreams = Array.from({ length: count - first }, (_, i) => `dream-${first + i}`)
  return ["real", ...dreams]
}

/** The files that a checkpoint has then. */
export const filesAfter = (iteration: number) => ({
  parameters: new Uint8Array(200_000).fill(iteration),
  state: new Uint8Array(50_000).fill(iteration + 1)
})
