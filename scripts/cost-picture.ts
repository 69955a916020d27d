/**
 * The picture of docs/performance.md: how tokens per second follow parameters, length and batch.
 * `npx node --conditions=source scripts/cost-picture.ts IN.json OUT.svg` reads what packages/language/bench/cost.ts wrote; it measures nothing itself.
 */
import * as Schema from "effect/Schema"
import { readFileSync, writeFileSync } from "node:fs"

const Against = Schema.Literals(["parameters", "length", "batch"])
const Point = Schema.Struct({
  work: Schema.Literals(["training", "decoding"]),
  against: Against,
  model: Schema.String,
  parameters: Schema.Finite,
  batch: Schema.Finite,
  length: Schema.Finite,
  tokensPerSecond: Schema.Finite
})
type Point = typeof Point.Type
const Report = Schema.Struct({
  machine: Schema.String,
  date: Schema.String,
  newTokens: Schema.Finite,
  points: Schema.Array(Point)
})

/** A small picture among others: its place, and the curve that it shows. */
interface Panel {
  readonly work: Point["work"]
  readonly against: Point["against"]
  readonly at: readonly [column: number, row: number]
  readonly title: string
  readonly setting: string
}

/** From the values of an axis to places on it, and the values that are marked. */
interface Axis {
  readonly place: (value: number) => number
  readonly ticks: ReadonlyArray<number>
}

const [columnWidth, rowHeight] = [300, 290]
const plot = { left: 54, top: 58, width: 220, height: 176 }
const colours = { training: "#1f6feb", decoding: "#e0823d" }

const text = (x: number, y: number, words: string, extra = "") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${extra}>${words}</text>`

const line = (x1: number, y1: number, x2: number, y2: number) =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#8884" />`

/** A logarithmic axis from the lowest to the highest of some values. */
const logarithmic = (values: ReadonlyArray<number>, ticks: ReadonlyArray<number>): Axis => {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))]
  return { place: (value) => (Math.log(value) - low) / (high - low), ticks }
}

/** 1, 2 and 5 times the powers of ten that hold all the values between them. */
const rounds = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const all = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power))
  const ticks = all.flat()
  const from = ticks.findLastIndex((tick) => tick <= Math.min(...values))
  const to = ticks.findIndex((tick) => tick >= Math.max(...values))
  return ticks.slice(from, to + 1)
}

/** Speeds that differ much are on a logarithmic axis, others on one that begins at 0. */
const speedAxis = (speeds: ReadonlyArray<number>): Axis => {
  const highest = Math.max(...speeds)
  if (highest / Math.min(...speeds) > 4) return logarithmic(rounds(speeds), rounds(speeds))
  const step = rounds([highest / 5]).at(-1) ?? highest
  const ticks = Array.from({ length: Math.ceil(highest / step) + 1 }, (_, at) => at * step)
  return { place: (value) => value / (ticks.at(-1) ?? 1), ticks }
}

const short = (value: number): string =>
  value >= 1e6
    ? `${Number((value / 1e6).toPrecision(2))}M`
    : value >= 1e4
      ? `${Number((value / 1e3).toPrecision(3))}k`
      : value.toLocaleString("en")

const names = { parameters: "parameters", length: "tokens per row", batch: "rows" }

/** The grid and the words of both axes. */
const frame = (panel: Panel, points: ReadonlyArray<Point>, x: Axis, y: Axis) => {
  const { height, left, top, width } = plot
  const nameOf = (value: number) =>
    panel.against === "parameters"
      ? (points.find(({ parameters }) => parameters === value)?.model ?? short(value))
      : short(value)
  const down = (tick: number) => top + height * (1 - y.place(tick))
  const across = (tick: number) => left + width * x.place(tick)
  const bottom = top + height
  return [
    text(left, 24, panel.title, 'font-weight="600"'),
    text(left, 42, panel.setting, 'font-size="11"'),
    ...y.ticks.map(
      (tick) =>
        line(left, down(tick), left + width, down(tick)) +
        text(left - 7, down(tick) + 4, short(tick), 'text-anchor="end" font-size="11"')
    ),
    ...x.ticks.map(
      (tick) =>
        line(across(tick), bottom, across(tick), bottom + 4) +
        text(across(tick), bottom + 17, nameOf(tick), 'text-anchor="middle" font-size="11"')
    ),
    text(left + width / 2, bottom + 34, names[panel.against], 'text-anchor="middle"')
  ]
}

