/**
 * Direct preference optimisation (Rafailov et al. 2023) on whole trajectories: what succeeded shall
 * become likelier than what did not, measured against a frozen reference. It needs no reward and
 * makes no pairs; those are `Preferences`.
 *
 * Q pairs of a part, B rows (decisions) of a part, K tokens of a row, V vocabulary.
 */
import { Learner, Seed } from "@dreamgym/domain"
import { Op, type Session, TrainStep, type Value } from "@dreamgym/graph"
import { type Decoder, Rows, type Trainable } from "@dreamgym/language"
import * as Effect from "effect/Effect"
import * as Record from "effect/Record"
import type * as Scope from "effect/Scope"
import * as Batches from "./Batches.ts"
import * as DpoLoss from "./DpoLoss.ts"
import { type EngineFailure, learnerError } from "./Errors.ts"
import * as Loss from "./Loss.ts"
import * as ParallelStep from "./ParallelStep.ts"
import * as RowScores from "./RowScores.ts"
import * as Sft from "./Sft.ts"

type V = Value.Value

/** The rows of two trajectories, one row per action (`Imitation.rowsOf`). */
export interface Preference {
  readonly chosen: ReadonlyArray<Rows.Row>
  readonly rejected: ReadonlyArray<Rows.Row>
}

/**
 * As for `Sft`, with pairs for rows. `reference`: by default the numbers with which the training
 * begins. It is read before the first update, so that it may be the trainable itself.
 */
export interface DpoOptions extends DpoLoss.Options, Omit<Sft.SftOptions, "anchor" | "onUpdate"> {
  readonly reference?: Trainable.Trainable
  readonly onUpdate?: (
    update: number,
    metrics: DpoLoss.Metrics
  ) => Effect.Effect<boolean, Learner.LearnerError>
}

/** `metrics`: means over the last 50 updates. */
export interface DpoStats {
  readonly updates: number
  readonly pairs: number
  readonly metrics: DpoLoss.Metrics
}

/**
 * Trains in place; `onUpdate` answers false to stop early. On failure the parameters are those of
 * the last good update. A pair without rows on one side, or with a row that contradicts itself, is
 * refused before anything is learnt.
 */
export const fit: (
  trainable: Trainable.Trainable,
  preferences: ReadonlyArray<Preference>,
  options: DpoOptions
) => Effect.Effect<DpoStats, Learner.LearnerError, Session.SessionPool> = Effect.fn("Dpo.fit")(
  function* (
    trainable: Trainable.Trainable,
    preferences: ReadonlyArray<Preference>,
    options: DpoOptions
  ): Effect.fn.Return<DpoStats, EngineFailure, Session.SessionPool | Scope.Scope> {
    yield* checked(trainable, preferences, options)
    const judged = yield* judgedBy(options.reference ?? trainable, preferences, options)
    const step = yield* stepOf(trainable, options)
    const metrics: Array<DpoLoss.Metrics> = []
    const size = Math.min(options.batchSize, preferences.length)
    for (let epoch = 0; metrics.length < options.updates; epoch++) {
      const key = Seed.key(options.key, "epoch", epoch)
      for (const batch of batchesOf(judged, size, key)) {
        if (metrics.length >= options.updates) break
        const parts = partsOf(trainable.network, batch)
        const report = yield* step(parts, options.schedule(metrics.length))
        const now = metricsOf(report)
        metrics.push(now)
        trainable.version++
        if (options.onUpdate !== undefined && !(yield* options.onUpdate(metrics.length, now))) {
          return statsOf(metrics, size)
        }
      }
    }
    return statsOf(metrics, size)
  },
  Effect.scoped,
  Effect.mapError(learnerError)
)

/** A pair with what the reference says of it. */
interface Judged extends Preference {
  readonly referenceChosen: number
  readonly referenceRejected: number
}

const refused = (reason: "NoTokens" | "BadState" | "BadOptions", message: string) =>
  Effect.fail(new Learner.LearnerError({ reason, message }))

