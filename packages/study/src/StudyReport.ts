/**
 * A study as it is read: report.md, with figures and the data behind each.
 * It says what the intervals show, and what they do not; it praises nothing.
 */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Asked from "./Asked.ts"
import * as Code from "./Code.ts"
import * as Findings from "./Findings.ts"
import { type Entry, factsOf, type Finished } from "./Ledger.ts"
import * as Plan from "./Plan.ts"
import * as Sections from "./StudySections.ts"
import * as StudyFigures from "./StudyFigures.ts"
import { csv, table } from "./StudyText.ts"

/** `entries` are the ledger's. */
export interface Told extends Asked.Asked {
  readonly entries: ReadonlyArray<Entry>
}

/** The file that says what was asked. */
export const askedFile = "study.json"

/** Files of the study's folder by path: report.md, study.json, figures/*.svg, data/*. */
export const files = (told: Told): ReadonlyMap<string, string> => {
  const wanted = new Set(told.units.map(({ id }) => id))
  const finished = told.entries.flatMap((entry) =>
    entry._tag === "Finished" && wanted.has(entry.unit) ? [entry] : []
  )
  const runs = Findings.runsOf(finished)
  const drawings = told.study.parts.flatMap((part) =>
    StudyFigures.drawings(runs, told.study.rungs, part)
  )
  const pairs = drawings.flatMap(({ csv: data, name, svg }) => [
    [`figures/${name}.svg`, svg] as const,
    [`data/${name}.csv`, data] as const
  ])
  return new Map([
    ["report.md", markdown(told, finished, runs, drawings)],
    ...pairs,
    ["data/runs.csv", csv(runs.flatMap(rowsOf))],
    [askedFile, Asked.text(told, settingsOf(finished))]
  ])
}

const markdown = (
  told: Told,
  finished: ReadonlyArray<Finished>,
  runs: ReadonlyArray<Findings.Run>,
  drawings: ReadonlyArray<StudyFigures.Drawing>
): string =>
  [
    `# Study of the household worlds, ${told.study.form} form`,
    "",
    ...beginning(told, finished),
    ...told.study.parts.flatMap((part) => [
      ...Sections.of(part, runs, told.study.rungs),
      ...drawings.filter((one) => one.part === part).flatMap((one) => figure(one, told))
    ]),
    ...Sections.limits(told.study, runs),
    ...open(told),
    ...filesOf(told)
  ].join("\n")

const beginning = (told: Told, finished: ReadonlyArray<Finished>): ReadonlyArray<string> => {
  const { study, units } = told
  const failed = failures(told).length
  const versions = Object.entries(finished[0]?.basis.versions ?? {})
  const seconds = units.reduce((sum, unit) => sum + spentOn(unit, finished), 0)
  const commits = Code.words(finished.map(({ code }) => code))
  return [
    `Seeds ${study.seeds.join(", ")}; rungs ${study.rungs.join(", ")}. ${finished.length} of ${units.length} runs are finished${failed === 0 ? "" : `, ${failed} failed`}. One after the other they took ${ReportText.wall(seconds)}.`,
    "",
    `Made by \`${Asked.command(told)}\`${versions.length === 0 ? "" : `, with ${versions.map(([name, version]) => `${name} ${version}`).join(", ")}`}${commits === "" ? "" : `, at commit ${commits}`}. Success is the share of held-out real tasks that the policy ends with success; brackets are 95 % intervals from a bootstrap that draws seeds, and episodes within them.`,
    ""
  ]
}

/** A run that took over what another prepared, or its dreams as well, tells that one's phases again; they were paid once. */
const spentOn = ({ from, goesOn, id }: Asked.Unit, finished: ReadonlyArray<Finished>): number => {
  const secondsIn = (wanted: string | undefined) =>
    finished.find(({ unit }) => unit === wanted)?.outcome.seconds ?? {}
  const own = Object.entries(secondsIn(id))
  if (from === undefined) return secondsOf(Object.fromEntries(own))
  const told = goesOn === true ? ["collect", "fit", "clone", "dream"] : ["collect", "fit", "clone"]
  const before = secondsIn(from)
  return own.reduce(
    (sum, [phase, seconds]) =>
      sum + (told.includes(phase) ? Math.max(0, seconds - (before[phase] ?? 0)) : seconds),
    0
  )
}

const secondsOf = (seconds: Readonly<Record<string, number>>): number =>
  Object.values(seconds).reduce((sum, value) => sum + value, 0)

const figure = (
  { caption, name, part, rung }: StudyFigures.Drawing,
  told: Told
): ReadonlyArray<string> => [
  `![${part}, ${rung}](figures/${name}.svg)`,
  "",
  `*${rung}. ${caption}* Data: [data/${name}.csv](data/${name}.csv). Command: \`${Asked.command(told, part)}\`.`,
  ""
]

const failures = ({ entries, units }: Pick<Told, "entries" | "units">) =>
  units.flatMap(({ id }) =>
    entries.flatMap((entry) => (entry._tag === "Failed" && entry.unit === id ? [entry] : []))
  )

/** What is not in the numbers. */
const open = ({ entries, units }: Told): ReadonlyArray<string> => {
  const failed = failures({ entries, units })
  const known = new Set(entries.map(({ unit }) => unit))
  const missing = units.filter(({ id }) => !known.has(id))
  if (failed.length + missing.length === 0) return []
  return [
    "## What is missing",
    "",
    ...(missing.length === 0
      ? []
      : [`Not run yet: ${missing.map(({ id }) => `\`${id}\``).join(", ")}.`, ""]),
    ...(failed.length === 0
      ? []
      : [
          ...table(
            ["failed run", "the last it said"],
            failed.map(({ reason, unit }) => [unit, reason])
          ),
          ""
        ])
  ]
}

const filesOf = (told: Told): ReadonlyArray<string> => [
  "## Files",
  "",
  "- [data/runs.csv](data/runs.csv): every evaluation of every run, with transitions, tokens and seconds.",
  "- [study.json](study.json): what was asked, and how each run was set, as for `dreamgym train --set`.",
  "- results.jsonl: what each run came to, with its resolved settings, versions and their hash.",
  `- Each run's own log lies at rung/seed/arm in the folder that the study was run in, ${told.directory}.`,
  "- `npx dreamgym reproduce --report --directory FOLDER`, with the folder of this page, writes the page, the figures and the data again, from study.json and results.jsonl alone.",
  ""
]

const rowsOf = ({ arm, hash, outcome, rung, seed }: Findings.Run) =>
  outcome.evaluation.map(({ episodes, policy, successes }) => ({
    rung,
    seed,
    arm,
    policy,
    episodes,
    successes,
    offline: outcome.offline,
    lived: outcome.lived,
    preferring: outcome.preferring,
    calibrating: outcome.calibrating,
    synthetic: outcome.synthetic,
    tokens: outcome.tokens,
    seconds: Number(secondsOf(outcome.seconds).toFixed(1)),
    settings: hash
  }))

/** Budgets as they were known when the finished runs began. */
const settingsOf = (finished: ReadonlyArray<Finished>) => {
  const facts = factsOf(new Map(finished.map((entry) => [entry.unit, entry])))
  return (unit: Asked.Unit) => Plan.settingsOf(unit, facts)
}
