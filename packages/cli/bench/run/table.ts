/**
 * The shares of a run as lines for a reader: a row per phase, a row per thread, what is ours by item, and a verdict.
 * It judges by one bound alone: our own share of the processor's time that the run used.
 */
import type { Shares } from "./shares.ts"

/** Of the processor's time that a run used, what may be ours. */
export const bound = 0.1

export const usedBy = ({ experienceModel, learning, own, policy, world }: Shares): number =>
  experienceModel + learning + own + policy + world

/** Our own share of what was used, 0 to 1. */
export const ownShare = (shares: Shares): number => shares.own / usedBy(shares)

export const lines = (all: ReadonlyArray<Shares>, cores: number): ReadonlyArray<string> => {
  const whole = all.at(-1)
  return whole === undefined
    ? []
    : [
        "",
        "share of the processor's time that the run used",
        ...columns([header, ...all.map(row)]),
        "",
        `by thread: share of the wall time that it worked, and waited for a core; sessions' threads inside a kernel at once (${cores} cores)`,
        ...columns([threadHeader(whole), ...all.map(threadRow)]),
        "",
        "what is ours, whole run",
        ...columns(itemRows(whole)),
        "",
        verdict(whole)
      ]
}

const header = [
  "phase",
  "wall",
  "processor",
  "policy",
  "experience model",
  "learning",
  "world",
  "ours"
]

const row = (shares: Shares): ReadonlyArray<string> => {
  const used = usedBy(shares)
  const { experienceModel, learning, own, phase, policy, wall, world } = shares
  return [
    phase,
    seconds(wall),
    seconds(used),
    ...[policy, experienceModel, learning, world, own].map((part) => percent(part / used))
  ]
}

const threadHeader = ({ computing, threads }: Shares) => [
  "phase",
  ...Object.keys(threads),
  ...computing.map((_, count) => `${count} at once`)
]

const threadRow = ({ computing, phase, threads, wall }: Shares): ReadonlyArray<string> => [
  phase,
  ...Object.values(threads).map(
    ({ waited, worked }) => `${percent(worked / wall)} + ${percent(waited / wall)}`
  ),
  ...computing.map((time) => percent(time / wall))
]

const itemRows = (shares: Shares) =>
  Object.entries(shares.items)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, 20)
    .map(([name, time]) => [name, seconds(time), percent(time / usedBy(shares))])

const verdict = (whole: Shares): string => {
  const isMet = ownShare(whole) <= bound
  return `our own overhead is ${percent(ownShare(whole))} of the processor's time: ${isMet ? "within" : "above"} the bound of ${percent(bound)}`
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, i) =>
    Math.max(...rows.map((cells) => cells[i]?.length ?? 0))
  )
  return rows.map((cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
  )
}
