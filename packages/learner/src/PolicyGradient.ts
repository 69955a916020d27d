/**
 * What PPO and GRPO share: decisions in minibatches, the clipped losses, epochs, and stopping when
 * the policy has moved too far.
 * Where advantages come from is theirs.
 *
 * B decisions of a minibatch, K tokens of a decision, V vocabulary.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Optimizer, type Session, TrainStep } from "@dreamgym/graph"
import { Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import { explainedVariance, normalize } from "./Advantage.ts"
import type { Decision } from "./Decisions.ts"
import { type EngineFailure, learnerError } from "./Errors.ts"
import { type LearnerState, restored, saved, whole } from "./LearnerState.ts"
import type * as Loss from "./Loss.ts"
import { type Model, nameOf, type Shape, type Trained } from "./Model.ts"
import * as ParallelStep from "./ParallelStep.ts"
import * as PolicyGraph from "./PolicyGraph.ts"

/**
 * `lr` is the learning rate of an update of this learner, counted from 0. `targetKl` > 0 ends the
 * epochs once `approx_kl` of a minibatch passes it 1.5 times. `klLossCoef` > 0 needs `reference`.
 * `normalizeAdvantages`: over all decisions of the update.
 */
export interface PolicyGradientOptions extends Loss.PolicyLossOptions {
  readonly lr: (update: number) => number
  readonly ppoEpochs: number
  readonly miniBatchSize: number
  readonly maxGradNorm: number
  readonly targetKl: number
  readonly normalizeAdvantages: boolean
  readonly seed: number
  /** Of Adam; by default 0.9, 0.95, 1e-8 and no decay. */
  readonly adam?: {
    readonly beta1?: number
    readonly beta2?: number
    readonly epsilon?: number
    readonly weightDecay?: number
  }
  /** The same network with numbers of its own, which no update changes. */
  readonly reference?: Trained
  /** The first of the pool's threads that it uses. */
  readonly worker?: number
}

/**
 * An update is whole or not at all: where it fails, parameters, moments and version are as before
 * it.
 */
export interface Gradient<Row> {
  readonly update: (
    decisions: ReadonlyArray<Decision<Row>>
  ) => Effect.Effect<Readonly<Record<string, number>>, Learner.LearnerError>
  readonly state: Effect.Effect<Readonly<Record<string, Uint8Array>>, Learner.LearnerError>
  readonly restore: (
    files: Readonly<Record<string, Uint8Array>>
  ) => Effect.Effect<void, Learner.LearnerError>
}

interface Engine<Row, Of extends Shape> extends LearnerState {
  readonly model: Model<Row, Of>
  readonly options: PolicyGradientOptions
  readonly step: ParallelStep.ParallelStep<Of>
  readonly reference: (
    shape: Of,
    feeds: Rows.Feeds
  ) => Effect.Effect<Float32Array, Session.SessionError>
}

export const make: <Row, Of extends Shape>(
  model: Model<Row, Of>,
  options: PolicyGradientOptions
) => Effect.Effect<Gradient<Row>, Learner.LearnerError, Session.SessionPool | Scope.Scope> =
  Effect.fn("PolicyGradient.make")(function* <Row, Of extends Shape>(
    model: Model<Row, Of>,
    options: PolicyGradientOptions
  ) {
    if (options.klLossCoef > 0 && options.reference === undefined) return yield* noReference
    const { trained } = model
    const optimizer = Optimizer.adamW({ beta2: 0.95, weightDecay: 0, ...options.adam })
    const training = TrainStep.begin(trained.parameters, optimizer)
    const { maxGradNorm, worker } = options
    const at = worker === undefined ? {} : { worker }
    const step = yield* ParallelStep.make<Of>({
      trainable: trained,
      training,
      optimizer,
      maxGradNorm,
      ...at,
      keyOf: nameOf,
      graphOf: (shape, weights) => PolicyGraph.graphOf(model, weights, options, shape)
    })
    const { parameters } = options.reference ?? trained
    const reference = yield* PolicyGraph.scorer(model, parameters, at)
    const engine: Engine<Row, Of> = {
      trainable: trained,
      model,
      options,
      training,
      step,
      reference,
      updates: 0
    }
    const gradient: Gradient<Row> = {
      update: (decisions) =>
        Effect.mapError(whole(engine, update(engine, decisions)), learnerError),
      state: saved(engine),
      restore: (files) => restored(engine, files)
    }
    return gradient
  }, Effect.mapError(learnerError))

/** A decision with what the reference policy says of it. */
interface Entry<Row> extends Decision<Row> {
  readonly referenceLogProbability: number
}

const update = Effect.fnUntraced(function* <Row, Of extends Shape>(
  engine: Engine<Row, Of>,
  decisions: ReadonlyArray<Decision<Row>>
): Effect.fn.Return<Readonly<Record<string, number>>, EngineFailure> {
  if (decisions.length === 0) return yield* nothing
  const { options, trainable } = engine
  const entries = yield* entriesOf(engine, decisions)
  const rate = options.lr(engine.updates)
  const key = Seed.key(options.seed, "minibatches", engine.updates)
  const reports: Array<Readonly<Record<string, number>>> = []
  for (const batch of minibatches(entries, options, key)) {
    const report = yield* minibatch(engine, batch, rate)
    reports.push(report)
    if (options.targetKl > 0 && (report["losses/approx_kl"] ?? 0) > 1.5 * options.targetKl) break
  }
  engine.updates++
  trainable.version++
  return {
    ...combined(
      reports,
      reports.map(() => 1 / reports.length)
    ),
    "losses/first_ratio_max": reports[0]?.["losses/ratio_max"] ?? Number.NaN,
    "losses/first_ratio_deviation": reports[0]?.["losses/ratio_deviation"] ?? Number.NaN,
    "losses/minibatches": reports.length,
    "losses/explained_variance": explainedVariance(
      decisions.map((decision) => decision.oldValue),
      decisions.map((decision) => decision.totalReturn)
    ),
    "charts/learning_rate": rate
  }
})

