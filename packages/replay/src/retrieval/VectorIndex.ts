/**
 * Exact search by cosine among up to a few million vectors in memory, with filters, for one query or many at once.
 * It approximates nothing, makes no vector and keeps nothing on disk (`Embedder`, `SideCar`).
 *
 * The scan in WebAssembly adds in 32 bits; whatever comes near enough to the best to be one of them is compared again in 64.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { clamp, lengthOf, product, scaleOf } from "./Cosine.ts"
import * as Kernel from "./Kernel.ts"
import * as Nearest from "./Nearest.ts"
import * as Slots from "./Slots.ts"

/** A vector of `dimension` finite numbers under a number of its own, which also tells the older from the younger. */
export interface Entry extends Slots.Attributes {
  readonly vector: Float32Array
}

/** `excludeTrajectory`: a transition may not demonstrate itself. */
export interface Query extends Slots.Filter {
  readonly vector: Float32Array
  readonly k: number
  readonly excludeTrajectory?: string
}

/** `similarity` is the cosine, in [-1, 1]; 0 where either vector is empty. */
export interface Found {
  readonly sequence: number
  readonly similarity: number
}

/** `limitBytes`: what the vectors may take, 4 GiB (the default) at most, which is 2.7 million of 384 numbers. */
export interface Options {
  readonly embedder: string
  readonly dimension: number
  readonly limitBytes?: number
}

/**
 * `add` takes all entries or, where it fails, none; a sequence that is there already is replaced. `search` answers one list
 * per query, at most k long: the most similar first; of equally similar ones the real, then the older (smaller sequence).
 * `rows` are valid until the next addition; a row may be scaled by a power of two, which no cosine notices.
 */
export interface VectorIndex {
  readonly embedder: string
  readonly dimension: number
  readonly size: () => number
  readonly add: (
    embedder: string,
    entries: ReadonlyArray<Entry>
  ) => Effect.Effect<void, VectorIndexError>
  readonly remove: (sequences: ReadonlyArray<number>) => void
  readonly search: (
    embedder: string,
    queries: ReadonlyArray<Query>
  ) => Effect.Effect<ReadonlyArray<ReadonlyArray<Found>>, VectorIndexError>
  readonly rows: () => Iterable<Pick<Entry, "sequence" | "vector">>
}

export class VectorIndexError extends Schema.TaggedError<VectorIndexError>()("VectorIndexError", {
  reason: Schema.Literals(["WrongDimension", "WrongEmbedder", "NotFinite", "OutOfMemory"]),
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** An empty index; fails as `OutOfMemory` where the process may not reserve the memory that it could grow to. */
export const make = Effect.fn("VectorIndex.make")(function* ({
  dimension,
  embedder,
  limitBytes = 2 ** 32
}: Options): Effect.fn.Return<VectorIndex, VectorIndexError> {
  const kernel = yield* allocated(`room for ${limitBytes} bytes of vectors cannot be had`, () =>
    Kernel.make(dimension, limitBytes)
  )
  const index: Index = {
    embedder,
    dimension,
    limitBytes,
    kernel,
    slots: Slots.make(),
    norms: [Number.POSITIVE_INFINITY, 0],
    greatest: Number.NEGATIVE_INFINITY
  }
  return {
    embedder,
    dimension,
    size: index.slots.size,
    add: Effect.fn("VectorIndex.add")(function* (from, entries) {
      const lengths = lengthsOf(entries)
      yield* refuse(embedderFault(index, from) ?? vectorsFault(index, entries, lengths))
      yield* refuse(attributesFault(entries))
      yield* room(index, entries)
      entries.forEach((entry, i) => insert(index, entry, lengths[i] ?? 0))
    }),
    remove: (sequences) => sequences.forEach(index.slots.remove),
    search: Effect.fn("VectorIndex.search")(function* (from, queries) {
      const lengths = lengthsOf(queries)
      yield* refuse(embedderFault(index, from) ?? vectorsFault(index, queries, lengths))
      return search(index, queries, lengths)
    }),
    rows: () => rows(index)
  }
})

const allocated = <A>(message: string, run: () => A): Effect.Effect<A, VectorIndexError> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new VectorIndexError({
        reason: "OutOfMemory",
        message: `${message}; set limitBytes to what the machine has (4 GiB at most), keep fewer vectors, or let PostgreSQL search`,
        cause
      })
  })

