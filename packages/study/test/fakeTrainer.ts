/**
 * A trainer that learns nothing, as a process of its own: `train` and `resume` with the arguments of the real command, real run
 * folders and logs, invented numbers. First come its own arguments: the pause between events in milliseconds, and the arm that fails.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Arm from "@dreamgym/pipeline/Arm"
import * as CheckpointManifest from "@dreamgym/pipeline/CheckpointManifest"
import * as ConfigResolve from "@dreamgym/pipeline/ConfigResolve"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import * as RunError from "@dreamgym/pipeline/RunError"
import * as RunLog from "@dreamgym/pipeline/RunLog"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { eventsOf } from "./invented.ts"

/** Nobody may listen any more. */
process.stderr.on("error", () => {})

const [pause = "0", failing = "", command, ...args] = process.argv.slice(2)

const after = (flag: string) => args.flatMap((arg, i) => (arg === flag ? (args[i + 1] ?? []) : []))

const told = Effect.gen(function* () {
  const log = yield* RunLog.RunLog
  const { config, name, saveCheckpoint } = yield* RunDirectory.RunDirectory
  if (command === "resume") yield* log.emit({ _tag: "RunResumed", run: name, iteration: 0 })
  const story = eventsOf(name, config, Arm.of(config).iterations)
  const saved = story.findIndex(({ _tag }) => _tag === "CollectedRealExperience") + 1
  for (const event of story.slice(command === "resume" ? saved : 0)) {
    yield* Effect.sleep(Number(pause))
    yield* Console.error(event._tag)
    if (event._tag === "PhaseStarted" && event.phase === "evaluate" && name === failing) {
      const reason = "no luck today"
      yield* log.emit({ _tag: "RunStopped", reason })
      return yield* new RunError.RunError({ reason: "Unusable", file: name, message: reason })
    }
    yield* log.emit(event)
    if (event._tag === "CollectedRealExperience") {
      yield* saveCheckpoint(0, { policy: new Uint8Array([1]) }, CheckpointManifest.atRest)
      yield* log.emit({ _tag: "SavedCheckpoint", iteration: 0, path: "" })
    }
  }
}).pipe(
  Effect.onInterrupt(() =>
    RunLog.RunLog.use((log) => log.emit({ _tag: "RunStopped", reason: "interrupted" }))
  )
)

const directory = Effect.gen(function* () {
  if (command === "resume") return RunDirectory.layerExisting(args[0] ?? "", "")
  const settings = [...after("--set"), ...after("--name").map((name) => `run.name=${name}`)]
  return RunDirectory.layerNew(yield* Effect.fromResult(ConfigResolve.resolve({ settings })))
})

const run = Layer.provideMerge(RunLog.layer, Layer.unwrap(directory))

NodeRuntime.runMain(Effect.provide(told, Layer.provideMerge(run, NodeServices.layer)))
