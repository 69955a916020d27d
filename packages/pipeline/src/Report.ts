/**
 * What a run came to, as a pure fold of its events: the summary for machines, the table for terminals, report.md for later.
 * It praises nothing: what the intervals do not show, it says.
 */
import { type Evaluation, RunEvent } from "@dreamgym/domain"
import * as Schema from "effect/Schema"
import { type Evaluated, evaluationsOf } from "./Evaluations.ts"
import { sentences } from "./ReportSentences.ts"
import { amount, percent, ratio, table, wall, words, wrap } from "./ReportText.ts"

/**
 * `realTransitions` are all that were played for the policies but the baseline: offline, to calibrate, to learn from. `accepted` and `rejected` count dreamt
 * trajectories, `tokens` those of policy and experience model in dreams, `seconds` the wall time of each phase.
 */
export const Summary = Schema.Struct({
  run: Schema.String,
  evaluation: Schema.Array(
    Schema.Struct({
      policy: Schema.String,
      environment: Schema.String,
      episodes: Schema.Int,
      successes: Schema.Int,
      rate: Schema.Number,
      low: Schema.Number,
      high: Schema.Number
    })
  ),
  realTransitions: Schema.Int,
  syntheticTransitions: Schema.Int,
  accepted: Schema.Int,
  rejected: Schema.Record(Schema.String, Schema.Int),
  tokens: Schema.Int,
  seconds: Schema.Record(Schema.String, Schema.Number)
})
export interface Summary extends Schema.Schema.Type<typeof Summary> {}

type Events = ReadonlyArray<RunEvent.RunEvent>

/** `events` are those that count (`Surviving`). Of each policy the last evaluation stands that is no point of a curve. */
export const summary = (run: string, events: Events): Summary => {
  const dreams = events.filter(RunEvent.RunEvent.guards.DreamtGroups)
  const collected = events.filter(RunEvent.RunEvent.guards.CollectedRealExperience)
  const lived = events.filter(RunEvent.RunEvent.guards.LivedGroups)
  return {
    run,
    evaluation: evaluations(events).map(
      ({ policy, environment, episodes, successes, rate, low, high }) => ({
        policy,
        environment,
        episodes,
        successes,
        rate,
        low,
        high
      })
    ),
    realTransitions:
      total(collected, ({ transitions }) => transitions) +
      total(lived, ({ transitions }) => transitions) +
      (paid(events, apart.calibration) ?? 0),
    syntheticTransitions: total(dreams, ({ transitions }) => transitions),
    accepted: total(dreams, ({ accepted }) => accepted),
    rejected: rejections(dreams),
    tokens: total(dreams, ({ tokens }) => tokens),
    seconds: secondsByPhase(events)
  }
}

/** The lines that end a run on a terminal. */
export const terminal = (run: string, events: Events): ReadonlyArray<string> => {
  const rows = evaluations(events)
  return [
    ...(rows.length === 0
      ? ["No policy was evaluated yet."]
      : [title(rows), ...table(evaluationHeader, rows.map(evaluationRow))]),
    "",
    ...table(["", ""], facts(run, events)).slice(2),
    "",
    ...sentences(rows).flatMap((sentence) => wrap(sentence, 80))
  ].map((line) => line.trimEnd())
}

/** report.md. */
export const markdown = (run: string, events: Events): string => {
  const rows = evaluations(events)
  const measurements = [
    ...measured("Fidelity of the experience model (held-out real transitions)", events, "Fidelity"),
    ...measured(
      "Calibration (the same policy, dreamt and real, before it learns)",
      events,
      "Calibration"
    )
  ]
  return [
    `# Run ${run}`,
    "",
    status(events),
    "",
    "## Success on held-out real tasks",
    "",
    ...(rows.length === 0
      ? ["No policy was evaluated yet."]
      : markdownTable(evaluationHeader, rows.map(evaluationRow))),
    "",
    ...sentences(rows).flatMap((sentence) => [sentence, ""]),
    "## What it took",
    "",
    ...markdownTable(["what", "how much"], facts(run, events)),
    ...alarms(events),
    ...measurements,
    ...byKind(rows),
    ...curve(evaluationsOf(events).curve),
    ""
  ].join("\n")
}

