/**
 * What the killed writer and its judge know together: the n-th trajectory, and what each kind of work may keep.
 * Odd ones are dreams.
 */
import { Task, type Trajectory } from "@dreamgym/domain"
import type { Quotas, Space } from "../src/Kept.ts"

/**
 * Bulk and single insertion, insertion over a quota, snapshots between insertions; the opening of a file of the first version, the
 * replacement of all by an import, pruning between insertions, and vectors of what was added.
 */
export const works = [
  "bulk",
  "single",
  "eviction",
  "snapshot",
  "migration",
  "import",
  "prune",
  "vectors"
] as const
export type Work = (typeof works)[number]

export const isWork = (word: string): word is Work => works.some((work) => work === word)

/** So many dreams stay where dreams go. */
export const dreamQuota = 20

export const quotasOf = (work: Work): Quotas =>
  work === "eviction" ? { synthetic: dreamQuota } : {}

/** So many trajectories are in a file of the first version, numbered from 0. */
export const inheritance = 1500

/** So many are imported at once. */
export const importSize = 200

export const space: Space = { embedder: "torture", dimension: 16 }

/** The vectors of the n-th trajectory. */
export const vectorsOf = (n: number): Float32Array =>
  Float32Array.from({ length: stepsOf(n) * space.dimension }, (_, i) => n + i / 64)

export const isDream = (n: number): boolean => n % 2 === 1

const stepsOf = (n: number): number => 3 + (n % 5)

export const trajectoryOf = (n: number): Trajectory.Trajectory => {
  const provenance: Trajectory.Provenance = !isDream(n)
    ? { _tag: "Real", environment: "room", version: "1" }
    : {
        _tag: "Synthetic",
        model: "dreamer",
        modelVersion: 1,
        retrieved: [],
        reasoning: "",
        scores: {},
        cost: 0
      }
  return {
    id: `${n}`,
    task: {
      id: `task-${n}`,
      environment: "room",
      instruction: "put everything in its place",
      seed: n,
      payload: null,
      origin: Task.original
    },
    firstObservation: `You are in room ${n}.`,
    transitions: Array.from({ length: stepsOf(n) }, (_, i) => ({
      observation:
        i === 0 ? `You are in room ${n}.` : `You hold thing ${i - 1}. ${"-".repeat(400)}`,
      action: { text: `take thing ${i}` },
      reward: 0,
      nextObservation: `You hold thing ${i}. ${"-".repeat(400)}`,
      provenance
    })),
    ending: { _tag: "Terminated", success: n % 3 === 0 },
    policy: "writer",
    policyVersion: 0
  }
}
