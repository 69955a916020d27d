/**
 * The goal that was set before anything ran, as questions, and what the numbers answer.
 * It knows no reasons and no hopes: an answer follows from paired differences and their intervals alone.
 */
import * as Findings from "./Findings.ts"
import type { Interval } from "./Interval.ts"

/** "Not shown": something has not run, a difference has one seed, or the interval leaves it open. */
export type Answer = "met" | "not met" | "not shown"

/** The one by which the goal is judged, named beforehand, and the one beside it. */
export const algorithms = ["ppo", "grpo"] as const
export type Algorithm = (typeof algorithms)[number]

/** By how much dreamt must exceed SFT, as a share. */
export const margin = 0.25

const rules = {
  /** The interval holds zero or is above it. */
  notBelow: ({ high }) => (high >= 0 ? "met" : "not met"),
  /** The low end is at the margin: met. Only the point is: not shown. Not even that: not met. */
  byMargin: ({ low, mean }) => byLowEnd(low >= margin - tiny, mean >= margin - tiny),
  /** The same, above zero. */
  above: ({ low, mean }) => byLowEnd(low > 0, mean > 0)
} satisfies Record<string, (difference: Interval) => Answer>

const byLowEnd = (isLowEnd: boolean, isPoint: boolean): Answer =>
  isLowEnd ? "met" : isPoint ? "not shown" : "not met"

/** A mean of shares that should be 0.25 may be a hair below. */
const tiny = 1e-12

/** `words` say when it is met. `pairs`: of each, the first arm is to stand against the second. */
export interface Question {
  readonly name: "a" | "b" | "c"
  readonly text: string
  readonly words: string
  readonly rule: keyof typeof rules
  readonly pairs: (algorithm: Algorithm) => ReadonlyArray<readonly [string, string]>
}

export const questions: ReadonlyArray<Question> = [
  {
    name: "a",
    text: "dreamt, without further real transitions, at least as good as real with ten times the offline data",
    words: "the interval holds zero or lies above it",
    rule: "notBelow",
    pairs: (algorithm) => [[`${algorithm}_dream`, `${algorithm}_real_10x`]]
  },
  {
    name: "b",
    text: "dreamt 25 points above SFT",
    words: "the interval's low end is at 25 points or more; not met where not even its point is",
    rule: "byMargin",
    pairs: (algorithm) => [[`${algorithm}_dream`, "sft"]]
  },
  {
    name: "c",
    text: "sim-to-real above both",
    words: "both intervals lie above zero; not met where not even both points do",
    rule: "above",
    pairs: (algorithm) => [
      [`${algorithm}_s2r`, `${algorithm}_dream`],
      [`${algorithm}_s2r`, `${algorithm}_real_10x`]
    ]
  }
]

/** `differences` in the order of the question's pairs; undefined where no seed has both arms. */
export interface Answered {
  readonly rung: string
  readonly algorithm: Algorithm
  readonly question: Question
  readonly answer: Answer
  readonly differences: ReadonlyArray<{
    readonly pair: readonly [string, string]
    readonly found: Findings.Difference | undefined
  }>
}

/** All questions of a rung, those about the algorithm that counts first. */
export const answers = (runs: ReadonlyArray<Findings.Run>, rung: string): ReadonlyArray<Answered> =>
  algorithms.flatMap((algorithm) =>
    questions.map((question) => {
      const differences = question
        .pairs(algorithm)
        .map((pair) => ({ pair, found: Findings.difference(runs, rung, pair) }))
      const each = differences.map(({ found }) =>
        found === undefined || found.seeds < 2 ? "not shown" : rules[question.rule](found)
      )
      return { rung, algorithm, question, answer: together(each), differences }
    })
  )

/** One failure is enough, and so is one doubt where nothing failed. */
const together = (each: ReadonlyArray<Answer>): Answer =>
  (["not met", "not shown"] as const).find((answer) => each.includes(answer)) ?? "met"