const evaluations = (events: Events): ReadonlyArray<Evaluation.Evaluation> => {
  const last = new Map(
    evaluationsOf(events).final.map(({ evaluation }) => [evaluation.policy, evaluation])
  )
  return [...last.values()].toSorted((a, b) => rank(a.policy) - rank(b.policy))
}

const order = ["cloned", "cloned+", "dpo", "dreamt", "mixed", "sim-to-real", "real"]
const rank = (policy: string): number =>
  order.includes(policy) ? order.indexOf(policy) : order.length

const total = <A>(values: ReadonlyArray<A>, count: (value: A) => number): number =>
  values.reduce((sum, value) => sum + count(value), 0)

const rejections = (
  dreams: ReadonlyArray<{ readonly rejected: Readonly<Record<string, number>> }>
): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { rejected } of dreams) {
    for (const [reason, count] of Object.entries(rejected)) {
      counts[reason] = (counts[reason] ?? 0) + count
    }
  }
  return counts
}

const secondsByPhase = (events: Events): Readonly<Record<string, number>> => {
  const seconds: Record<string, number> = {}
  for (const event of events.filter(RunEvent.RunEvent.guards.PhaseFinished)) {
    seconds[event.phase] = (seconds[event.phase] ?? 0) + event.seconds
  }
  return seconds
}

const title = (rows: ReadonlyArray<Evaluation.Evaluation>): string => {
  const worlds = [...new Set(rows.map(({ environment }) => environment))].join(", ")
  return `Success in the real ${worlds}, on held-out tasks:`
}

const evaluationHeader = ["policy", "success", "95 % interval", "episodes", "steps"]

const evaluationRow = (row: Evaluation.Evaluation): ReadonlyArray<string> => [
  row.policy,
  percent(row.rate),
  `${percent(row.low)} to ${percent(row.high)}`,
  row.faults === 0
    ? amount(row.episodes)
    : `${amount(row.episodes)} (${amount(row.faults)} faults apart)`,
  row.meanSteps.toFixed(1)
]

const facts = (run: string, events: Events): ReadonlyArray<ReadonlyArray<string>> => {
  const found = summary(run, events)
  const dreamt = found.accepted + total(Object.values(found.rejected), (count) => count)
  const rejected = Object.entries(found.rejected)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
  const [collected] = events.filter(RunEvent.RunEvent.guards.CollectedRealExperience)
  const offline =
    collected === undefined
      ? []
      : [
          [
            "  collected offline",
            `${amount(collected.transitions)} (${amount(collected.trajectories)} trajectories, ${amount(collected.demonstrations)} of them demonstrations)`
          ]
        ]
  return [
    ["real transitions in all", amount(found.realTransitions)],
    ...offline,
    ...paidApart(events),
    ["synthetic transitions", amount(found.syntheticTransitions)],
    ["dreams", amount(dreamt)],
    ["  accepted", `${amount(found.accepted)} (${ratio(found.accepted, dreamt)})`],
    ...rejected.map(([reason, count]) => [
      `  rejected: ${words(reason)}`,
      `${amount(count)} (${ratio(count, dreamt)})`
    ]),
    ["tokens dreamt", amount(found.tokens)],
    ...Object.entries(found.seconds).map(([phase, seconds]) => [`time: ${phase}`, wall(seconds)]),
    ["time in all", wall(total(Object.values(found.seconds), (seconds) => seconds))]
  ]
}

/** Real transitions that no policy rests on but those of their name; each event says how many more by these metrics. */
export const apart = {
  baseline: "real/transitions",
  preferences: "dpo/transitions",
  calibration: "calibration/realTransitions",
  curve: "curve/transitions"
} as const

/** All that a metric says was paid; undefined where no event has it. */
const paid = (events: Events, metric: string): number | undefined => {
  const counts = events.flatMap((event) =>
    "metrics" in event ? (event.metrics[metric] ?? []) : []
  )
  return counts.length === 0 ? undefined : total(counts, (count) => count)
}

