/**
 * The replay buffer of a run: the offline real trajectories, and the newest dreams beside them.
 * What a policy sampled token by token stays with the learner; the buffer keeps what happened.
 */
import { isDeepStrictEqual } from "node:util"
import { ReplayBuffer as Buffer, type Task, type Trajectory } from "@dreamgym/domain"
import { shown } from "@dreamgym/experience/Moments"
import * as ReplayBuffer from "@dreamgym/replay/ReplayBuffer"
import * as Variable from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import type { Whole } from "./Checkpoint.ts"
import type { Offline } from "./Collect.ts"
import type { Config } from "./Config.ts"
import { atFile, RunError } from "./RunError.ts"
import type { World } from "./World.ts"

/** Whose memory it is. */
export interface Owner {
  readonly world: World
  readonly offline: Offline
  readonly config: Config
}

/** What a run has lived, and the memory that it looks things up in. */
export interface Lived extends Owner {
  readonly buffer: Buffer.ReplayBuffer["Service"]
}

/** Where a run's memory lies: in the process, in a file, or in a schema of its own on a server, whose `url` has no password. */
export type Place =
  | { readonly _tag: "Memory" }
  | { readonly _tag: "Sqlite"; readonly file: string }
  | { readonly _tag: "Postgres"; readonly url: string; readonly schema: string }

/** The database in a run's folder. */
export const fileOf = (directory: string): string => `${directory}/replay.sqlite`

/** The server that the configuration names, else the file in the run's folder. */
export const placeOf = (run: {
  readonly name: string
  readonly path: string
  readonly config: Config
}): Place => {
  const { schema, url } = run.config.replay
  return url === undefined
    ? { _tag: "Sqlite", file: fileOf(run.path) }
    : { _tag: "Postgres", url, schema: schema ?? schemaOf(run.name) }
}

const schemaOf = (name: string): string =>
  `dreamgym_${name.toLowerCase().replaceAll(/[^a-z0-9]/g, "_")}`.slice(0, 63)

/** What errors call it. */
const wordsFor = (place: Place): string =>
  place._tag === "Memory"
    ? "the memory"
    : place._tag === "Sqlite"
      ? place.file
      : `${place.url} (schema ${place.schema})`

/** A new run's memory: it knows the offline trajectories, and nothing else. Fails as `Exists` where something is there already. */
export const begin = Effect.fn("Buffers.begin")(function* (
  owner: Owner,
  place: Place = { _tag: "Memory" }
) {
  const buffer = yield* open(owner, place)
  const { rejected, trajectories } = yield* buffer.stats
  if (trajectories + rejected > 0) {
    const file = wordsFor(place)
    return yield* new RunError({
      reason: "Exists",
      file,
      message: `${file}: another run's experience is there; choose another place with --set replay.schema=NAME`
    })
  }
  yield* buffer.add(owner.offline.train)
  return buffer
})

/**
 * The memory that an earlier process left, as it is. Fails as `Missing` where the file is not there, and leaves nothing in its place.
 */
export const reopen = Effect.fn("Buffers.reopen")(function* (owner: Owner, place: Place) {
  const fileSystem = yield* FileSystem.FileSystem
  if (place._tag !== "Sqlite") return yield* open(owner, place)
  const { file } = place
  const isThere = yield* fileSystem.exists(file).pipe(Effect.mapError(atFile(file)))
  if (!isThere) {
    return yield* new RunError({
      reason: "Missing",
      file,
      message: `${file}: the run's buffer is gone, and its checkpoints say only where in it they stand; restore it from a copy, or start again with \`dreamgym train\``
    })
  }
  return yield* open(owner, place)
})

/**
 * Makes `buffer` what it was when the checkpoint was saved, and gives what the checkpoint says of it. Fails as `Damaged` where
 * that is not to be had in this database; one that is not the run's is left as it is.
 */
