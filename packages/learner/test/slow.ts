/**
 * The whole policy loss in plain numbers, token by token, as its formulas say it: what the graphs are
 * compared with. It shares no code with them.
 */
import type { Entry } from "../src/Columns.ts"
import type { Loss } from "../src/index.ts"
import { places, type Row, words } from "./table.ts"

export interface Tables {
  /** [R, K, V] and [R, K], flat. */
  readonly logits: ArrayLike<number>
  readonly values: ArrayLike<number>
}

interface Token {
  readonly log: number
  readonly entropy: number
  readonly base: number
  readonly reference: number
  readonly correction: number
  readonly advantage: number
}

/**
 * Where a value has no gradient, or another's, it can be held or replaced, so that the rest can be
 * differentiated by differences: `frozen` are the clipped ratios of CISPO, in order.
 */
export interface Held {
  readonly frozen?: ReadonlyArray<number>
}

const add = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0)

const tokensOf = ({ logits }: Tables, entry: Entry<Row>): ReadonlyArray<Token> =>
  entry.row.targets.map((target, k) => {
    const from = (entry.row.place * places + k) * words
    const allowed = entry.row.allowed[k] ?? []
    const scaled = allowed.map((id) => (logits[from + id] ?? 0) / entry.temperature)
    const total = Math.log(add(scaled.map(Math.exp)))
    const shares = scaled.map((one) => Math.exp(one - total))
    return {
      log: (logits[from + target] ?? 0) / entry.temperature - total,
      entropy: -add(shares.map((share) => share * Math.log(share))),
      base: entry.baseLogProbabilities[k] ?? 0,
      reference: entry.referenceLogProbabilities[k] ?? 0,
      correction: entry.corrections[k] ?? 1,
      advantage: entry.tokens?.advantages[k] ?? entry.advantage
    }
  })

/** One element: log-ratio, log-probability and advantage of a token or of an action. */
interface Element {
  readonly moved: number
  readonly log: number
  readonly advantage: number
  readonly correction: number
}

/** For each decision its elements: its tokens, or itself. */
const elementsOf = (
  tokens: ReadonlyArray<Token>,
  entry: Entry<Row>,
  level: Loss.PolicyLossOptions["ratioLevel"]
): ReadonlyArray<Element> => {
  if (level === "token") {
    return tokens.map((token) => ({ ...token, moved: token.log - token.base }))
  }
  const moved = add(tokens.map((token) => token.log - token.base))
  return [
    {
      moved: level === "sequence" ? moved / tokens.length : moved,
      log: add(tokens.map((token) => token.log)),
      advantage: entry.advantage,
      correction: tokens[0]?.correction ?? 1
    }
  ]
}

const clampOf = (low: number, high: number) => (x: number) => Math.max(low, Math.min(high, x))

const lossOf = (
  { advantage, correction, log, moved }: Element,
  options: Loss.PolicyLossOptions,
  frozen: number | undefined
): number => {
  const ratio = Math.exp(clampOf(-20, 20)(moved))
  const clipped = clampOf(1 - options.clipRatioLow, 1 + options.clipRatioHigh)(ratio)
  if (options.surrogate === "cispo") return -correction * (frozen ?? clipped) * advantage * log
  const worst = Math.max(-ratio * advantage, -clipped * advantage)
  const c = options.clipRatioC ?? 0
  const bounded = c > 0 && advantage < 0 ? Math.min(worst, -c * advantage) : worst
  return correction * bounded
}

/** The clipped ratios at these tables, in the order in which `wholeLoss` meets them. */
export const clippedRatios = (
  tables: Tables,
  entries: ReadonlyArray<Entry<Row>>,
  options: Loss.PolicyLossOptions
): ReadonlyArray<number> =>
  entries.flatMap((entry) =>
    elementsOf(tokensOf(tables, entry), entry, options.ratioLevel).map(({ moved }) =>
      clampOf(1 - options.clipRatioLow, 1 + options.clipRatioHigh)(Math.exp(moved))
    )
  )

type Nested = ReadonlyArray<ReadonlyArray<number>>

/** `lossesST[s]` are those of the tokens of decision s. */
const aggregates: {
  readonly [name in NonNullable<Loss.PolicyLossOptions["lossAgg"]>]: (
    lossesST: Nested,
    horizon: number
  ) => number
} = {
  "token-mean": (lossesST) => add(lossesST.flat()) / lossesST.flat().length,
  "seq-mean-token-mean": (lossesST) =>
    add(lossesST.map((tokens) => add(tokens) / tokens.length)) / lossesST.length,
  "seq-mean-token-sum": (lossesST) => add(lossesST.map(add)) / lossesST.length,
  "seq-mean-token-sum-norm": (lossesST, horizon) =>
    add(lossesST.map((tokens) => add(tokens) / horizon)) / lossesST.length
}

/** Of log reference - log policy, which counts up to 20 either way. */
const estimates = {
  k1: (apart: number) => -apart,
  k2: (apart: number) => apart ** 2 / 2,
  k3: (apart: number) => Math.exp(apart) - apart - 1
}

export const wholeLoss = (
  tables: Tables,
  entries: ReadonlyArray<Entry<Row>>,
  options: Loss.PolicyLossOptions,
  { frozen = [] }: Held = {}
): number => {
  const { klEstimator = "k3", lossAgg = "seq-mean-token-mean", lossHorizon = 1 } = options
  const isOfTokens = options.ratioLevel === "token"
  const mean = (nested: Nested) => aggregates[lossAgg](nested, lossHorizon)
  const all = entries.map((entry) => tokensOf(tables, entry))
  let next = 0
  const policy = entries.map((entry, i) => {
    const tokens = all[i] ?? []
    const losses = elementsOf(tokens, entry, options.ratioLevel).map((element) =>
      lossOf(element, options, frozen[next++])
    )
    return tokens.map((_, k) => losses[isOfTokens ? k : 0] ?? 0)
  })
  const estimate = (own: number, other: number) =>
    estimates[klEstimator](clampOf(-20, 20)(other - own))
  const entropy = isOfTokens
    ? mean(all.map((tokens) => tokens.map((token) => token.entropy)))
    : add(all.flat().map((token) => token.entropy)) / entries.length
  const kl = isOfTokens
    ? mean(all.map((tokens) => tokens.map(({ log, reference }) => estimate(log, reference))))
    : add(
        all.map((tokens) =>
          estimate(add(tokens.map(({ log }) => log)), add(tokens.map((one) => one.reference)))
        )
      ) / entries.length
  return (
    mean(policy) -
    options.entropyCoef * entropy +
    options.klLossCoef * kl +
    options.vfCoef * valueLoss(tables, entries, options)
  )
}

const valueLoss = (
  { values }: Tables,
  entries: ReadonlyArray<Entry<Row>>,
  { advantageLevel, valueClip }: Loss.PolicyLossOptions
): number => {
  const one = (value: number, old: number, target: number) => {
    const plain = (value - target) ** 2
    if (valueClip === 0) return plain / 2
    const near = old + clampOf(-valueClip, valueClip)(value - old)
    return Math.max(plain, (near - target) ** 2) / 2
  }
  const losses = entries.flatMap(({ oldValue, row, tokens, totalReturn }) => {
    const value = (k: number) => values[row.place * places + k] ?? 0
    if (advantageLevel !== "token") return [one(value(0), oldValue, totalReturn)]
    return row.targets.map((_, k) =>
      one(value(k), tokens?.oldValues[k] ?? 0, tokens?.returns[k] ?? 0)
    )
  })
  return add(losses) / losses.length
}
