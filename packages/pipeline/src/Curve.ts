/**
 * Success over training: at a fixed pace the policy in training plays held-out real tasks, as the final evaluation does.
 * Nothing is learnt from these episodes and nothing drawn for them is drawn for the training, which is the same without them.
 */
import type * as Trainable from "@dreamgym/language/Trainable"
import * as Effect from "effect/Effect"
import * as Collect from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as Evaluate from "./Evaluate.ts"
import { apart } from "./Report.ts"
import { RunDirectory } from "./RunDirectory.ts"
import { RunLog } from "./RunLog.ts"
import type { World } from "./World.ts"

/** The policy in training: its name in tables, and the phase in which it learns, for `iterations`. */
export interface Trained {
  readonly name: string
  readonly phase: "dream" | "evaluate"
  readonly trainable: Trainable.Trainable
  readonly iterations: number
}

/** Whether a point is due after so many iterations: from the start on, but not at the end, which the final evaluation is. */
export const isDue = (
  iteration: number,
  iterations: number,
  { train: { evaluateEvery } }: Pick<Config, "train">
): boolean => evaluateEvery > 0 && iteration % evaluateEvery === 0 && iteration < iterations

/** How many points a curve over so many iterations has, the final evaluation aside. */
export const points = (
  iterations: number,
  { train: { evaluateEvery } }: Pick<Config, "train">
): number => (evaluateEvery === 0 ? 0 : Math.ceil(iterations / evaluateEvery))

/** The point after `iteration` iterations, where it is due: the first `evaluate.curveEpisodes` episodes of the final evaluation. */
export const measure = Effect.fn("Curve.measure")(function* (
  { iterations, name, phase, trainable }: Trained,
  world: World,
  config: Config,
  iteration: number
) {
  if (!isDue(iteration, iterations, config)) return
  const log = yield* RunLog
  const directory = yield* RunDirectory
  const tasks = world.heldOut.slice(0, config.evaluate.curveEpisodes)
  const played = yield* Evaluate.played(name, trainable, world, tasks, config)
  const evaluation = Evaluate.summarise(name, world, played)
  yield* directory.saveEvaluation(evaluation, iteration)
  yield* log.emit({ _tag: "EvaluatedPolicy", evaluation, iteration })
  const metrics = { [apart.curve]: Collect.transitionsOf(played) }
  yield* log.emit({ _tag: "PhaseProgressed", phase, done: iteration, total: iterations, metrics })
})
