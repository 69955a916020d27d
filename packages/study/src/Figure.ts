/**
 * Figures of a study as SVG text: dots with intervals, and curves with bands. Drawn without a browser.
 * A figure shows numbers that are given; which they are, and whether they mean anything, says the report.
 */
import * as Plot from "@observablehq/plot"
import { parseHTML } from "linkedom"
import * as Looks from "./Looks.ts"

/** One row of `dots`: `seeds` are the single values behind the mean. All are shares in [0, 1]. */
export interface Dot {
  readonly look: Looks.Look
  readonly group: string
  readonly name: string
  readonly mean: number
  readonly low: number
  readonly high: number
  readonly seeds: ReadonlyArray<number>
}

/** One point of `curves`; `y`, `low` and `high` are in the unit of the axis. All points of a name have its `look`. */
export interface Point {
  readonly look: Looks.Look
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
    height: 70 + groups.length * (28 + names.length * 26),
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
        stroke: colourOf,
        strokeWidth: 2.5
      }),
      Plot.dot(rows, { ...place, x: ({ mean }: Dot) => 100 * mean, r: 5, fill: colourOf }),
      Plot.dot(rings, { ...place, ...beneath, x: (ring) => 100 * ring.value })
    ]
  })
}

/** Rings that hide neither the interval nor one another. */
const beneath = { dy: 9, r: 2.5, stroke: "#57606a" } as const

/** One curve per name, with a band where points have bounds and the name at the right edge. */
export const curves = (points: ReadonlyArray<Point>, axes: Axes): string => {
  const scale = axes.isShare === true ? 100 : 1
  const rows = points.map(({ high, look, low, name, x, y }) => ({
    look,
    name,
    x,
    y: y * scale,
    low: (low ?? y) * scale,
    high: (high ?? y) * scale
  }))
  const byName = Map.groupBy(rows, ({ name }) => name)
  const domain = axes.isShare === true ? ([0, 100] as const) : heightsOf(rows)
  return drawn({
    height: plotHeight + 74,
    marginLeft: 60,
    marginRight: roomFor([...byName.keys()]),
    x: {
      type: axes.isLogarithmic === true ? "log" : "linear",
      label: axes.x,
      labelAnchor: "center",
      grid: false,
      ...(axes.isLogarithmic === true ? {} : { ticks: 8, tickFormat: "~s" })
    },
    y: { label: axes.y, grid: true, domain },
    marks: [...[...byName.values()].flatMap(curve), ...names(labelsOf(rows, domain))]
  })
}

interface Drawn extends Point {
  readonly low: number
  readonly high: number
}

const dashes = "6 4"

const curve = (rows: ReadonlyArray<Drawn>): ReadonlyArray<Plot.Markish> => {
  const { colour, isDashed = false } = rows[0]?.look ?? Looks.other
  const line = { x: "x", y: "y", stroke: colour, strokeWidth: 2 }
  return [
    Plot.areaY(rows, { x: "x", y1: "low", y2: "high", fill: colour, fillOpacity: 0.15 }),
    Plot.lineY(rows, isDashed ? { ...line, strokeDasharray: dashes } : line),
    Plot.dot(rows, { x: "x", y: "y", fill: colour, r: 2.5 })
  ]
}

/** A name at `x`, `y`, of a curve that ends at `endX`, `endY`. */
interface Label extends Drawn {
  readonly endX: number
  readonly endY: number
}

/** Names at the right edge, each with its curve's colour, and a faint thread to ends that are not there. */
const names = (labels: ReadonlyArray<Label>): ReadonlyArray<Plot.Markish> => [
  Plot.link(labels, {
    x1: "endX",
    y1: "endY",
    x2: "x",
    y2: "y",
    stroke: colourOf,
    strokeOpacity: 0.6,
    strokeDasharray: "1 4"
  }),
  Plot.dot(labels, { x: "x", y: "y", dx: 13, r: 5, symbol: "square", fill: colourOf }),
  Plot.text(labels, { x: "x", y: "y", text: "name", dx: 23, textAnchor: "start" })
]

const colourOf = ({ look }: { readonly look: Looks.Look }): string => look.colour

/** Pixels beside the axes for the longest name. */
const roomFor = (texts: ReadonlyArray<string>): number =>
  36 + 7.4 * Math.max(0, ...texts.map((text) => text.length))

type Range = readonly [low: number, high: number]

/** All that is drawn, and some room where that is flat. */
const heightsOf = (rows: ReadonlyArray<Drawn>): Range => {
  const low = Math.min(...rows.map((row) => row.low))
  const high = Math.max(...rows.map((row) => row.high))
  return high > low ? [low, high] : [low - 1, high + 1]
}

/** One line of text apart at least, in the order of the ends, and beside the axes. */
const labelsOf = (rows: ReadonlyArray<Drawn>, [low, high]: Range): ReadonlyArray<Label> => {
  const edge = Math.max(...rows.map(({ x }) => x))
  const gap = ((high - low) * 16) / plotHeight
  const ends = [...Map.groupBy(rows, ({ name }) => name).values()]
    .flatMap((of) => of.slice(-1))
    .map((end) => ({ ...end, endX: end.x, endY: end.y, x: edge }))
    .toSorted((a, b) => a.endY - b.endY)
  const raised = ends.reduce<ReadonlyArray<Label>>((placed, end) => {
    const last = placed.at(-1)
    return [...placed, { ...end, y: last === undefined ? end.y : Math.max(end.y, last.y + gap) }]
  }, [])
  const shift = mean(raised.map(({ y }) => y)) - mean(ends.map(({ y }) => y))
  const [first = low, last = high] = [raised[0]?.y, raised.at(-1)?.y]
  const down = Math.max(last - high, Math.min(first - low, shift))
  return raised.map((label) => ({ ...label, y: label.y - down }))
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)

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
