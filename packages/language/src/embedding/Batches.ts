/**
 * Which texts a network reads together: those of like length, in few different shapes.
 * It knows lengths only; a shape is a compiled graph, and an empty row or place is read for nothing.
 */

/** The places of texts in the order of the question, and the shape in which they are read. */
export interface Batch {
  readonly places: ReadonlyArray<number>
  /** At least as many as there are places. */
  readonly rows: number
  /** At least the longest text, in tokens. */
  readonly length: number
}

/** Rows of a shape. */
const rowCounts = [1, 2, 4, 8, 16]

/** The most tokens of a shape of more than one row: activations are as large. */
const mostTokens = 4096

/** Texts of no tokens are in no batch; every other place is in one. */
export const of = (lengths: ReadonlyArray<number>): ReadonlyArray<Batch> => {
  const places = [...lengths.keys()].filter((place) => lengthAt(lengths, place) > 0)
  const longestFirst = places.toSorted((a, b) => lengthAt(lengths, b) - lengthAt(lengths, a))
  const batches: Array<Batch> = []
  for (let at = 0; at < longestFirst.length;) {
    const length = lengthOf(lengthAt(lengths, longestFirst[at] ?? 0))
    const most = rowCounts.findLast((rows) => rows * length <= mostTokens) ?? 1
    const together = longestFirst.slice(at, at + most)
    const rows = rowCounts.find((count) => count >= together.length) ?? most
    batches.push({ places: together, rows, length })
    at += together.length
  }
  return batches
}

const lengthAt = (lengths: ReadonlyArray<number>, place: number): number => lengths[place] ?? 0

/** 16, 24, 32, 48, 64, 96, ...: the least of these that holds `tokens`. */
const lengthOf = (tokens: number): number => {
  const power = 2 ** Math.ceil(Math.log2(Math.max(16, tokens)))
  return tokens <= (power * 3) / 4 && power > 16 ? (power * 3) / 4 : power
}
