/**
 * The packaged trainer behind the front door: each run with an engine of the size that its configuration says.
 * How it trains is the business of `@dreamgym/pipeline`.
 */
import { Session } from "@dreamgym/graph"
import { Weights } from "@dreamgym/language"
import {
  Collect,
  type Config,
  Phases,
  Prepared,
  RunDirectory,
  RunError,
  Trainer,
  TrainerContract,
  World
} from "@dreamgym/pipeline"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"

export const layer: Layer.Layer<TrainerContract.Trainer, never, FileSystem.FileSystem> =
  Layer.effect(
    TrainerContract.Trainer,
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const equipped = <A, E, R>(config: Config.Config, work: Effect.Effect<A, E, R>) =>
        work.pipe(
          Effect.provide(Session.layer(config.engine)),
          Effect.provideService(FileSystem.FileSystem, fileSystem)
        )
      return TrainerContract.Trainer.of({
        train: (config) => equipped(config, Trainer.train(config)),
        resume: (config) => equipped(config, Trainer.resume(config)),
        evaluate: (config, options) => equipped(config, evaluate(config, options)),
        collect: (config) => equipped(config, collect(config))
      })
    })
  )

const collect = Effect.fn("Training.collect")(function* (config: Config.Config) {
  const world = yield* World.make(config)
  const { heldOut, train } = yield* Phases.phase("collect", Collect.collect(world, config))
  return [...train, ...heldOut]
})

/** The last checkpoint's policy on the run's held-out tasks; more episodes are more of the same sequence of tasks. */
const evaluate = Effect.fn("Training.evaluate")(function* (
  config: Config.Config,
  options: { readonly policy: "dreamt" | "cloned"; readonly episodes: number }
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