const drawn = (panel: Panel, all: ReadonlyArray<Point>): string => {
  const { against, work } = panel
  const points = all
    .filter((point) => point.work === work && point.against === against)
    .toSorted((a, b) => a[against] - b[against])
  if (points.length < 2) throw new Error(`${work} against ${against}: fewer than two points`)
  const values = points.map((point) => point[against])
  const x = logarithmic(values, values)
  const y = speedAxis(points.map(({ tokensPerSecond }) => tokensPerSecond))
  const places = points.map((point) => {
    const across = plot.left + plot.width * x.place(point[against])
    return [across, plot.top + plot.height * (1 - y.place(point.tokensPerSecond))] as const
  })
  const colour = colours[work]
  const path = places.map(([a, b]) => `${a.toFixed(1)},${b.toFixed(1)}`).join(" ")
  const dots = places.map(
    ([a, b], at) =>
      `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="3.5" fill="${colour}"><title>${points[at]?.tokensPerSecond} tokens/s</title></circle>`
  )
  const [column, row] = panel.at
  return [
    `<g transform="translate(${column * columnWidth} ${row * rowHeight})">`,
    ...frame(panel, points, x, y),
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${path}" />`,
    ...dots,
    "</g>"
  ].join("\n")
}

const panelsOf = (newTokens: number): ReadonlyArray<Panel> => [
  {
    work: "training",
    against: "parameters",
    at: [0, 0],
    title: "Training, by model",
    setting: "tokens/s; 8 rows of 256 tokens"
  },
  {
    work: "training",
    against: "length",
    at: [1, 0],
    title: "Training, by length",
    setting: "tokens/s; 4.5M, 2,048 tokens per step"
  },
  {
    work: "training",
    against: "batch",
    at: [2, 0],
    title: "Training, by batch",
    setting: "tokens/s; 4.5M, rows of 128 tokens"
  },
  {
    work: "decoding",
    against: "parameters",
    at: [0, 1],
    title: "Decoding, by model",
    setting: `new tokens/s; 16 rows, 64 heard, ${newTokens} said`
  },
  {
    work: "decoding",
    against: "batch",
    at: [1, 1],
    title: "Decoding, by batch",
    setting: `new tokens/s; 4.5M, 64 heard, ${newTokens} said`
  }
]

const notes = (machine: string, date: string) => {
  const words = [
    "One thread, float32, ONNX Runtime, CPU.",
    "Training: loss, gradients, clipping, AdamW.",
    "Decoding: greedy, with a key/value cache.",
    "Medians of 3 after a warm-up.",
    ...machine.split(/, (?=linux|darwin|win32)/),
    date.slice(0, 10)
  ]
  return words.map((one, at) =>
    text(2 * columnWidth + 22, rowHeight + plot.top + 20 + at * 20, one, 'font-size="12"')
  )
}

const picture = ({ date, machine, newTokens, points }: typeof Report.Type): string =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 580" font-family="system-ui, sans-serif" font-size="13" fill="#57606a">`,
    `<rect width="900" height="580" fill="#ffffff" />`,
    ...panelsOf(newTokens).map((panel) => drawn(panel, points)),
    ...notes(machine, date),
    "</svg>"
  ].join("\n")

const [from, out] = process.argv.slice(2)
if (from === undefined || out === undefined)
  throw new Error("usage: cost-picture.ts IN.json OUT.svg")
const report = Schema.decodeUnknownSync(Schema.fromJsonString(Report))(readFileSync(from, "utf8"))
writeFileSync(out, `${picture(report)}\n`)
