/**
 * Supervised fine-tuning of a decoder on rows: cross-entropy over weighted tokens.
 * What the rows say is their maker's business; admissible masks are applied where rows carry
 * choices.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Op, Optimizer, type Schedule, Session, TrainStep, type Value } from "@dreamgym/graph"
import { Decoder, DecoderModel, Rows, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Anchor from "./Anchor.ts"
import * as Batches from "./Batches.ts"
import { learnerError, type EngineFailure } from "./Errors.ts"
import * as Loss from "./Loss.ts"
import * as ParallelStep from "./ParallelStep.ts"

/** A row as a training example. */
export interface Example {
  readonly row: Rows.Row
}

/**
 * `updates` of `batchSize` rows; the learning rate follows `schedule`. `muonFactor` present: Muon
 * for the matrices of the blocks, AdamW for the rest. `worker`: the first thread of the pool that
 * it uses; a large batch takes two. `anchor` present: the loss is cross-entropy plus its
 * coefficient times the divergence from its reference, over the tokens that count.
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
  readonly anchor?: Anchor.AnchorOptions
  readonly onUpdate?: (update: number, loss: number) => Effect.Effect<boolean, Learner.LearnerError>
}

export interface SftStats {
  readonly updates: number
  readonly rows: number
  readonly tokens: number
  /** Mean loss of the last 50 updates. */
  readonly loss: number
  /**
   * Where there is an anchor: the mean divergence from it, in nats per token, over the last 50
   * updates.
   */
  readonly kl?: number
}

/**
 * `muonFactor` is Muon's learning rate over AdamW's (Jordan et al. 2024 for matrices, AdamW for
 * embeddings, gains and heads).
 */
export const optimizerOf = (options: {
  readonly muonFactor?: number
  readonly weightDecay: number
}): Optimizer.Optimizer => {
  const { muonFactor, weightDecay } = options
  const adam = Optimizer.adamW({ beta2: 0.95, weightDecay })
  if (muonFactor === undefined) return adam
  const muon = Optimizer.chain(
    Optimizer.muon({ momentum: 0.95, weightDecay }),
    Optimizer.scale(muonFactor)
  )
  return Optimizer.partition((name) => (Decoder.isMatrix(name) ? "muon" : "adam"), { muon, adam })
}

/**
 * Trains in place; `onUpdate` answers false to stop early. On failure the parameters are those of
 * the last good update.
 * Its compiled graphs hold much memory; they go when it ends.
 */
export const fit: (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: SftOptions
) => Effect.Effect<SftStats, Learner.LearnerError, Session.SessionPool> = Effect.fn("Sft.fit")(
  function* (
    trainable: Trainable.Trainable,
    examples: ReadonlyArray<Example>,
    options: SftOptions
  ): Effect.fn.Return<SftStats, EngineFailure, Session.SessionPool | Scope.Scope> {
    yield* checked(trainable, examples)
    if (options.anchor !== undefined && !(options.anchor.coefficient > 0)) return yield* noWeight
    const step = yield* stepOf(trainable, options)
    const anchored = yield* anchoredBy(options)
    const losses: Array<number> = []
    const divergences: Array<number> = []
    const seen = { rows: 0, tokens: 0 }
    const room = Rows.lending()
    for (let epoch = 0, update = 0; update < options.updates; epoch++) {
      const batches = Batches.epoch(
        examples,
        options.batchSize,
        Seed.key(options.key, "epoch", epoch)
      )
      for (const batch of batches) {
        if (update >= options.updates) break
        const rows = batch.rows.map(({ row }) => row)
        const parts = yield* anchored(partsOf(trainable, batch.rows, room))
        const report = yield* step(parts, options.schedule(update))
        room.clear()
        losses.push(report.loss)
        divergences.push(...divergenceOf(report))
        seen.rows += rows.length
        seen.tokens += tokensOf(rows)
        update++
        trainable.version++
        if (options.onUpdate !== undefined && !(yield* options.onUpdate(update, report.loss))) {
          return statsOf(losses, seen, divergences)
        }
      }
    }
    return statsOf(losses, seen, divergences)
  },
  Effect.scoped,
  Effect.mapError(learnerError)
)