interface Index {
  readonly embedder: string
  readonly dimension: number
  readonly limitBytes: number
  readonly kernel: Kernel.Kernel
  readonly slots: Slots.Slots
  /** The least and the greatest length of a vector that ever was in it, empty ones left out. */
  readonly norms: [least: number, greatest: number]
  /** The greatest sequence that ever was in it: what is greater replaces nothing. */
  greatest: number
}

const refuse = (fault: VectorIndexError | undefined): Effect.Effect<void, VectorIndexError> =>
  fault === undefined ? Effect.void : Effect.fail(fault)

const embedderFault = ({ embedder }: Index, from: string): VectorIndexError | undefined =>
  from === embedder
    ? undefined
    : new VectorIndexError({
        reason: "WrongEmbedder",
        message: `vectors of ${from} cannot be compared with those of ${embedder}; embed the texts again with ${embedder}, or build the index anew with ${from}`
      })

/** Taken once per vector, because a long list of vectors is read from slow memory. */
const lengthsOf = (list: ReadonlyArray<{ readonly vector: Float32Array }>): Float64Array => {
  const lengths = new Float64Array(list.length)
  list.forEach(({ vector }, i) => {
    lengths[i] = lengthOf(vector)
  })
  return lengths
}

/** The length of a vector is finite where all its numbers are: 64 bits hold every square of 32. */
const vectorsFault = (
  { dimension, embedder }: Index,
  list: ReadonlyArray<{ readonly vector: Float32Array }>,
  lengths: Float64Array
): VectorIndexError | undefined => {
  const other = list.find(({ vector }) => vector.length !== dimension)
  if (other !== undefined) {
    return new VectorIndexError({
      reason: "WrongDimension",
      message: `a vector has ${other.vector.length} numbers, those of ${embedder} have ${dimension}; embed the text again with ${embedder}`
    })
  }
  if (lengths.every((length) => Number.isFinite(length))) return undefined
  return new VectorIndexError({
    reason: "NotFinite",
    message: `a vector of ${embedder} holds a number that is not finite; see what the embedder made of its text`
  })
}

const attributesFault = (entries: ReadonlyArray<Entry>): VectorIndexError | undefined => {
  // A sum is finite only where all its parts are.
  const wrong = entries.find((one) => !Number.isFinite(one.quality + one.sequence + one.version))
  if (wrong === undefined) return undefined
  const { quality, sequence, version } = wrong
  return new VectorIndexError({
    reason: "NotFinite",
    message: `entry ${sequence}: quality ${quality} and version ${version} must be finite numbers`
  })
}

/** Makes room for all entries before the first is written. */
const room = ({ kernel, limitBytes, slots }: Index, entries: ReadonlyArray<Entry>) => {
  if (slots.size() + entries.length <= kernel.capacity()) return Effect.void
  const fresh = new Set(entries.map(({ sequence }) => sequence))
  for (const sequence of fresh) if (slots.slotOf(sequence) !== undefined) fresh.delete(sequence)
  const needed = slots.size() + fresh.size
  if (needed <= kernel.capacity()) return Effect.void
  const wanted = Math.max(needed, Math.min(kernel.most, Math.ceil(kernel.capacity() * 1.25)))
  const message = `${needed} vectors of ${kernel.stride} numbers do not fit in ${limitBytes} bytes, of which ${slots.size()} vectors are held`
  return allocated(message, () => kernel.grow(wanted))
}

const insert = (index: Index, entry: Entry, length: number): void => {
  const { kernel, norms, slots } = index
  if (entry.sequence > index.greatest) index.greatest = entry.sequence
  else slots.remove(entry.sequence)
  const slot = slots.add(entry)
  const norm = write(entry.vector, length, kernel.layout().vectors, slot * kernel.stride)
  slots.columns().norms[slot] = norm
  if (norm === 0) return
  norms[0] = Math.min(norms[0], norm)
  norms[1] = Math.max(norms[1], norm)
}

/**
 * Copies `vector` of `length` to `place`, scaled by a power of two where 32 bits could not hold its products; answers its length
 * there, 0 for an empty one.
 */
const write = (
  vector: Float32Array,
  length: number,
  place: Float32Array,
  start: number
): number => {
  const scale = scaleOf(length)
  if (scale === 1) {
    place.set(vector, start)
    return length
  }
  vector.forEach((x, d) => (place[start + d] = x * scale))
  return length * scale
}

