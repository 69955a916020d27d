/**
 * `dreamgym train` as its own process runs it, with a sampling profile of the main thread and with threads that note what they compute.
 * `node child.ts FOLDER train ...` leaves `main.json` and `worker-<n>.json` in FOLDER; `shares.ts` reads them.
 */
import { writeFileSync } from "node:fs"
import { Session as Inspector, type Profiler } from "node:inspector"
import * as path from "node:path"
import { Session } from "@dreamgym/graph"
import { Trainer, TrainerContract } from "@dreamgym/pipeline"
import type * as Config from "@dreamgym/pipeline/Config"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { main } from "../../src/Dreamgym.ts"

/** Microseconds between two samples: fine enough for a run of seconds, and under 2 % of a core. */
const interval = 1000

const [folder = ".", ...args] = process.argv.slice(2)
const entry = new URL("./thread.ts", import.meta.url)

const notMeasured = Effect.die(new Error("only `train` is measured"))

const equipped = Layer.succeed(TrainerContract.Trainer, {
  train: (config: Config.Config) =>
    Effect.provide(
      Trainer.train(config),
      Layer.merge(Session.layerFrom(config.engine, entry), NodeServices.layer)
    ),
  branch: () => notMeasured,
  resume: () => notMeasured,
  evaluate: () => notMeasured,
  collect: () => notMeasured
})

const inspector = new Inspector()
inspector.connect()
inspector.post("Profiler.enable")
inspector.post("Profiler.setSamplingInterval", { interval })
// The threads that start later learn from it where to write.
process.env["DREAMGYM_BENCH_FOLDER"] = folder
const began = performance.timeOrigin + performance.now()
inspector.post("Profiler.start")

const keep = (failure: Error | null, { profile }: Profiler.StopReturnType) => {
  if (failure !== null) throw failure
  writeFileSync(path.join(folder, "main.json"), JSON.stringify({ began, profile }))
}

process.exitCode = await Effect.runPromise(
  main(args, "bench").pipe(Effect.provide(Layer.provideMerge(equipped, NodeServices.layer)))
)
inspector.post("Profiler.stop", keep)
