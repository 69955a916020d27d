/**
 * The picture of the README: dream success over the iterations, and real success on held-out houses, of finished runs.
 * `npx node --conditions=source scripts/picture.ts OUT.svg RUN...` reads each run's events.jsonl; it measures nothing itself.
 */
import { RunEvent } from "@dreamgym/domain"
import { Evaluations } from "@dreamgym/pipeline"
import * as Schema from "effect/Schema"
import { readFileSync, writeFileSync } from "node:fs"

const Line = Schema.fromJsonString(Schema.Struct({ event: Schema.toCodecJson(RunEvent.RunEvent) }))

interface Run {
  readonly dream: ReadonlyArray<number>
  readonly real: ReadonlyArray<{ policy: string; rate: number; low: number; high: number }>
}

const runOf = (directory: string): Run => {
  const lines = readFileSync(`${directory}/events.jsonl`, "utf8").split("\n").filter(Boolean)
  const events = lines.map((line) => Schema.decodeUnknownSync(Line)(line).event)
  return {
    dream: events.flatMap((event) =>
      event._tag === "UpdatedPolicy" ? [event.metrics["charts/success_rate"] ?? 0] : []
    ),
    real: Evaluations.evaluationsOf(events).final.map(({ evaluation }) => evaluation)
  }
}

const [left, right, top, bottom] = [56, 430, 48, 300]
const colours = ["#1f6feb", "#bf5af2", "#e0823d", "#2da44e"]
const y = (rate: number) => bottom - rate * (bottom - top)

const text = (x: number, at: number, words: string, extra = "") =>
  `<text x="${x.toFixed(1)}" y="${at.toFixed(1)}" ${extra}>${words}</text>`

const grid = (from: number, to: number) =>
  [0, 0.25, 0.5, 0.75, 1].map(
    (rate) =>
      `<line x1="${from}" x2="${to}" y1="${y(rate)}" y2="${y(rate)}" stroke="#8884" />` +
      text(from - 8, y(rate) + 4, `${rate * 100}`, 'text-anchor="end"')
  )

const curve = ({ dream }: Run, place: number): string => {
  const points = dream.map((rate, i) => {
    const x = left + (i / Math.max(1, dream.length - 1)) * (right - left)
    return `${x.toFixed(1)},${y(rate).toFixed(1)}`
  })
  return `<polyline fill="none" stroke="${colours[place % 4]}" stroke-width="2" points="${points.join(" ")}" />`
}

const bars = (runs: ReadonlyArray<Run>): ReadonlyArray<string> => {
  const policies = [...new Set(runs.flatMap(({ real }) => real.map(({ policy }) => policy)))]
  const width = 76
  return policies.flatMap((policy, p) => {
    const middle = 520 + p * (width + 14) + width / 2
    const label = text(middle, bottom + 20, policy, 'text-anchor="middle"')
    const marks = runs.flatMap(({ real }, r) =>
      real
        .filter((one) => one.policy === policy)
        .map(({ high, low, rate }) => {
          const x = middle + (r - (runs.length - 1) / 2) * 22
          const stroke = `stroke="${colours[r % 4]}"`
          return `<line x1="${x}" x2="${x}" y1="${y(low)}" y2="${y(high)}" ${stroke} stroke-width="3" /><circle cx="${x}" cy="${y(rate)}" r="6" fill="${colours[r % 4]}" />`
        })
    )
    return [label, ...marks]
  })
}

const picture = (runs: ReadonlyArray<Run>, names: ReadonlyArray<string>): string =>
  [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 350" font-family="system-ui, sans-serif" font-size="13" fill="#57606a">',
    '<rect width="900" height="350" fill="#ffffff" />',
    text(left, 24, "Success in dreams, % (what the policy learns from)", 'font-weight="600"'),
    text(520, 24, "Real success in held-out houses, % (95 % intervals)", 'font-weight="600"'),
    ...grid(left, right),
    ...grid(520, 880),
    ...runs.map(curve),
    ...bars(runs),
    text((left + right) / 2, bottom + 20, "iteration", 'text-anchor="middle"'),
    ...names.map((name, r) =>
      text(left + r * 130, bottom + 42, `● ${name}`, `fill="${colours[r % 4]}"`)
    ),
    "</svg>"
  ].join("\n")

const [out = "picture.svg", ...directories] = process.argv.slice(2)
const names = directories.map((directory) => directory.replace(/\/$/, "").split("/").at(-1) ?? "")
writeFileSync(out, `${picture(directories.map(runOf), names)}\n`)
