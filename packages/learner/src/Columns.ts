/**
 * What the losses read of decisions besides the model's own feeds: a number for each decision, or
 * for each of its tokens.
 *
 * B decisions of a part, K places for tokens, A <= K tokens of one decision.
 */
import { Rows } from "@dreamgym/language"
import { type Counts, decisionWeight } from "./Aggregation.ts"
import type { Decision } from "./Decisions.ts"
import type { PolicyLossOptions } from "./Loss.ts"
import type { Shape } from "./Model.ts"

/**
 * A decision as it enters a loss. `advantage` and `tokens` are normalised; `baseLogProbabilities`
 * are what the ratio is over; `corrections` are the importance weights of its tokens.
 */
export interface Entry<Row> extends Decision<Row> {
  readonly baseLogProbabilities: ReadonlyArray<number>
  readonly referenceLogProbabilities: ReadonlyArray<number>
  readonly corrections: ReadonlyArray<number>
}

/** `klScale` multiplies the coefficient of the KL in the loss. */
export interface ColumnOptions extends PolicyLossOptions {
  readonly klScale: number
}

type Numbers = Float32Array<SharedArrayBuffer>

interface Writer {
  readonly rows: (of: (entry: Entry<unknown>) => number) => Numbers
  readonly tokens: (of: (entry: Entry<unknown>, k: number) => number) => Numbers
}

const writerOf = (entries: ReadonlyArray<Entry<unknown>>, { batch, read }: Shape): Writer => ({
  rows: (of) => {
    const values = Rows.floats(batch)
    values.set(entries.map(of))
    return values
  },
  tokens: (of) => {
    const values = Rows.floats(batch * read)
    for (const [b, entry] of entries.entries()) {
      for (let k = 0; k < lengthOf(entry); k++) values[b * read + k] = of(entry, k)
    }
    return values
  }
})

const lengthOf = ({ oldLogProbabilities }: Entry<unknown>): number => oldLogProbabilities.length

const total = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0)

/** The feeds of a part of a minibatch; `counts` are those of the whole minibatch. */
export const columnsOf = (
  entries: ReadonlyArray<Entry<unknown>>,
  shape: Shape,
  counts: Counts,
  options: ColumnOptions
): Rows.Feeds => {
  const write = writerOf(entries, shape)
  const tokenShare = counts.decisions / counts.tokens
  return {
    row: write.rows(() => 1),
    tokenMean: write.tokens(() => tokenShare),
    ...(options.ratioLevel === "token"
      ? tokenColumns(write, counts, options)
      : rowColumns(write, counts, options)),
    ...(options.advantageLevel === "token"
      ? {
          return: write.tokens(({ tokens }, k) => tokens?.returns[k] ?? 0),
          oldValue: write.tokens(({ tokens }, k) => tokens?.oldValues[k] ?? 0)
        }
      : {
          return: write.rows((entry) => entry.totalReturn),
          oldValue: write.rows((entry) => entry.oldValue)
        })
  }
}

/** One weight for all tokens of an action: that of its first, as they are the same. */
const rowColumns = (write: Writer, counts: Counts, options: ColumnOptions): Rows.Feeds => ({
  advantage: write.rows((entry) => entry.advantage),
  oldLogProbability: write.rows((entry) => total(entry.baseLogProbabilities)),
  referenceLogProbability: write.rows((entry) => total(entry.referenceLogProbabilities)),
  klWeight: write.rows(() => options.klScale),
  policyWeight: write.rows(
    (entry) => decisionWeight(lengthOf(entry), counts, options) * (entry.corrections[0] ?? 1)
  )
})

const tokenColumns = (write: Writer, counts: Counts, options: ColumnOptions): Rows.Feeds => {
  const weight = (entry: Entry<unknown>) =>
    decisionWeight(lengthOf(entry), counts, options) / lengthOf(entry)
  return {
    advantage: write.tokens((entry, k) => entry.tokens?.advantages[k] ?? entry.advantage),
    oldLogProbability: write.tokens((entry, k) => entry.baseLogProbabilities[k] ?? 0),
    referenceLogProbability: write.tokens((entry, k) => entry.referenceLogProbabilities[k] ?? 0),
    klWeight: write.tokens((entry) => options.klScale * weight(entry)),
    tokenWeight: write.tokens(weight),
    policyWeight: write.tokens((entry, k) => weight(entry) * (entry.corrections[k] ?? 1))
  }
}
