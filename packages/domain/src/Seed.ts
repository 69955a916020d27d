/**
 * Keyed randomness: every draw belongs to (seed, purpose, index), never to a shared sequence.
 * It is not a source of secrets.
 */

/** A 32-bit unsigned key. Two keys of different purposes or indices are unrelated. */
export type Key = number

/**
 * The key of one purpose: `key(seed, "rollout", iteration, episode)`.
 * FNV-1a over the purpose, then one round of murmur3's finalizer per index.
 */
export const key = (seed: number, purpose: string, ...indices: ReadonlyArray<number>): Key => {
  let hash = 0x811c9dc5 ^ (seed >>> 0)
  for (let i = 0; i < purpose.length; i++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193)
  }
  return indices.reduce((mixed, index) => scramble(mixed ^ scramble(index | 0)), scramble(hash))
}

/** Numbers in [0, 1) that depend on the key alone (sfc32, 53 significant bits are not promised: 32 are). */
export const generator = (key: Key): (() => number) => {
  let a = scramble(key)
  let b = scramble(key ^ 0x9e3779b9)
  let c = scramble(key ^ 0x85ebca6b)
  let counter = 1
  const next = () => {
    const t = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + t
    c |= 0
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 8; i++) next()
  return next
}

/** An integer in [0, bound). */
export const below = (random: () => number, bound: number): number => Math.floor(random() * bound)

/** One element; the list must not be empty. */
export const pick = <A>(random: () => number, values: readonly [A, ...Array<A>]): A =>
  values[below(random, values.length)] ?? values[0]

/** A new, uniformly shuffled array (Fisher-Yates). */
export const shuffle = <A>(random: () => number, values: ReadonlyArray<A>): Array<A> => {
  const shuffled = [...values]
  for (let i = shuffled.length - 1; i > 0; i--) {
    const j = below(random, i + 1)
    const [x] = shuffled.splice(i, 1, ...shuffled.slice(j, j + 1))
    if (x !== undefined) shuffled.splice(j, 1, x)
  }
  return shuffled
}

const scramble = (value: number): number => {
  let h = value >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
