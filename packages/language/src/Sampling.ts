/**
 * Choosing one token from logits: temperature, masks, min-p, and the log-probability under exactly that distribution.
 * It draws at most one random number per token and changes nothing that it reads.
 */

export interface SamplingOptions {
  /** 0 takes the largest. */
  readonly temperature: number
  /** Tokens less probable than this share of the most probable one are never chosen; 0 keeps all. */
  readonly minP: number
  /** Ids that may be chosen; absent: all but `banned`. */
  readonly allowed?: ReadonlyArray<number>
  readonly banned: ReadonlySet<number>
}

/** `choices` are the ids that could have been chosen. */
export interface Sampled {
  readonly id: number
  readonly logProbability: number
  readonly choices: () => ReadonlyArray<number>
}

/**
 * V logits start at `logits[offset]`. Temperature 0 takes the largest (log-probability as at temperature 1).
 * Undefined where nothing may be chosen or the logits are no numbers.
 */
export const sample = (
  logits: Float32Array,
  offset: number,
  size: number,
  options: SamplingOptions,
  random: () => number
): Sampled | undefined => {
  const { allowed, minP, temperature } = options
  const scores = scoresOf(logits, offset, size, options)
  let best = 0
  for (let place = 1; place < scores.length; place++) {
    if (!(at(scores, place) <= at(scores, best))) best = place
  }
  const largest = scores[best] ?? Number.NaN
  if (!Number.isFinite(largest)) return undefined
  const cut = minP > 0 ? largest + Math.log(minP) : -Number.MAX_VALUE
  let total = 0
  for (let place = 0; place < scores.length; place++) {
    const score = at(scores, place)
    if (score >= cut) total += Math.exp(score - largest)
  }
  const chosen = temperature === 0 ? best : inverse(scores, largest, cut, random() * total)
  const idOf = (place: number) => (allowed === undefined ? place : (allowed[place] ?? 0))
  return {
    id: idOf(chosen),
    logProbability: at(scores, chosen) - largest - Math.log(total),
    choices: () => {
      const ids: Array<number> = []
      for (let place = 0; place < scores.length; place++) {
        if (at(scores, place) >= cut) ids.push(idOf(place))
      }
      return ids
    }
  }
}

/** Logits over the temperature, -Infinity where banned; all NaN where one is no number. */
const scoresOf = (
  logits: Float32Array,
  offset: number,
  size: number,
  { allowed, banned, temperature }: SamplingOptions
): Float64Array => {
  const scores = new Float64Array(allowed?.length ?? size)
  const scale = temperature === 0 ? 1 : 1 / temperature
  for (let place = 0; place < scores.length; place++) {
    const id = allowed === undefined ? place : (allowed[place] ?? 0)
    const score = banned.has(id) ? Number.NEGATIVE_INFINITY : at(logits, offset + id) * scale
    if (Number.isNaN(score)) return scores.fill(Number.NaN)
    scores[place] = score
  }
  return scores
}

const at = (values: Float32Array | Float64Array, place: number): number =>
  values[place] ?? Number.NaN

/** The first place at which the running sum of weights passes `mark`; the last possible one where rounding leaves it beyond. */
const inverse = (scores: Float64Array, largest: number, cut: number, mark: number): number => {
  let sum = 0
  let last = 0
  for (let place = 0; place < scores.length; place++) {
    const score = at(scores, place)
    if (score < cut) continue
    const weight = Math.exp(score - largest)
    if (weight === 0) continue
    last = place
    sum += weight
    if (sum > mark) return place
  }
  return last
}
