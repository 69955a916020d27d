/**
 * The first phase: real experience, collected once. Demonstrations of an expert, and exploration by noisy and random players.
 * Everything that it plays counts as real transitions. Later only calibration adds to them, and the baseline `real` beside them.
 */
import {
  Ending,
  type Policy,
  type RunEvent,
  Seed,
  type Task,
  type Trajectory
} from "@dreamgym/domain"
import * as TrainingText from "@dreamgym/experience/TrainingText"
import * as Effect from "effect/Effect"
import type { Config } from "./Config.ts"
import * as Play from "./Play.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"
import type { World } from "./World.ts"

/**
 * `demonstrations` are the expert's; `train` and `heldOut` split all trajectories by task and house, never by transition:
 * `heldOut` only measures the experience model.
 */
export interface Offline {
  readonly demonstrations: ReadonlyArray<Trajectory.Trajectory>
  readonly train: ReadonlyArray<Trajectory.Trajectory>
  readonly heldOut: ReadonlyArray<Trajectory.Trajectory>
}

export const collect = Effect.fn("Collect.collect")(function* (world: World, config: Config) {
  const { demonstrations, heldOutTrajectories, noisyFraction, trajectories } = config.collect
  const log = yield* RunLog
  const tasks = world.collection.slice(0, trajectories)
  const noisy = demonstrations + Math.round((tasks.length - demonstrations) * noisyFraction)
  const { expert, noisy: mixed, random } = world.demonstrators
  const parts = [
    yield* play(world, config, expert, tasks.slice(0, demonstrations), "expert"),
    yield* play(world, config, mixed, tasks.slice(demonstrations, noisy), "noisy"),
    yield* play(world, config, random, tasks.slice(noisy), "random")
  ]
  const [shown = []] = parts
  const all = parts.flat()
  const explored = all.slice(shown.length)
  const { heldOut, train } = TrainingText.split(explored, {
    heldOutShare: heldOutTrajectories / Math.max(1, explored.length),
    key: Seed.key(config.seed, "split")
  })
  yield* log.emit({
    _tag: "CollectedRealExperience",
    trajectories: all.length,
    transitions: transitionsOf(all),
    demonstrations: shown.length,
    successes: all.filter(({ ending }) => Ending.isSuccess(ending)).length
  })
  return { demonstrations: shown, train: [...shown, ...train], heldOut }
})

const parts = ["demonstrations", "train", "heldOut"] as const

/** Writes the offline trajectories into the run's directory. */
export const keep = Effect.fn("Collect.keep")(function* (offline: Offline) {
  const directory = yield* RunDirectory
  yield* Effect.forEach(
    parts,
    (part) => directory.saveTrajectories(`offline-${part}`, offline[part]),
    {
      discard: true
    }
  )
})

/** Reads them back. */
export const read = Effect.fn("Collect.read")(function* (directory: RunDirectory["Service"]) {
  const [demonstrations = [], train = [], heldOut = []] = yield* Effect.forEach(parts, (part) =>
    directory.loadTrajectories(`offline-${part}`)
  )
  const offline: Offline = { demonstrations, train, heldOut }
  return offline
})

export const transitionsOf = (trajectories: ReadonlyArray<Trajectory.Trajectory>): number =>
  trajectories.reduce((sum, trajectory) => sum + trajectory.transitions.length, 0)

/** Real episodes of a scripted player; a faulty one is kept with its ending and counted, never counted as a failure of the player. */
const play = (
  world: World,
  config: Config,
  player: Policy.Policy["Service"],
  tasks: ReadonlyArray<Task.Task>,
  purpose: string
) =>
  Play.play(player, world, tasks, {
    waveSize: 64,
    keyOf: (i) => Seed.key(config.seed, purpose, i),
    told: (played) => RunLog.use((log) => log.emit(progress(purpose, played, tasks.length)))
  })

const progress = (player: string, done: number, total: number): RunEvent.RunEvent => ({
  _tag: "PhaseProgressed",
  phase: "collect",
  done,
  total,
  metrics: { [`collect/${player}`]: done }
})
