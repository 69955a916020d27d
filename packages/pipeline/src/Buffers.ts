/**
 * The replay buffer of a run: the offline real trajectories, and the newest dreams beside them.
 * What a policy sampled token by token stays with the learner; the buffer keeps what happened.
 */
import { ReplayBuffer as Buffer, type Task, type Trajectory } from "@dreamgym/domain"
import { ReplayBuffer } from "@dreamgym/replay"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Offline } from "./Collect.ts"
import type { Config } from "./Config.ts"
import type { World } from "./World.ts"

/** Dreams kept beside all real trajectories; the oldest go first. */
const keptDreams = 1024

/** What a run has lived, and the memory that it looks things up in. */
export interface Lived {
  readonly world: World
  readonly offline: Offline
  readonly buffer: Buffer.ReplayBuffer["Service"]
  readonly config: Config
}

/** The database in a run's folder. */
export const fileOf = (directory: string): string => `${directory}/replay.sqlite`

/**
 * Real trajectories and dreams in memory or, where there is a `file`, in that database, which then holds these and nothing else:
 * what was dreamt after the checkpoint that a run continues from is dreamt again. Held-out tasks are refused; those of
 * evaluation are other tasks altogether.
 */
export const make = Effect.fn("Buffers.make")(function* (
  offline: Offline,
  world: World,
  dreams: ReadonlyArray<Trajectory.Trajectory>,
  file?: string
) {
  const evaluation = new Set(
    [...world.heldOut, ...offline.heldOut.map(({ task }) => task)].map(idOf)
  )
  const options: ReplayBuffer.Options = {
    capacity: offline.train.length + keptDreams,
    evaluation: (task) => evaluation.has(task.id),
    state: (task, history) => world.knowledge.describe(task, history).text
  }
  const before = [...offline.train, ...dreams].map(withoutSpans)
  const layer =
    file === undefined
      ? ReplayBuffer.layerMemory(options)
      : ReplayBuffer.layerSqlite({ ...options, file, exactly: before })
  const buffer = Context.get(yield* Layer.build(layer), Buffer.ReplayBuffer)
  if (file === undefined) yield* buffer.add(before)
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