/**
 * What a network makes of rows that it is not trained on: mean loss per token, and the share of
 * tokens that are its first choice.
 */
export interface Held {
  readonly loss: number
  readonly accuracy: number
}

/** By weight: tokens of weight 0 count in neither. */
export const evaluate: (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: {
    readonly batchSize: number
    readonly worker?: number
    readonly sessions: Map<string, Session.Session>
  }
) => Effect.Effect<Held, Learner.LearnerError, Session.SessionPool | Scope.Scope> = Effect.fn(
  "Sft.evaluate"
)(function* (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  options: {
    readonly batchSize: number
    readonly worker?: number
    readonly sessions: Map<string, Session.Session>
  }
): Effect.fn.Return<Held, EngineFailure, Session.SessionPool | Scope.Scope> {
  yield* checked(trainable, examples)
  const pool = yield* Session.SessionPool
  const weights = DecoderModel.weightsOf(trainable.parameters)
  const sums = { loss: 0, accuracy: 0, weight: 0 }
  for (const batch of Batches.inOrder(examples, options.batchSize)) {
    const shape = shapeOf(batch)
    const key = nameOf(shape)
    const session =
      options.sessions.get(key) ??
      (yield* pool.compile(
        Record.map(heldOf(trainable, weights, shape), (value) => Op.reshape(value, [1])),
        { bind: withoutCritic(trainable.parameters.arrays), ...workerOf(options.worker) }
      ))
    options.sessions.set(key, session)
    const rows = batch.rows.map(({ row }) => row)
    const result = yield* session.run(feedsOf(trainable, rows, shape))
    const weight = weightOf(batch.rows)
    sums.loss += (result["loss"]?.[0] ?? Number.NaN) * weight
    sums.accuracy += (result["accuracy"]?.[0] ?? Number.NaN) * weight
    sums.weight += weight
  }
  return { loss: sums.loss / sums.weight, accuracy: sums.accuracy / sums.weight }
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

/**
 * What is wrong with a row of a vocabulary of `size`, in words that follow "row n"; nothing where
 * it is sound.
 */
export const problemOf = (row: Rows.Row, size: number): string | undefined => {
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

const readOf = (
  { network }: Trainable.Trainable,
  weights: Readonly<Record<string, Value.Value>>,
  { masked, sizes }: Shape
) => {
  const { batch, read } = sizes
  const { logitsBKV } = Decoder.forward(network, weights, sizes)
  const mask = () => Op.input("mask", [batch, read, network.tokenizer.vocabulary.length])
  return {
    logitsBKV: masked ? Op.add(logitsBKV, mask()) : logitsBKV,
    targetBK: Op.input("target", [batch, read], "int64"),
    weightBK: Op.input("weight", [batch, read])
  }
}

const lossOf = (
  trainable: Trainable.Trainable,
  weights: Readonly<Record<string, Value.Value>>,
  shape: Shape,
  { anchor }: SftOptions
): ParallelStep.PartGraph => {
  const { logitsBKV, targetBK, weightBK } = readOf(trainable, weights, shape)
  const loss = Loss.crossEntropy(logitsBKV, targetBK, weightBK)
  if (anchor === undefined) return { loss, outputs: {} }
  const kl = Anchor.divergence(logitsBKV, Op.input(Anchor.feedName, logitsBKV.shape), weightBK)
  return { loss: Op.add(loss, Op.multiply(kl, anchor.coefficient)), outputs: { kl } }
}

const heldOf = (
  trainable: Trainable.Trainable,
  weights: Readonly<Record<string, Value.Value>>,
  shape: Shape
) => {
  const { logitsBKV, targetBK, weightBK } = readOf(trainable, weights, shape)
  return {
    loss: Loss.crossEntropy(logitsBKV, targetBK, weightBK),
    accuracy: Loss.accuracy(logitsBKV, targetBK, weightBK)
  }
}

const feedsOf = (
  { network }: Trainable.Trainable,
  rows: ReadonlyArray<Rows.Row>,
  { masked, sizes }: Shape,
  room?: Rows.Room
): Rows.Feeds => ({
  ...Rows.collate(network, rows, sizes, room),
  ...(masked ? { mask: Rows.choiceMask(network, rows, sizes, [], room) } : {})
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

const stepOf = (trainable: Trainable.Trainable, options: SftOptions) => {
  const optimizer = optimizerOf(options)
  return ParallelStep.make<Shape>({
    trainable,
    training: TrainStep.begin(trainable.parameters, optimizer),
    optimizer,
    maxGradNorm: options.maxGradNorm,
    ...workerOf(options.worker),
    keyOf: nameOf,
    graphOf: (shape, weights) => lossOf(trainable, weights, shape, options)
  })
}

/**
 * Each part counts by the weight of its tokens, so that the batch's loss is the mean over all of
 * them.
 */
const partsOf = (
  trainable: Trainable.Trainable,
  examples: ReadonlyArray<Example>,
  room: Rows.Room
): ReadonlyArray<ParallelStep.Part<Shape>> => {
  const total = Math.max(weightOf(examples), 1e-6)
  return Batches.inParts(examples).map((part) => {
    const shape = shapeOf(part)
    const rows = part.rows.map(({ row }) => row)
    const feeds = feedsOf(trainable, rows, shape, room)
    return { shape, feeds, weight: weightOf(part.rows) / total }
  })
}

const weightOf = (examples: ReadonlyArray<Example>): number =>
  examples.reduce((sum, { row }) => sum + row.weights.reduce((a, b) => a + b, 0), 0)

const tokensOf = (rows: ReadonlyArray<Rows.Row>): number =>
  rows.reduce((sum, row) => sum + row.promptIds.length + row.targetIds.length, 0)

/** Adds what the anchor's reference says to the feeds of every part; without an anchor nothing. */
const anchoredBy = Effect.fnUntraced(function* ({ anchor, worker }: SftOptions) {
  const none: (
    parts: ReadonlyArray<ParallelStep.Part<Shape>>
  ) => Effect.Effect<ReadonlyArray<ParallelStep.Part<Shape>>, Session.SessionError> = Effect.succeed
  if (anchor === undefined) return none
  const read = yield* Anchor.reader(anchor, workerOf(worker))
  const told: typeof none = Effect.forEach((part) =>
    Effect.map(read(part.shape.sizes, part.feeds), (said) => ({
      ...part,
      feeds: { ...part.feeds, [Anchor.feedName]: said }
    }))
  )
  return told
})

const divergenceOf = ({ parts }: ParallelStep.Report): ReadonlyArray<number> => {
  const shares = parts.flatMap(({ outputs, weight }) =>
    outputs["kl"] === undefined ? [] : [weight * outputs["kl"]]
  )
  return shares.length === 0 ? [] : [shares.reduce((sum, share) => sum + share, 0)]
}

const noWeight = Effect.fail(
  new Learner.LearnerError({
    reason: "BadOptions",
    message: "an anchor of coefficient 0 or less holds nothing; give it a weight, or leave it out"
  })
)

const statsOf = (
  losses: ReadonlyArray<number>,
  seen: { readonly rows: number; readonly tokens: number },
  divergences: ReadonlyArray<number>
): SftStats => {
  const mean = (all: ReadonlyArray<number>) => {
    const last = all.slice(-50)
    return last.reduce((sum, one) => sum + one, 0) / Math.max(1, last.length)
  }
  return {
    updates: losses.length,
    ...seen,
    loss: mean(losses),
    ...(divergences.length === 0 ? {} : { kl: mean(divergences) })
  }
}
