/**
 * A batch of rows on their way: their key/value caches, which grow as tokens come and shrink as
 * rows end.
 * It moves numbers about; what they mean is the decoder's business.
 *
 * B rows, C cache places, H heads, V vocabulary, F features.
 */
import type * as Decoder from "./Decoder.ts"
import type { Generation } from "./Generation.ts"
import { bucket, type Feeds, type Outline, type PromptFeeds, type Room } from "./Rows.ts"

/**
 * `caches` [B, H, C, D / H] by name, `cached` [B, C] (1 where a place counts); `said` is where each run writes: `logits` [B, V]
 * and, for each cache, what it is to keep of the new token, [B, H, 1, D / H], called as the cache with "new" before.
 */
export interface Flight {
  readonly batch: number
  readonly cache: number
  readonly rows: ReadonlyArray<Generation>
  readonly cached: Float32Array
  readonly vocabularyFeatures: Float32Array
  readonly caches: Named
  readonly said: Named & { readonly logits: Float32Array }
}

type Named = Readonly<Record<string, Float32Array>>

type Network = Outline & { readonly config: Decoder.DecoderConfig }

/** Caches grow by so many places: few shapes, few sessions. */
const places = 16

/** 8, 12, 16, 24, 32, 48, 64, ...: the least of these that holds all rows. */
export const batchOf = (rows: number): number => {
  const power = 2 ** Math.ceil(Math.log2(Math.max(8, rows)))
  return rows <= (power * 3) / 4 && power > 8 ? (power * 3) / 4 : power
}

/** Before P prompt tokens are read, which leaves their keys and values in the caches. */
export const start = (
  { config, tokenizer }: Network,
  rows: ReadonlyArray<Generation>,
  { valid: cached, vocabularyFeatures }: PromptFeeds,
  { batch, prompt }: { readonly batch: number; readonly prompt: number },
  room: Room
): Flight => {
  const { dimension, layers } = config
  const names = Array.from({ length: layers }, (_, l) => [`keys.${l}`, `values.${l}`]).flat()
  const placed = (length: number, prefix = "") =>
    Object.fromEntries(names.map((name) => [prefix + name, room.unset(batch * length)]))
  const logits = room.unset(batch * tokenizer.vocabulary.length)
  return {
    batch,
    rows,
    cache: prompt,
    cached,
    caches: placed(prompt * dimension),
    said: { ...placed(dimension, "new "), logits },
    vocabularyFeatures
  }
}

/** The same with at least `cache` places. */
export const withRoom = (
  { heads }: Decoder.DecoderConfig,
  flight: Flight,
  cache: number,
  room: Room
): Flight => {
  if (cache <= flight.cache) return flight
  const columns = bucket(cache, places)
  const widened = (array: Float32Array, rows: number): Float32Array => {
    const width = array.length / rows
    const wider = (width / flight.cache) * columns
    const wide = room.unset(rows * wider)
    for (let row = 0; row < rows; row++) {
      wide.set(array.subarray(row * width, (row + 1) * width), row * wider)
      wide.fill(0, row * wider + width, (row + 1) * wider)
    }
    return wide
  }
  return {
    ...flight,
    cache: columns,
    cached: widened(flight.cached, flight.batch),
    caches: mapped(flight.caches, (array) => widened(array, flight.batch * heads))
  }
}

/** The feeds of `Decoder.step` that are the last tokens: ids, those before them, their features. */
export const lastTokens = (
  { features }: Decoder.DecoderConfig,
  { batch, rows, vocabularyFeatures }: Flight
): Feeds => {
  const ids = new BigInt64Array(batch)
  const previous = new BigInt64Array(batch)
  const matched = new Float32Array(batch * features)
  const perRow = vocabularyFeatures.length / batch
  for (const [b, row] of rows.entries()) {
    const id = row.ids.at(-1) ?? 0
    ids[b] = BigInt(id)
    previous[b] = BigInt(row.ids.at(-2) ?? row.brief.promptIds.at(-1) ?? 0)
    const at = b * perRow + id * features
    matched.set(vocabularyFeatures.subarray(at, at + features), b * features)
  }
  return { ids, previous, features: matched }
}

/** Writes the new keys and values into the caches at `place`. */
export const keep = (
  { dimension, heads }: Decoder.DecoderConfig,
  { batch, cache, cached, caches, said }: Flight,
  place: number
): void => {
  const width = dimension / heads
  for (const [name, to] of Object.entries(caches)) {
    const from = said[`new ${name}`] ?? to.subarray(0, 0)
    // An array view per head and row would cost more than the numbers.
    for (let row = 0; row < batch * heads; row++) {
      const start = (row * cache + place) * width
      for (let i = 0; i < width; i++) to[start + i] = from[row * width + i] ?? 0
    }
  }
  for (let b = 0; b < batch; b++) cached[b * cache + place] = 1
}

/** Without the rows that have ended, where the others fit into a smaller batch. */
export const compact = (flight: Flight, room: Room): Flight => {
  const live = [...flight.rows.keys()].filter((b) => flight.rows[b]?.finish === undefined)
  const batch = batchOf(live.length)
  if (batch >= flight.batch) return flight
  const gather = (array: Float32Array): Float32Array => {
    const width = array.length / flight.batch
    const kept = room.unset(batch * width)
    for (const [to, from] of live.entries()) {
      kept.set(array.subarray(from * width, (from + 1) * width), to * width)
    }
    return kept.fill(0, live.length * width)
  }
  // Nothing in it is wanted any more.
  const beginning = (array: Float32Array) =>
    array.subarray(0, (array.length / flight.batch) * batch)
  return {
    batch,
    cache: flight.cache,
    rows: live.flatMap((b) => flight.rows[b] ?? []),
    cached: gather(flight.cached),
    vocabularyFeatures: gather(flight.vocabularyFeatures),
    caches: mapped(flight.caches, gather),
    said: { ...mapped(flight.said, beginning), logits: beginning(flight.said.logits) }
  }
}

const mapped = (arrays: Named, change: (array: Float32Array) => Float32Array): Named =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, change(array)]))