const checked = (
  { network }: Trainable.Trainable,
  preferences: ReadonlyArray<Preference>,
  options: DpoOptions
): Effect.Effect<void, Learner.LearnerError> => {
  const problem = DpoLoss.problemOf(options)
  if (problem !== undefined) return refused("BadOptions", problem)
  if (!(options.batchSize >= 1)) {
    return refused("BadOptions", `batchSize is ${options.batchSize}; a batch has at least one pair`)
  }
  if (preferences.length === 0) {
    return refused(
      "NoTokens",
      "there is no pair to learn from: no task has a success and a failure"
    )
  }
  for (const [place, preference] of preferences.entries()) {
    for (const side of ["chosen", "rejected"] as const) {
      const rows = preference[side]
      if (rows.length === 0) return refused("NoTokens", `pair ${place}: ${side} has no row`)
      const wrong = rows.flatMap(
        (row) => Sft.problemOf(row, network.tokenizer.vocabulary.length) ?? []
      )
      const [first] = wrong
      if (first !== undefined)
        return refused("BadState", `pair ${place}: a row of ${side} ${first}`)
    }
  }
  return Effect.void
}

const judgedBy = Effect.fnUntraced(function* (
  reference: Trainable.Trainable,
  preferences: ReadonlyArray<Preference>,
  { worker }: DpoOptions
) {
  const rows = preferences.flatMap(({ chosen, rejected }) => [...chosen, ...rejected])
  const at = worker === undefined ? {} : { worker }
  const scores = yield* RowScores.logProbabilities(reference, rows, at)
  let place = 0
  const next = (count: number) => total(scores.slice(place, (place += count)))
  return preferences.map(({ chosen, rejected }): Judged => ({
    chosen,
    rejected,
    referenceChosen: next(chosen.length),
    referenceRejected: next(rejected.length)
  }))
})

const total = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0)

/** All pairs once in a keyed order; a last rest of less than `size` waits for another epoch. */
const batchesOf = (
  pairs: ReadonlyArray<Judged>,
  size: number,
  key: Seed.Key
): ReadonlyArray<ReadonlyArray<Judged>> => {
  const shuffled = Seed.shuffle(Seed.generator(key), pairs)
  const count = Math.floor(pairs.length / size)
  return Array.from({ length: count }, (_, i) => shuffled.slice(i * size, (i + 1) * size))
}

/** What one compiled graph is for. */
interface Form {
  readonly sizes: Decoder.Sizes
  readonly pairs: number
}

const stepOf = (trainable: Trainable.Trainable, options: DpoOptions) => {
  const optimizer = Sft.optimizerOf(options)
  return ParallelStep.make<Form>({
    trainable,
    training: TrainStep.begin(trainable.parameters, optimizer),
    optimizer,
    maxGradNorm: options.maxGradNorm,
    ...(options.worker === undefined ? {} : { worker: options.worker }),
    keyOf: ({ pairs, sizes }) => `${pairs} ${sizes.batch} ${sizes.prompt} ${sizes.read}`,
    graphOf: (form, weights) => graphOf(trainable.network, weights, options, form)
  })
}

/**
 * Rows belong to pairs by `chosenOf` and `rejectedOf` [Q, B], 1 where row b is of pair q and side.
 */
const graphOf = (
  network: Decoder.Network,
  weights: Readonly<Record<string, V>>,
  options: DpoLoss.Options,
  { pairs, sizes }: Form
): ParallelStep.PartGraph => {
  const { logitsBKV, targetBK, weightBK } = RowScores.read(network, weights, sizes)
  const { logProbabilityB } = Loss.scores(logitsBKV, targetBK, weightBK)
  const byRow = Op.reshape(logProbabilityB, [sizes.batch, 1])
  const summed = (name: string) =>
    Op.reshape(Op.matMul(Op.input(name, [pairs, sizes.batch]), byRow), [pairs])
  const column = (name: string) => Op.input(name, [pairs])
  return DpoLoss.loss(
    {
      chosenQ: summed("chosenOf"),
      rejectedQ: summed("rejectedOf"),
      referenceChosenQ: column("referenceChosen"),
      referenceRejectedQ: column("referenceRejected"),
      chosenTokensQ: column("chosenTokens"),
      rejectedTokensQ: column("rejectedTokens"),
      pairQ: column("pair")
    },
    options
  )
}

