/**
 * What the front door asks of the packaged trainer: five things that a person can ask for.
 * It is no trainer: `Trainer` is.
 */
import type { Evaluation, Trajectory } from "@dreamgym/domain"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Config } from "./Config.ts"
import type { Summary } from "./Report.ts"
import type { RunDirectory } from "./RunDirectory.ts"
import type { RunLog } from "./RunLog.ts"

/** Any typed error of a run: its message names file, field or provider, and the remedy. */
export interface TrainingError {
  readonly _tag: string
  readonly message: string
}

/**
 * All of them report through the run log. `train` and `resume`, interrupted, finish or drop the update at hand, save a checkpoint
 * and emit `RunStopped` before they let go. `resume` goes on from the last whole checkpoint of the run directory, to the same
 * events that an uninterrupted run would have had. `branch` is `train` from what the run `source` prepared, or from
 * the end of its dreams, and gives the same. `evaluate` plays held-out real tasks with the last checkpoint's policy.
 * `collect` plays real episodes only, and keeps nothing.
 */
export class Trainer extends Context.Service<
  Trainer,
  {
    readonly train: (config: Config) => Effect.Effect<Summary, TrainingError, RunLog | RunDirectory>
    readonly resume: (
      config: Config
    ) => Effect.Effect<Summary, TrainingError, RunLog | RunDirectory>
    readonly branch: (
      config: Config,
      source: RunDirectory["Service"]
    ) => Effect.Effect<Summary, TrainingError, RunLog | RunDirectory>
    readonly evaluate: (
      config: Config,
      options: { readonly policy: "dreamt" | "cloned"; readonly episodes: number }
    ) => Effect.Effect<Evaluation.Evaluation, TrainingError, RunLog | RunDirectory>
    readonly collect: (
      config: Config
    ) => Effect.Effect<ReadonlyArray<Trajectory.Trajectory>, TrainingError, RunLog>
  }
>()("@dreamgym/pipeline/Trainer") {}