const paidApart = (events: Events): ReadonlyArray<ReadonlyArray<string>> => {
  const calibration = paid(events, apart.calibration)
  const baseline = paid(events, apart.baseline)
  const preferences = paid(events, apart.preferences)
  const measuring = paid(events, apart.curve)
  const lived = events.filter(RunEvent.RunEvent.guards.LivedGroups)
  return [
    ...(lived.length === 0
      ? []
      : [["  lived to learn from", amount(total(lived, ({ transitions }) => transitions))]]),
    ...(calibration === undefined
      ? []
      : [["  to calibrate, never learned from", amount(calibration)]]),
    ...(preferences === undefined
      ? []
      : [["  beside them, the baseline `dpo` alone", `${amount(preferences)} more`]]),
    ...(baseline === undefined
      ? []
      : [["  beside them, the baseline `real` alone", `${amount(baseline)} more`]]),
    ...(measuring === undefined
      ? []
      : [["  beside them, to draw curves, never learned from", `${amount(measuring)} more`]])
  ]
}

const status = (events: Events): string => {
  const [started] = events.filter(RunEvent.RunEvent.guards.RunStarted)
  const end = events.findLast(
    ({ _tag }) => _tag === "RunFinished" || _tag === "RunStopped" || _tag === "RunResumed"
  )
  const seed = started === undefined ? "" : `Seed ${started.seed}. `
  if (end?._tag === "RunFinished") return `${seed}Finished in ${wall(end.seconds)}.`
  if (end?._tag === "RunStopped") return `${seed}Stopped: ${end.reason}`
  return `${seed}Not finished.`
}

const measured = (
  heading: string,
  events: Events,
  kind: "Fidelity" | "Calibration"
): ReadonlyArray<string> => {
  const event = events.findLast(({ _tag }) => _tag === `Measured${kind}`)
  if (event === undefined || !("metrics" in event)) return []
  const rows = Object.entries(event.metrics).map(([name, value]) => [
    words(name.slice(name.lastIndexOf("/") + 1)),
    Number.isInteger(value) ? amount(value) : value.toFixed(4)
  ])
  return ["", `## ${heading}`, "", ...markdownTable(["measure", "value"], rows)]
}

/** Each cause once, with what was measured first. */
const alarms = (events: Events): ReadonlyArray<string> => {
  const raised = Map.groupBy(
    events.filter(RunEvent.RunEvent.guards.RaisedAlarm),
    ({ alarm }) => alarm
  )
  if (raised.size === 0) return []
  const rows = [...raised].map(([name, [first, ...more]]) => [
    words(name),
    first === undefined
      ? ""
      : `${words(first.metric.slice(first.metric.lastIndexOf("/") + 1))} ${Number(first.value.toPrecision(3))}, bound ${Number(first.bound.toPrecision(3))}`,
    [first, ...more].map((alarm) => alarm?.iteration ?? "").join(", "),
    first?.cause ?? "",
    first?.remedy ?? ""
  ])
  const header = ["alarm", "what was measured first", "at iterations", "likely cause", "try"]
  return ["", "## Alarms", "", ...markdownTable(header, rows)]
}

const byKind = (rows: ReadonlyArray<Evaluation.Evaluation>): ReadonlyArray<string> => {
  const kinds = [...new Set(rows.flatMap((row) => Object.keys(row.byKind)))].toSorted()
  if (kinds.length === 0) return []
  const cells = kinds.map((kind) => [
    kind,
    ...rows.map((row) => {
      const found = row.byKind[kind]
      return found === undefined ? "" : `${found.successes} of ${found.episodes}`
    })
  ])
  const header = ["kind of task", ...rows.map(({ policy }) => policy)]
  return ["", "## Success by kind of task", "", ...markdownTable(header, cells)]
}

const curve = (points: ReadonlyArray<Evaluated>): ReadonlyArray<string> => {
  if (points.length === 0) return []
  const header = ["policy", "iteration", "success", "95 % interval", "episodes"]
  const rows = points.map(({ evaluation, iteration }) => [
    evaluation.policy,
    amount(iteration),
    ...evaluationRow(evaluation).slice(1, 4)
  ])
  return ["", "## Success over training, before its end", "", ...markdownTable(header, rows)]
}

const markdownTable = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const line = (cells: ReadonlyArray<string>) =>
    `| ${cells.map((cell) => cell.trim().replaceAll("|", "\\|")).join(" | ")} |`
  return [line(header), line(header.map(() => "---")), ...rows.map(line)]
}
