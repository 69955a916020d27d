/**
 * The second phase: the experience model learns from offline real transitions, then is measured on held-out ones.
 * It is never trained on what it dreamt.
 */
import { type LanguageModel, type RunEvent, Seed, type Trajectory } from "@dreamgym/domain"
import * as Fidelity from "@dreamgym/experience/Fidelity"
import * as ReasoningModel from "@dreamgym/experience/ReasoningModel"
import * as TrainingText from "@dreamgym/experience/TrainingText"
import * as DecoderModel from "@dreamgym/language/DecoderModel"
import * as Rows from "@dreamgym/language/Rows"
import type * as Tokenizer from "@dreamgym/language/Tokenizer"
import * as Trainable from "@dreamgym/language/Trainable"
import * as Sft from "@dreamgym/learner/Sft"
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

/**
 * All rows of Eq. 5 for the offline trajectories: as lived, relabelled, and the task generator's. The last ones are always learnt, so that
 * a run that generates no tasks dreams with the same model.
 */
export const examples = Effect.fn("Fit.examples")(function* (
  lived: Buffers.Lived,
  tokenizer: Tokenizer.Tokenizer
) {
  const { config, offline, world } = lived
  const knowledge = () => world.knowledge
  const { history, reasoning, relabels } = config.experience
  const options = {
    knowledge,
    relabels,
    history,
    reasoning,
    key: Seed.key(config.seed, "relabel"),
    ...Buffers.demonstrations(lived)
  }
  const told = yield* TrainingText.rows(offline.train, options)
  const tasks = yield* TrainingText.taskRows(offline.train)
  return [...told, ...tasks].map((row) => exampleOf(tokenizer, world.knowledge.features, row))
})

export const fit = Effect.fn("Fit.fit")(function* (
  lived: Buffers.Lived,
  tokenizer: Tokenizer.Tokenizer
) {
  const { config, world } = lived
  const { updates } = config.experience
  const log = yield* RunLog
  const trainable = begun(lived, tokenizer)
  const rows = yield* examples(lived, tokenizer)
  const stats = yield* Sft.fit(trainable, rows, {
    ...optionsOf(config, updates),
    key: Seed.key(config.seed, "experience batches"),
    onUpdate: (update, loss) =>
      Effect.as(update % 20 === 0 ? log.emit(progress(update, updates, loss)) : Effect.void, true)
  })
  yield* log.emit({ _tag: "FittedExperienceModel", updates: stats.updates, loss: stats.loss })
  return yield* modelOf(trainable, world, config)
})

const begun = ({ config, world }: Buffers.Lived, tokenizer: Tokenizer.Tokenizer) => {
  const network = networkOf(config.experience, world.knowledge, tokenizer, false)
  return Trainable.make(network, Seed.key(config.seed, "experience model"))
}

/** How the experience model is trained, in so many updates. */
export const optionsOf = ({ experience }: Config, updates: number) => {
  const { batchSize, lr, muonLr } = experience
  return {
    updates,
    batchSize,
    schedule: upAndDown(lr, updates, 20),
    muonFactor: muonLr / lr,
    weightDecay: 0.05,
    maxGradNorm: 1,
    worker: 0
  }
}

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
export const measure = Effect.fn("Fit.measure")(function* (fitted: Fitted, lived: Buffers.Lived) {
  const { config, offline } = lived
  const log = yield* RunLog
  const key = Seed.key(config.seed, "fidelity")
  const report = yield* fidelityOf(fitted, lived, offline.heldOut, key)
  yield* log.emit({ _tag: "MeasuredFidelity", metrics: Fidelity.metrics(report) })
  return report
})

/** The same on any real trajectories that it has not learnt from: the first, until they hold `fidelity.transitions`. */
export const fidelityOf = (
  { model }: Pick<Fitted, "model">,
  lived: Buffers.Lived,
  trajectories: ReadonlyArray<Trajectory.Trajectory>,
  key: Seed.Key
) => {
  const { config, world } = lived
  const knowledge = () => world.knowledge
  const { demonstrations, history, maxTokens, reasoning } = config.experience
  const options = { knowledge, temperature: 0, maxTokens, demonstrations, history, reasoning }
  return Fidelity.measure(
    ReasoningModel.make(model, options),
    atMost(trajectories, config.fidelity.transitions),
    { knowledge, key, reasoning, ...Buffers.demonstrations(lived) }
  )
}

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
