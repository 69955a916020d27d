/**
 * A model that is a table of logits and values, one row for each decision: every number of a loss
 * can be followed by hand. And drawn decisions over it, of every kind.
 *
 * R rows of the table, K places for tokens, V tokens.
 */
import { Initializer, Op, Parameters } from "@dreamgym/graph"
import { Rows } from "@dreamgym/language"
import { Seed } from "@dreamgym/domain"
import { columnsOf, type Entry } from "../src/Columns.ts"
import { Aggregation, type Decisions, Loss, type Model, type PolicyGradient } from "../src/index.ts"
import type * as Numbers from "./numbers.ts"

export const [rows, places, words] = [12, 4, 5] as const

/** Which row of the table, which tokens were chosen, and among which. */
export interface Row {
  readonly place: number
  readonly targets: ReadonlyArray<number>
  readonly allowed: ReadonlyArray<ReadonlyArray<number>>
}

export type TableModel = Model.Model<Row, Model.Shape>

export const parametersOf = (key: number): Parameters.Parameters => {
  const spec = (shape: ReadonlyArray<number>) => ({ shape, initial: Initializer.normal(1) })
  return Parameters.make(
    { logits: spec([rows, places * words]), values: spec([rows, places]) },
    Seed.generator(key)
  )
}

export interface TableOptions {
  /** In how many parts a minibatch is computed. */
  readonly parts?: number
  /** Rows of padding in every shape. */
  readonly padding?: number
  readonly hasTokenValues?: boolean
}

export const tableOf = (
  trained: Model.Trained,
  { hasTokenValues = true, padding = 0, parts = 1 }: TableOptions = {}
): TableModel => {
  const shapeOf = (entries: ReadonlyArray<unknown>) => ({
    batch: entries.length + padding,
    read: places
  })
  return {
    trained,
    hasValue: true,
    hasTokenValues,
    shapeOf,
    inParts: (entries) => {
      const edge = (i: number) => Math.floor((i * entries.length) / parts)
      return Array.from({ length: parts }, (_, i) => entries.slice(edge(i), edge(i + 1)))
        .filter((part) => part.length > 0)
        .map((part) => ({ rows: part, shape: shapeOf(part) }))
    },
    feedsOf,
    reading: (weights, { batch }) => {
      const at = Op.input("place", [batch], "int64")
      const table = (name: string) => weights[name] ?? Op.constant(0)
      const valueBK = Op.gather(table("values"), at)
      return {
        logitsBKV: Loss.sampled(
          Op.reshape(Op.gather(table("logits"), at), [batch, places, words]),
          Op.input("inverseTemperature", [batch]),
          Op.input("mask", [batch, places, words])
        ),
        targetBK: Op.input("target", [batch, places], "int64"),
        weightBK: Op.input("weight", [batch, places]),
        valueB: Op.reshape(Op.slice(valueBK, 1, 0, 1), [batch]),
        ...(hasTokenValues ? { valueBK } : {})
      }
    }
  }
}

const feedsOf: TableModel["feedsOf"] = (entries, { batch }) => {
  const place = Rows.bigints(batch)
  const inverseTemperature = Rows.floats(batch).fill(1)
  const mask = Rows.floats(batch * places * words)
  const target = Rows.bigints(batch * places)
  const weight = Rows.floats(batch * places)
  for (const [b, { row, temperature }] of entries.entries()) {
    place[b] = BigInt(row.place)
    inverseTemperature[b] = 1 / temperature
    for (const [k, id] of row.targets.entries()) {
      target[b * places + k] = BigInt(id)
      weight[b * places + k] = 1
      const from = (b * places + k) * words
      mask.fill(-1e9, from, from + words)
      for (const one of row.allowed[k] ?? []) mask[from + one] = 0
    }
  }
  return { place, inverseTemperature, mask, target, weight }
}

/** Ragged, masked and free, hot and cold, on both sides of every clip; one for each row. */
export const entriesOf = (key: number, count: number = rows): ReadonlyArray<Entry<Row>> => {
  const random = Seed.generator(Seed.key(key, "entries"))
  const around = (width: number) => (random() - 0.5) * 2 * width
  return Array.from({ length: count }, (_, place) => {
    const length = 1 + Seed.below(random, places)
    const numbers = (of: () => number) => Array.from({ length }, of)
    const targets = numbers(() => Seed.below(random, words))
    const own = numbers(() => -1.6 + around(1.2))
    const tokens = {
      advantages: numbers(() => around(2)),
      returns: numbers(() => around(1)),
      oldValues: numbers(() => around(1))
    }
    return {
      row: {
        place,
        targets,
        allowed: targets.map((id) =>
          Array.from({ length: words }, (__, one) => one).filter(
            (one) => one === id || random() < 0.7
          )
        )
      },
      oldLogProbabilities: own,
      baseLogProbabilities: own.map((one) => one + around(0.3)),
      referenceLogProbabilities: own.map((one) => one + around(0.5)),
      corrections: numbers(() => 0.5 + random()),
      oldValue: around(1),
      advantage: around(2),
      totalReturn: around(1),
      tokens,
      temperature: random() < 0.5 ? 1 : 0.7
    }
  })
}

/** What the whole loss of a minibatch reads, computed in one part. */
export const feedsWith = (
  model: TableModel,
  entries: ReadonlyArray<Entry<Row>>,
  options: Loss.PolicyLossOptions,
  counts: Aggregation.Counts = Aggregation.countsOf(entries)
): Numbers.Feeds => {
  const shape = model.shapeOf(entries)
  return {
    ...model.feedsOf(entries, shape),
    ...columnsOf(entries, shape, counts, { ...options, klScale: 1 }),
    ...model.trained.parameters.arrays
  }
}

export const gradientOptions: PolicyGradient.PolicyGradientOptions = {
  clipRatioLow: 0.2,
  clipRatioHigh: 0.28,
  valueClip: 0.2,
  vfCoef: 0.5,
  entropyCoef: 0.05,
  klLossCoef: 0.1,
  maxGradNorm: 1,
  lr: () => 0.01,
  ppoEpochs: 1,
  miniBatchSize: 1000,
  targetKl: 0,
  normalizeAdvantages: false,
  seed: 1
}

/** The same decisions as a learner is given them. */
export const decisionsOf = (key: number): ReadonlyArray<Decisions.Decision<Row>> =>
  entriesOf(key).map(
    ({ baseLogProbabilities: _, corrections: __, referenceLogProbabilities: ___, ...decision }) =>
      decision
  )
