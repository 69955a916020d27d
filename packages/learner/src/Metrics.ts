/** One report from those of several minibatches or parts: arithmetic on named numbers. */
import * as Record from "effect/Record"

type Numbers = Readonly<Record<string, number>>

/**
 * Extremes are the most extreme of all, everything else the mean by `weights`. The names are those
 * of the first report.
 */
export const combined = (
  reports: ReadonlyArray<Numbers>,
  weights: ReadonlyArray<number>
): Numbers =>
  Record.map(reports[0] ?? {}, (_, name) => {
    const values = reports.map((report) => report[name] ?? Number.NaN)
    const extreme = extremes[name]
    return extreme === undefined
      ? values.reduce((sum, value, i) => sum + value * (weights[i] ?? 0), 0)
      : extreme(...values)
  })

const extremes: Readonly<Record<string, (...values: ReadonlyArray<number>) => number>> = {
  "losses/ratio_max": Math.max,
  "losses/ratio_deviation": Math.max,
  "losses/ratio_min": Math.min
}
