/**
 * Success in the REAL environment: the only thing that counts.
 * It plays and counts; whose tasks these are is the caller's business.
 */
import { Ending, Evaluation, type Policy, Seed, type Task, type Trajectory } from "@dreamgym/domain"
import * as DecoderModel from "@dreamgym/language/DecoderModel"
import type * as Trainable from "@dreamgym/language/Trainable"
import * as LanguagePolicy from "@dreamgym/rollout/LanguagePolicy"
import * as Effect from "effect/Effect"
import type { Config } from "./Config.ts"
import * as Play from "./Play.ts"
import type { World } from "./World.ts"

/** A trained decoder as a policy of this world. `worker` is the first thread of its shards. */
export const policyOf = Effect.fn("Evaluate.policyOf")(function* (
  name: string,
  trainable: Trainable.Trainable,
  world: World,
  options: { readonly temperature: number; readonly shards: number; readonly firstWorker?: number }
) {
  const model = yield* DecoderModel.make({
    name,
    network: trainable.network,
    parameters: trainable.parameters,
    featureNames: world.knowledge.features,
    version: Effect.sync(() => trainable.version),
    shards: options.shards,
    ...(options.firstWorker === undefined ? {} : { firstWorker: options.firstWorker })
  })
  return LanguagePolicy.make(model, {
    name,
    knowledge: () => world.knowledge,
    temperature: options.temperature,
    maxTokens: 12
  })
})

/** One episode per task, in lock-step waves; the same key gives the same episodes. */
export const play = (
  policy: Policy.Policy["Service"],
  world: World,
  tasks: ReadonlyArray<Task.Task>,
  key: Seed.Key
) => Play.play(policy, world, tasks, { waveSize, keyOf: (i) => Seed.key(key, "episode", i) })

const waveSize = 128

/** The episodes of an evaluation, each task's own whatever other tasks there are. */
export const played = Effect.fn("Evaluate.played")(function* (
  name: string,
  trainable: Trainable.Trainable,
  world: World,
  tasks: ReadonlyArray<Task.Task>,
  config: Config
) {
  const { temperature } = config.evaluate
  const policy = yield* policyOf(name, trainable, world, {
    temperature,
    shards: config.engine.workers
  })
  return yield* play(policy, world, tasks, Seed.key(config.seed, "evaluation"))
}, Effect.scoped)

/** Plays and counts. Faults are counted apart: they are neither success nor failure of the policy. */
export const evaluate = (
  name: string,
  trainable: Trainable.Trainable,
  world: World,
  tasks: ReadonlyArray<Task.Task>,
  config: Config
) =>
  Effect.map(played(name, trainable, world, tasks, config), (episodes) =>
    summarise(name, world, episodes)
  )

export const summarise = (
  policy: string,
  world: World,
  played: ReadonlyArray<Trajectory.Trajectory>
): Evaluation.Evaluation => {
  const scored = played.filter(({ ending }) => ending._tag !== "Failed")
  const successes = scored.filter(({ ending }) => Ending.isSuccess(ending)).length
  const byKind: Record<string, { episodes: number; successes: number }> = {}
  for (const { ending, task } of scored) {
    const kind = (byKind[world.kindOf(task)] ??= { episodes: 0, successes: 0 })
    kind.episodes++
    if (Ending.isSuccess(ending)) kind.successes++
  }
  const steps = scored.reduce((sum, { transitions }) => sum + transitions.length, 0)
  return {
    policy,
    environment: world.environment.name,
    episodes: scored.length,
    successes,
    faults: played.length - scored.length,
    rate: successes / Math.max(1, scored.length),
    ...Evaluation.wilson(successes, scored.length),
    meanSteps: steps / Math.max(1, scored.length),
    byKind
  }
}
