/**
 * What a checkpoint says of itself: which files it has, and what the run was when they were written.
 * It reads and writes no file: `Checkpoint` does.
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { RunError } from "./RunError.ts"

/** Another one is refused: what its files mean is known to the version that wrote it. */
export const format = 2

/**
 * What the run had done since it began: real transitions are those that it learns from. `updates` are the policy's; `seconds` those of
 * the dream.
 */
export const Counters = Schema.Struct({
  realTransitions: Schema.Int,
  episodes: Schema.Int,
  transitions: Schema.Int,
  tokens: Schema.Int,
  updates: Schema.Int,
  seconds: Schema.Finite
})
export interface Counters extends Schema.Schema.Type<typeof Counters> {}

/**
 * Where the buffer stood. `snapshot` is its number in the run's replay.sqlite; `held` are all snapshots that the run had taken by
 * then and not released, this one too; the counts are what a restoration must come to.
 */
export const BufferState = Schema.Struct({
  snapshot: Schema.Int,
  held: Schema.Array(Schema.Int),
  trajectories: Schema.Int,
  realTransitions: Schema.Int,
  syntheticTransitions: Schema.Int,
  successes: Schema.Int,
  rejected: Schema.Int
})
export interface BufferState extends Schema.Schema.Type<typeof BufferState> {}

/**
 * What the files do not say themselves. `random`: all randomness is keyed by seed, purpose and iteration, so these two are its whole
 * state. `hasOptimizer`: the learner's files hold moments. `buffer` is absent where the run keeps none,
 * `experienceVersion` where it has no experience model.
 * There is no list of tasks in flight: a checkpoint falls between two iterations, and an unfinished one is done again from its keys.
 */
export const State = Schema.Struct({
  policyVersion: Schema.Int,
  experienceVersion: Schema.optionalKey(Schema.Int),
  hasOptimizer: Schema.Boolean,
  curriculumTasks: Schema.Int,
  random: Schema.Struct({ seed: Schema.Int, iteration: Schema.Int }),
  counters: Counters,
  buffer: Schema.optionalKey(BufferState)
})
export interface State extends Schema.Schema.Type<typeof State> {}

export const noCounters: Counters = {
  realTransitions: 0,
  episodes: 0,
  transitions: 0,
  tokens: 0,
  updates: 0,
  seconds: 0
}

/** That of a run which has done nothing yet and keeps no buffer. */
export const atRest: State = {
  policyVersion: 0,
  hasOptimizer: false,
  curriculumTasks: 0,
  random: { seed: 0, iteration: 0 },
  counters: noCounters
}

/** `configHash`: sha-256 of the run's config.json; empty where there is none. `versions`: of node, the engine and our code. */
export const Manifest = Schema.Struct({
  schema: Schema.Literal(format),
  iteration: Schema.Int,
  configHash: Schema.String,
  versions: Schema.Record(Schema.String, Schema.String),
  state: State,
  files: Schema.Array(
    Schema.Struct({ name: Schema.String, bytes: Schema.Int, sha256: Schema.String })
  )
})
export interface Manifest extends Schema.Schema.Type<typeof Manifest> {}

/** `sha256` is of the body's JSON, so that no byte of the manifest can change unseen. */
const Envelope = Schema.fromJsonString(Schema.Struct({ body: Schema.Json, sha256: Schema.String }))
const Format = Schema.Struct({ schema: Schema.Int, versions: Manifest.fields.versions })

export const encode = (manifest: Manifest): string => {
  const body = Schema.encodeSync(Manifest)(manifest)
  return JSON.stringify({ body, sha256: hash(JSON.stringify(body)) })
}

/** `file` is named in errors: `Damaged` where a byte is another one, `OtherVersion` where another version wrote it. */
export const decode = Effect.fn("CheckpointManifest.decode")(function* (
  bytes: Uint8Array,
  file: string
): Effect.fn.Return<Manifest, RunError> {
  const unreadable = () => damage(file, "cannot be read")
  const { body, sha256 } = yield* Schema.decodeUnknownEffect(Envelope)(
    new TextDecoder().decode(bytes)
  ).pipe(Effect.mapError(unreadable))
  if (hash(JSON.stringify(body)) !== sha256) return yield* damage(file, "is not what was saved")
  const { schema, versions } = yield* Schema.decodeUnknownEffect(Format)(body).pipe(
    Effect.orElseSucceed(() => ({ schema: 1, versions: {} }))
  )
  if (schema !== format) return yield* otherVersion(file, schema, versions)
  return yield* Schema.decodeUnknownEffect(Manifest)(body).pipe(Effect.mapError(unreadable))
})

const otherVersion = (file: string, found: number, versions: Manifest["versions"]): RunError => {
  const writer = versions["dreamgym"] === undefined ? "" : ` (dreamgym ${versions["dreamgym"]})`
  return new RunError({
    reason: "OtherVersion",
    file,
    message: `${file}: the checkpoint has format ${found}, this version reads format ${format}; go on with the version that wrote it${writer}, or start again with \`dreamgym train\``
  })
}

export const damage = (file: string, what: string): RunError =>
  new RunError({ reason: "Damaged", file, message: `${file}: the checkpoint's file ${what}` })

export const hash = (content: Uint8Array | string): string =>
  createHash("sha256").update(content).digest("hex")
