/**
 * The second phase: the experience model learns from offline real transitions, then is measured on held-out ones.
 * It is never trained on what it dreamt.
 */
import { type LanguageModel, type RunEvent, Seed, type Trajectory } from "@dreamgym/domain"
import { Fidelity, ReasoningModel, TrainingText } from "@dreamgym/experience"
import { DecoderModel, Rows, type Tokenizer, Trainable } from "@dreamgym/language"
import { Sft } from "@dreamgym/learner"
import * as Effect from "effect/Effect"
import * as Buffers from "./Buffers.ts"
import type { Config } from "./Config.ts"
import { upAndDown } from "./LearningRate.ts"
import { networkOf } from "./Networks.ts"
import { RunLog } from "./RunLog.ts"
import type { World } from "./World.ts"

/** The model with the parameters that are its own. */
export interface Fitted {
  readonly trainable: Trainable.Trainable
  readonly model: LanguageModel.Model
}

/** Training rows as tokens: segments are encoded one by one, so that each token has the weight of its segment. */
export const exampleOf = (
  tokenizer: Tokenizer.Tokenizer,
  features: ReadonlyArray<string>,
  row: TrainingText.TrainingRow
): Sft.Example => {
  const parts = row.segments.map(({ text, weight }) => ({ ids: tokenizer.encode(text), weight }))
  return {
    row: {
      promptIds: tokenizer.encode(row.prompt),
      targetIds: parts.flatMap(({ ids }) => ids),
      weights: parts.flatMap(({ ids, weight }) => ids.map(() => weight)),
      features: Rows.sparseFeatures(tokenizer, features, row.matches)
    }
  }
}

/** All rows of Eq. 5 for the offline trajectories: as lived, relabelled, and the task generator's. */
export const examples = Effect.fn("Fit.examples")(function* (
  lived: Buffers.Lived,
  tokenizer: Tokenizer.Tokenizer
) {
  const { config, offline, world } = lived
  const knowledge = () => world.knowledge
  const options = {
    knowledge,
    relabels: config.experience.relabels,
    key: Seed.key(config.seed, "relabel"),
    ...Buffers.demonstrations(lived)
  }
  const told = yield* TrainingText.rows(offline.train, options)
  const tasks = config.curriculum.generate ? yield* TrainingText.taskRows(offline.train) : []
  return [...told, ...tasks].map((row) => exampleOf(tokenizer, world.knowledge.features, row))
})

export const fit = Effect.fn("Fit.fit")(function* (
  lived: Buffers.Lived,
  tokenizer: Tokenizer.Tokenizer
) {
  const { config, world } = lived
  const { batchSize, lr, muonLr, updates } = config.experience
  const log = yield* RunLog
  const network = networkOf(config.experience, world.knowledge, tokenizer, false)
  const trainable = Trainable.make(network, Seed.key(config.seed, "experience model"))
  const rows = yield* examples(lived, tokenizer)
  const stats = yield* Sft.fit(trainable, rows, {
    updates,
    batchSize,
    schedule: upAndDown(lr, updates, 20),
    muonFactor: muonLr / lr,
    weightDecay: 0.05,
    maxGradNorm: 1,
    key: Seed.key(config.seed, "experience batches"),
    worker: 0,
    onUpdate: (update, loss) =>
      Effect.as(update % 20 === 0 ? log.emit(progress(update, updates, loss)) : Effect.void, true)
  })
  yield* log.emit({ _tag: "FittedExperienceModel", updates: stats.updates, loss: stats.loss })
  return yield* modelOf(trainable, world, config)
})

/** The experience model's language model over given parameters. */
export const modelOf = Effect.fn("Fit.modelOf")(function* (
  trainable: Trainable.Trainable,
  world: World,
  config: Config
) {
  const model = yield* DecoderModel.make({
    name: "experience model",
    network: trainable.network,
    parameters: trainable.parameters,
    featureNames: world.knowledge.features,
    version: Effect.sync(() => trainable.version),
    shards: config.engine.workers
  })
  return { trainable, model }
})

/** Held-out fidelity on real transitions, at temperature 0. */
export const measure = Effect.fn("Fit.measure")(function* (
  { model }: Fitted,
  lived: Buffers.Lived
) {
  const { config, offline, world } = lived
  const log = yield* RunLog
  const experienceModel = ReasoningModel.make(model, {
    knowledge: () => world.knowledge,
    temperature: 0,
    maxTokens: config.experience.maxTokens,
    demonstrations: config.experience.demonstrations
  })
  const report = yield* Fidelity.measure(
    experienceModel,
    atMost(offline.heldOut, config.fidelity.transitions),
    {
      knowledge: () => world.knowledge,
      key: Seed.key(config.seed, "fidelity"),
      ...Buffers.demonstrations(lived)
    }
  )
  yield* log.emit({ _tag: "MeasuredFidelity", metrics: Fidelity.metrics(report) })
  return report
})

/** Whole trajectories, until they hold that many transitions. */
const atMost = (trajectories: ReadonlyArray<Trajectory.Trajectory>, transitions: number) => {
  let sum = 0
  return trajectories.filter((trajectory) => {
    const isWanted = sum < transitions
    sum += trajectory.transitions.length
    return isWanted
  })
}

const progress = (done: number, total: number, loss: number): RunEvent.RunEvent => ({
  _tag: "PhaseProgressed",
  phase: "fit",
  done,
  total,
  metrics: { "experience/loss": loss }
})
