/**
 * The world that a run's experience model dreams, as it stood at the last checkpoint, with the run's buffer as its memory.
 * It is not real: what succeeds in it has still to be tried in the world it was learnt from.
 */
import * as Session from "@dreamgym/graph/Session"
import * as Buffers from "@dreamgym/pipeline/Buffers"
import * as Collect from "@dreamgym/pipeline/Collect"
import type { Config } from "@dreamgym/pipeline/Config"
import * as Dream from "@dreamgym/pipeline/Dream"
import * as Fit from "@dreamgym/pipeline/Fit"
import * as Prepared from "@dreamgym/pipeline/Prepared"
import * as RunDirectory from "@dreamgym/pipeline/RunDirectory"
import { RunError } from "@dreamgym/pipeline/RunError"
import * as World from "@dreamgym/pipeline/World"
import * as Effect from "effect/Effect"
import * as Wire from "./serve/Wire.ts"
import { ofTasks } from "./World.ts"

/** Reads the run and writes nothing; its tasks are those that it dreamt of from the beginning. */
export const open = Effect.fn("DreamWorld.open")(function* () {
  const directory = yield* RunDirectory.RunDirectory
  const { config, name } = directory
  const world = yield* World.make(config)
  const offline = yield* Collect.read(directory)
  const owner = { world, offline, config }
  const buffer = yield* Buffers.reopen(owner, Buffers.placeOf(directory))
  const { files } = yield* directory.loadCheckpoint
  const { experience } = yield* Prepared.read(files, world, config)
  if (experience === undefined) return yield* neverDreamt(directory)
  const fitted = yield* Fit.modelOf(experience, world, config)
  const { environment } = yield* Dream.synthetic({ ...owner, buffer, fitted })
  return ofTasks({
    environment,
    tasks: Dream.pool(offline),
    description: `What the experience model of the run ${name} dreams of ${world.environment.name}`,
    stepLimit: world.stepLimit,
    tools: [Wire.act]
  })
})

const neverDreamt = ({ path }: RunDirectory.RunDirectory["Service"]) =>
  new RunError({
    reason: "Missing",
    file: path,
    message: `${path}: this run learnt in the real world alone and keeps no experience model; open a run that dreams`
  })

/** The engine that it dreams with. */
export const layerEngine = ({ engine }: Config) => Session.layer(engine)
