/**
 * Learning curves of several seeds: as rows of numbers, as comma-separated text, and as one SVG
 * figure. It runs nothing.
 */
import type { Episode } from "./Collect.ts"

/** The mean return of the last episodes, at each mark; absent where none had ended. */
export interface Curve {
  readonly seed: number
  readonly points: ReadonlyArray<readonly [step: number, meanReturn: number]>
}

/** Every `every` steps until `total`: the mean over the `window` episodes that ended last. */
export const curveOf = (
  seed: number,
  episodes: ReadonlyArray<Episode>,
  {
    every,
    total,
    window
  }: { readonly every: number; readonly total: number; readonly window: number }
): Curve => {
  const marks = Array.from({ length: Math.floor(total / every) }, (_, i) => (i + 1) * every)
  const points = marks.flatMap((mark) => {
    const last = episodes.filter(({ step }) => step <= mark).slice(-window)
    const sum = last.reduce((all, { totalReward }) => all + totalReward, 0)
    return last.length === 0 ? [] : [[mark, sum / last.length] as const]
  })
  return { seed, points }
}

export const csv = (curves: ReadonlyArray<Curve>): string =>
  [
    "seed,step,return",
    ...curves.flatMap(({ points, seed }) =>
      points.map(([step, value]) => `${seed},${step},${value.toFixed(4)}`)
    )
  ].join("\n") + "\n"

export interface Figure {
  readonly title: string
  readonly low: number
  readonly high: number
  readonly total: number
  /** A line across, with its name: the goal. */
  readonly goal: readonly [name: string, value: number]
}

const width = 640
const height = 320
const frame = { left: 56, right: 32, top: 32, bottom: 40 }

/** A thin line per seed, and a thick one of their mean. */
export const svg = (curves: ReadonlyArray<Curve>, figure: Figure): string => {
  const { goal, high, low, title, total } = figure
  const x = (step: number) => frame.left + (step / total) * (width - frame.left - frame.right)
  const y = (value: number) =>
    height - frame.bottom - ((value - low) / (high - low)) * (height - frame.top - frame.bottom)
  const line = (points: Curve["points"], style: string) =>
    `<polyline fill="none" ${style} points="${points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`).join(" ")}"/>`
  const text = (at: readonly [number, number], words: string, anchor: string) =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}">${words}</text>`
  const rule = (value: number, style: string) =>
    `<line x1="${x(0)}" x2="${x(total)}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" ${style}/>`
  const ticks = [0, 1, 2, 3, 4].map((i) => i / 4)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text([width / 2, 18], title, "middle"),
    ...ticks.flatMap((share) => {
      const value = low + share * (high - low)
      return [
        rule(value, 'stroke="#ddd"'),
        text([frame.left - 6, y(value) + 4], short(value), "end"),
        text([x(share * total), height - frame.bottom + 16], short(share * total), "middle")
      ]
    }),
    text([width / 2, height - 8], "environment steps", "middle"),
    rule(goal[1], 'stroke="#b00" stroke-dasharray="4 3"'),
    text([x(total) - 4, y(goal[1]) + 16], goal[0], "end"),
    ...curves.map(({ points }) => line(points, 'stroke="#69c" stroke-width="1"')),
    line(meanOf(curves), 'stroke="#035" stroke-width="2.5"'),
    "</svg>\n"
  ].join("\n")
}

/** At marks that every seed has. */
const meanOf = (curves: ReadonlyArray<Curve>): Curve["points"] => {
  const [first] = curves
  return (first?.points ?? []).flatMap(([step]) => {
    const values = curves.flatMap(({ points }) => points.find(([mark]) => mark === step)?.[1] ?? [])
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    return values.length === curves.length ? [[step, mean] as const] : []
  })
}

const short = (value: number): string =>
  value >= 1000 ? `${value / 1000}k` : `${Math.round(value * 100) / 100}`
