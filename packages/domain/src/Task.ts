/**
 * A task: what an agent is asked to do, and where.
 * It is a description; the live interaction is an `Episode`.
 */
import * as Schema from "effect/Schema"

/** Whence a task comes: given with the environment, or written by the task generator. */
export const Origin = Schema.TaggedUnion({
  Original: {},
  /** `generation` counts variations of variations, from 1. */
  Generated: { parentId: Schema.String, generation: Schema.Int }
})
export type Origin = typeof Origin.Type

/** `environment` is the key in the `Environments` registry; `payload` is that environment's own data (JSON). */
export const Task = Schema.Struct({
  id: Schema.String,
  environment: Schema.String,
  instruction: Schema.String,
  seed: Schema.Int,
  payload: Schema.Unknown,
  origin: Origin
})
export interface Task extends Schema.Schema.Type<typeof Task> {}

export const original: Origin = { _tag: "Original" }
