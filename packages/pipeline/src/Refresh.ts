/**
 * Co-evolution: the experience model learns anew from all real experience while the run goes on, where the run lives any.
 * It never learns from dreams.
 */
import { type ReplayBuffer, Seed, type Trajectory } from "@dreamgym/domain"
import * as Fidelity from "@dreamgym/experience/Fidelity"
import type * as Tokenizer from "@dreamgym/language/Tokenizer"
import * as Sft from "@dreamgym/learner/Sft"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Config } from "./Config.ts"
import type { Dreaming, Learning } from "./Dream.ts"
import * as Fit from "./Fit.ts"
import { RunLog } from "./RunLog.ts"

/** Whether the model is due after so many iterations. */
export const isDue = (iteration: number, { experience, train }: Config): boolean =>
  experience.refreshEvery > 0 &&
  iteration % experience.refreshEvery === 0 &&
  iteration < train.iterations

/**
 * After `iteration` iterations, where it is due and something was lived since: the model is measured on that first, then trained
 * further, in place, on all real experience. A run without a model has none to train. The rates begin anew; nothing of an earlier training is kept but the parameters.
 */
export const refresh = Effect.fn("Refresh.refresh")(function* (
  learning: Learning,
  tokenizer: Tokenizer.Tokenizer,
  iteration: number
) {
  const { buffer, config, fitted, offline } = learning
  if (fitted === undefined || !isDue(iteration, config)) return
  const dreaming = { ...learning, fitted }
  const lived = yield* livedIn(buffer)
  const isFresh = (trajectory: Trajectory.Trajectory) =>
    (trajectory.iteration ?? -1) >= iteration - config.experience.refreshEvery
  const fresh = lived.filter(isFresh)
  if (fresh.length === 0) return
  const log = yield* RunLog
  const metrics = yield* probe(dreaming, fresh, Seed.key(config.seed, "probe", iteration))
  const known = { ...dreaming, offline: { ...offline, train: [...offline.train, ...lived] } }
  const stats = yield* Sft.fit(fitted.trainable, yield* Fit.examples(known, tokenizer), {
    ...Fit.optionsOf(config, config.experience.refreshUpdates),
    key: Seed.key(config.seed, "refresh", iteration)
  })
  yield* log.emit({
    _tag: "RefreshedExperienceModel",
    iteration,
    trajectories: fresh.length,
    updates: stats.updates,
    loss: stats.loss,
    metrics
  })
})

/** How true the model is on real experience that it has not learnt from, by names that begin with `probe/`. */
export const probe = Effect.fn("Refresh.probe")(function* (
  dreaming: Dreaming,
  fresh: ReadonlyArray<Trajectory.Trajectory>,
  key: Seed.Key
) {
  const report = yield* Fit.fidelityOf(dreaming.fitted, dreaming, fresh, key)
  return Object.fromEntries(
    Object.entries(Fidelity.metrics(report)).map(([name, value]) => [
      name.replace("fidelity/", "probe/"),
      value
    ])
  )
})

/** The real experience of the run itself, oldest first, without what was held back. */
const livedIn = (buffer: ReplayBuffer.ReplayBuffer["Service"]) =>
  buffer.trajectories({ source: "Real", isRejected: false }).pipe(
    Stream.filter(({ iteration }) => iteration !== undefined),
    Stream.runCollect
  )
