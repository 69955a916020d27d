/**
 * Intervals of success rates over seeds and episodes, by a bootstrap that draws seeds first and episodes within them.
 * They say how far the mean over seeds may be off; that another machine or world gives the same, they do not say.
 *
 * Both levels are drawn, as a seed's episodes share its policy: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 8;
 * the same for reinforcement learning: Agarwal et al. 2021 (arXiv 2108.13264).
 */
import { Seed } from "@dreamgym/domain"

/** Of one seed: `successes` of `episodes` (> 0). */
export interface Outcome {
  readonly seed: number
  readonly episodes: number
  readonly successes: number
}

/** `mean` is over seeds, each with the same weight; `low` and `high` bound the middle 95 %. */
export interface Interval {
  readonly mean: number
  readonly low: number
  readonly high: number
}

/** Of means drawn anew: with 2,000 the bounds of the middle 95 % move by a few tenths of a point from key to key. */
export const draws = 2000

/** The mean rate. With one seed the interval tells of its episodes only. Undefined where there is no seed. */
export const rate = (outcomes: ReadonlyArray<Outcome>, key: Seed.Key): Interval | undefined => {
  const random = Seed.generator(key)
  const redrawn = outcomes.map(redrawing)
  return interval(meanOf(outcomes.map(rateOf)), outcomes.length, (seeds) =>
    meanOf(seeds.map((i) => redrawn[i]?.(random) ?? Number.NaN))
  )(random)
}

/**
 * The mean of rate `a` minus rate `b` over the seeds that both have: seeds are drawn once for both, episodes for each.
 * Undefined where they share none.
 */
export const difference = (
  a: ReadonlyArray<Outcome>,
  b: ReadonlyArray<Outcome>,
  key: Seed.Key
): Interval | undefined => {
  const random = Seed.generator(key)
  const pairs = a.flatMap((one) => {
    const other = b.find(({ seed }) => seed === one.seed)
    return other === undefined ? [] : [{ one, other }]
  })
  const mean = meanOf(pairs.map(({ one, other }) => rateOf(one) - rateOf(other)))
  const redrawn = pairs.map(({ one, other }) => {
    const [first, second] = [redrawing(one), redrawing(other)]
    return () => first(random) - second(random)
  })
  return interval(mean, pairs.length, (seeds) =>
    meanOf(seeds.map((i) => redrawn[i]?.() ?? Number.NaN))
  )(random)
}

/** Of numbers, one per seed, whose own error is not known (a loss, a count): seeds are drawn only. */
export const mean = (numbers: ReadonlyArray<number>, key: Seed.Key): Interval | undefined => {
  const random = Seed.generator(key)
  return interval(meanOf(numbers), numbers.length, (seeds) =>
    meanOf(seeds.map((i) => numbers[i] ?? Number.NaN))
  )(random)
}

const interval =
  (middle: number, count: number, drawn: (seeds: ReadonlyArray<number>) => number) =>
  (random: () => number): Interval | undefined => {
    if (count === 0) return undefined
    const sorted = Array.from({ length: draws }, () =>
      drawn(Array.from({ length: count }, () => Seed.below(random, count)))
    ).toSorted((x, y) => x - y)
    const at = (share: number) => sorted[Math.round(share * (draws - 1))] ?? middle
    return { mean: middle, low: at(0.025), high: at(0.975) }
  }

const rateOf = ({ episodes, successes }: Outcome): number => successes / episodes

/**
 * The rate of as many episodes, drawn with replacement from those of a seed: their successes are binomial, so that one number drawn
 * from the distribution stands for all of them.
 */
const redrawing = (outcome: Outcome): ((random: () => number) => number) => {
  const shares = binomial(outcome)
  return (random) => {
    const drawn = random()
    let [least, most] = [0, outcome.episodes]
    while (least < most) {
      const middle = (least + most) >> 1
      if ((shares[middle] ?? 1) > drawn) most = middle
      else least = middle + 1
    }
    return least / outcome.episodes
  }
}

/** The probability of k successes or fewer, for k from 0 to `episodes`; built outwards from the likeliest, which cannot underflow. */
export const binomial = (outcome: Outcome): Float64Array => {
  const { episodes, successes } = outcome
  const odds = successes / (episodes - successes)
  const weights = new Float64Array(episodes + 1)
  weights[successes] = 1
  for (let k = successes; k < episodes; k++) {
    weights[k + 1] = ((weights[k] ?? 0) * odds * (episodes - k)) / (k + 1)
  }
  for (let k = successes; k > 0; k--) {
    weights[k - 1] = ((weights[k] ?? 0) * k) / (odds * (episodes - k + 1))
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return weights.map((weight) => (sum += weight / total))
}

const meanOf = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length)
