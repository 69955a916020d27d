/**
 * Numbers, intervals, tables and data files of a study, as text.
 * What stands in them is the business of `StudyReport` and `StudyFigures`.
 */
import type { Interval } from "./Interval.ts"

/** 0.273 is "27.3". */
export const points = (share: number): string => (100 * share).toFixed(1)

/** "81.3 % [76.0, 85.6]"; without brackets where one seed is all there is, and "none" where nothing was measured. */
export const interval = (found: Interval | undefined): string =>
  found === undefined
    ? "none"
    : `${points(found.mean)} %${found.low < found.high ? ` [${points(found.low)}, ${points(found.high)}]` : ""}`

/** "+12.0 [+3.1, +20.2]" in points. */
export const difference = ({ high, low, mean }: Interval): string =>
  `${signed(mean)}${low < high ? ` [${signed(low)}, ${signed(high)}]` : ""}`

const signed = (share: number): string => `${share >= 0 ? "+" : ""}${points(share)}`

export const count = (value: number): string => Math.round(value).toLocaleString("en-US")

type Cells = ReadonlyArray<string>

/** Lines of a Markdown table. */
export const table = (header: Cells, rows: ReadonlyArray<Cells>): ReadonlyArray<string> => {
  const line = (cells: Cells) =>
    `| ${cells.map((cell) => cell.trim().replaceAll("|", "\\|")).join(" | ")} |`
  return [line(header), line(header.map(() => "---")), ...rows.map(line)]
}

/** RFC 4180 with line feeds; the columns are those of the first row. Numbers are written in full. */
export const csv = (
  rows: ReadonlyArray<Readonly<Record<string, string | number | undefined>>>
): string => {
  const columns = Object.keys(rows[0] ?? {})
  const cell = (value: string | number | undefined) => {
    const text = value === undefined ? "" : String(value)
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((cells) => `${cells.map(cell).join(",")}\n`)
    .join("")
}
