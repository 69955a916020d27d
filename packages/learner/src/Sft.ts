/**
 * Supervised fine-tuning of a decoder on rows: cross-entropy over weighted tokens.
 * What the rows say is their maker's business; admissible masks are applied where rows carry choices.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Op, Optimizer, type Schedule, Session, TrainStep, type Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Batches from "./Batches.ts"
import { learnerError, type EngineFailure } from "./Errors.ts"
import * as Loss from "./Loss.ts"

/** A row as a training example. */
export interface Example {
  readonly row: Rows.Row
}

/**
 * `updates` of `batchSize` rows; the learning rate follows `schedule`. `muonLr` present: Muon for the matrices of the blocks,
 * AdamW for the rest. `worker`: the thread of the pool.
 */
export interface SftOptions {
  readonly updates: number
  readonly batchSize: number
  readonly schedule: Schedule.Schedule
  readonly muonFactor?: number
  readonly weightDecay: number
  readonly maxGradNorm: number
  readonly key: Seed.Key
  readonly worker?: number
  readonly onUpdate?: (update: number, loss: number) => Effect.Effect<boolean, Learner.LearnerError>
}

export interface SftStats {
  readonly updates: number
  readonly rows: number
  readonly tokens: number
  /** Mean loss of the last 50 updates. */
  readonly loss: number
}

/** `muonFactor` is Muon's learning rate over AdamW's (Jordan et al. 2024 for matrices, AdamW for embeddings, gains and heads). */
export const optimizerOf = (options: {
  readonly muonFactor?: number
  readonly weightDecay: number
}): Optimizer.Optimizer => {
  const { muonFactor, weightDecay } = options
  const adam = Optimizer.adamW({ beta2: 0.95, weightDecay })
  if (muonFactor === undefined) return adam
  const muon = Optimizer.chain(Optimizer.muon({ momentum: 0.95, weightDecay }), scaleBy(muonFactor))
  return Optimizer.partition((name) => (Decoder.isMatrix(name) ? "muon" : "adam"), { muon, adam })
}

/** Trains in place; `onUpdate` answers false to stop early. On failure the parameters are those of the last good update. */
export const fit: (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: SftOptions
) => Effect.Effect<SftStats, Learner.LearnerError, Session.SessionPool | Scope.Scope> = Effect.fn(
  "Sft.fit"
)(function* (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: SftOptions
): Effect.fn.Return<SftStats, EngineFailure, Session.SessionPool | Scope.Scope> {
  yield* checked(trainable, examples)
  const optimizer = optimizerOf(options)
  const state = TrainStep.begin(trainable.parameters, optimizer)
  const steps = new Map<string, TrainStep.Step<never>>()
  const losses: Array<number> = []
  const seen = { rows: 0, tokens: 0 }
  for (let epoch = 0, update = 0; update < options.updates; epoch++) {
    const batches = Batches.epoch(
      examples,
      options.batchSize,
      Seed.key(options.key, "epoch", epoch)
    )
    for (const batch of batches) {
      if (update >= options.updates) break
      const shape = shapeOf(batch)
      const step = yield* stepFor(trainable, state, optimizer, steps, shape, options)
      const rows = batch.rows.map(({ row }) => row)
      const report = yield* step(feedsOf(trainable, rows, shape), options.schedule(update))
      losses.push(report.loss)
      seen.rows += rows.length
      seen.tokens += tokensOf(rows)
      update++
      trainable.version++
      if (options.onUpdate !== undefined && !(yield* options.onUpdate(update, report.loss))) {
        return statsOf(losses, seen)
      }
    }
  }
  return statsOf(losses, seen)
}, Effect.mapError(learnerError))

/** Mean loss per token on rows that are not trained on. */
export const evaluate: (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: {
    readonly batchSize: number
    readonly worker?: number
    readonly sessions: Map<string, Session.Session>
  }
) => Effect.Effect<number, Learner.LearnerError, Session.SessionPool | Scope.Scope> = Effect.fn(
  "Sft.evaluate"
)(function* (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: {
    readonly batchSize: number
    readonly worker?: number
    readonly sessions: Map<string, Session.Session>
  }
): Effect.fn.Return<number, EngineFailure, Session.SessionPool | Scope.Scope> {
  yield* checked(trainable, examples)
  const pool = yield* Session.SessionPool
  const weights = DecoderModel.weightsOf(trainable.parameters)
  let total = 0
  let weight = 0
  for (const batch of Batches.inOrder(examples, options.batchSize)) {
    const shape = shapeOf(batch)
    const key = nameOf(shape)
    const session =
      options.sessions.get(key) ??
      (yield* pool.compile(
        { loss: Op.reshape(lossOf(trainable, weights, shape), [1]) },
        { bind: withoutCritic(trainable.parameters.arrays), ...workerOf(options.worker) }
      ))
    options.sessions.set(key, session)
    const rows = batch.rows.map(({ row }) => row)
    const { loss } = yield* session.run(feedsOf(trainable, rows, shape))
    const tokens = rows.reduce((sum, row) => sum + row.weights.reduce((a, b) => a + b, 0), 0)
    total += (loss?.[0] ?? Number.NaN) * tokens
    weight += tokens
  }
  return total / weight
}, Effect.mapError(learnerError))

