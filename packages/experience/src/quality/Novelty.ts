/**
 * The rules against experience that is there already: the same trajectory, or one of whose every transition the like is kept.
 * For on-policy learning leave them out: to drop what a policy does most often would bias its own gradient.
 */
import { QualityFilter, type ReplayBuffer, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Demonstrations from "../Demonstrations.ts"
import type { Moment } from "../Moments.ts"
import type { Rule, Subject } from "./Rule.ts"

/** The same task, actions and observations have the same fingerprint. */
export const fingerprint = (trajectory: Trajectory.Trajectory): string =>
  JSON.stringify([
    trajectory.task.environment,
    trajectory.task.id,
    trajectory.firstObservation,
    ...trajectory.transitions.flatMap(({ action, nextObservation }) => [
      action.text,
      nextObservation
    ])
  ])

/** `known` says whether a trajectory of this fingerprint is there already; it is asked only of what no earlier rule rejected. */
export const duplicate = (known: (fingerprint: string) => Effect.Effect<boolean>): Rule => ({
  name: "duplicate",
  reason: "Duplicate",
  judge: ({ trajectory }) =>
    Effect.map(known(fingerprint(trajectory)), (isKnown) => ({
      scores: {},
      complaint: isKnown ? "the buffer holds the same trajectory already" : undefined
    }))
})

/**
 * `maxSimilarity` in [-1, 1]: a cosine; up to `neighbours` (default 4) of each transition are looked up. `history` as in
 * `Demonstrations`.
 */
export interface NoveltyOptions extends Pick<Demonstrations.Options, "history"> {
  readonly retrieval: ReplayBuffer.Retrieval["Service"]
  readonly maxSimilarity: number
  readonly neighbours?: number
}

/**
 * Rejects where each transition has a kept one of the same world, of another trajectory, that is at least `maxSimilarity` like it:
 * one new step makes a trajectory new. Score: `similarity`, that of its newest step (-1: nothing like it is kept).
 */
export const nearDuplicate = (options: NoveltyOptions): Rule => ({
  name: "nearDuplicate",
  reason: "Duplicate",
  judge: (subject) =>
    Effect.map(
      Effect.forEach(subject.moments, (moment) => nearest(options, subject, moment), {
        concurrency: "unbounded"
      }),
      (found) => {
        if (found.length === 0) return { scores: {}, complaint: undefined }
        const similarity = Math.min(...found)
        return { scores: { similarity }, complaint: complaintOf(similarity, options) }
      }
    )
})

const complaintOf = (similarity: number, { maxSimilarity }: NoveltyOptions) =>
  similarity >= maxSimilarity
    ? `each of its steps is at least ${similarity.toFixed(3)} like one that is kept; the bound is ${maxSimilarity}`
    : undefined

const nearest = (
  { history = true, neighbours = 4, retrieval }: NoveltyOptions,
  { knowledge, task, trajectory }: Subject,
  { before, transition }: Moment
) =>
  Demonstrations.find(
    { k: neighbours, retrieval, history },
    {
      task,
      history: before,
      action: transition.action.text,
      knowledge,
      excludeTrajectory: trajectory.id
    }
  ).pipe(
    Effect.map((found) => Math.max(-1, ...found.map(({ similarity }) => similarity))),
    Effect.mapError(
      (cause) =>
        new QualityFilter.QualityFilterError({
          reason: "Unavailable",
          rule: "nearDuplicate",
          message: `similar experience could not be looked up (${cause.reason}): ${cause.message}`,
          cause
        })
    )
  )
