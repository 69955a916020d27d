/**
 * What a run looks like while it goes on, as a pure fold of its events: lines that stay, and one line that changes.
 * It writes nowhere: `Progress` does.
 */
import type { RunEvent } from "@dreamgym/domain"
import * as Evaluations from "./Evaluations.ts"
import { label, type Notes, notesOf, short } from "./ProgressNotes.ts"
import { amount, percent, wall } from "./ReportText.ts"

/**
 * `at` values are milliseconds. `facts` end the line of a finished phase; `notes` stand below it. `evaluatedAt`: the iteration of
 * its evaluations.
 */
export interface Phase {
  readonly phase: RunEvent.Phase
  readonly startedAt: number
  readonly done: number
  readonly total: number
  /** Where counting last began (a phase may count several things one after another). */
  readonly countedFrom: { readonly at: number; readonly done: number }
  readonly metrics: Readonly<Record<string, number>>
  readonly dreams: { readonly all: number; readonly accepted: number }
  readonly facts: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
  readonly evaluatedAt: number
}

/** `current` is absent before the first phase, between phases and after the last. `alarms`: those that were told. */
export interface View {
  readonly current?: Phase
  readonly alarms: ReadonlySet<string>
}

export const initial: View = { alarms: new Set() }

/** What an event changes, and the lines that it leaves behind for good. */
export const step = (
  view: View,
  event: RunEvent.RunEvent,
  now: number
): readonly [View, ReadonlyArray<string>] => {
  const { alarms, current } = view
  if (event._tag === "PhaseStarted") {
    return [{ alarms, current: begin(event.phase, now) }, leftover(view)]
  }
  if (event._tag === "PhaseFinished") return [{ alarms }, finished(view, event)]
  // Why a run stopped is the error of whoever started it; here it would be said twice.
  if (event._tag === "RunStopped") return [{ alarms }, leftover(view)]
  if (event._tag === "RunFinished") return [{ alarms }, leftover(view)]
  if (event._tag === "RunResumed") {
    return [view, [`resumed ${event.run} after iteration ${event.iteration}`]]
  }
  // Said at once: what is dreamt from here on should be read with it in mind.
  if (event._tag === "MeasuredCalibration") {
    return [view, notesOf(event).notes.map((note) => `• ${note}`)]
  }
  // Once for each cause: what lasts is in the report.
  if (event._tag === "RaisedAlarm") {
    const isTold = alarms.has(event.alarm)
    return [{ ...view, alarms: new Set([...alarms, event.alarm]) }, isTold ? [] : [warning(event)]]
  }
  if (current === undefined) return [view, []]
  return [{ alarms, current: update(current, event, now) }, []]
}

const warning = (alarm: Extract<RunEvent.RunEvent, { readonly _tag: "RaisedAlarm" }>): string => {
  const { bound, cause, iteration, metric, remedy, value } = alarm
  const found = `${label(metric)} ${short(value)} (bound ${short(bound)})`
  return `! iteration ${iteration}, ${found}: ${cause}; try ${remedy}`
}

/** The line that changes, at most `width` characters: the least important parts go first. */
export const live = ({ current }: View, now: number, width: number): string => {
  if (current === undefined) return ""
  const { countedFrom, done, metrics, phase, startedAt, total } = current
  const head = `${spinner(now)} ${titles[phase]}`
  const isCounting = total > 0
  const perSecond = (1000 * (done - countedFrom.done)) / Math.max(1, now - countedFrom.at)
  const left = perSecond > 0 ? wall((total - done) / perSecond) : undefined
  const parts = [
    head,
    ...(isCounting && width >= 60 ? [bar(done / total)] : []),
    isCounting ? `${done}/${total}` : wall((now - startedAt) / 1000),
    ...(isCounting && left !== undefined ? [`${left} left`] : []),
    ...latest(metrics),
    ...(isCounting && perSecond > 0 ? [`${rate(perSecond)}/s`] : [])
  ]
  return fit(parts, width)
}

/** The same facts in one plain line, for logs. */
export const plain = (view: View, now: number): string =>
  live(view, now, Number.MAX_SAFE_INTEGER)
    .replace(/^\S+ /, "")
    .replace(/ +[━─]+/, "")

export const titles: Readonly<Record<RunEvent.Phase, string>> = {
  collect: "collect real experience".padEnd(25),
  fit: "fit the experience model".padEnd(25),
  clone: "clone the first policy".padEnd(25),
  dream: "dream and improve".padEnd(25),
  evaluate: "evaluate in reality".padEnd(25)
}

