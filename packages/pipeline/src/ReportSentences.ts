/**
 * What the intervals show, in plain words, for and against us.
 * Where two 95 % intervals overlap, nothing is claimed.
 */
import type { Evaluation } from "@dreamgym/domain"
import { percent } from "./ReportText.ts"

type Rate = Pick<Evaluation.Evaluation, "policy" | "rate" | "low" | "high">

/** Policies that learnt from dreams, or from dreams and the real world. */
const trained = ["dreamt", "mixed", "sim-to-real"]

/** Sentences about the trained policy beside each baseline that was evaluated; none where there is none. */
export const sentences = (rates: ReadonlyArray<Rate>): ReadonlyArray<string> => {
  const find = (policy: string) => rates.find((rate) => rate.policy === policy)
  const dreamt = rates.find(({ policy }) => trained.includes(policy))
  if (dreamt === undefined) return []
  return baselines.flatMap(({ policy, say }) => {
    const baseline = find(policy)
    return baseline === undefined
      ? []
      : [`${of(dreamt.policy, say[verdict(dreamt, baseline)])} (${against(dreamt, baseline)}).`]
  })
}

/** The sentence about a policy that did not learn from dreams alone says so. */
const of = (policy: string, sentence: string): string =>
  policy === "dreamt"
    ? sentence
    : sentence
        .replaceAll("`dreamt`", `\`${policy}\``)
        .replaceAll("dreaming alone", "learning from dreams and reality")
        .replaceAll("without any dream", "without any of that")
        .replaceAll("dreaming", "learning")
        .replaceAll("Dreaming", "Learning")

/** "Above": the first is better, and the intervals are apart. */
type Verdict = "Above" | "SeemsAbove" | "SeemsBelow" | "Below"

const verdict = (first: Rate, second: Rate): Verdict => {
  if (first.low > second.high) return "Above"
  if (first.high < second.low) return "Below"
  return first.rate > second.rate ? "SeemsAbove" : "SeemsBelow"
}

const baselines: ReadonlyArray<{
  readonly policy: string
  readonly say: Readonly<Record<Verdict, string>>
}> = [
  {
    policy: "cloned",
    say: {
      Above: "`dreamt` beats `cloned`, and their 95 % intervals do not overlap",
      SeemsAbove:
        "Not shown that dreaming helped: `dreamt` is above `cloned`, but their 95 % intervals overlap",
      SeemsBelow: "Dreaming did not help: `dreamt` is no better than `cloned`",
      Below: "Dreaming did harm: `dreamt` is worse than `cloned`, beyond their 95 % intervals"
    }
  },
  {
    policy: "cloned+",
    say: {
      Above:
        "It also beats `cloned+`, which clones every successful offline trajectory, beyond their 95 % intervals: what `dreamt` has over the clone that it started from (train.start), dreaming alone has brought",
      SeemsAbove:
        "Cloning every successful offline trajectory (`cloned+`) is as good as far as this run can tell: the 95 % intervals overlap",
      SeemsBelow:
        "Cloning every successful offline trajectory (`cloned+`) is as good, without any dream",
      Below:
        "Cloning every successful offline trajectory (`cloned+`) is better, without any dream, beyond the 95 % intervals"
    }
  },
  {
    policy: "real",
    say: {
      Above:
        "It beats even the same learner in the real world (`real`), beyond their 95 % intervals",
      SeemsAbove:
        "The same learner in the real world (`real`) is as good as far as this run can tell: the 95 % intervals overlap",
      SeemsBelow:
        "The same learner in the real world (`real`) is as good or a little better, for many more real transitions",
      Below:
        "The same learner in the real world (`real`) is better, beyond the 95 % intervals, for many more real transitions"
    }
  }
]

const against = (first: Rate, second: Rate): string =>
  `${percent(first.rate)} against ${percent(second.rate)}, ${points(first.rate - second.rate)}`

const points = (difference: number): string => {
  const rounded = (100 * difference).toFixed(1)
  return `${difference > 0 ? "+" : ""}${rounded} points`
}
