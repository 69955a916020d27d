/**
 * The packaged trainer behind the front door: its code is loaded when it is first asked for something.
 * How it trains is the business of `@dreamgym/pipeline`.
 */
import { Trainer } from "@dreamgym/pipeline/TrainerContract"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"

const work = Effect.promise(() => import("./TrainingWork.ts"))

export const layer: Layer.Layer<Trainer, never, FileSystem.FileSystem | Path.Path> = Layer.effect(
  Trainer,
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const withFiles = Effect.provideService(FileSystem.FileSystem, fileSystem)
    const withPaths = Effect.provideService(Path.Path, path)
    return Trainer.of({
      train: (config) => withFiles(Effect.flatMap(work, ({ train }) => train(config))),
      resume: (config) => withFiles(Effect.flatMap(work, ({ resume }) => resume(config))),
      branch: (config, source) =>
        withPaths(withFiles(Effect.flatMap(work, ({ branch }) => branch(config, source)))),
      evaluate: (config, options) =>
        withFiles(Effect.flatMap(work, ({ evaluate }) => evaluate(config, options))),
      collect: (config) => withFiles(Effect.flatMap(work, ({ collect }) => collect(config)))
    })
  })
)
