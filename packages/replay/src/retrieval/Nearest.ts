/**
 * The k best slots met so far, in order: by cosine, then the real before the synthetic, then the older.
 * It computes no cosine.
 */

export interface Candidate {
  readonly slot: number
  readonly similarity: number
  readonly isReal: boolean
  readonly sequence: number
}

/** `bound` is what a cosine must reach to be among them: below every cosine while there are fewer than k. */
export interface Nearest {
  readonly bound: () => number
  readonly offer: (candidate: Candidate) => void
  readonly list: () => ReadonlyArray<Candidate>
}

export const make = (k: number): Nearest => {
  const best: Array<Candidate> = []
  let bound = k > 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return {
    bound: () => bound,
    list: () => best,
    offer: (candidate) => {
      best.splice(placeOf(best, candidate), 0, candidate)
      if (best.length > k) best.pop()
      if (best.length === k) bound = best.at(-1)?.similarity ?? bound
    }
  }
}

const isBefore = (a: Candidate, b: Candidate): boolean => {
  if (a.similarity !== b.similarity) return a.similarity > b.similarity
  if (a.isReal !== b.isReal) return a.isReal
  return a.sequence < b.sequence
}

/** Where `candidate` belongs, by bisection. */
const placeOf = (best: ReadonlyArray<Candidate>, candidate: Candidate): number => {
  let low = 0
  let high = best.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = best[middle]
    if (other !== undefined && isBefore(other, candidate)) low = middle + 1
    else high = middle
  }
  return low
}
