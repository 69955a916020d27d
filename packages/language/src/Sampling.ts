/**
 * Choosing one token from logits: temperature, masks, min-p, and the log-probability under exactly that distribution.
 * It draws at most one random number per token and changes nothing that it reads.
 */

export interface SamplingOptions {
  readonly temperature: number
  readonly minP: number
  /** Ids that may be chosen; absent: all but `banned`. */
  readonly allowed?: ReadonlyArray<number>
  readonly banned: ReadonlySet<number>
}

export interface Sampled {
  readonly id: number
  readonly logProbability: number
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
  const ids = candidates(size, options)
  const scale = options.temperature === 0 ? 1 : 1 / options.temperature
  const scores = ids.map((id) => (logits[offset + id] ?? Number.NaN) * scale)
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  if (!Number.isFinite(largest)) return undefined
  const cut = options.minP > 0 ? largest + Math.log(options.minP) : Number.NEGATIVE_INFINITY
  const weights = scores.map((score) => (score < cut ? 0 : Math.exp(score - largest)))
  const total = weights.reduce((a, b) => a + b, 0)
  const place =
    options.temperature === 0 ? scores.indexOf(largest) : inverse(weights, random() * total)
  const id = ids[place]
  const weight = weights[place]
  return id === undefined || weight === undefined
    ? undefined
    : { id, logProbability: Math.log(weight / total) }
}

const candidates = (size: number, options: SamplingOptions): Array<number> => {
  const ids: Array<number> = []
  if (options.allowed !== undefined) {
    for (const id of options.allowed) if (!options.banned.has(id)) ids.push(id)
    return ids
  }
  for (let id = 0; id < size; id++) if (!options.banned.has(id)) ids.push(id)
  return ids
}

/** The first place at which the running sum passes `mark`; the last possible one where rounding leaves it beyond. */
const inverse = (weights: ReadonlyArray<number>, mark: number): number => {
  let sum = 0
  let last = -1
  for (const [place, weight] of weights.entries()) {
    if (weight === 0) continue
    last = place
    sum += weight
    if (sum > mark) return place
  }
  return last
}
