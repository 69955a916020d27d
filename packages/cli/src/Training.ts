/**
 * The packaged trainer behind the front door: its code is loaded when it is first asked for something.
 * How it trains is the business of `@dreamgym/pipeline`.
 */
import { Trainer } from "@dreamgym/pipeline/TrainerContract"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"

const work = Effect.promise(() => import("./TrainingWork.ts"))

export const layer: Layer.Layer<Trainer, never, FileSystem.FileSystem> = Layer.effect(
  Trainer,
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const withFiles = Effect.provideService(FileSystem.FileSystem, fileSystem)
    return Trainer.of({
      train: (config) => withFiles(Effect.flatMap(work, ({ train }) => train(config))),
      resume: (config) => withFiles(Effect.flatMap(work, ({ resume }) => resume(config))),
      evaluate: (config, options) =>
        withFiles(Effect.flatMap(work, ({ evaluate }) => evaluate(config, options))),
      collect: (config) => withFiles(Effect.flatMap(work, ({ collect }) => collect(config)))
    })
  })
)
