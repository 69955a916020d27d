/**
 * The replay buffer of a run: the offline real trajectories, and the newest dreams beside them.
 * What a policy sampled token by token stays with the learner; the buffer keeps what happened.
 */
import { isDeepStrictEqual } from "node:util"
import { ReplayBuffer as Buffer, type Task, type Trajectory } from "@dreamgym/domain"
import { ReplayBuffer } from "@dreamgym/replay"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
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

/** The database in a run's folder. */
export const fileOf = (directory: string): string => `${directory}/replay.sqlite`

/** A new run's memory, in memory or, where there is a `file`, in that database: it knows the offline trajectories. */
export const begin = Effect.fn("Buffers.begin")(function* (owner: Owner, file?: string) {
  const buffer = yield* open(owner, file)
  yield* buffer.add(owner.offline.train)
  return buffer
})

/**
 * The memory that an earlier process left in `file`, as it is. Fails as `Missing` where the file is not there, and leaves nothing in
 * its place.
 */
export const reopen = Effect.fn("Buffers.reopen")(function* (owner: Owner, file: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const isThere = yield* fileSystem.exists(file).pipe(Effect.mapError(atFile(file)))
  if (!isThere) {
    return yield* new RunError({
      reason: "Missing",
      file,
      message: `${file}: the run's buffer is gone, and its checkpoints say only where in it they stand; restore it from a copy, or start again with \`dreamgym train\``
    })
  }
  return yield* open(owner, file)
})

/**
 * Makes `buffer` what it was when the checkpoint was saved, and gives what the checkpoint says of it. Fails as `Damaged` where
 * that is not to be had in this database; one that is not the run's is left as it is.
 */
export const restore = Effect.fn("Buffers.restore")(function* (
  { buffer, offline }: Pick<Lived, "buffer" | "offline">,
  { path, state }: Whole,
  file: string
) {
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

/** Held-out tasks are refused; those of evaluation are other tasks altogether. */
const open = Effect.fnUntraced(function* ({ config, offline, world }: Owner, file?: string) {
  const evaluation = new Set(
    [...world.heldOut, ...offline.heldOut.map(({ task }) => task)].map(idOf)
  )
  const { dreams: synthetic, rejected } = config.replay
  const options: ReplayBuffer.Options = {
    quotas: { synthetic, rejected },
    evaluation: (task) => evaluation.has(task.id),
    state: (task, history) => world.knowledge.describe(task, history).text
  }
  const layer =
    file === undefined
      ? ReplayBuffer.layerMemory(options)
      : ReplayBuffer.layerSqlite({ ...options, file })
  const buffer = Context.get(yield* Layer.build(layer), Buffer.ReplayBuffer)
  return Buffer.ReplayBuffer.of({
    ...buffer,
    add: (trajectories) => buffer.add(trajectories.map(withoutSpans))
  })
})

/** What the experience model is shown beside a question: in training, in measurements and in dreams by this one rule. */
export const demonstrations = ({ buffer, config }: Lived) => {
  const k = config.experience.demonstrations
  return k > 0 ? { demonstrations: { retrieval: buffer, k } } : {}
}

const idOf = ({ id }: Task.Task): string => id

const withoutSpans = (trajectory: Trajectory.Trajectory): Trajectory.Trajectory => ({
  ...trajectory,
  transitions: trajectory.transitions.map(({ action: { span: _, ...action }, ...transition }) => ({
    ...transition,
    action
  }))
})
