/**
 * Figures of a study as SVG text: dots with intervals, and curves with bands. Drawn without a browser.
 * A figure shows numbers that are given; which they are, and whether they mean anything, says the report.
 */
import * as Plot from "@observablehq/plot"
import { parseHTML } from "linkedom"

/** One row of `dots`: `seeds` are the single values behind the mean. All are shares in [0, 1]. */
export interface Dot {
  readonly group: string
  readonly name: string
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly seeds: ReadonlyArray<number>
}

/** One point of `curves`; `y`, `low` and `high` are in the unit of the axis. */
export interface Point {
  readonly name: string
  readonly x: number
  readonly y: number
  readonly low?: number
  readonly high?: number
}

export interface Axes {
  readonly x: string
  readonly y: string
  /** For counts that span decades. */
  readonly isLogarithmic?: boolean
  /** Percent from 0 to 100 of shares in [0, 1]; else as the numbers are. */
  readonly isShare?: boolean
}

/** Tells apart by lightness too, for readers who see few colours (Okabe and Ito 2008). */
const blue = "#0072b2"
const colours = [blue, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]

const width = 820

/** Of the axes of curves. */
const plotHeight = 286

/** Success per name, one panel per group: mean, 95 % interval, and the seeds as small rings. */
export const dots = (rows: ReadonlyArray<Dot>): string => {
  const names = [...new Set(rows.map(({ name }) => name))]
  const groups = [...new Set(rows.map(({ group }) => group))]
  const rings = rows.flatMap(({ group, name, seeds }) =>
    seeds.map((value) => ({ group, name, value }))
  )
  const place = { y: "name", fy: "group" } as const
  return drawn({
    height: 70 + groups.length * (28 + names.length * 24),
    marginLeft: roomFor(names),
    marginRight: groups.length > 1 ? 90 : 30,
    x: { domain: [0, 100], label: "success in held-out real tasks, %", grid: true },
    y: { domain: names, label: null },
    fy: { domain: groups, label: null },
    marks: [
      Plot.ruleY(rows, {
        ...place,
        x1: ({ low }: Dot) => 100 * low,
        x2: ({ high }: Dot) => 100 * high,
        stroke: blue,
        strokeWidth: 2
      }),
      Plot.dot(rings, { ...place, x: (ring) => 100 * ring.value, r: 2.5, stroke: "#999999" }),
      Plot.dot(rows, { ...place, x: ({ mean }: Dot) => 100 * mean, r: 5, fill: blue })
    ]
  })
}

/** One curve per name, with a band where points have bounds and the name at its end. */
export const curves = (points: ReadonlyArray<Point>, axes: Axes): string => {
  const scale = axes.isShare === true ? 100 : 1
  const rows = points.map(({ high, low, name, x, y }) => ({
    name,
    x,
    y: y * scale,
    low: (low ?? y) * scale,
    high: (high ?? y) * scale
  }))
  const names = [...new Set(rows.map(({ name }) => name))]
  return drawn({
    height: plotHeight + 74,
    marginLeft: 60,
    marginRight: roomFor(names),
    x: {
      type: axes.isLogarithmic === true ? "log" : "linear",
      label: axes.x,
      labelAnchor: "center",
      grid: false
    },
    y: {
      label: axes.y,
      grid: true,
      ...(axes.isShare === true ? { domain: [0, 100] } : {})
    },
    color: { domain: names, range: colours },
    marks: [
      Plot.areaY(rows, { x: "x", y1: "low", y2: "high", fill: "name", fillOpacity: 0.15 }),
      Plot.lineY(rows, { x: "x", y: "y", stroke: "name", strokeWidth: 2 }),
      Plot.dot(rows, { x: "x", y: "y", fill: "name", r: 2.5 }),
      Plot.text(labelsOf(rows, axes), { x: "x", y: "y", text: "name", fill: "name", ...beside })
    ]
  })
}

/** Pixels beside the axes for the longest name. */
const roomFor = (names: ReadonlyArray<string>): number =>
  22 + 7.5 * Math.max(0, ...names.map((name) => name.length))

/** The names at the ends of their curves, one line of text apart at least, in the order of the ends. */
const labelsOf = (rows: ReadonlyArray<Point>, { isShare }: Axes): ReadonlyArray<Point> => {
  const ends = [...Map.groupBy(rows, ({ name }) => name).values()].flatMap((of) => of.slice(-1))
  const heights = rows.map(({ y }) => y)
  const span = isShare === true ? 100 : Math.max(...heights) - Math.min(...heights)
  const gap = (span * 15) / plotHeight
  const sorted = ends.toSorted((a, b) => a.y - b.y)
  const raised = sorted.reduce<ReadonlyArray<Point>>((placed, end) => {
    const last = placed.at(-1)
    const y = last === undefined ? end.y : Math.max(end.y, last.y + gap)
    return [...placed, { ...end, y }]
  }, [])
  const shift = mean(raised) - mean(sorted)
  return raised.map((label) => ({ ...label, y: label.y - shift }))
}

const mean = (points: ReadonlyArray<Point>): number =>
  points.reduce((sum, { y }) => sum + y, 0) / Math.max(1, points.length)

const beside = { dx: 8, textAnchor: "start" } as const

const drawn = (options: Plot.PlotOptions): string => {
  const { document } = parseHTML("<html><body></body></html>")
  const svg = Plot.plot({
    document,
    width,
    marginTop: 28,
    marginBottom: 46,
    style: { background: "white", color: "#24292f", fontSize: "13px" },
    ...options
  })
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg")
  return `${svg.outerHTML}\n`
}