const entriesOf = Effect.fnUntraced(function* <Row, Of extends Shape>(
  engine: Engine<Row, Of>,
  decisions: ReadonlyArray<Decision<Row>>
): Effect.fn.Return<ReadonlyArray<Entry<Row>>, EngineFailure> {
  const { options } = engine
  const raw = decisions.map((decision) => decision.advantage)
  const advantages = options.normalizeAdvantages ? normalize(raw) : raw
  const isScored = options.klLossCoef > 0
  const size = options.miniBatchSize
  const chunks = Array.from({ length: isScored ? Math.ceil(decisions.length / size) : 0 }, (_, i) =>
    decisions.slice(i * size, (i + 1) * size)
  )
  const scores = yield* Effect.forEach(chunks, (chunk) => referenceScores(engine, chunk))
  const flat = scores.flat()
  return decisions.map((decision, n) => ({
    ...decision,
    advantage: advantages[n] ?? 0,
    referenceLogProbability: flat[n] ?? 0
  }))
})

/**
 * All decisions once per epoch, without replacement, in parts that differ by one at most and are
 * about `miniBatchSize`.
 */
export const minibatches = <A>(
  entries: ReadonlyArray<A>,
  { miniBatchSize, ppoEpochs }: Pick<PolicyGradientOptions, "miniBatchSize" | "ppoEpochs">,
  key: Seed.Key
): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: ppoEpochs }, (_, epoch) => {
    const shuffled = Seed.shuffle(Seed.generator(Seed.key(key, "epoch", epoch)), entries)
    const count = Math.max(1, Math.ceil(shuffled.length / miniBatchSize - 0.25))
    const edge = (i: number) => Math.floor((i * shuffled.length) / count)
    return Array.from({ length: count }, (_, i) => shuffled.slice(edge(i), edge(i + 1)))
  }).flat()

const minibatch = Effect.fnUntraced(function* <Row, Of extends Shape>(
  { model, step }: Engine<Row, Of>,
  batch: ReadonlyArray<Entry<Row>>,
  rate: number
): Effect.fn.Return<Readonly<Record<string, number>>, EngineFailure> {
  const parts = model.inParts(batch).map(({ rows, shape }) => ({
    shape,
    feeds: { ...model.feedsOf(rows, shape), ...columnsOf(rows, shape.batch) },
    weight: rows.length / batch.length
  }))
  const report = yield* step(parts, rate)
  return {
    ...weighted(report.parts),
    "losses/loss": report.loss,
    "losses/grad_norm": report.gradientNorm
  }
})

const columnsOf = (entries: ReadonlyArray<Entry<unknown>>, size: number): Rows.Feeds => {
  const column = (of: (entry: Entry<unknown>) => number) => {
    const values = Rows.floats(size)
    values.set(entries.map(of))
    return values
  }
  return {
    row: column(() => 1),
    advantage: column((entry) => entry.advantage),
    return: column((entry) => entry.totalReturn),
    oldValue: column((entry) => entry.oldValue),
    oldLogProbability: column(oldLogProbabilityOf),
    referenceLogProbability: column((entry) => entry.referenceLogProbability)
  }
}

const oldLogProbabilityOf = ({ oldLogProbabilities }: Decision<unknown>): number =>
  oldLogProbabilities.reduce((sum, logProbability) => sum + logProbability, 0)

const referenceScores = Effect.fnUntraced(function* <Row, Of extends Shape>(
  { model, reference }: Engine<Row, Of>,
  chunk: ReadonlyArray<Decision<Row>>
): Effect.fn.Return<ReadonlyArray<number>, EngineFailure> {
  const shape = model.shapeOf(chunk)
  const logProbability = yield* reference(shape, model.feedsOf(chunk, shape))
  return Array.from(logProbability.subarray(0, chunk.length))
})

/** The metrics of a minibatch from those of its parts. */
const weighted = (
  parts: ReadonlyArray<ParallelStep.PartReport>
): Readonly<Record<string, number>> =>
  combined(
    parts.map(({ outputs }) => outputs),
    parts.map(({ weight }) => weight)
  )

/** Extremes are the largest of all, everything else the weighted mean. */
const combined = (
  reports: ReadonlyArray<Readonly<Record<string, number>>>,
  weights: ReadonlyArray<number>
): Readonly<Record<string, number>> =>
  Record.map(reports[0] ?? {}, (_, name) => {
    const values = reports.map((report) => report[name] ?? Number.NaN)
    return extremes.has(name)
      ? Math.max(...values)
      : values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0)
  })

const extremes: ReadonlySet<string> = new Set(["losses/ratio_max", "losses/ratio_deviation"])

const nothing = Effect.fail(
  new Learner.LearnerError({
    reason: "NoTokens",
    message: "no usable decision in these groups: all failed, or no group has varying returns"
  })
)

const noReference = Effect.fail(
  new Learner.LearnerError({
    reason: "BadState",
    message: "klLossCoef > 0 needs a reference policy; give one, or set klLossCoef to 0"
  })
)
