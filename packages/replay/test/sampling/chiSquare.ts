/** Whether counts may come from probabilities: Pearson's test, which a true sampler fails once in ten thousand keys. */

/** `excess` above 0: the counts do not follow. */
export const excess = (
  counts: ReadonlyArray<number>,
  probabilities: ReadonlyArray<number>
): number => {
  const total = counts.reduce((sum, n) => sum + n, 0)
  const statistic = probabilities.reduce((sum, probability, i) => {
    const expected = probability * total
    const count = counts[i] ?? 0
    if (expected === 0) return count === 0 ? sum : Number.POSITIVE_INFINITY
    return sum + (count - expected) ** 2 / expected
  }, 0)
  return statistic - quantile(probabilities.filter((p) => p > 0).length - 1)
}

/** The 0.9999 quantile by Wilson and Hilferty (1931). */
const quantile = (freedom: number): number =>
  freedom === 0
    ? 1e-9
    : freedom * (1 - 2 / (9 * freedom) + 3.719 * Math.sqrt(2 / (9 * freedom))) ** 3

export const countsOf = (slots: ReadonlyArray<number>, size: number): ReadonlyArray<number> => {
  const counts = new Array<number>(size).fill(0)
  for (const slot of slots) counts[slot] = (counts[slot] ?? 0) + 1
  return counts
}