/** Cuts at `width`; what is cut shows it. */
const cut = (line: string, width: number): string =>
  line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`

const begin = (phase: RunEvent.Phase, now: number): Phase => ({
  phase,
  startedAt: now,
  done: 0,
  total: 0,
  countedFrom: { at: now, done: 0 },
  metrics: {},
  dreams: { all: 0, accepted: 0 },
  facts: [],
  notes: [],
  evaluatedAt: 0
})

const update = (current: Phase, event: RunEvent.RunEvent, now: number): Phase => {
  const { facts, metrics, notes } = saidOf(current, event)
  const noted = {
    ...current,
    dreams: dreamsWith(current.dreams, event),
    metrics: { ...current.metrics, ...metrics },
    facts: [...current.facts, ...facts],
    notes: [...current.notes, ...notes],
    evaluatedAt: Evaluations.next(current, event).evaluatedAt
  }
  if (event._tag !== "PhaseProgressed" || event.phase !== current.phase) return noted
  const isAnother = event.done < current.done || event.total !== current.total
  const countedFrom = !isAnother
    ? current.countedFrom
    : current.total === 0
      ? { at: current.startedAt, done: 0 }
      : { at: now, done: event.done }
  const latestMetrics = isAnother ? event.metrics : { ...noted.metrics, ...event.metrics }
  return { ...noted, done: event.done, total: event.total, countedFrom, metrics: latestMetrics }
}

/** A point of a curve is shown while the phase goes on; all of them are in the report. */
const saidOf = (current: Phase, event: RunEvent.RunEvent): Notes =>
  event._tag === "EvaluatedPolicy" && Evaluations.isOfCurve(current, event)
    ? { facts: [], notes: [], metrics: { "val/real_success_rate": event.evaluation.rate } }
    : notesOf(event)

const finished = (
  { current }: View,
  { phase, seconds }: { readonly phase: RunEvent.Phase; readonly seconds: number }
): ReadonlyArray<string> => {
  const { facts, notes } = current?.phase === phase ? spoken(current) : { facts: [], notes: [] }
  const line = [`✓ ${titles[phase]}${wall(seconds).padStart(12)}`, facts.join(", ")]
  return [line.filter(Boolean).join("  "), ...notes.map((note) => `    ${note}`)]
}

const spoken = ({ dreams, facts, notes }: Phase): Pick<Phase, "facts" | "notes"> => ({
  facts:
    dreams.all === 0
      ? facts
      : [
          `${amount(dreams.all)} dreams, ${percent(dreams.accepted / dreams.all)} accepted`,
          ...facts
        ],
  notes
})

const dreamsWith = (dreams: Phase["dreams"], event: RunEvent.RunEvent): Phase["dreams"] =>
  event._tag === "DreamtGroups"
    ? { all: dreams.all + event.trajectories, accepted: dreams.accepted + event.accepted }
    : dreams

/** What a phase that did not finish had to say. */
export const leftover = ({ current }: View): ReadonlyArray<string> =>
  current === undefined
    ? []
    : Object.values(spoken(current)).flatMap((said) => said.map((note) => `    ${note}`))

const spinner = (now: number): string => "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[Math.floor(now / 100) % 10] ?? "*"

const barWidth = 20

const bar = (share: number): string => {
  const full = Math.round(barWidth * Math.min(1, Math.max(0, share)))
  return "━".repeat(full) + "─".repeat(barWidth - full)
}

const rate = (perSecond: number): string =>
  perSecond >= 9.95 ? perSecond.toFixed(0) : perSecond.toFixed(perSecond >= 0.1 ? 1 : 2)

/** What the filter and the rollouts measured, and what it cost, is in `metrics.jsonl`: for one line it is too much. */
const latest = (metrics: Readonly<Record<string, number>>): ReadonlyArray<string> =>
  Object.entries(metrics)
    .filter(([name]) => !/^(filter|rollout|curve)\//.test(name))
    .map(([name, value]) => `${label(name)} ${short(value)}`)

const fit = (parts: ReadonlyArray<string>, width: number): string => {
  for (let count = parts.length; count > 1; count--) {
    const line = parts.slice(0, count).join("  ")
    if (line.length <= width) return line
  }
  return cut(parts[0] ?? "", width)
}