/** Pairs in two parts of like length, one for each thread; few pairs stay one part. */
const partsOf = (
  network: Decoder.Network,
  batch: ReadonlyArray<Judged>
): ReadonlyArray<ParallelStep.Part<Form>> => {
  const sorted = batch.toSorted((a, b) => rowsOf(a).length - rowsOf(b).length)
  const half = sorted.length < fewest ? sorted.length : Math.ceil(sorted.length / 2)
  return [sorted.slice(0, half), sorted.slice(half)]
    .filter(({ length }) => length > 0)
    .map((pairs) => partOf(network, pairs, batch.length))
}

const fewest = 8

const rowsOf = ({ chosen, rejected }: Preference) => [...chosen, ...rejected]

const partOf = (
  network: Decoder.Network,
  pairs: ReadonlyArray<Judged>,
  all: number
): ParallelStep.Part<Form> => {
  const entries = pairs.flatMap(rowsOf).map((row) => ({ row }))
  const sizes = Batches.sizesOf(entries, Rows.bucket(entries.length, entries.length < 64 ? 16 : 64))
  const form = { sizes, pairs: Rows.bucket(pairs.length, 4) }
  const rows = entries.map(({ row }) => row)
  const feeds = { ...RowScores.feedsOf(network, rows, sizes), ...columnsOf(pairs, form) }
  return { shape: form, feeds, weight: pairs.length / all }
}

const columnsOf = (pairs: ReadonlyArray<Judged>, { pairs: count, sizes }: Form): Rows.Feeds => {
  const column = (of: (pair: Judged) => number, padding = 0) => {
    const values = Rows.floats(count).fill(padding)
    values.set(pairs.map(of))
    return values
  }
  const [chosenOf, rejectedOf] = [
    Rows.floats(count * sizes.batch),
    Rows.floats(count * sizes.batch)
  ]
  let row = 0
  for (const [q, { chosen, rejected }] of pairs.entries()) {
    const at = q * sizes.batch
    chosenOf.fill(1, at + row, at + (row += chosen.length))
    rejectedOf.fill(1, at + row, at + (row += rejected.length))
  }
  return {
    chosenOf,
    rejectedOf,
    pair: column(() => 1),
    referenceChosen: column((pair) => pair.referenceChosen),
    referenceRejected: column((pair) => pair.referenceRejected),
    chosenTokens: column(({ chosen }) => tokensOf(chosen), 1),
    rejectedTokens: column(({ rejected }) => tokensOf(rejected), 1)
  }
}

/** By weight: a token that was forced counts for none. At least 1, so that it divides. */
const tokensOf = (rows: ReadonlyArray<Rows.Row>): number =>
  Math.max(1, total(rows.map(({ weights }) => total(weights))))

const metricsOf = ({ loss, parts }: ParallelStep.Report): DpoLoss.Metrics =>
  Record.map(DpoLoss.noMetrics, (_, name) =>
    name === "loss"
      ? loss
      : total(parts.map(({ outputs, weight }) => weight * (outputs[name] ?? Number.NaN)))
  )

const statsOf = (all: ReadonlyArray<DpoLoss.Metrics>, size: number): DpoStats => {
  const last = all.slice(-50)
  return {
    updates: all.length,
    pairs: all.length * size,
    metrics: Record.map(
      DpoLoss.noMetrics,
      (_, name) => total(last.map((metrics) => metrics[name])) / Math.max(1, last.length)
    )
  }
}