const rows = function* ({ dimension, kernel, slots }: Index) {
  const { vectors } = kernel.layout()
  const { sequences } = slots.columns()
  for (let slot = 0; slot < slots.used(); slot++) {
    const sequence = sequences[slot] ?? 0
    if (slots.slotOf(sequence) !== slot) continue
    const start = slot * kernel.stride
    yield { sequence, vector: vectors.subarray(start, start + dimension) }
  }
}

/** A query on its way: its vector scaled as those of the index are. */
interface Asked {
  readonly vector: Float32Array
  readonly norm: number
  readonly excluded: number
  readonly nearest: Nearest.Nearest
}

const search = (
  index: Index,
  queries: ReadonlyArray<Query>,
  lengths: Float64Array
): ReadonlyArray<ReadonlyArray<Found>> => {
  const asked = queries.map((query, i) => askedOf(index, query, lengths[i] ?? 0))
  const groups = Map.groupBy(asked.keys(), (i) => filterKey(queries[i]))
  for (const members of groups.values()) {
    const [first = 0] = members
    const passing = index.slots.passing(queries[first] ?? {})
    scan(
      index,
      passing,
      members.flatMap((i) => asked[i] ?? [])
    )
  }
  return asked.map(({ nearest }) =>
    nearest.list().map(({ sequence, similarity }) => ({ sequence, similarity }))
  )
}

const filterKey = (filter: Slots.Filter = {}): string => {
  const { environment, leastQuality, leastVersion, source, task } = filter
  return JSON.stringify([environment, leastQuality, leastVersion, source, task])
}

const askedOf = ({ kernel, slots }: Index, query: Query, length: number): Asked => {
  const vector = new Float32Array(kernel.stride)
  return {
    vector,
    norm: write(query.vector, length, vector, 0),
    excluded:
      query.excludeTrajectory === undefined ? -1 : slots.trajectoryOf(query.excludeTrajectory),
    nearest: Nearest.make(query.k)
  }
}

/** Slots that are scored for all queries before the next ones are fetched: with many queries few, so that they stay in the cache. */
const blockOf = (queries: number): number => (queries === 1 ? Kernel.chunk : 128)

const scan = (index: Index, passing: Int32Array, asked: ReadonlyArray<Asked>): void => {
  const { ids, queries } = index.kernel.layout()
  const width = asked.length === 1 ? 1 : Kernel.tile
  const block = blockOf(asked.length)
  for (let from = 0; from < passing.length; from += block) {
    const part = passing.subarray(from, from + block)
    ids.set(part)
    for (let first = 0; first < asked.length; first += width) {
      const side = asked.slice(first, first + width)
      side.forEach(({ vector }, i) => queries.set(vector, i * index.kernel.stride))
      index.kernel.score(width, part.length)
      side.forEach((one, i) => choose(index, part, one, i * Kernel.scoreStride))
    }
  }
}

/** Offers what may be among the best: the 32 bits of the scan are wrong by `margin` at most, for vectors of length 1. */
const choose = (index: Index, part: Int32Array, asked: Asked, start: number): void => {
  const { kernel, norms, slots } = index
  const { scores } = kernel.layout()
  const columns = slots.columns()
  const margin = (kernel.stride / 4 + 8) * 2 ** -23
  const leastCosine = () => (asked.nearest.bound() - margin) * asked.norm
  let least = leastCosine()
  for (let i = 0; i < part.length; i++) {
    const score = scores[start + i] ?? 0
    // Most are too far away for any length; only for the others the column of lengths is read.
    if (score < least * (least < 0 ? norms[1] : norms[0])) continue
    const slot = part[i] ?? 0
    if (score < least * (columns.norms[slot] ?? 0)) continue
    compare(index, columns, asked, slot)
    least = leastCosine()
  }
}

const compare = (
  { kernel, slots }: Index,
  { isReal, norms, sequences }: Slots.Columns,
  { excluded, nearest, norm, vector }: Asked,
  slot: number
): void => {
  if (slots.trajectories()[slot] === excluded) return
  const { vectors } = kernel.layout()
  const dot = product(vector, vectors, slot * kernel.stride, kernel.stride)
  const similarity = dot === 0 ? 0 : clamp(dot / ((norms[slot] ?? 0) * norm))
  const sequence = sequences[slot] ?? 0
  nearest.offer({ slot, similarity, isReal: isReal[slot] === 1, sequence })
}
