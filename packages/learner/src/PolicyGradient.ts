/**
 * What all policy gradients share: decisions in minibatches, the clipped losses, epochs, and
 * stopping when the policy has moved too far.
 * Where advantages come from is the caller's.
 *
 * A tokens of a decision.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Optimizer, type Session, TrainStep } from "@dreamgym/graph"
import { Rows } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { explainedVariance, whitened } from "./Advantage.ts"
import { countsOf } from "./Aggregation.ts"
import { columnsOf, type Entry } from "./Columns.ts"
import { mismatch } from "./Correction.ts"
import * as CriticWarmup from "./CriticWarmup.ts"
import type { Decision } from "./Decisions.ts"
import {
  type Asked,
  entriesOf,
  type Readable,
  type Reading,
  readingOf,
  type TokensRead
} from "./Entries.ts"
import { type EngineFailure, learnerError } from "./Errors.ts"
import { type LearnerState, restored, saved, whole } from "./LearnerState.ts"
import { combined } from "./Metrics.ts"
import { type Model, nameOf, type Shape } from "./Model.ts"
import type { PolicyGradientOptions } from "./Options.ts"
import * as ParallelStep from "./ParallelStep.ts"
import { meanApart, nextScale } from "./Penalty.ts"
import * as PolicyGraph from "./PolicyGraph.ts"
import { refusedGradient } from "./Rules.ts"

export type { PolicyGradientOptions }

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
  /** What the present policy says of decisions, and the reference, without learning. */
  readonly read: (
    asked: Asked,
    decisions: ReadonlyArray<Readable<Row>>
  ) => Effect.Effect<ReadonlyArray<TokensRead>, Learner.LearnerError>
  /** By which the KL coefficients are multiplied at present; 1 unless they adapt. */
  readonly klScale: () => number
}

interface Engine<Row, Of extends Shape> extends LearnerState {
  readonly model: Model<Row, Of>
  readonly options: PolicyGradientOptions
  readonly step: ParallelStep.ParallelStep<Of>
  /** Of the critic alone; where it warms up. */
  readonly criticStep: ParallelStep.ParallelStep<Of>
  readonly reading: Reading<Row>
  /** Memory of the minibatches, one after another. */
  readonly room: Rows.LendingRoom
}

export const make: <Row, Of extends Shape>(
  model: Model<Row, Of>,
  options: PolicyGradientOptions
) => Effect.Effect<Gradient<Row>, Learner.LearnerError, Session.SessionPool | Scope.Scope> =
  Effect.fn("PolicyGradient.make")(function* <Row, Of extends Shape>(
    model: Model<Row, Of>,
    options: PolicyGradientOptions
  ) {
    const refused = refusedGradient(options, model)
    if (refused !== undefined) return yield* refused
    const engine = yield* engineOf(model, options)
    const gradient: Gradient<Row> = {
      update: (decisions) =>
        Effect.mapError(whole(engine, update(engine, decisions)), learnerError),
      state: saved(engine),
      restore: (files) => restored(engine, files),
      read: (asked, decisions) =>
        Effect.mapError(engine.reading.read(asked, decisions), learnerError),
      klScale: () => engine.klScale ?? 1
    }
    return gradient
  }, Effect.mapError(learnerError))

const engineOf = Effect.fnUntraced(function* <Row, Of extends Shape>(
  model: Model<Row, Of>,
  options: PolicyGradientOptions
) {
  const { trained } = model
  const adam = Optimizer.adamW({ beta2: 0.95, weightDecay: 0, ...options.adam })
  const optimizer = CriticWarmup.withCriticRate(adam, options.criticLrFactor ?? 1)
  const training = TrainStep.begin(trained.parameters, optimizer)
  const { criticWarmup = 0, maxGradNorm, miniBatchSize, worker } = options
  const at = worker === undefined ? {} : { worker }
  const shared = { trainable: trained, training, maxGradNorm, ...at, keyOf: nameOf }
  const graphOf = (shape: Of, weights: ReturnType<typeof CriticWarmup.policyStill>) =>
    PolicyGraph.graphOf(model, weights, options, shape)
  const step = yield* ParallelStep.make<Of>({ ...shared, optimizer, graphOf })
  const criticStep =
    criticWarmup === 0
      ? step
      : yield* ParallelStep.make<Of>({
          ...shared,
          optimizer: CriticWarmup.criticOnly(optimizer),
          graphOf: (shape, weights) => graphOf(shape, CriticWarmup.policyStill(weights))
        })
  const { parameters } = options.reference ?? trained
  const reading = readingOf(model, miniBatchSize, {
    present: yield* PolicyGraph.reader(model, trained.parameters, at),
    reference: yield* PolicyGraph.reader(model, parameters, at)
  })
  const engine: Engine<Row, Of> = {
    trainable: trained,
    model,
    options,
    training,
    step,
    criticStep,
    reading,
    room: Rows.lending(),
    updates: 0,
    klScale: options.adaptiveKl === undefined ? undefined : 1
  }
  return engine
})

