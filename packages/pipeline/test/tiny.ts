/** A whole run small enough for a test: the real engine, all phases, a few seconds. What it learns is not worth mentioning. */
import * as fs from "node:fs"
import * as path from "node:path"
import { Session } from "@dreamgym/graph"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Config } from "../src/Config.ts"
import * as ConfigResolve from "../src/ConfigResolve.ts"
import * as RunDirectory from "../src/RunDirectory.ts"
import * as RunLog from "../src/RunLog.ts"
import * as Trainer from "../src/Trainer.ts"

const settings = [
  "environment.rung=L0",
  "collect.trajectories=60",
  "collect.demonstrations=10",
  "collect.heldOutTrajectories=8",
  "experience.updates=260",
  "experience.batchSize=24",
  "experience.lr=0.005",
  "experience.dimension=32",
  "experience.layers=1",
  "fidelity.transitions=30",
  "fidelity.minNextStateExact=0",
  "fidelity.maxFalseSuccess=1",
  "calibration.tasks=6",
  "calibration.minLegitimate=0",
  "calibration.maxOptimism=1",
  "calibration.maxMalformed=1",
  "calibration.maxContradictions=1",
  "clone.maxUpdates=20",
  "clone.batchSize=16",
  "clone.dimension=16",
  "clone.layers=1",
  "clone.heads=2",
  "learner.miniBatchSize=32",
  "train.start=cloned",
  "train.iterations=4",
  "train.tasksPerIteration=4",
  "train.groupSize=3",
  "train.checkpointEvery=2",
  "train.minAcceptRate=0",
  "curriculum.lambda=0.5",
  "curriculum.perSeed=20",
  "filter.contradiction=false",
  "filter.missedReward=false",
  "filter.unearnedReward=false",
  "evaluate.episodes=8",
  "evaluate.clonedPlus=false",
  "evaluate.real=false",
  "engine.workers=1"
]

/** The configuration of a tiny run `name` in `home`; later settings win. */
export const configOf = (home: string, name: string, more: ReadonlyArray<string> = []): Config => {
  const byKey = new Map([...settings, ...more].map((setting) => [setting.split("=")[0], setting]))
  const place = [`run.directory="${home}"`, `run.name="${name}"`]
  return Result.getOrThrow(ConfigResolve.resolve({ settings: [...byKey.values(), ...place] }))
}

type Services = Effect.Services<ReturnType<typeof Trainer.branch>>

/** Work on a run as the front door does it, its log's failures typed. */
const inRun = <A, E>(
  work: Effect.Effect<A, E, Services>,
  config: Config,
  directory: ReturnType<typeof RunDirectory.layerNew>,
  files: Layer.Layer<FileSystem.FileSystem, never, FileSystem.FileSystem>
) =>
  work.pipe(
    RunLog.typed,
    Effect.provide(
      Layer.mergeAll(
        Layer.provideMerge(RunLog.layer, directory),
        Session.layer(config.engine)
      ).pipe(Layer.provideMerge(files), Layer.provideMerge(NodeServices.layer))
    )
  )

const sameFiles = Layer.effect(FileSystem.FileSystem, FileSystem.FileSystem)

export const train = (config: Config, files = sameFiles) =>
  inRun(Trainer.train(config), config, RunDirectory.layerNew(config), files)

/** `config` is the run's own unless told otherwise. */
export const resume = (folder: string, config?: Config, files = sameFiles) => {
  const own = config ?? savedConfig(folder)
  return inRun(Trainer.resume(own), own, RunDirectory.layerExisting(folder, folder), files)
}

/** Another arm, from what the run in `folder` prepared. */
export const branch = (config: Config, folder: string) =>
  inRun(
    Effect.flatMap(RunDirectory.reading(folder, folder), (source) =>
      Trainer.branch(config, source)
    ),
    config,
    RunDirectory.layerNew(config),
    sameFiles
  )

const savedConfig = (folder: string): Config =>
  Schema.decodeUnknownSync(Schema.fromJsonString(RunDirectory.Saved))(
    fs.readFileSync(path.join(folder, "config.json"), "utf8")
  ).config
