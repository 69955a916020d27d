/**
 * What the killed writer and its judge know together: the n-th trajectory, and what each kind of work may keep.
 * Odd ones are dreams.
 */
import { Task, type Trajectory } from "@dreamgym/domain"
import type { Quotas } from "../src/Kept.ts"

/** Bulk and single insertion, insertion over a quota, and snapshots between insertions. */
export const works = ["bulk", "single", "eviction", "snapshot"] as const
export type Work = (typeof works)[number]

export const isWork = (word: string): word is Work => works.some((work) => work === word)

export const quotasOf = (work: Work): Quotas => (work === "eviction" ? { synthetic: 20 } : {})

export const trajectoryOf = (n: number): Trajectory.Trajectory => {
  const provenance: Trajectory.Provenance =
    n % 2 === 0
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
    transitions: Array.from({ length: 3 + (n % 5) }, (_, i) => ({
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
