/**
 * A study in a few lines, for a page that has other things to say: success by arm and rung, and what became of the goal.
 * All else, and what the numbers do not show, is in the report.
 */
import * as Arms from "./Arms.ts"
import * as Findings from "./Findings.ts"
import * as Goals from "./Goals.ts"
import type { Told } from "./StudyReport.ts"
import { count, difference, interval, table } from "./StudyText.ts"

type Lines = ReadonlyArray<string>

/** Markdown lines; `report` is the link to the study's report. */
export const lines = ({ entries, study, units }: Told, report: string): Lines => {
  const wanted = new Set(units.map(({ id }) => id))
  const finished = entries.flatMap((entry) =>
    entry._tag === "Finished" && wanted.has(entry.unit) ? [entry] : []
  )
  const runs = Findings.runsOf(finished)
  const { rungs, seeds } = study
  const missing =
    finished.length === units.length ? "" : `, ${finished.length} of ${units.length} runs`
  return [
    `From [the study of the household worlds](${report}) (${study.form} form, ${seeds.length === 1 ? "one seed" : `${seeds.length} seeds`}${missing}): success in held-out real houses, mean over seeds, with 95 % intervals over seeds and episodes. ${counted(rungs)}`,
    "",
    ...arms(runs, rungs),
    "",
    "The goal, named beforehand, for PPO (GRPO beside it is in the report), with the paired difference in points:",
    "",
    ...goal(runs, rungs)
  ]
}

const counted = (rungs: Lines): string =>
  `Transitions are means over seeds${rungs.length > 1 ? `, on ${rungs.at(-1) ?? ""}` : ""}.`

const arms = (runs: ReadonlyArray<Findings.Run>, rungs: Lines): Lines => {
  const byRung = rungs.map((rung) => Findings.rows(runs, rung, Arms.of("table", false)))
  const names = Arms.of("table", false).filter((arm) =>
    byRung.some((rows) => rows.some((row) => row.arm === arm))
  )
  const rows = names.map((arm) => {
    const found = byRung.map((of) => of.find((row) => row.arm === arm))
    const last = found.at(-1)
    return [
      Findings.titleOf(arm),
      ...found.map((row) => interval(row?.success)),
      ...[last?.offline, last?.lived, last?.synthetic].map((number) =>
        number === undefined ? "none" : count(number)
      )
    ]
  })
  return table(["arm", ...rungs, "real, offline", "real, more", "synthetic"], rows)
}

const goal = (runs: ReadonlyArray<Findings.Run>, rungs: Lines): Lines => {
  const byRung = rungs.map((rung) => Goals.answers(runs, rung))
  const rows = Goals.questions.map(({ name, text }) => [
    `(${name}) ${text}`,
    ...byRung.map((answers) => {
      const one = answers.find(
        ({ algorithm, question }) => algorithm === Goals.algorithms[0] && question.name === name
      )
      return one === undefined ? "" : answered(one)
    })
  ])
  return table(["question", ...rungs], rows)
}

const answered = ({ answer, differences }: Goals.Answered): string => {
  const found = differences.flatMap(({ found: one }) =>
    one === undefined ? [] : [difference(one)]
  )
  return found.length === 0 ? answer : `${answer}: ${found.join("; ")}`
}
