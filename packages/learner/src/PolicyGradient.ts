/**
 * What PPO and GRPO share: decisions in minibatches, the clipped losses, epochs, and stopping when
 * the policy has moved too far.
 * Where advantages come from is theirs.
 *
 * B decisions of a minibatch, K tokens of a decision, V vocabulary.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Optimizer, type Session, TrainStep } from "@dreamgym/graph"
import { type Decoder, Rows, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import { explainedVariance, normalize } from "./Advantage.ts"
import { inParts, sizesOf } from "./Batches.ts"
import type { Decision } from "./Decisions.ts"
import { type EngineFailure, learnerError } from "./Errors.ts"
import { type LearnerState, restored, saved, whole } from "./LearnerState.ts"
import type * as Loss from "./Loss.ts"
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
  readonly reference?: Trainable.Trainable
  /** The first of the pool's threads that it uses. */
  readonly worker?: number
}

/**
 * An update is whole or not at all: where it fails, parameters, moments and version are as before
 * it.
 */
export interface Gradient {
  readonly update: (
    decisions: ReadonlyArray<Decision>
  ) => Effect.Effect<Readonly<Record<string, number>>, Learner.LearnerError>
  readonly state: Effect.Effect<Readonly<Record<string, Uint8Array>>, Learner.LearnerError>
  readonly restore: (
    files: Readonly<Record<string, Uint8Array>>
  ) => Effect.Effect<void, Learner.LearnerError>
}

interface Engine extends LearnerState {
  readonly options: PolicyGradientOptions
  readonly step: ParallelStep.ParallelStep<Decoder.Sizes>
  readonly reference: Effect.Success<ReturnType<typeof PolicyGraph.scorer>>
}

export const make: (
  trainable: Trainable.Trainable,
  options: PolicyGradientOptions
) => Effect.Effect<Gradient, Learner.LearnerError, Session.SessionPool | Scope.Scope> = Effect.fn(
  "PolicyGradient.make"
)(function* (trainable: Trainable.Trainable, options: PolicyGradientOptions) {
  if (options.klLossCoef > 0 && options.reference === undefined) return yield* noReference
  const optimizer = Optimizer.adamW({ beta2: 0.95, weightDecay: 0 })
  const training = TrainStep.begin(trainable.parameters, optimizer)
  const { maxGradNorm, worker } = options
  const at = worker === undefined ? {} : { worker }
  const step = yield* ParallelStep.make<Decoder.Sizes>({
    trainable,
    training,
    optimizer,
    maxGradNorm,
    ...at,
    keyOf: ({ batch, prompt, read }) => `${batch} ${prompt} ${read}`,
    graphOf: (sizes, weights) => PolicyGraph.graphOf(trainable.network, weights, options, sizes)
  })
  const reference = yield* PolicyGraph.scorer(options.reference ?? trainable, at)
  const engine: Engine = { trainable, options, training, step, reference, updates: 0 }
  const gradient: Gradient = {
    update: (decisions) => Effect.mapError(whole(engine, update(engine, decisions)), learnerError),
    state: saved(engine),
    restore: (files) => restored(engine, files)
  }
  return gradient
}, Effect.mapError(learnerError))

/** A decision with what the reference policy says of it. */
interface Entry extends Decision {
  readonly referenceLogProbability: number
}

const update = Effect.fnUntraced(function* (
  engine: Engine,
  decisions: ReadonlyArray<Decision>
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

const entriesOf = Effect.fnUntraced(function* (
  engine: Engine,
  decisions: ReadonlyArray<Decision>
): Effect.fn.Return<ReadonlyArray<Entry>, EngineFailure> {
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

const minibatch = Effect.fnUntraced(function* (
  engine: Engine,
  batch: ReadonlyArray<Entry>,
  rate: number
): Effect.fn.Return<Readonly<Record<string, number>>, EngineFailure> {
  const { network } = engine.trainable
  const parts = inParts(batch).map(({ rows, sizes }) => ({
    shape: sizes,
    feeds: { ...PolicyGraph.feedsOf(network, rows, sizes), ...columnsOf(rows, sizes.batch) },
    weight: rows.length / batch.length
  }))
  const report = yield* engine.step(parts, rate)
  return {
    ...weighted(report.parts),
    "losses/loss": report.loss,
    "losses/grad_norm": report.gradientNorm
  }
})

const columnsOf = (entries: ReadonlyArray<Entry>, size: number): Rows.Feeds => {
  const column = (of: (entry: Entry) => number) => {
    const values = Rows.floats(size)
    values.set(entries.map(of))
    return values
  }
  return {
    row: column(() => 1),
    advantage: column((entry) => entry.advantage),
    return: column((entry) => entry.totalReturn),
    oldValue: column((entry) => entry.oldValue),
    oldLogProbability: column((entry) => entry.oldLogProbability),
    referenceLogProbability: column((entry) => entry.referenceLogProbability)
  }
}

const referenceScores = Effect.fnUntraced(function* (
  engine: Engine,
  chunk: ReadonlyArray<Decision>
): Effect.fn.Return<ReadonlyArray<number>, EngineFailure> {
  const sizes = sizesOf(chunk, Rows.bucket(chunk.length, 32))
  const feeds = PolicyGraph.feedsOf(engine.trainable.network, chunk, sizes)
  const logProbability = yield* engine.reference(sizes, feeds)
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
