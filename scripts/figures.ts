/**
 * What a benchmark reports: figures with their goals, as one object and as a table.
 * It measures nothing; that is for `packages/<room>/bench/<area>.bench.ts`, whose default export gives the figures.
 */
import { cpus, totalmem } from "node:os"

/** The part of a figure that is known before it is taken. */
interface Question {
  readonly name: string
  readonly unit: string
  /** The value that would please us, in `unit`. */
  readonly goal: number
  readonly higherIsBetter: boolean
  /** What the value was measured beside, in the same run, where it is a ratio. */
  readonly against?: string
}

/** A measured figure, or the reason why it could not be taken. */
export type Figure = Question & ({ readonly value: number } | { readonly missing: string })

/** How a benchmark is taken: `whole` asks for its long form, where it has one. */
export interface Manner {
  readonly whole: boolean
}

/** What figures cannot say: as lines for a reader, and as data. */
export interface Details {
  readonly lines: ReadonlyArray<string>
  readonly data: unknown
}

/** Figures with what explains them. */
export interface Explained {
  readonly figures: ReadonlyArray<Figure>
  readonly details?: Details
}

/** The default export of a `<area>.bench.ts`. */
export type Bench = (manner: Manner) => Promise<ReadonlyArray<Figure> | Explained>

/** Everything that one run of an area found; `date` is ISO 8601. */
export interface Report {
  readonly area: string
  readonly machine: string
  readonly date: string
  readonly figures: ReadonlyArray<Figure>
  readonly details?: ReadonlyArray<Details>
}

/** The machine of a report, in words. */
export const machine = (): string => {
  const processors = cpus()
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const place = `${process.platform} ${process.arch}, node ${process.version}`
  return `${processors.length} x ${processors[0]?.model ?? "unknown"}, ${memory}, ${place}`
}

/** The fault of something that a bench file gave as a figure, or undefined where it is one. */
export const fault = (figure: unknown): string | undefined => {
  if (typeof figure !== "object" || figure === null) return `${String(figure)} is not a figure`
  const fields = new Map<string, unknown>(Object.entries(figure))
  const name = String(fields.get("name"))
  for (const [field, type] of Object.entries(fieldTypes))
    if (typeof fields.get(field) !== type) return `${name}: ${field} is not a ${type}`
  if (typeof fields.get("missing") === "string") return undefined
  return Number.isFinite(fields.get("value"))
    ? undefined
    : `${name}: the value is not a finite number; a figure that could not be taken says why in \`missing\``
}

const fieldTypes = { name: "string", unit: "string", goal: "number", higherIsBetter: "boolean" }

/** The report for a reader: one line per figure, and whether it meets its goal; then what explains them. */
export const table = ({ area, machine, date, details = [], figures }: Report): string => {
  const rows = [["figure", "value", "goal", "", "against"], ...figures.map(row)]
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.map((cells) => cells[column]?.length ?? 0))
  )
  const line = (cells: ReadonlyArray<string>) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  const more = details.flatMap(({ lines }) => lines)
  return [`${area} on ${machine}, ${date}`, ...rows.map(line), ...more].join("\n")
}

const row = (figure: Figure): ReadonlyArray<string> => {
  const sign = figure.higherIsBetter ? ">=" : "<="
  const goal = `${sign} ${spell(figure.goal)}`
  if ("missing" in figure) return [figure.name, "-", goal, figure.missing, figure.against ?? ""]
  const isMet = figure.higherIsBetter ? figure.value >= figure.goal : figure.value <= figure.goal
  const value = `${spell(figure.value)} ${figure.unit}`
  return [figure.name, value, goal, isMet ? "met" : "not met", figure.against ?? ""]
}

const spell = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))