export const restore = Effect.fn("Buffers.restore")(function* (
  { buffer, offline }: Pick<Lived, "buffer" | "offline">,
  { path, state }: Whole,
  place: Place
) {
  const file = wordsFor(place)
  const saved = state.buffer
  if (saved === undefined) return yield* unusable(path, "it names no snapshot of a buffer")
  const oldest = yield* Stream.runHead(buffer.trajectories({ source: "Real" }))
  if (Option.getOrUndefined(oldest)?.id !== offline.train[0]?.id) {
    return yield* unusable(path, `${file} is not the buffer of this run`)
  }
  const { held: _, snapshot, ...expected } = saved
  yield* buffer.restore(snapshot).pipe(
    Effect.catchIf(
      ({ reason }) => reason === "NoSnapshot",
      () => unusable(path, `${file} has no snapshot ${snapshot}`)
    )
  )
  const { duplicates: __, ...found } = yield* buffer.stats
  if (!isDeepStrictEqual(found, expected)) {
    const counts = `${found.trajectories} trajectories instead of ${expected.trajectories}`
    return yield* unusable(
      path,
      `snapshot ${snapshot} of ${file} is of other experience (${counts})`
    )
  }
  return saved
})

const unusable = (path: string, why: string) =>
  new RunError({
    reason: "Damaged",
    file: path,
    message: `${path}: the checkpoint cannot be used: ${why}`
  })

const open = Effect.fnUntraced(function* (owner: Owner, place: Place) {
  const options = optionsOf(owner)
  const buffer = yield* place._tag === "Memory"
    ? built(ReplayBuffer.layerMemory(options))
    : place._tag === "Sqlite"
      ? built(ReplayBuffer.layerSqlite({ ...options, file: place.file }))
      : inPostgres(options, place)
  return Buffer.ReplayBuffer.of({
    ...buffer,
    add: (trajectories) => buffer.add(trajectories.map(withoutSpans))
  })
})

const built = <E, R>(layer: Layer.Layer<Buffer.ReplayBuffer, E, R>) =>
  Effect.map(Layer.build(layer), (services) => Context.get(services, Buffer.ReplayBuffer))

/** Few runs have a server, and its client is heavy to load. */
const loadPostgres = Effect.promise(() => import("@dreamgym/replay/postgres/Postgres"))

/** The password, if one is needed, is where PostgreSQL's own programs look for it: a configuration is written down. */
const inPostgres = Effect.fnUntraced(function* (
  options: ReplayBuffer.Options,
  { schema, url }: Extract<Place, { readonly _tag: "Postgres" }>
) {
  const password = yield* Effect.option(Variable.Redacted("PGPASSWORD"))
  const connection = {
    url: Redacted.make(url),
    ...(Option.isSome(password) ? { password: password.value } : {})
  }
  const { layerPostgres } = yield* loadPostgres
  return yield* built(layerPostgres({ ...options, schema, url: connection }))
})

/** Held-out tasks are refused; those of evaluation are other tasks altogether. */
const optionsOf = ({ config, offline, world }: Owner): ReplayBuffer.Options => {
  const evaluation = new Set(
    [...world.heldOut, ...offline.heldOut.map(({ task }) => task)].map(idOf)
  )
  const { dreams: synthetic, rejected } = config.replay
  const { knowledge } = world
  return {
    quotas: { synthetic, rejected },
    evaluation: (task) => evaluation.has(task.id),
    state: (task, history) => knowledge.describe(task, shown(history, config.experience)).text
  }
}

/** What the experience model is shown beside a question: in training, in measurements and in dreams by this one rule. */
export const demonstrations = ({ buffer, config }: Lived) => {
  const { demonstrations: k, history } = config.experience
  return k > 0 ? { demonstrations: { retrieval: buffer, k, history } } : {}
}

const idOf = ({ id }: Task.Task): string => id

const withoutSpans = (trajectory: Trajectory.Trajectory): Trajectory.Trajectory => ({
  ...trajectory,
  transitions: trajectory.transitions.map(({ action: { span: _, ...action }, ...transition }) => ({
    ...transition,
    action
  }))
})
