/**
 * What one run prepared, for another arm of the same study: the same real experience, experience model and clones, made once.
 * It reads the other run and writes nothing there.
 */
import type { RunEvent } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Arm from "./Arm.ts"
import type { Whole } from "./Checkpoint.ts"
import * as Collect from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as Prepared from "./Prepared.ts"
import type { RunDirectory } from "./RunDirectory.ts"
import { RunError } from "./RunError.ts"
import * as RunLog from "./RunLog.ts"
import { surviving } from "./Surviving.ts"
import * as World from "./World.ts"

/**
 * `told`: the events of what is shared; `calibration`: those of the beginning of its dream; `events`: all that count. `checkpoint`: its
 * last one.
 */
export interface Shared {
  readonly world: World.World
  readonly offline: Collect.Offline
  readonly prepared: Prepared.Prepared
  readonly told: ReadonlyArray<RunEvent.RunEvent>
  readonly calibration: ReadonlyArray<RunEvent.RunEvent>
  readonly events: ReadonlyArray<RunEvent.RunEvent>
  readonly checkpoint: Whole
}

/** Fails as `ConfigChanged` where the other run would have prepared something else, or has changed it since. */
export const read = Effect.fn("Branch.read")(function* (
  config: Config,
  source: RunDirectory["Service"]
) {
  yield* alike(config, source)
  const world = yield* World.make(config)
  const offline = yield* Collect.read(source)
  const checkpoint = yield* source.loadCheckpoint
  const prepared = yield* Prepared.read(checkpoint.files, world, config)
  if (prepared.clonedPlus === undefined && needsClonedPlus(config)) {
    return yield* refused(source, "train.start or evaluate.clonedPlus", "it has no clone cloned+")
  }
  const events = surviving(yield* RunLog.read(source.path))
  const dream = events.findIndex(
    (event) => event._tag === "PhaseStarted" && event.phase === "dream"
  )
  const isDreamt = Arm.dreams(Arm.of(config), config)
  const shared: Shared = {
    world,
    offline,
    prepared,
    told: events
      .slice(0, dream)
      .filter((event) => event._tag !== "RunStarted" && (isDreamt || !isOfModel(event))),
    calibration: events.filter(({ _tag }) => isDreamt && _tag === "MeasuredCalibration"),
    events,
    checkpoint
  }
  return shared
})

const needsClonedPlus = ({ evaluate, train }: Config): boolean =>
  evaluate.clonedPlus || train.start === "cloned+"

/** An arm that does not dream owes nothing to the experience model. */
const isOfModel = (event: RunEvent.RunEvent): boolean =>
  event._tag === "FittedExperienceModel" ||
  event._tag === "MeasuredFidelity" ||
  ("phase" in event && event.phase === "fit")

/** The settings on which the preparation rests. */
const preparing = ({
  calibration,
  clone,
  collect,
  curriculum: { spread },
  environment,
  evaluate: { episodes },
  experience: { refreshEvery: _, refreshUpdates: __, ...experience },
  fidelity,
  health: { probes },
  seed
}: Config) => ({
  seed,
  environment,
  collect,
  experience,
  fidelity,
  calibration,
  clone,
  "curriculum.spread": spread,
  "evaluate.episodes": episodes,
  "health.probes": probes
})

const alike = Effect.fnUntraced(function* (config: Config, source: RunDirectory["Service"]) {
  const theirs = new Map<string, unknown>(Object.entries(preparing(source.config)))
  for (const [key, value] of Object.entries(preparing(config))) {
    if (JSON.stringify(theirs.get(key)) !== JSON.stringify(value)) {
      return yield* refused(source, key, "it was prepared with another value")
    }
  }
  if (source.config.experience.refreshEvery > 0) {
    return yield* refused(source, "experience.refreshEvery", "its experience model has gone on")
  }
  const isDreamt = Arm.dreams(Arm.of(source.config), source.config)
  if (!isDreamt && Arm.dreams(Arm.of(config), config)) {
    return yield* refused(source, "train.realShareStart", "it never dreamt and has no model")
  }
})

const refused = ({ path }: RunDirectory["Service"], key: string, why: string) =>
  new RunError({
    reason: "ConfigChanged",
    file: path,
    message: `${path}: this arm cannot begin from what that run prepared, because of ${key}: ${why}; give both the same settings, or prepare anew`
  })
