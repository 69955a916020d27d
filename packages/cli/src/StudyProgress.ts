/**
 * A study in sight: one live line on a terminal, a line per finished run elsewhere.
 * What is told is decided by the study; nothing here is an answer.
 */
import * as ReportText from "@dreamgym/pipeline/ReportText"
import type * as Conduct from "@dreamgym/study/Conduct"
import * as Effect from "effect/Effect"
import * as Output from "./Output.ts"

/** Shows what it is told, on stderr. */
export const view = Effect.gen(function* () {
  const screen = yield* Output.screen
  return (progress: Conduct.Progress) =>
    Effect.gen(function* () {
      const ended = progress.ended === undefined ? [] : [endOf(progress, progress.ended)]
      if (!screen.isTerminal) {
        yield* Effect.forEach(ended, (line) => screen.write(`${line}\n`), { discard: true })
        return
      }
      const columns = yield* screen.columns
      const live = lineOf(progress).slice(0, Math.max(1, columns - 1))
      const left = progress.finished + progress.failed < progress.total
      yield* screen.write(
        `\r\u001B[K${ended.map((line) => `${line}\n`).join("")}${left ? live : ""}`
      )
    })
})

const endOf = ({ failed, finished, secondsLeft, total }: Conduct.Progress, unit: string): string =>
  `${unit} ended: ${finished} of ${total} finished${failed === 0 ? "" : `, ${failed} failed`}, about ${ReportText.wall(secondsLeft)} left`

/** "3 of 40, about 1 h 10 min left | L2/1/sft: fit the experience model ..." */
export const lineOf = ({
  failed,
  finished,
  running,
  secondsLeft,
  total
}: Conduct.Progress): string =>
  [
    `${finished} of ${total}${failed === 0 ? "" : `, ${failed} failed`}, about ${ReportText.wall(secondsLeft)} left`,
    ...running.map(({ line, unit }) => `${unit}: ${line}`)
  ].join(" | ")