const update = Effect.fnUntraced(function* <Row, Of extends Shape>(
  engine: Engine<Row, Of>,
  decisions: ReadonlyArray<Decision<Row>>
): Effect.fn.Return<Readonly<Record<string, number>>, EngineFailure> {
  if (decisions.length === 0) return yield* nothing
  const { options, trainable } = engine
  const { criticWarmup = 0 } = options
  const isWarmingUp = engine.updates < criticWarmup
  if (criticWarmup > 0 && engine.updates === criticWarmup) CriticWarmup.forgetMoments(engine)
  const entries = yield* entriesOf(engine.reading, decisions, options)
  const rate = options.lr(engine.updates)
  const key = Seed.key(options.seed, "minibatches", engine.updates)
  const reports: Array<Readonly<Record<string, number>>> = []
  for (const batch of minibatches(entries, options, key)) {
    const report = yield* minibatch(engine, batch, rate, isWarmingUp)
    reports.push(report)
    if (options.targetKl > 0 && (report["losses/approx_kl"] ?? 0) > 1.5 * options.targetKl) break
  }
  engine.updates++
  trainable.version++
  const shares = reports.map(() => 1 / reports.length)
  return {
    ...combined(reports, shares),
    "losses/first_ratio_max": reports[0]?.["losses/ratio_max"] ?? Number.NaN,
    "losses/first_ratio_deviation": reports[0]?.["losses/ratio_deviation"] ?? Number.NaN,
    "losses/minibatches": reports.length,
    "losses/explained_variance": explained(decisions),
    ...(options.isCorrection === undefined
      ? {}
      : mismatch(withProximal(entries), options.isCorrection)),
    ...(isWarmingUp ? {} : apartFrom(engine, entries)),
    "charts/learning_rate": rate
  }
})

const explained = (decisions: ReadonlyArray<Decision<unknown>>): number =>
  explainedVariance(
    decisions.flatMap(({ oldValue, tokens }) => tokens?.oldValues ?? [oldValue]),
    decisions.flatMap(({ tokens, totalReturn }) => tokens?.returns ?? [totalReturn])
  )

const withProximal = (entries: ReadonlyArray<Entry<unknown>>) =>
  entries.map(({ baseLogProbabilities, oldLogProbabilities }) => ({
    oldLogProbabilities,
    proximalLogProbabilities: baseLogProbabilities
  }))

/**
 * How far the policy was from the reference before this update, where that was read, and the next
 * scale of the KL coefficients.
 */
const apartFrom = (
  engine: LearnerState & { readonly options: PolicyGradientOptions },
  entries: ReadonlyArray<Entry<unknown>>
): Readonly<Record<string, number>> => {
  const isRead = entries.some((entry) => entry.referenceLogProbabilities.length > 0)
  if (!isRead) return {}
  const kl = meanApart(entries)
  const { adaptiveKl } = engine.options
  const { klScale } = engine
  if (adaptiveKl === undefined || klScale === undefined) return { "losses/kl_mean": kl }
  engine.klScale = nextScale(klScale, kl, entries.length, adaptiveKl)
  return { "losses/kl_mean": kl, "losses/kl_scale": klScale }
}

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
  { criticStep, klScale = 1, model, options, room, step }: Engine<Row, Of>,
  batch: ReadonlyArray<Entry<Row>>,
  rate: number,
  isWarmingUp: boolean
): Effect.fn.Return<Readonly<Record<string, number>>, EngineFailure> {
  const entries = options.normalizeAdvantages === "minibatch" ? whitened(batch) : batch
  const counts = countsOf(entries)
  const parts = model.inParts(entries).map(({ rows, shape }) => ({
    shape,
    feeds: {
      ...model.feedsOf(rows, shape, room),
      ...columnsOf(rows, shape, counts, { ...options, klScale })
    },
    weight: rows.length / entries.length
  }))
  const report = yield* (isWarmingUp ? criticStep : step)(parts, rate)
  room.clear()
  const outputs = report.parts.map((part) => part.outputs)
  const weights = report.parts.map(({ weight }) => weight)
  return {
    ...combined(outputs, weights),
    "losses/loss": report.loss,
    "losses/grad_norm": report.gradientNorm
  }
})

const nothing = Effect.fail(
  new Learner.LearnerError({
    reason: "NoTokens",
    message: "no usable decision in these groups: all failed, or no group has varying returns"
  })
)
