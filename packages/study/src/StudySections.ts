/**
 * The sections of a study's report: tables and the sentences that they allow.
 * Where an interval holds zero, nothing is claimed.
 */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import * as Arms from "./Arms.ts"
import * as Findings from "./Findings.ts"
import * as Goals from "./Goals.ts"
import type { Interval } from "./Interval.ts"
import type { Study } from "./Plan.ts"
import { count, difference, interval, points, table } from "./StudyText.ts"

type Runs = ReadonlyArray<Findings.Run>
type Lines = ReadonlyArray<string>
type Section = (runs: Runs, rungs: ReadonlyArray<string>) => Lines

/** Heading, tables and sentences of a part. */
export const of = (part: Arms.Part, runs: Runs, rungs: ReadonlyArray<string>): Lines =>
  sections[part](runs, rungs)

const under = (heading: string, rows: Lines, remarks: Lines): Lines => [
  `## ${heading}`,
  "",
  ...rows,
  "",
  ...remarks.flatMap((remark) => [remark, ""])
]

const nothing = "Nothing of this is finished yet."

const tableOr = (header: Lines, rows: ReadonlyArray<Lines>): Lines =>
  rows.length === 0 ? [nothing] : table(header, rows)

const main: Section = (runs, rungs) => [
  ...goal(runs, rungs),
  ...under("Table 1 in miniature", rowsOf(runs, rungs), [
    '"Real, offline" transitions were collected before, by scripted players, and are the same for all arms of a seed; "real, more" are those that the policy played in the real world to learn from. Real episodes that only calibrate the experience model, or evaluate, are in neither. Tokens are those of dreams. Time is what the arm takes alone: collecting, fitting and cloning are in it, whichever run did that. Transitions, tokens and time are means over seeds.'
  ]),
  ...under("Differences within seeds", differencesOf(runs, rungs), [
    'Each interval stands alone: of so many, one in twenty is expected to miss the truth. "Not shown" is no proof that two arms are equal.'
  ])
]

/** What was asked before anything ran comes first, whatever the answer. */
const goal: Section = (runs, rungs) => {
  const rows = rungs
    .flatMap((rung) => Goals.answers(runs, rung))
    .map(({ algorithm, answer, differences, question, rung }) => [
      rung,
      algorithm.toUpperCase(),
      `(${question.name}) ${question.text}`,
      answer,
      differences.map(paired).join("; ")
    ])
  return under(
    "The goal",
    table(["rung", "algorithm", "question", "answer", "paired difference, points"], rows),
    [
      "PPO was named beforehand as the one that the goal is judged by; GRPO stands beside it.",
      `Answers follow from the intervals alone. ${Goals.questions
        .map(({ name, words }) => `(${name}) is met where ${words}.`)
        .join(
          " "
        )} With one seed, or without one of the arms, nothing is shown. In (a) an interval that holds zero is no proof that dreamt is as good: its low end says how far behind it may be.`
    ]
  )
}

const paired = ({
  found,
  pair: [first, second]
}: Goals.Answered["differences"][number]): string => {
  const names = `${Findings.titleOf(first)} - ${Findings.titleOf(second)}`
  return found === undefined
    ? `${names}: no seed has both`
    : `${names}: ${difference(found)}, ${found.seeds === 1 ? "one seed" : `${found.seeds} seeds`}`
}

const rowsOf: Section = (runs, rungs) => {
  const columns = ["rung", "arm", "success", "of each seed", "real, offline", "real, more"]
  const rows = rungs.flatMap((rung) => Findings.rows(runs, rung, Arms.of("table", false)))
  return tableOr(
    [...columns, "synthetic", "tokens", "time"],
    rows.map((row) => [
      row.rung,
      row.title,
      interval(row.success),
      row.success.seeds.map(points).join(", "),
      count(row.offline),
      count(row.lived),
      count(row.synthetic),
      count(row.tokens),
      ReportText.wall(row.seconds)
    ])
  )
}

const differencesOf: Section = (runs, rungs) => {
  const found = rungs.flatMap((rung) =>
    comparisons.flatMap((pair) => Findings.difference(runs, rung, pair) ?? [])
  )
  return tableOr(
    ["rung", "difference", "points", "seeds", "what the interval says"],
    found.map((one) => [
      one.rung,
      `${Findings.titleOf(one.first)} - ${Findings.titleOf(one.second)}`,
      difference(one),
      String(one.seeds),
      verdict(one)
    ])
  )
}

