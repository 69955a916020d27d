/**
 * The cosine of two vectors of 32-bit numbers, computed in 64 bits.
 * It compares two at a time; how many are compared fast is `Kernel`.
 */

/** `a` against the part of `b` that begins at `start`. Four sums, because one would wait for itself. */
export const product = (
  a: Float32Array,
  b: Float32Array,
  start: number,
  length: number
): number => {
  const even = length - (length % 4)
  let [s0, s1, s2, s3] = [0, 0, 0, 0]
  for (let d = 0; d < even; d += 4) {
    const at = start + d
    s0 += (a[d] ?? 0) * (b[at] ?? 0)
    s1 += (a[d + 1] ?? 0) * (b[at + 1] ?? 0)
    s2 += (a[d + 2] ?? 0) * (b[at + 2] ?? 0)
    s3 += (a[d + 3] ?? 0) * (b[at + 3] ?? 0)
  }
  for (let d = even; d < length; d++) s0 += (a[d] ?? 0) * (b[start + d] ?? 0)
  return s0 + s1 + (s2 + s3)
}

export const lengthOf = (vector: Float32Array): number =>
  Math.sqrt(product(vector, vector, 0, vector.length))

/**
 * By how much a vector of this length is multiplied so that 32 bits hold the products of its numbers: a power of two, which no cosine
 * notices; 1 for nearly all.
 */
export const scaleOf = (length: number): number =>
  length === 0 || (length > 2 ** -20 && length < 2 ** 20) ? 1 : 2 ** -Math.round(Math.log2(length))

export const clamp = (cosine: number): number => Math.max(-1, Math.min(1, cosine))
