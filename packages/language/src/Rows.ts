/**
 * Training rows and their batches: a prompt, the tokens after it, and how much each counts.
 * It lays out arrays; losses are the learner's business.
 *
 * B rows, P prompt tokens (left), K tokens read (right), T = P + K - 1, V vocabulary, F features.
 */
import type { Network, Sizes } from "./Decoder.ts"
import { padId } from "./SpecialWords.ts"
import type { Tokenizer } from "./Tokenizer.ts"

/**
 * `weights`[targets] is the loss weight of each target token; `features` are sparse (`tokenId * F +
 * feature`); `choices`[targets][*] are the ids that decoding allowed (absent or empty: all).
 */
export interface Row {
  readonly promptIds: ReadonlyArray<number>
  readonly targetIds: ReadonlyArray<number>
  readonly weights: ReadonlyArray<number>
  readonly features: ReadonlyArray<number>
  readonly choices?: ReadonlyArray<ReadonlyArray<number>>
}

/**
 * Sparse features of `matches`: a kind stands for all its entities. Names that the network does not
 * know are an error of the caller.
 */
export const sparseFeatures = (
  tokenizer: Tokenizer,
  names: ReadonlyArray<string>,
  matches: Readonly<Record<string, ReadonlyArray<string>>>
): ReadonlyArray<number> =>
  names.flatMap((name, feature) =>
    (matches[name] ?? []).flatMap((word) =>
      tokenizer.idsOf(word).map((id) => id * names.length + feature)
    )
  )

export type Feeds = Record<string, Float32Array | BigInt64Array>

/**
 * The feeds of `Decoder.forward` with `target` [B, K] and `weight` [B, K]; rows that are missing
 * have weight 0.
 */
export const collate = (
  network: Network,
  rows: ReadonlyArray<Row>,
  sizes: Sizes,
  room: Room = fresh
): Feeds => {
  const { batch, prompt, read } = sizes
  const length = prompt + read - 1
  const feeds = emptyFeeds(network, batch, length, room)
  const target = room.bigints(batch * read)
  const weight = room.floats(batch * read)
  for (const [b, row] of rows.slice(0, batch).entries()) {
    const seen = row.targetIds.slice(0, read - 1)
    placeRow(feeds, network, row.features, [...row.promptIds, ...seen], {
      b,
      length,
      from: prompt - row.promptIds.length
    })
    for (const [k, id] of row.targetIds.slice(0, read).entries()) {
      target[b * read + k] = BigInt(id)
      weight[b * read + k] = row.weights[k] ?? 0
    }
  }
  return { ...feeds, target, weight }
}

/**
 * The additive mask of the choices, [B, K, V]: 0 where a token was allowed, -1e9 elsewhere. Where a
 * row has no choices, all but `never` were allowed.
 */
export const choiceMask = (
  network: Network,
  rows: ReadonlyArray<Row>,
  sizes: Sizes,
  never: ReadonlyArray<number> = [],
  room: Room = fresh
): Float32Array => {
  const size = network.tokenizer.vocabulary.length
  const mask = room.floats(sizes.batch * sizes.read * size)
  for (const [b, row] of rows.slice(0, sizes.batch).entries()) {
    for (let k = 0; k < Math.min(sizes.read, row.targetIds.length); k++) {
      const at = (b * sizes.read + k) * size
      const allowed = row.choices?.[k] ?? []
      if (allowed.length > 0) mask.fill(-1e9, at, at + size)
      for (const id of allowed) mask[at + id] = 0
      if (allowed.length === 0) for (const id of never) mask[at + id] = -1e9
    }
  }
  return mask
}

/** What the layout of feeds needs to know of a `Network`: plain data, so that a thread can be told it. */
export interface Outline {
  readonly config: { readonly features: number }
  readonly tokenizer: { readonly vocabulary: { readonly length: number } }
}

export interface PromptFeeds extends Feeds {
  readonly ids: BigInt64Array
  readonly previous: BigInt64Array
  readonly valid: Float32Array
  readonly features: Float32Array
  readonly vocabularyFeatures: Float32Array
}

export const emptyFeeds = (
  network: Outline,
  batch: number,
  length: number,
  room: Room = fresh
): PromptFeeds => {
  const { features } = network.config
  return {
    ids: room.bigints(batch * length),
    previous: room.bigints(batch * length),
    valid: room.floats(batch * length),
    features: room.floats(batch * length * features),
    vocabularyFeatures: room.floats(batch * network.tokenizer.vocabulary.length * features)
  }
}

/** Writes one row of tokens from place `from` on, with its features. */
export const placeRow = (
  feeds: PromptFeeds,
  network: Outline,
  sparse: ReadonlyArray<number>,
  ids: ReadonlyArray<number>,
  at: { readonly b: number; readonly length: number; readonly from: number }
): void => {
  const { features } = network.config
  const table = at.b * network.tokenizer.vocabulary.length * features
  for (const place of sparse) feeds.vocabularyFeatures[table + place] = 1
  let previous = padId
  for (const [i, id] of ids.entries()) {
    const t = at.b * at.length + at.from + i
    feeds.ids[t] = BigInt(id)
    feeds.previous[t] = BigInt(previous)
    feeds.valid[t] = 1
    const own = table + id * features
    feeds.features.set(feeds.vocabularyFeatures.subarray(own, own + features), t * features)
    previous = id
  }
}

/** The smallest multiple of `step` that holds `length`: few shapes, few sessions. */
export const bucket = (length: number, step: number): number =>
  Math.max(step, Math.ceil(length / step) * step)

export const floats = (length: number): Float32Array<SharedArrayBuffer> =>
  new Float32Array(new SharedArrayBuffer(length * 4))

export const bigints = (length: number): BigInt64Array<SharedArrayBuffer> =>
  new BigInt64Array(new SharedArrayBuffer(length * 8))

/** Where arrays come from: shared memory, all zero; `unset` holds anything, for what is written before it is read. */
export interface Room {
  readonly floats: (length: number) => Float32Array<SharedArrayBuffer>
  readonly bigints: (length: number) => BigInt64Array<SharedArrayBuffer>
  readonly unset: (length: number) => Float32Array<SharedArrayBuffer>
}

/** Memory of its own for each array, for as long as somebody holds it. */
export const fresh: Room = { floats, bigints, unset: floats }

/** `clear` takes back all that was lent: nobody, no thread either, may look at it any more. */
export interface LendingRoom extends Room {
  readonly clear: () => void
}

/**
 * Memory that is lent again and again. New memory for each batch makes V8 clear up its whole heap every few
 * batches, because shared memory weighs on it as the heap does: a fifth of a run's time was that.
 */
export const lending = (): LendingRoom => {
  const free = new Map<number, Array<SharedArrayBuffer>>()
  const lent: Array<SharedArrayBuffer> = []
  const take = (bytes: number): SharedArrayBuffer => {
    // Powers of two: few sizes, so that batches of many shapes share what there is.
    const size = 2 ** Math.ceil(Math.log2(Math.max(64, bytes)))
    const memory = free.get(size)?.pop() ?? new SharedArrayBuffer(size)
    lent.push(memory)
    return memory
  }
  const unset = (length: number) => new Float32Array(take(length * 4), 0, length)
  return {
    unset,
    floats: (length) => unset(length).fill(0),
    bigints: (length) => new BigInt64Array(take(length * 8), 0, length).fill(0n),
    clear: () => {
      for (const memory of lent.splice(0)) {
        const alike = free.get(memory.byteLength)
        if (alike === undefined) free.set(memory.byteLength, [memory])
        else alike.push(memory)
      }
    }
  }
}
