/**
 * The balanced draw from a buffer: how many real, how many successful, and which.
 * It is arithmetic on what is kept and one key; the same entries and key give the same sample.
 */
import { Seed, type ReplayBuffer } from "@dreamgym/domain"
import type { Entry } from "./Kept.ts"

/**
 * `count` entries: `realFraction` of them real and `successFraction` successes as far as there are enough of each. None comes
 * twice before all came once; then the draw begins anew. Empty where there is nothing to draw.
 */
export const sample = <E extends Entry>(
  entries: ReadonlyArray<E>,
  request: ReplayBuffer.SampleRequest
): ReadonlyArray<E> => {
  const drawn: Array<E> = []
  for (let round = 0; entries.length > 0 && drawn.length < request.count; round++) {
    const count = Math.min(request.count - drawn.length, entries.length)
    const random = Seed.generator(Seed.key(request.key, "sample", round))
    drawn.push(...Seed.shuffle(random, drawRound(random, entries, { ...request, count })))
  }
  return drawn
}

/** `count` is at most the number of entries. */
const drawRound = <E extends Entry>(
  random: () => number,
  entries: ReadonlyArray<E>,
  { count, realFraction, successFraction }: ReplayBuffer.SampleRequest
): ReadonlyArray<E> => {
  const real = entries.filter(({ isReal }) => isReal)
  const synthetic = entries.filter(({ isReal }) => !isReal)
  const realCount = within(Math.round(count * realFraction), count - synthetic.length, real.length)
  const syntheticCount = count - realCount
  if (successFraction === undefined) {
    return [...draw(random, real, realCount), ...draw(random, synthetic, syntheticCount)]
  }
  const target = Math.round(count * successFraction)
  const bounds = [boundsOf(real, realCount), boundsOf(synthetic, syntheticCount)] as const
  const [realSuccesses, syntheticSuccesses] = successes(bounds, target, realCount / count)
  return [
    ...drawSplit(random, real, realCount, realSuccesses),
    ...drawSplit(random, synthetic, syntheticCount, syntheticSuccesses)
  ]
}

interface Bounds {
  readonly low: number
  readonly high: number
}

/** How many of `count` drawn entries can be successes. */
const boundsOf = (entries: ReadonlyArray<Entry>, count: number): Bounds => {
  const successful = entries.filter(({ isSuccess }) => isSuccess).length
  return {
    low: Math.max(0, count - (entries.length - successful)),
    high: Math.min(count, successful)
  }
}

/** `target` successes shared in proportion; what one part lacks the other gives, if it can. */
const successes = (
  [real, synthetic]: readonly [Bounds, Bounds],
  target: number,
  realShare: number
): readonly [number, number] => {
  const first = within(Math.round(target * realShare), real.low, real.high)
  const second = within(target - first, synthetic.low, synthetic.high)
  return [within(target - second, real.low, real.high), second]
}

const drawSplit = <E extends Entry>(
  random: () => number,
  entries: ReadonlyArray<E>,
  count: number,
  successCount: number
): ReadonlyArray<E> => [
  ...draw(
    random,
    entries.filter(({ isSuccess }) => isSuccess),
    successCount
  ),
  ...draw(
    random,
    entries.filter(({ isSuccess }) => !isSuccess),
    count - successCount
  )
]

/** The first `count` places of a Fisher-Yates shuffle. */
const draw = <A>(
  random: () => number,
  values: ReadonlyArray<A>,
  count: number
): ReadonlyArray<A> => {
  const rest = [...values]
  for (let i = 0; i < count; i++) {
    const j = i + Seed.below(random, rest.length - i)
    const [a, b] = [rest[i], rest[j]]
    if (a === undefined || b === undefined) continue
    rest[i] = b
    rest[j] = a
  }
  return rest.slice(0, count)
}

const within = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, value))
