/**
 * Choosing one token from logits: temperature, masks, min-p, and the log-probability under exactly
 * that distribution.
 * It draws at most one random number per token and changes nothing that it reads.
 */

export interface SamplingOptions {
  /** 0 takes the largest. */
  readonly temperature: number
  /**
   * Tokens less probable than this share of the most probable one are never chosen; 0 keeps all.
   */
  readonly minP: number
  /** Ids that may be chosen; absent: all. */
  readonly allowed?: ReadonlyArray<number>
  readonly banned: ReadonlySet<number>
  /** Whether to tell what could have been chosen. */
  readonly withChoices?: boolean
}

/** `choices` are the ids that could have been chosen; nothing unless asked for. */
export interface Sampled {
  readonly id: number
  readonly logProbability: number
  readonly choices: ReadonlyArray<number>
}

/**
 * V logits start at `logits[offset]`. Temperature 0 takes the largest (log-probability as at
 * temperature 1).
 * Undefined where nothing may be chosen or the logits are no numbers.
 */
export const sample = (
  logits: Float32Array,
  offset: number,
  size: number,
  options: SamplingOptions,
  random: () => number
): Sampled | undefined => {
  const { allowed, minP, temperature, withChoices = false } = options
  const weights = scoresOf(logits, offset, allowed?.length ?? size, options)
  const best = largestOf(weights)
  const largest = weights[best] ?? Number.NaN
  if (!Number.isFinite(largest)) return undefined
  const total = weigh(weights, largest, minP)
  const chosen = temperature === 0 ? best : inverse(weights, random() * total)
  const idOf = (place: number) => (allowed === undefined ? place : (allowed[place] ?? 0))
  return {
    id: idOf(chosen),
    logProbability: Math.log((weights[chosen] ?? 0) / total),
    choices: withChoices ? possible(weights).map(idOf) : []
  }
}

let kept = new Float64Array(256)

/** A thread weighs one token after another, in the same place: new memory for each is most of what choosing costs. */
const scratch = (count: number): Float64Array => {
  if (count > kept.length) kept = new Float64Array(count)
  return kept.subarray(0, count)
}

/** Logits over the temperature at each place, -Infinity where banned. */
const scoresOf = (
  logits: Float32Array,
  offset: number,
  count: number,
  { allowed, banned, temperature }: SamplingOptions
): Float64Array => {
  const scores = scratch(count)
  const scale = temperature === 0 ? 1 : 1 / temperature
  for (let place = 0; place < count; place++) {
    const id = allowed === undefined ? place : (allowed[place] ?? 0)
    scores[place] = (logits[offset + id] ?? Number.NaN) * scale
  }
  if (allowed === undefined) for (const id of banned) scores[id] = Number.NEGATIVE_INFINITY
  else
    for (const [place, id] of allowed.entries()) {
      if (banned.has(id)) scores[place] = Number.NEGATIVE_INFINITY
    }
  return scores
}

/** The place of the largest, or of the first that is no number. */
const largestOf = (scores: Float64Array): number => {
  let best = 0
  let largest = scores[0] ?? Number.NaN
  for (let place = 0; place < scores.length; place++) {
    const score = scores[place] ?? Number.NaN
    if (Number.isNaN(score)) return place
    if (score > largest) {
      best = place
      largest = score
    }
  }
  return best
}

/** Turns scores into weights relative to the largest, 0 below min-p, and gives their sum. */
const weigh = (scores: Float64Array, largest: number, minP: number): number => {
  const cut = minP > 0 ? Math.log(minP) : Number.NEGATIVE_INFINITY
  let total = 0
  for (let place = 0; place < scores.length; place++) {
    const below = (scores[place] ?? 0) - largest
    const weight = below < cut ? 0 : Math.exp(below)
    scores[place] = weight
    total += weight
  }
  return total
}

const possible = (weights: Float64Array): Array<number> => {
  const places: Array<number> = []
  for (let place = 0; place < weights.length; place++) {
    if ((weights[place] ?? 0) > 0) places.push(place)
  }
  return places
}

/**
 * The first place at which the running sum passes `mark`; the last possible one where rounding
 * leaves it beyond.
 */
const inverse = (weights: Float64Array, mark: number): number => {
  let sum = 0
  let last = 0
  for (let place = 0; place < weights.length; place++) {
    const weight = weights[place] ?? 0
    if (weight === 0) continue
    last = place
    sum += weight
    if (sum > mark) return place
  }
  return last
}
