/**
 * Exact search for the nearest vectors by cosine, over typed arrays.
 * It approximates nothing and knows nothing of text; one search costs (non-zero features of the query) x (vectors).
 *
 * D dimensions, N slots: `columns`[D][N], so that a sparse query reads only the columns that it needs.
 */
import type { Weighting } from "./Embedding.ts"

/** Of equally similar ones those that are `real` come first, then the older. */
export interface Found<A> {
  readonly item: A
  /** The cosine, in [-1, 1]; 0 where either vector is empty. */
  readonly similarity: number
}

/** A changing set of vectors. `add` answers the slot by which `remove` forgets. */
export interface Neighbours<A> {
  readonly add: (item: A, isReal: boolean, vector: Float32Array) => number
  readonly remove: (slot: number) => void
  readonly search: (
    vector: Float32Array,
    k: number,
    accepts: (item: A) => boolean
  ) => ReadonlyArray<Found<A>>
}

interface Slot<A> {
  readonly item: A
  readonly isReal: boolean
  readonly sequence: number
}

interface Table<A> {
  readonly dimension: number
  readonly weighting: Weighting
  readonly slots: Array<Slot<A> | undefined>
  readonly free: Array<number>
  columns: Array<Float32Array>
  /** How many vectors have a feature, per dimension. */
  readonly frequencies: Int32Array
  /** Weights and lengths follow from the set as a whole; undefined after a change. */
  weighed: { readonly weights: Float64Array; readonly lengths: Float64Array } | undefined
  scores: Float64Array
  sequence: number
}

export const make = <A>(dimension: number, weighting: Weighting): Neighbours<A> => {
  const table: Table<A> = {
    dimension,
    weighting,
    slots: [],
    free: [],
    columns: [],
    frequencies: new Int32Array(dimension),
    weighed: undefined,
    scores: new Float64Array(0),
    sequence: 0
  }
  return {
    add: (item, isReal, vector) => add(table, { item, isReal, sequence: table.sequence++ }, vector),
    remove: (slot) => remove(table, slot),
    search: (vector, k, accepts) => search(table, vector, k, accepts)
  }
}

const columnsOf = (dimension: number, capacity: number): Array<Float32Array> =>
  Array.from({ length: dimension }, () => new Float32Array(capacity))

const add = <A>(table: Table<A>, slot: Slot<A>, vector: Float32Array): number => {
  const at = table.free.pop() ?? table.slots.length
  if (at >= table.scores.length) grow(table)
  table.slots[at] = slot
  table.columns.forEach((column, d) => {
    column[at] = vector[d] ?? 0
  })
  recount(table, at, 1)
  return at
}

/** What the columns hold of a removed vector stays until its slot is used again. */
const remove = <A>(table: Table<A>, at: number): void => {
  if (table.slots[at] === undefined) return
  table.slots[at] = undefined
  table.free.push(at)
  recount(table, at, -1)
}

const recount = <A>(table: Table<A>, at: number, change: 1 | -1): void => {
  table.columns.forEach((column, d) => {
    if (column[at] !== 0) table.frequencies[d] = (table.frequencies[d] ?? 0) + change
  })
  table.weighed = undefined
}

const grow = <A>(table: Table<A>): void => {
  const capacity = Math.max(64, table.scores.length * 2)
  const wider = columnsOf(table.dimension, capacity)
  wider.forEach((column, d) => column.set(table.columns[d] ?? []))
  table.columns = wider
  table.scores = new Float64Array(capacity)
}

/** Squared weights per dimension (`ln((1 + N) / (1 + n)) + 1` for a feature of n vectors), and each vector's length under them. */
const weighed = <A>(table: Table<A>) => {
  if (table.weighed !== undefined) return table.weighed
  const total = table.slots.length - table.free.length
  const weights = Float64Array.from(table.frequencies, (n) =>
    table.weighting === "None" ? 1 : (Math.log((1 + total) / (1 + n)) + 1) ** 2
  )
  const lengths = new Float64Array(table.slots.length)
  table.columns.forEach((column, d) => {
    const weight = weights[d] ?? 0
    for (let at = 0; at < lengths.length; at++) {
      const value = column[at] ?? 0
      lengths[at] = (lengths[at] ?? 0) + weight * value * value
    }
  })
  table.weighed = { weights, lengths: lengths.map(Math.sqrt) }
  return table.weighed
}

const search = <A>(
  table: Table<A>,
  vector: Float32Array,
  k: number,
  accepts: (item: A) => boolean
): ReadonlyArray<Found<A>> => {
  const { lengths, weights } = weighed(table)
  const length = score(table, vector, weights)
  const best: Array<Candidate<A>> = []
  let bound = k > 0 ? -1 : Number.POSITIVE_INFINITY
  for (let at = 0; at < lengths.length; at++) {
    const product = (lengths[at] ?? 0) * length
    const similarity = product === 0 ? 0 : clamp((table.scores[at] ?? 0) / product)
    const slot = similarity < bound ? undefined : table.slots[at]
    if (slot === undefined || !accepts(slot.item)) continue
    insert(best, { slot, similarity }, k)
    if (best.length === k) bound = best.at(-1)?.similarity ?? bound
  }
  return best.map(({ similarity, slot }) => ({ item: slot.item, similarity }))
}

/** Fills `scores` with the weighted products of `vector` and every slot; answers the length of `vector`. */
const score = <A>(table: Table<A>, vector: Float32Array, weights: Float64Array): number => {
  const { columns, scores } = table
  const used = table.slots.length
  scores.fill(0, 0, used)
  let squares = 0
  vector.forEach((value, d) => {
    const column = columns[d]
    if (value === 0 || column === undefined) return
    const factor = value * (weights[d] ?? 0)
    squares += factor * value
    for (let at = 0; at < used; at++) {
      scores[at] = (scores[at] ?? 0) + factor * (column[at] ?? 0)
    }
  })
  return Math.sqrt(squares)
}

interface Candidate<A> {
  readonly slot: Slot<A>
  readonly similarity: number
}

const isBefore = <A>(a: Candidate<A>, b: Candidate<A>): boolean => {
  if (a.similarity !== b.similarity) return a.similarity > b.similarity
  if (a.slot.isReal !== b.slot.isReal) return a.slot.isReal
  return a.slot.sequence < b.slot.sequence
}

const insert = <A>(best: Array<Candidate<A>>, candidate: Candidate<A>, k: number): void => {
  const at = best.findIndex((other) => isBefore(candidate, other))
  best.splice(at < 0 ? best.length : at, 0, candidate)
  if (best.length > k) best.pop()
}

const clamp = (cosine: number): number => Math.max(-1, Math.min(1, cosine))
