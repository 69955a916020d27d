/**
 * Numbers and tables as people read them; the same in report.md and on a terminal.
 */

/** 1234567 is "1,234,567". */
export const amount = (value: number): string => value.toLocaleString("en-US")

/** 0.273 is "27.3 %". */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** "none" where there is nothing to be a part of. */
export const ratio = (part: number, whole: number): string =>
  whole === 0 ? "none" : percent(part / whole)

/** Seconds as "0.4 s", "12 s", "3 min 05 s" or "2 h 07 min". */
export const wall = (seconds: number): string => {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const two = (value: number) => String(value).padStart(2, "0")
  return whole < 3600
    ? `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
    : `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

/** "falseSuccessRate" is "false success rate". */
export const words = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase()

/** Columns side by side, numbers to the right: a header, a rule, and the rows. */
export const table = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const all = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  const isNumber = header.map((_, column) =>
    rows.every((row) => /^([\d.,]+( %)?)?$/.test(row[column] ?? ""))
  )
  const line = (row: ReadonlyArray<string>) =>
    `  ${row
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)
      )
      .join("  ")}`.trimEnd()
  return [
    line(header),
    `  ${widths.map((width) => "-".repeat(width)).join("  ")}`,
    ...rows.map(line)
  ]
}

/** A line in lines of at most `width`, broken at spaces; the later ones stand a little further in. */
export const wrap = (line: string, width: number): ReadonlyArray<string> => {
  if (line.length <= width) return [line]
  const indent = " ".repeat(Math.min(4, Math.floor(width / 2)))
  const at = line.lastIndexOf(" ", width)
  const end = line.slice(0, Math.max(0, at)).trim() === "" ? width : at
  const rest = `${indent}${line.slice(end).trimStart()}`
  return [line.slice(0, end).trimEnd(), ...wrap(rest, width)]
}
