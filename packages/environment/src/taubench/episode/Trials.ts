/**
 * Metrics over repeated trials of the same tasks: how often all of k trials succeed (pass^k), and how often one does (pass@k).
 * It is arithmetic on outcomes; trials that failed for a fault of the world are to be left out before.
 */
import { Evaluation, Seed } from "@dreamgym/domain"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"

/** Of one task: n `trials`, of which c were `successes`. */
export interface Trials {
  readonly trials: number
  readonly successes: number
}

/** A mean over tasks, in [0, 1], with the bounds of its interval. */
export interface Rate {
  readonly rate: number
  readonly low: number
  readonly high: number
}

export class TrialsError extends Schema.TaggedError<TrialsError>()("TrialsError", {
  reason: Schema.Literals(["NoTasks", "TooFewTrials", "BadCount"]),
  message: Schema.String
}) {}

/**
 * `resamples` (default 1000) and `seed` decide the interval: the 2.5 % and 97.5 % quantiles of the mean over tasks drawn anew
 * with replacement (B. Efron, 1979). Tasks, not trials, are drawn: trials of one task are no independent evidence of another.
 */
export interface Options {
  readonly seed: number
  readonly resamples?: number
}

/** pass^k (S. Yao et al., tau-bench, 2024): the mean over tasks of C(c, k) / C(n, k), that k trials drawn of n all succeed. */
export const passHatK = (tasks: ReadonlyArray<Trials>, k: number, options: Options) =>
  meanOf(tasks, k, allSucceed, options)

/** pass@k (M. Chen et al., 2021): the mean over tasks of 1 - C(n - c, k) / C(n, k), that one of k trials drawn of n succeeds. */
export const passAtK = (tasks: ReadonlyArray<Trials>, k: number, options: Options) =>
  meanOf(tasks, k, oneSucceeds, options)

/** Success over all trials of all tasks, with Wilson's interval: for comparison with a benchmark of single trials. */
export const successRate = (tasks: ReadonlyArray<Trials>): Rate => {
  const trials = sum(tasks.map((task) => task.trials))
  const successes = sum(tasks.map((task) => task.successes))
  return {
    rate: trials === 0 ? 0 : successes / trials,
    ...Evaluation.wilson(successes, trials)
  }
}

/** A product of ratios rather than a ratio of binomials, which overflow from n = 1030 on. */
const allSucceed = ({ successes, trials }: Trials, k: number): number => {
  let probability = 1
  for (let i = 0; i < k; i++) probability *= Math.max(0, successes - i) / (trials - i)
  return probability
}

const oneSucceeds = ({ successes, trials }: Trials, k: number): number =>
  1 - allSucceed({ trials, successes: trials - successes }, k)

const meanOf = (
  tasks: ReadonlyArray<Trials>,
  k: number,
  estimate: (task: Trials, k: number) => number,
  { resamples = 1000, seed }: Options
): Result.Result<Rate, TrialsError> =>
  Result.map(check(tasks, k), () => {
    const values = tasks.map((task) => estimate(task, k))
    const means = Array.from({ length: resamples }, (_, i) =>
      resampledMean(values, Seed.generator(Seed.key(seed, "trials", k, i)))
    ).toSorted((left, right) => left - right)
    const rate = sum(values) / values.length
    const at = (share: number) => means[Math.round(share * (means.length - 1))] ?? rate
    return { rate, low: at(0.025), high: at(0.975) }
  })

const resampledMean = (values: ReadonlyArray<number>, random: () => number): number =>
  sum(values.map(() => values[Seed.below(random, values.length)] ?? 0)) / values.length

const sum = (values: ReadonlyArray<number>): number =>
  values.reduce((total, value) => total + value, 0)

const isCount = ({ successes, trials }: Trials): boolean =>
  Number.isInteger(trials) && Number.isInteger(successes) && 0 <= successes && successes <= trials

const check = (
  tasks: ReadonlyArray<Trials>,
  k: number
): Result.Result<ReadonlyArray<Trials>, TrialsError> => {
  if (tasks.length === 0) return refuse("NoTasks", "there are no tasks to take a mean over")
  if (!Number.isInteger(k) || k < 1)
    return refuse("BadCount", `k is ${k}, not a whole number from 1`)
  const odd = tasks.findIndex((task) => !isCount(task))
  if (odd >= 0) {
    return refuse(
      "BadCount",
      `task ${odd} has ${tasks[odd]?.successes} successes of ${tasks[odd]?.trials}`
    )
  }
  const short = tasks.findIndex(({ trials }) => trials < k)
  return short < 0
    ? Result.succeed(tasks)
    : refuse(
        "TooFewTrials",
        `task ${short} has ${tasks[short]?.trials} trials, fewer than k = ${k}; run more or lower k`
      )
}

const refuse = (reason: TrialsError["reason"], message: string) =>
  Result.fail(new TrialsError({ reason, message }))
