/** A trainer that invents a run in no time, for tests of the front door: it learns nothing. */
import { Evaluation, type RunEvent } from "@dreamgym/domain"
import {
  CheckpointManifest,
  type Config,
  Report,
  RunDirectory,
  RunError,
  RunLog,
  Runs,
  TrainerContract
} from "@dreamgym/pipeline"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const evaluation = (
  policy: string,
  successes: number,
  episodes = 256
): Evaluation.Evaluation => ({
  policy,
  environment: "household",
  episodes,
  successes,
  faults: 0,
  rate: successes / episodes,
  ...Evaluation.wilson(successes, episodes),
  meanSteps: 9.5,
  byKind: {}
})

type Events = ReadonlyArray<RunEvent.RunEvent>

const phase = (name: RunEvent.Phase, seconds: number, inside: Events): Events => [
  { _tag: "PhaseStarted", phase: name },
  ...inside,
  { _tag: "PhaseFinished", phase: name, seconds }
]

const counted = (name: RunEvent.Phase, total: number, steps: number, metric: string): Events =>
  Array.from({ length: steps }, (_, i) => ({
    _tag: "PhaseProgressed",
    phase: name,
    done: ((i + 1) * total) / steps,
    total,
    metrics: { [metric]: 1 / (i + 2) }
  }))

const saved = (iteration: number): RunEvent.RunEvent => ({
  _tag: "SavedCheckpoint",
  iteration,
  path: ""
})

/** What the invented run says; it saves a checkpoint wherever it says so. */
const story: Events = [
  ...phase("collect", 3, [
    ...counted("collect", 1000, 4, "collect/expert"),
    {
      _tag: "CollectedRealExperience",
      trajectories: 1000,
      transitions: 12_345,
      demonstrations: 40,
      successes: 180
    }
  ]),
  ...phase("fit", 100, [
    ...counted("fit", 1200, 12, "experience/loss"),
    { _tag: "FittedExperienceModel", updates: 1200, loss: 0.23 },
    {
      _tag: "MeasuredFidelity",
      metrics: { "fidelity/nextStateExactKnown": 0.981, "fidelity/falseSuccessRate": 0.001 }
    }
  ]),
  saved(0),
  ...phase("dream", 240, [
    ...counted("dream", 12, 12, "dream/success_rate"),
    {
      _tag: "DreamtGroups",
      iteration: 12,
      trajectories: 128,
      transitions: 1200,
      accepted: 120,
      rejected: { Contradiction: 8 },
      tokens: 40_000
    }
  ]),
  saved(12),
  ...phase("evaluate", 20, [
    { _tag: "EvaluatedPolicy", evaluation: evaluation("cloned", 69), iteration: 12 },
    { _tag: "EvaluatedPolicy", evaluation: evaluation("dreamt", 140), iteration: 12 }
  ])
]

/** `pause` is the time between two events, in milliseconds; `failing` makes it fail at its first checkpoint. */
export interface Options {
  readonly pause: number
  readonly failing?: boolean
}

export const layer = ({ failing = false, pause }: Options) => {
  const train = Effect.fnUntraced(function* (config: Config.Config) {
    const log = yield* RunLog.RunLog
    const directory = yield* RunDirectory.RunDirectory
    yield* log.emit({ _tag: "RunStarted", run: directory.name, seed: config.seed })
    for (const event of story) {
      yield* Effect.sleep(pause)
      if (event._tag === "SavedCheckpoint") {
        if (failing) return yield* full(directory.path)
        const files = { policy: new Uint8Array([1]) }
        yield* directory.saveCheckpoint(event.iteration, files, CheckpointManifest.atRest)
      }
      yield* log.emit(event)
    }
    yield* log.emit({ _tag: "RunFinished", seconds: 363 })
    return Report.summary(directory.name, yield* log.events)
  })
  return Layer.succeed(TrainerContract.Trainer, {
    train,
    branch: train,
    resume: Effect.fnUntraced(function* () {
      const log = yield* RunLog.RunLog
      const { loadCheckpoint, name, path } = yield* RunDirectory.RunDirectory
      if (Runs.isFinished(yield* log.events)) return yield* Runs.finished({ name, path })
      const { iteration } = yield* loadCheckpoint
      yield* log.emit({ _tag: "RunResumed", run: name, iteration })
      yield* log.emit({ _tag: "RunFinished", seconds: 1 })
      return Report.summary(name, yield* log.events)
    }),
    evaluate: Effect.fnUntraced(function* (_config, { episodes, policy }) {
      const log = yield* RunLog.RunLog
      const found = evaluation(policy, Math.floor(episodes / 2), episodes)
      yield* log.emit({ _tag: "EvaluatedPolicy", evaluation: found, iteration: 12 })
      return found
    }),
    collect: () => Effect.succeed([])
  })
}

const full = (file: string) =>
  new RunError.RunError({ reason: "DiskFull", file, message: `${file}: the disk is full` })
