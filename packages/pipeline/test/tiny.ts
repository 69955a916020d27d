/** A whole run small enough for a test: the real engine, all phases, a few seconds. What it learns is not worth mentioning. */
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { ReplayBuffer, type RunEvent } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import { ReplayBuffer as Replay } from "@dreamgym/replay"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { fileOf } from "../src/Buffers.ts"
import { loadLatest } from "../src/Checkpoint.ts"
import type { Config } from "../src/Config.ts"
import * as ConfigResolve from "../src/ConfigResolve.ts"
import * as RunDirectory from "../src/RunDirectory.ts"
import * as RunLog from "../src/RunLog.ts"
import { surviving } from "../src/Surviving.ts"
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

type Services = Effect.Services<ReturnType<typeof Trainer.train>>

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

const savedConfig = (folder: string): Config =>
  Schema.decodeUnknownSync(Schema.fromJsonString(RunDirectory.Saved))(
    fs.readFileSync(path.join(folder, "config.json"), "utf8")
  ).config

/** All events on disk, in order; a line that is just being written is none yet. */
export const eventsOf = (folder: string): ReadonlyArray<RunEvent.RunEvent> => {
  const file = path.join(folder, "events.jsonl")
  const lines = fs.existsSync(file) ? fs.readFileSync(file, "utf8").split("\n") : [""]
  return lines.slice(0, -1).map((line) => Schema.decodeUnknownSync(Line)(line).event)
}

const Line = Schema.fromJsonString(Schema.toCodecJson(RunLog.Recorded))

/**
 * What a run did, whenever and wherever: the surviving events without names, paths and times, and without what belongs to a
 * resumption itself (its own mark, the phase that begins once more, checkpoints).
 */
export const deedsOf = (folder: string): ReadonlyArray<RunEvent.RunEvent> => {
  const events = surviving(eventsOf(folder))
  const isOfResumption = (event: RunEvent.RunEvent, i: number) =>
    event._tag === "RunResumed" ||
    event._tag === "SavedCheckpoint" ||
    (event._tag === "PhaseStarted" && events[i - 1]?._tag === "RunResumed")
  return events.filter((event, i) => !isOfResumption(event, i)).map(withoutTimes)
}

const withoutTimes = (event: RunEvent.RunEvent): RunEvent.RunEvent => {
  if (event._tag === "RunStarted") return { ...event, run: "" }
  return event._tag === "PhaseFinished" || event._tag === "RunFinished"
    ? { ...event, seconds: 0 }
    : event
}

/**
 * What the last checkpoint holds, as text, so that a difference is short to print: every byte of its files, and its state without
 * times and without the numbers of snapshots.
 */
export const filesOf = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const { files, iteration, state } = await Effect.runPromise(
    Effect.provide(loadLatest(folder), NodeServices.layer)
  )
  const hashes = Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)] as const)
  const counters = { ...state.counters, seconds: 0 }
  const buffer = { ...state.buffer, snapshot: 0, held: [] }
  const timeless = JSON.stringify({ ...state, counters, buffer })
  return { ...Object.fromEntries(hashes), iteration: String(iteration), state: timeless }
}

/** All that the run's buffer holds, oldest first. */
export const bufferOf = (folder: string) =>
  Effect.runPromise(
    ReplayBuffer.ReplayBuffer.use((buffer) => Stream.runCollect(buffer.trajectories())).pipe(
      Effect.provide(Replay.layerSqlite({ file: fileOf(folder) })),
      Effect.provide(NodeServices.layer)
    )
  )

/** A copy of a run as it would be had its process been killed right after the checkpoint of `iteration`. */
export const copyAt = (folder: string, copy: string, iteration: number): string => {
  fs.cpSync(folder, copy, { recursive: true })
  const steps = path.join(copy, "checkpoints")
  for (const step of fs.readdirSync(steps)) {
    if (Number(step.replace("step-", "")) > iteration) fs.rmSync(path.join(steps, step), gone)
  }
  fs.rmSync(path.join(copy, "latest"), gone)
  const lines = fs.readFileSync(path.join(copy, "events.jsonl"), "utf8").split("\n")
  const last = eventsOf(folder).findIndex(
    (event) => event._tag === "SavedCheckpoint" && event.iteration === iteration
  )
  fs.writeFileSync(path.join(copy, "events.jsonl"), `${lines.slice(0, last + 1).join("\n")}\n`)
  return copy
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const gone = { recursive: true, force: true }