/** Rows that contradict themselves would not fail: they would teach nonsense. */
const checked = (
  { network }: Trainable.Trainable,
  examples: ReadonlyArray<Example>
): Effect.Effect<void, Learner.LearnerError> => {
  const refused = (reason: "NoTokens" | "BadState", message: string) =>
    Effect.fail(new Learner.LearnerError({ reason, message }))
  if (examples.length === 0) return refused("NoTokens", "there is no row to learn from")
  for (const [place, { row }] of examples.entries()) {
    const problem = problemOf(row, network.tokenizer.vocabulary.length)
    if (problem !== undefined) return refused("BadState", `row ${place} ${problem}`)
  }
  return Effect.void
}

const problemOf = (row: Rows.Row, size: number): string | undefined => {
  const { choices, promptIds, targetIds, weights } = row
  const isKnown = (id: number) => Number.isInteger(id) && id >= 0 && id < size
  if (promptIds.length === 0 || targetIds.length === 0) return "has no prompt or no target"
  if (![...promptIds, ...targetIds].every(isKnown)) return `has a token outside 0..${size - 1}`
  if (weights.length !== targetIds.length) {
    return `has ${weights.length} weights for ${targetIds.length} target tokens`
  }
  const isOpen = (id: number, k: number) => choices?.[k]?.includes(id) ?? true
  const barred = targetIds.findIndex((id, k) => weights[k] !== 0 && !isOpen(id, k))
  return barred < 0 ? undefined : `has target ${targetIds[barred]}, which is none of its choices`
}

/** The critic has no part in this loss. */
const withoutCritic = (arrays: Readonly<Record<string, Float32Array>>) =>
  Object.fromEntries(Object.entries(arrays).filter(([name]) => !name.startsWith("critic.")))

const workerOf = (worker: number | undefined) => (worker === undefined ? {} : { worker })

const scaleBy = (factor: number): Optimizer.Optimizer => ({
  init: () => ({}),
  update: ({ updates }) => ({
    updates: Object.fromEntries(
      Object.entries(updates).map(([name, update]) => [
        name,
        Op.multiply(update, Op.constant(factor))
      ])
    ),
    state: {}
  })
})

const lossOf = (
  { network }: Trainable.Trainable,
  weights: Readonly<Record<string, Value.Value>>,
  { masked, sizes }: Shape
) => {
  const { batch, read } = sizes
  const { logitsBKV } = Decoder.forward(network, weights, sizes)
  const mask = () => Op.input("mask", [batch, read, network.tokenizer.vocabulary.length])
  return Loss.crossEntropy(
    masked ? Op.add(logitsBKV, mask()) : logitsBKV,
    Op.input("target", [batch, read], "int64"),
    Op.input("weight", [batch, read])
  )
}

const feedsOf = (
  { network }: Trainable.Trainable,
  rows: ReadonlyArray<Rows.Row>,
  { masked, sizes }: Shape
): Rows.Feeds => ({
  ...Rows.collate(network, rows, sizes),
  ...(masked ? { mask: Rows.choiceMask(network, rows, sizes) } : {})
})

/** What one compiled graph is for. */
interface Shape {
  readonly sizes: Decoder.Sizes
  readonly masked: boolean
}

const shapeOf = ({ rows, sizes }: Batches.Batch<Example>): Shape => ({
  sizes,
  masked: rows.some(({ row }) => row.choices !== undefined)
})

const nameOf = ({ masked, sizes }: Shape): string =>
  `${sizes.batch} ${sizes.prompt} ${sizes.read} ${masked}`

const stepFor = Effect.fnUntraced(function* (
  trainable: Trainable.Trainable,
  state: TrainStep.TrainState,
  optimizer: Optimizer.Optimizer,
  steps: Map<string, TrainStep.Step<never>>,
  shape: Shape,
  options: SftOptions
) {
  const key = nameOf(shape)
  const found = steps.get(key)
  if (found !== undefined) return found
  const parameters = DecoderModel.weightsOf(trainable.parameters)
  const { maxGradNorm } = options
  const made = yield* TrainStep.make(
    { loss: lossOf(trainable, parameters, shape), outputs: {}, parameters, optimizer, maxGradNorm },
    state,
    workerOf(options.worker)
  )
  steps.set(key, made)
  return made
})

const tokensOf = (rows: ReadonlyArray<Rows.Row>): number =>
  rows.reduce((sum, row) => sum + row.promptIds.length + row.targetIds.length, 0)

const statsOf = (
  losses: ReadonlyArray<number>,
  seen: { readonly rows: number; readonly tokens: number }
): SftStats => {
  const last = losses.slice(-50)
  return {
    updates: losses.length,
    ...seen,
    loss: last.reduce((sum, loss) => sum + loss, 0) / Math.max(1, last.length)
  }
}
