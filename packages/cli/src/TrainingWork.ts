/**
 * The work of the packaged trainer, each with an engine of the size that its configuration says.
 * It is heavy to load: `Training` does so when it is asked to train.
 */
import * as Session from "@dreamgym/graph/Session"
import * as Weights from "@dreamgym/language/Weights"
import * as Collect from "@dreamgym/pipeline/Collect"
import type * as Config from "@dreamgym/pipeline/Config"
import * as Phases from "@dreamgym/pipeline/Phases"
import * as Prepared from "@dreamgym/pipeline/Prepared"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as RunError from "@dreamgym/pipeline/RunError"
import * as Trainer from "@dreamgym/pipeline/Trainer"
import * as World from "@dreamgym/pipeline/World"
import * as Effect from "effect/Effect"

const equipped = <A, E, R>(config: Config.Config, work: Effect.Effect<A, E, R>) =>
  Effect.provide(work, Session.layer(config.engine))

export const train = (config: Config.Config) => equipped(config, Trainer.train(config))

export const branch = (config: Config.Config, source: RunDirectory.RunDirectory["Service"]) =>
  equipped(config, Trainer.branch(config, source))

export const resume = (config: Config.Config) => equipped(config, Trainer.resume(config))

export const collect = (config: Config.Config) => equipped(config, collected(config))

export const evaluate = (config: Config.Config, options: Options) =>
  equipped(config, evaluated(config, options))

/** Which policy, in how many episodes. */
interface Options {
  readonly policy: "dreamt" | "cloned"
  readonly episodes: number
}

const collected = Effect.fn("Training.collect")(function* (config: Config.Config) {
  const world = yield* World.make(config)
  const { heldOut, train } = yield* Phases.phase("collect", Collect.collect(world, config))
  return [...train, ...heldOut]
})

/** The last checkpoint's policy on the run's held-out tasks; more episodes are more of the same sequence of tasks. */
const evaluated = Effect.fn("Training.evaluate")(function* (
  config: Config.Config,
  options: Options
) {
  const { path, loadCheckpoint } = yield* RunDirectory.RunDirectory
  const { files } = yield* loadCheckpoint
  const evaluation = { ...config.evaluate, episodes: options.episodes }
  const world = yield* World.make({ ...config, evaluate: evaluation })
  const { cloned, policy } = yield* Prepared.read(files, world, config)
  yield* Weights.decodeInto(policy.parameters, files[file] ?? new Uint8Array(), file).pipe(
    Effect.mapError(
      ({ message }) =>
        new RunError.RunError({
          reason: "Damaged",
          file: `${path}/${file}`,
          message: `${path}: the checkpoint's ${file} is no policy of this version: ${message}`
        })
    )
  )
  const trainable = options.policy === "cloned" ? cloned : policy
  return yield* Phases.phase(
    "evaluate",
    Phases.scored(options.policy, trainable, world, world.heldOut, config)
  )
}, Effect.scoped)

const file = "policy.safetensors"
