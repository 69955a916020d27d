/**
 * The definition of rotary positions and of attention with a key/value cache, on float64 arrays.
 * Plain loops over B rows, H heads of queries, G heads of keys and values, S new positions,
 * C positions of the cache and D numbers of a head; attention without a cache is composed of others.
 */
import * as Reference from "./Reference.ts"

type Tensor = Reference.Tensor
const { at } = Reference

const empty: Tensor = { shape: [0], data: new Float64Array(0) }

/** x[B, H, T, D] turned by the angles of its positions, [T, R] or [B, T, R]. */
export const rotary = (
  x: Tensor,
  angles: { readonly cos: Tensor; readonly sin: Tensor; readonly inverse: boolean }
): Float64Array => {
  const [, heads = 1, length = 1] = x.shape
  const { cos, sin, inverse } = angles
  const pairs = cos.shape.at(-1) ?? 0
  return Reference.alongLast(x, (vector, row) => {
    const batch = cos.shape.length === 3 ? Math.floor(row / (heads * length)) : 0
    const base = (batch * length + (row % length)) * pairs
    return turned(vector, base, {
      cos,
      sin: inverse ? { ...sin, data: sin.data.map((y) => -y) } : sin
    })
  })
}

type Angles = { readonly cos: Tensor; readonly sin: Tensor }

const turned = (vector: Float64Array, base: number, { cos, sin }: Angles): Float64Array => {
  const pairs = cos.shape.at(-1) ?? 0
  return vector.map((element, index) => {
    if (index >= 2 * pairs) return element
    const angle = base + (index % pairs)
    const [c, s] = [at(cos.data, angle), at(sin.data, angle)]
    return index < pairs
      ? element * c - at(vector, index + pairs) * s
      : element * c + at(vector, index - pairs) * s
  })
}

interface Stage {
  readonly stage: "prompt" | "continuation"
}

/** The first position that row `batch` writes: 0 in a prompt, else its length before this call. */
const startOf = (lengths: Tensor, batch: number, count: number, { stage }: Stage): number =>
  stage === "prompt" ? 0 : at(lengths.data, batch) - count

/** A head's vector at a position of x[B, S, heads * D], turned if there are angles. */
const headAt = (x: Tensor, where: { batch: number; step: number; head: number; width: number }) => {
  const [, count = 1, all = 1] = x.shape
  const start = (where.batch * count + where.step) * all + where.head * where.width
  return x.data.slice(start, start + where.width)
}

/** The cache [B, G, C, D] after new keys or values [B, S, G * D] were written at their positions. */
export const present = (
  [fresh = empty, past = empty, lengths = empty, cos, sin]: ReadonlyArray<Tensor>,
  stage: Stage
): Float64Array => {
  const [rows = 1, heads = 1, capacity = 1, width = 1] = past.shape
  const count = fresh.shape[1] ?? 1
  const data = Float64Array.from(past.data)
  for (let batch = 0; batch < rows; batch++)
    for (let step = 0; step < count; step++)
      for (let head = 0; head < heads; head++) {
        const position = startOf(lengths, batch, count, stage) + step
        const vector = headAt(fresh, { batch, step, head, width })
        const placed =
          cos === undefined || sin === undefined
            ? vector
            : turned(vector, position * (cos.shape.at(-1) ?? 0), { cos, sin })
        data.set(placed, ((batch * heads + head) * capacity + position) * width)
      }
  return data
}

interface Heads extends Stage {
  readonly heads: number
  readonly keyValueHeads: number
  readonly scale: number
}

/** Attention [B, S, H * D] of new queries over the cache and themselves, causal by position. */
export const cached = (
  [
    query = empty,
    key = empty,
    value = empty,
    pastKey = empty,
    pastValue = empty,
    lengths = empty,
    cos,
    sin
  ]: ReadonlyArray<Tensor>,
  options: Heads
): Float64Array => {
  const [rows = 1, count = 1, all = 1] = query.shape
  const angles = cos === undefined || sin === undefined ? [] : [cos, sin]
  const keys = { ...pastKey, data: present([key, pastKey, lengths, ...angles], options) }
  const values = { ...pastValue, data: present([value, pastValue, lengths], options) }
  const width = all / options.heads
  const result = new Float64Array(query.data.length)
  for (let batch = 0; batch < rows; batch++)
    for (let step = 0; step < count; step++)
      for (let head = 0; head < options.heads; head++) {
        const position = startOf(lengths, batch, count, options) + step
        const vector = headAt(query, { batch, step, head, width })
        const asked =
          cos === undefined || sin === undefined
            ? vector
            : turned(vector, position * (cos.shape.at(-1) ?? 0), { cos, sin })
        const mixed = attended(asked, { keys, values, batch, head, position, ...options })
        result.set(mixed, (batch * count + step) * all + head * width)
      }
  return result
}

interface Seen extends Heads {
  readonly keys: Tensor
  readonly values: Tensor
  readonly batch: number
  readonly head: number
  readonly position: number
}

/** The mean of the values up to a position, weighted by the softmax of query times key. */
const attended = (query: Float64Array, seen: Seen): Float64Array => {
  const [, heads = 1, capacity = 1, width = 1] = seen.keys.shape
  const head = Math.floor(seen.head / (seen.heads / seen.keyValueHeads))
  const start = (seen.batch * heads + head) * capacity * width
  const vectorAt = (x: Tensor, position: number) =>
    x.data.subarray(start + position * width, start + (position + 1) * width)
  const scores = Array.from({ length: seen.position + 1 }, (_, position) => {
    const key = vectorAt(seen.keys, position)
    return seen.scale * query.reduce((sum, element, index) => sum + element * at(key, index), 0)
  })
  const largest = Math.max(...scores)
  const powers = scores.map((score) => Math.exp(score - largest))
  const total = powers.reduce((sum, power) => sum + power, 0)
  const result = new Float64Array(width)
  powers.forEach((power, position) =>
    vectorAt(seen.values, position).forEach(
      (element, index) => (result[index] = at(result, index) + (power / total) * element)
    )
  )
  return result
}