/** What the paper claims, as differences: dreaming beats SFT, stands beside the real world, and sim-to-real beats both. */
const comparisons: ReadonlyArray<readonly [string, string]> = [
  ["dpo", "sft"],
  ...(["grpo", "ppo"] as const).flatMap((algorithm) => [
    [`${algorithm}_dream`, "sft"] as const,
    [`${algorithm}_dream`, `${algorithm}_real`] as const,
    [`${algorithm}_dream`, `${algorithm}_real_10x`] as const,
    [`${algorithm}_real_10x`, `${algorithm}_real`] as const,
    [`${algorithm}_s2r`, `${algorithm}_dream`] as const,
    [`${algorithm}_s2r`, `${algorithm}_real`] as const,
    [`${algorithm}_s2r`, `${algorithm}_real_10x`] as const
  ]),
  ["ppo_dream", "grpo_dream"]
]

const verdict = ({ high, low, seeds }: Interval & { readonly seeds: number }): string => {
  if (seeds < 2) return "one seed: of its episodes only"
  if (low > 0) return "the first is better"
  return high < 0 ? "the second is better" : "not shown"
}

const ablations: Section = (runs, rungs) => {
  const rows = rungs.flatMap((rung) =>
    Arms.ablations.flatMap(({ against, arm, part, turns }) => {
      const pair = turns === "off" ? ([against, arm] as const) : ([arm, against] as const)
      const found = Findings.difference(runs, rung, pair)
      const success = (name: string) =>
        interval(Findings.successOf(Findings.scores(runs, rung, name)))
      return found === undefined
        ? []
        : [
            [
              rung,
              part,
              success(pair[0]),
              success(pair[1]),
              difference(found),
              verdict(found).replace("the first", "with").replace("the second", "without")
            ]
          ]
    })
  )
  return under(
    "Ablations",
    tableOr(
      ["rung", "part of the method", "with", "without", "with - without", "what the interval says"],
      rows
    ),
    [
      `Every row is PPO dreamt with one thing changed, both as long: the quality filter's as in Table 1, the others with fewer iterations. ${Arms.ablations
        .filter(({ turns }) => turns === "on")
        .map(({ part }) => `Without ${part} is how all other arms run.`)
        .join(" ")}`.trim()
    ]
  )
}

const scaling: Section = (runs, rungs) => {
  const rows = rungs.flatMap((rung) =>
    Arms.sizes.flatMap((size) => {
      const arm = Arms.nameOf(size)
      const scored = (policy: string) =>
        Findings.successOf(Findings.scores(runs, rung, arm, policy))
      const [dreamt, cloned] = [scored("dreamt"), scored("cloned+")]
      const measured = (name: string) => interval(Findings.measure(runs, rung, arm, name))
      return dreamt === undefined
        ? []
        : [
            [
              rung,
              count(size),
              count(
                Findings.meanOf(Findings.at(runs, rung, arm).map(({ outcome }) => outcome.offline))
              ),
              measured("nextStateExactKnown"),
              measured("falseSuccessRate"),
              interval(cloned),
              interval(dreamt)
            ]
          ]
    })
  )
  return under(
    "Data",
    tableOr(
      [
        "rung",
        "to learn from, about",
        "collected",
        "next observation exact",
        "false success",
        "SFT",
        "PPO dreamt"
      ],
      rows
    ),
    [
      'Dreaming starts from the clone of the demonstrations, which are the same at all sizes but the smallest: there they are half of the transitions. What differs is the experience model; SFT is on the same data, and beside it only. "Collected" holds the trajectories that only measure the model as well. The two measures of the model are on those held-out trajectories: how often its next observation is exactly right where it can be known, and how often it calls an unrewarded step a success.'
    ]
  )
}

/** Success that an arm may reach, in shares. */
const targets = [0.3, 0.5, 0.7, 0.9]

const cost: Section = (runs, rungs) => {
  const rows = rungs.flatMap((rung) =>
    targets.flatMap((target) =>
      Arms.of("cost", false)
        .filter((arm) => arm !== "sft")
        .flatMap((arm) => {
          const { dreamt, lived, reached, seeds } = Findings.price(runs, rung, arm, target)
          return seeds === 0
            ? []
            : [
                [
                  rung,
                  `${points(target)} %`,
                  Findings.titleOf(arm),
                  `${reached} of ${seeds}`,
                  lived === undefined ? "not reached" : count(lived),
                  dreamt === undefined ? "not reached" : count(dreamt)
                ]
              ]
        })
    )
  )
  return under(
    "What it costs",
    tableOr(
      [
        "rung",
        "success",
        "arm",
        "seeds that reach it",
        "real transitions beside the offline ones",
        "synthetic transitions"
      ],
      rows
    ),
    [
      "The first evaluation at which a seed's measured success is that high, a mean over the seeds that get there; seeds that do not are not in it. Success is measured only every few iterations, so that a price is too high by at most one such step. The first evaluation is before any learning, and costs nothing more. All arms rest on the offline transitions of Table 1 as well."
    ]
  )
}

