/**
 * A policy on real (or dreamt) tasks, wave after wave: one episode per task.
 * It judges nothing: `Collect` keeps what was played, `Evaluate` counts it.
 */
import { Environment, Policy, type Seed, type Task, type Trajectory } from "@dreamgym/domain"
import * as Rollout from "@dreamgym/rollout/Rollout"
import * as Effect from "effect/Effect"
import type { World } from "./World.ts"

/** `keyOf(i)` is the random key of the episode of `tasks[i]`. `told` hears after each wave of `waveSize` how many are played. */
export interface Options<E, R> {
  readonly waveSize: number
  readonly keyOf: (place: number) => Seed.Key
  readonly told?: (played: number) => Effect.Effect<void, E, R>
}

/** Trajectories in the order of the tasks; a faulty one is kept with its ending. The same keys give the same episodes. */
export const play = Effect.fn("Play.play")(
  function* <E = never, R = never>(
    policy: Policy.Policy["Service"],
    world: World,
    tasks: ReadonlyArray<Task.Task>,
    { keyOf, told, waveSize }: Options<E, R>
  ) {
    const played: Array<Trajectory.Trajectory> = []
    for (let from = 0; from < tasks.length; from += waveSize) {
      const wave = tasks.slice(from, from + waveSize)
      const keys = wave.map((_, i) => keyOf(from + i))
      played.push(...(yield* Rollout.wave({ tasks: wave, keys, stepLimit: world.stepLimit })))
      if (told !== undefined) yield* told(played.length)
    }
    return played
  },
  (effect, policy, world) =>
    effect.pipe(
      Effect.provideService(Policy.Policy, policy),
      Effect.provideService(
        Environment.Environments,
        Environment.makeEnvironments([world.environment])
      )
    )
)
