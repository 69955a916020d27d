/**
 * What a buffer holds, counted one trajectory after the other, and told as a page or as JSON.
 * It reads nothing itself.
 */
import { Ending, Trajectory } from "@dreamgym/domain"
import * as ReportText from "@dreamgym/pipeline/ReportText"

/** Sums over the trajectories of one kind. `returns` is the sum of their undiscounted returns. */
export type Group = {
  readonly trajectories: number
  readonly transitions: number
  readonly successes: number
  readonly failed: number
  readonly returns: number
  readonly longest: number
}

/**
 * `reasons` counts rejections by their reason. `tokens` and `cost` (US dollars) are those of the models that dreamt; `latest` and `iterations` are
 * the greatest version of a policy and the number of iterations seen.
 */
export interface Tally {
  readonly all: Group
  readonly sources: Readonly<Record<string, Group>>
  readonly environments: Readonly<Record<string, Group>>
  readonly policies: Readonly<Record<string, Group>>
  readonly verdicts: Readonly<Record<"accepted" | "rejected" | "unjudged", number>>
  readonly reasons: Readonly<Record<string, number>>
  readonly tokens: { readonly prompt: number; readonly completion: number }
  readonly cost: number
  readonly versions: Span
  readonly iterations: Span
}

/** The least and the greatest; absent where there is none. */
export type Span = { readonly from: number; readonly to: number } | undefined

const none: Group = {
  trajectories: 0,
  transitions: 0,
  successes: 0,
  failed: 0,
  returns: 0,
  longest: 0
}

export const empty: Tally = {
  all: none,
  sources: {},
  environments: {},
  policies: {},
  verdicts: { accepted: 0, rejected: 0, unjudged: 0 },
  reasons: {},
  tokens: { prompt: 0, completion: 0 },
  cost: 0,
  versions: undefined,
  iterations: undefined
}

export const add = (tally: Tally, trajectory: Trajectory.Trajectory): Tally => {
  const { iteration, policy, policyVersion, task, verdict } = trajectory
  const kind = verdictOf(trajectory)
  return {
    all: grown(tally.all, trajectory),
    sources: counted(
      tally.sources,
      Trajectory.isReal(trajectory) ? "real" : "synthetic",
      trajectory
    ),
    environments: counted(tally.environments, task.environment, trajectory),
    policies: counted(tally.policies, policy, trajectory),
    verdicts: { ...tally.verdicts, [kind]: tally.verdicts[kind] + 1 },
    reasons:
      verdict?._tag === "Rejected"
        ? { ...tally.reasons, [verdict.reason]: (tally.reasons[verdict.reason] ?? 0) + 1 }
        : tally.reasons,
    ...spent(tally, trajectory),
    versions: widened(tally.versions, policyVersion),
    iterations: iteration === undefined ? tally.iterations : widened(tally.iterations, iteration)
  }
}

const verdictOf = ({ verdict }: Trajectory.Trajectory) =>
  verdict === undefined ? "unjudged" : verdict._tag === "Rejected" ? "rejected" : "accepted"

const counted = (
  groups: Readonly<Record<string, Group>>,
  name: string,
  trajectory: Trajectory.Trajectory
) => ({ ...groups, [name]: grown(groups[name] ?? none, trajectory) })

const grown = (group: Group, trajectory: Trajectory.Trajectory): Group => ({
  trajectories: group.trajectories + 1,
  transitions: group.transitions + trajectory.transitions.length,
  successes: group.successes + (Ending.isSuccess(trajectory.ending) ? 1 : 0),
  failed: group.failed + (trajectory.ending._tag === "Failed" ? 1 : 0),
  returns: group.returns + Trajectory.totalReward(trajectory),
  longest: Math.max(group.longest, trajectory.transitions.length)
})

const spent = ({ cost, tokens }: Tally, { transitions }: Trajectory.Trajectory) => {
  const dreamt = transitions.flatMap(({ provenance }) =>
    provenance._tag === "Synthetic" ? [provenance] : []
  )
  const sum = (of: (one: (typeof dreamt)[number]) => number) =>
    dreamt.reduce((all, one) => all + of(one), 0)
  return {
    cost: cost + sum((one) => one.cost),
    tokens: {
      prompt: tokens.prompt + sum((one) => one.tokens?.prompt ?? 0),
      completion: tokens.completion + sum((one) => one.tokens?.completion ?? 0)
    }
  }
}

const widened = (span: Span, value: number): Span => ({
  from: Math.min(span?.from ?? value, value),
  to: Math.max(span?.to ?? value, value)
})

const { amount, percent, ratio, table } = ReportText

/** The page for people. */
export const lines = (tally: Tally): ReadonlyArray<string> => [
  ...table(
    [
      "kind",
      "trajectories",
      "transitions",
      "solved",
      "rate",
      "mean return",
      "mean length",
      "longest"
    ],
    [
      ...Object.entries(tally.sources),
      ...Object.entries(tally.environments),
      ["all", tally.all] as const
    ].map(([name, group]) => [name, ...cells(group)])
  ),
  "",
  `Judged: ${amount(tally.verdicts.accepted)} accepted, ${amount(tally.verdicts.rejected)} rejected${reasonsOf(tally)}, ${amount(tally.verdicts.unjudged)} never judged`,
  `Faults: ${amount(tally.all.failed)} episodes failed and teach nothing`,
  `Policies: ${policiesOf(tally)}; versions ${spanOf(tally.versions)}, iterations ${spanOf(tally.iterations)}`,
  `Dreaming: ${amount(tally.tokens.prompt)} tokens read, ${amount(tally.tokens.completion)} written, $${tally.cost.toFixed(2)}`
]

const cells = (group: Group): ReadonlyArray<string> => [
  amount(group.trajectories),
  amount(group.transitions),
  amount(group.successes),
  ratio(group.successes, group.trajectories),
  (group.returns / Math.max(1, group.trajectories)).toFixed(2),
  (group.transitions / Math.max(1, group.trajectories)).toFixed(1),
  amount(group.longest)
]

const reasonsOf = ({ reasons, verdicts }: Tally): string =>
  verdicts.rejected === 0
    ? ""
    : ` (${Object.entries(reasons)
        .toSorted(([, a], [, b]) => b - a)
        .map(([reason, count]) => `${reason} ${amount(count)}`)
        .join(", ")})`

const policiesOf = ({ all, policies }: Tally): string =>
  Object.entries(policies)
    .toSorted(([, a], [, b]) => b.trajectories - a.trajectories)
    .slice(0, 5)
    .map(([name, { trajectories }]) => `${name} ${percent(trajectories / all.trajectories)}`)
    .join(", ")

const spanOf = (span: Span): string =>
  span === undefined
    ? "none"
    : span.from === span.to
      ? `${span.from}`
      : `${span.from} to ${span.to}`