const exploitation: Section = (runs, rungs) => {
  const rows = rungs.flatMap((rung) =>
    [Arms.whole, Arms.unfiltered].flatMap((arm) => {
      const excess = Findings.excess(runs, rung, arm)
      const real = Findings.successOf(Findings.scores(runs, rung, arm))
      const believed = Findings.believed(runs, rung, arm)
      const last = believed.slice(-Math.max(1, Math.floor(believed.length / 5)))
      return excess === undefined
        ? []
        : [
            [
              rung,
              arm === Arms.whole ? "with" : "without",
              `${points(Findings.meanOf(last.map(({ rate }) => rate)))} %`,
              interval(real),
              difference(excess)
            ]
          ]
    })
  )
  return under(
    "Does training exploit the dream?",
    tableOr(
      ["rung", "quality filter", "success in the last dreams", "real success", "dreamt - real"],
      rows
    ),
    [
      "Success in dreams is over those that the last fifth of the updates learnt from, and of training tasks; real success is of held-out tasks. A gap above zero that grows during training would be a sign of exploitation; tasks and houses differ as well, so that a constant gap is none."
    ]
  )
}

const curriculum: Section = (runs, rungs) => {
  const rows = rungs.flatMap((rung) =>
    Findings.rows(runs, rung, Arms.of("curriculum", false)).map(({ arm, success }) => {
      const found = Findings.difference(runs, rung, [arm, Arms.uniform])
      const played = Findings.difficulty(runs, rung, arm)
      const isUniform = arm === Arms.uniform
      return [
        rung,
        Findings.titleOf(arm),
        interval(success),
        isUniform || found === undefined ? "" : difference(found),
        isUniform || found === undefined
          ? ""
          : verdict(found).replace("the first", "this").replace("the second", "even drawing"),
        [played.at(0), played.at(-1)].map((one) => one?.mean.toFixed(1) ?? "none").join(" to ")
      ]
    })
  )
  return under(
    "Curriculum",
    tableOr(
      [
        "rung",
        "tasks",
        "success",
        "- drawn evenly",
        "what the interval says",
        "difficulty, first to last iteration"
      ],
      rows
    ),
    [
      "Every row is PPO dreamt without generated tasks, from the same data and models, for as many iterations of as many tasks; only which tasks are played differs. The collected houses go from easy ones (small, without distractors, open) to those of the rung; success is that in the rung's own. Difficulty is about how many steps a task takes."
    ]
  )
}

const sections: Readonly<Record<Arms.Part, Section>> = {
  table: main,
  ablations,
  scaling,
  cost,
  exploitation,
  curriculum
}

/** What no interval here covers. */
export const limits = ({ form, seeds }: Study, runs: Runs): Lines => {
  const few = Math.max(
    0,
    ...[...Map.groupBy(runs, ({ arm, rung }) => `${rung} ${arm}`).values()].map((one) => one.length)
  )
  return [
    "## What the intervals do not show",
    "",
    `- ${few === 1 ? "With one seed they are of episodes alone: how much another seed would differ is not in them." : `A bootstrap over ${few} seeds is narrow: with few seeds, fewer than 95 % of such intervals cover the truth.`}`,
    "- Other worlds, other rungs and other machines: houses come from one generator, and held-out houses are new houses of the same kind.",
    "- Other settings: all arms share learning rate, batch and, but for the real arms with ten times the data, the number of iterations, which were chosen for the default run and searched for no arm by itself.",
    "- The bounds that stop a run whose experience model is poor (`fidelity.*`, `calibration.*`, `train.minAcceptRate`) are open in a study: a seed whose model would have been refused counts here.",
    ...(form === "quick"
      ? [
          `- The quick form trains little, on an easy rung, with ${seeds.length === 1 ? "one seed" : `${seeds.length} seeds`}: it shows that the study runs, and no more than that.`
        ]
      : []),
    ""
  ]
}
