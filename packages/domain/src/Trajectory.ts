/**
 * The record of an episode: transitions, their provenance, and the ending.
 * The act of making one is a rollout (`@dreamgym/rollout`).
 */
import * as Schema from "effect/Schema"
import { Ending } from "./Ending.ts"
import { Task } from "./Task.ts"
import { Verdict } from "./Verdict.ts"

/**
 * The exact tokens of one action, as the policy sampled them; never decoded and encoded again.
 *
 * P prompt tokens, A action tokens, C choices:
 * `promptIds`[P], `ids`[A], `logProbabilities`[A] (natural log, under `policyVersion` and `temperature`, after any mask),
 * `choices`[A][C]: the ids that decoding allowed at that token (absent: all), `value`: the critic's estimate of the return
 * from here, `features`: sparse exact-match features as `tokenId * featureCount + feature`.
 * `context` says how the prompt extends the one before: `Fresh` shares nothing with it.
 */
export const TokenSpan = Schema.Struct({
  promptIds: Schema.Array(Schema.Int),
  ids: Schema.Array(Schema.Int),
  logProbabilities: Schema.Array(Schema.Number),
  choices: Schema.optionalKey(Schema.Array(Schema.Array(Schema.Int))),
  features: Schema.optionalKey(Schema.Array(Schema.Int)),
  value: Schema.Number,
  temperature: Schema.Number,
  policyVersion: Schema.Int,
  context: Schema.TaggedUnion({ Fresh: {}, Extends: { tokens: Schema.Int } })
})
export interface TokenSpan extends Schema.Schema.Type<typeof TokenSpan> {}

/** What an agent does: text; also read as a call of a tool where the environment offers tools. */
export const Action = Schema.Struct({
  text: Schema.String,
  toolCall: Schema.optionalKey(Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })),
  span: Schema.optionalKey(TokenSpan)
})
export interface Action extends Schema.Schema.Type<typeof Action> {}

/**
 * Who made a transition, and from what. `cost` is in US dollars; `promptHash` is the SHA-256 (hex) of the prompt that was answered,
 * `tokens` what it and the answer were long, `latency` how long a served model took, in milliseconds (absent for our own, whose
 * answers come many at once).
 */
export const Provenance = Schema.TaggedUnion({
  Real: { environment: Schema.String, version: Schema.String },
  Synthetic: {
    model: Schema.String,
    modelVersion: Schema.Int,
    retrieved: Schema.Array(Schema.String),
    reasoning: Schema.String,
    scores: Schema.Record(Schema.String, Schema.Number),
    cost: Schema.Number,
    promptHash: Schema.optionalKey(Schema.String),
    tokens: Schema.optionalKey(Schema.Struct({ prompt: Schema.Int, completion: Schema.Int })),
    latency: Schema.optionalKey(Schema.Number)
  }
})
export type Provenance = typeof Provenance.Type

export const Transition = Schema.Struct({
  observation: Schema.String,
  action: Action,
  reward: Schema.Number,
  nextObservation: Schema.String,
  provenance: Provenance
})
export interface Transition extends Schema.Schema.Type<typeof Transition> {}

/**
 * `policyVersion` is -1 where no trained policy acted (a scripted expert, a random demonstrator). `iteration`: of the run that
 * lived it, from 0; `verdict`: what the quality filter said of it. Both are absent where there was none.
 */
export const Trajectory = Schema.Struct({
  id: Schema.String,
  task: Task,
  firstObservation: Schema.String,
  transitions: Schema.Array(Transition),
  ending: Ending,
  policy: Schema.String,
  policyVersion: Schema.Int,
  iteration: Schema.optionalKey(Schema.Int),
  verdict: Schema.optionalKey(Verdict)
})
export interface Trajectory extends Schema.Schema.Type<typeof Trajectory> {}

/** Trajectories of one task from one policy version. */
export const TrajectoryGroup = Schema.Struct({
  task: Task,
  policyVersion: Schema.Int,
  trajectories: Schema.Array(Trajectory)
})
export interface TrajectoryGroup extends Schema.Schema.Type<typeof TrajectoryGroup> {}

/** The undiscounted return. */
export const totalReward = (trajectory: Trajectory): number =>
  trajectory.transitions.reduce((sum, transition) => sum + transition.reward, 0)

/** Real where every transition is. A trajectory without transitions counts as real: nothing was made up. */
export const isReal = (trajectory: Trajectory): boolean =>
  trajectory.transitions.every((transition) => transition.provenance._tag === "Real")

/** Whether the quality filter rejected it: then it is kept as a record, and neither found nor drawn. */
export const isRejected = ({ verdict }: Trajectory): boolean => verdict?._tag === "Rejected"
