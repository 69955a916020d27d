/**
 * Where a token stands, as angles by which pairs of numbers of each head are turned.
 * It turns nothing; that is the graph's business.
 */

/** What the angles depend on; a `DecoderConfig` says it. */
export interface Turning {
  readonly dimension: number
  readonly heads: number
  readonly ropeBase: number
}

/**
 * Pairs of dimensions of a head that carry position: a quarter, so that half of each head is
 * without position.
 */
export const rotatedPairs = ({ dimension, heads }: Turning): number =>
  Math.max(1, Math.floor(dimension / heads / 4))

/** Angles of one position, R of them. */
export const angles = (turning: Turning, position: number): ReadonlyArray<number> => {
  const pairs = rotatedPairs(turning)
  return Array.from({ length: pairs }, (_, i) => position * turning.ropeBase ** (-i / pairs))
}
