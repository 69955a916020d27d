/**
 * The baseline `dpo`: the first policy learns to prefer what succeeded offline to what it does itself where it fails (Rafailov et al.
 * 2023).
 * It is no part of a dream: it plays real episodes once, and learns from them offline.
 */
import { Ending, Seed } from "@dreamgym/domain"
import * as Trainable from "@dreamgym/language/Trainable"
import * as Dpo from "@dreamgym/learner/Dpo"
import * as Preferences from "@dreamgym/learner/Preferences"
import * as Effect from "effect/Effect"
import type * as Buffers from "./Buffers.ts"
import * as Clone from "./Clone.ts"
import * as Collect from "./Collect.ts"
import type { Config } from "./Config.ts"
import * as Evaluate from "./Evaluate.ts"
import { upAndDown } from "./LearningRate.ts"
import { type Prepared, startOf } from "./Prepared.ts"
import { RunLog } from "./RunLog.ts"

/**
 * The first policy plays every task of which a successful offline trajectory is known; both make a pair where it fails. These real
 * transitions are told (`dpo/transitions`). A policy that never fails has nothing to prefer, and stays as it is.
 */
export const preferred = Effect.fn("Prefer.preferred")(function* (
  prepared: Prepared,
  { config, offline, world }: Buffers.Lived
) {
  const log = yield* RunLog
  const { name, trainable: reference } = startOf(prepared, config)
  const good = offline.train.filter(({ ending }) => Ending.isSuccess(ending))
  const key = Seed.key(config.seed, "dpo")
  const player = yield* Evaluate.policyOf(name, reference, world, {
    temperature: 1,
    shards: config.engine.workers
  })
  const tasks = good.map(({ task }) => task)
  const played = yield* Evaluate.play(player, world, tasks, key)
  const pairs = Preferences.pairsOf([...good, ...played], { by: "task", mostPerGroup: 1, key })
  const preferences = Preferences.preferencesOf(pairs, Clone.imitation(world, prepared.tokenizer))
  yield* log.emit({
    _tag: "PhaseProgressed",
    phase: "evaluate",
    done: 0,
    total: config.dpo.updates,
    metrics: {
      "dpo/transitions": Collect.transitionsOf(played),
      "dpo/pairs": preferences.length
    }
  })
  const policy = Trainable.copy(reference)
  if (preferences.length > 0) {
    yield* Dpo.fit(policy, preferences, { ...optionsOf(config), reference, key })
  }
  return policy
}, Effect.scoped)

const optionsOf = ({ dpo: { batchSize, beta, lr, sftCoef, updates } }: Config) => ({
  beta,
  sftCoef,
  labelSmoothing: 0,
  lengthNormalization: false,
  updates,
  batchSize,
  schedule: upAndDown(lr, updates, 10),
  weightDecay: 0,
  maxGradNorm: 1,
  worker: 0
})
