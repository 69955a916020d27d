/**
 * How many of a sample come from where, as near to the wished shares as there is enough of each.
 * It is arithmetic on counts; what is drawn there is the sampler's.
 */

/**
 * Splits `count` by `shares` (not negative, any sum): part i gets at most `sizes[i]`, what it lacks goes to the others in
 * proportion to their shares, and to those without a share only then, by size. The sum is `count`, or all there is.
 */
export const apportion = (
  count: number,
  sizes: ReadonlyArray<number>,
  shares: ReadonlyArray<number>
): ReadonlyArray<number> => {
  const given = sizes.map(() => 0)
  const fill = (weights: ReadonlyArray<number>): void => {
    const free = sizes.map((size, i) => size - (given[i] ?? 0))
    const rest = count - sumOf(given)
    rounded(quotas(rest, free, weights), free, rest).forEach((n, i) => {
      given[i] = (given[i] ?? 0) + n
    })
  }
  fill(shares)
  if (sumOf(given) < count) fill(sizes.map((size, i) => size - (given[i] ?? 0)))
  return given
}

const sumOf = (values: ReadonlyArray<number>): number => values.reduce((sum, x) => sum + x, 0)

/** Exact, hence fractional: each in proportion to its weight, the full ones cut and the excess shared out among the rest. */
const quotas = (
  count: number,
  free: ReadonlyArray<number>,
  weights: ReadonlyArray<number>
): ReadonlyArray<number> => {
  const isFull = free.map(() => false)
  for (;;) {
    const open = weights.map((weight, i) => (isFull[i] === true ? 0 : weight))
    const total = sumOf(open)
    const rest = count - sumOf(free.filter((_, i) => isFull[i]))
    const parts = open.map((weight, i) =>
      isFull[i] === true ? (free[i] ?? 0) : total > 0 ? (rest * weight) / total : 0
    )
    const over = parts.findIndex((part, i) => isFull[i] === false && part > (free[i] ?? 0))
    if (over < 0) return parts
    isFull[over] = true
  }
}

/** Whole numbers by the largest remainders, of equal ones the first; their sum is `count` as far as the quotas reach. */
const rounded = (
  parts: ReadonlyArray<number>,
  free: ReadonlyArray<number>,
  count: number
): ReadonlyArray<number> => {
  const whole = parts.map((part) => Math.floor(part + 1e-9))
  const wanted = Math.min(count, Math.round(sumOf(parts)))
  const order = parts
    .map((part, i) => ({ i, remainder: part - (whole[i] ?? 0) }))
    .filter(({ i, remainder }) => remainder > 1e-9 && (whole[i] ?? 0) < (free[i] ?? 0))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i)
  for (const { i } of order.slice(0, Math.max(0, wanted - sumOf(whole)))) {
    whole[i] = (whole[i] ?? 0) + 1
  }
  return whole
}

/** What a part can give of one kind: `low` where all others were taken first, `high` where none was. */
export interface Bounds {
  readonly low: number
  readonly high: number
}

/** Of `count` drawn from a part that holds `kind` of the kind and `others` of not. */
export const boundsOf = (count: number, kind: number, others: number): Bounds => ({
  low: Math.max(0, count - others),
  high: Math.min(count, kind)
})

/** `target` of a kind shared out by `shares` within the bounds; what one part lacks the others give, as far as they can. */
export const within = (
  target: number,
  bounds: ReadonlyArray<Bounds>,
  shares: ReadonlyArray<number>
): ReadonlyArray<number> => {
  const least = sumOf(bounds.map(({ low }) => low))
  const most = sumOf(bounds.map(({ high }) => high))
  const count = Math.max(least, Math.min(most, target))
  const wished = apportion(
    count,
    bounds.map(({ high }) => high),
    shares
  )
  const short = bounds.map(({ low }, i) => Math.max(0, low - (wished[i] ?? 0)))
  // What must be lifted to its lower bound is taken from those that are above theirs.
  const spare = bounds.map(({ low }, i) => Math.max(0, (wished[i] ?? 0) - low))
  const taken = apportion(sumOf(short), spare, spare)
  return wished.map((n, i) => n + (short[i] ?? 0) - (taken[i] ?? 0))
}
