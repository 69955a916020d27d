/**
 * Attention over a key/value cache, for decoding: one fused kernel that also extends the cache.
 * It has no gradient; `attention` is what is trained. Letters: B rows, S new positions, C positions
 * that the cache holds, H heads of queries, G heads of keys and values, D width of a head.
 */
import * as Shape from "../Shape.ts"
import * as Value from "../Value.ts"

type V = Value.Value

/** What is attended. */
export interface CacheOperands {
  /** [B, S, H * D], not yet turned by its position. */
  readonly query: V
  /** [B, S, G * D], not yet turned. */
  readonly key: V
  /** [B, S, G * D]. */
  readonly value: V
  /** [B, G, C, D], turned keys of earlier positions. */
  readonly pastKey: V
  /** [B, G, C, D]. */
  readonly pastValue: V
  /** int32 [B]: how many positions each row has after this call, at most C. */
  readonly lengths: V
  /** [P, R], P >= C: cosines of the angles by position; without them nothing is turned. */
  readonly cos?: V
  /** [P, R], the sines. */
  readonly sin?: V
}

/** How it is attended. */
export interface CacheOptions {
  readonly heads: number
  readonly keyValueHeads: number
  /** Multiplies query times key; default 1 / sqrt(D). */
  readonly scale?: number
  /**
   * In a prompt every row starts at position 0, and rows shorter than S are padded at their end; in
   * a continuation row b starts at lengths[b] - S. The kernel continues by several positions only
   * in one row: continue row after row, each on its part of the cache.
   */
  readonly stage: "prompt" | "continuation"
}

/** The attention, and the cache after this call. Where a row has no position yet, it is unspecified. */
export interface Cached {
  /** [B, S, H * D]. */
  readonly attention: V
  /** [B, G, C, D]. It may be written where `pastKey` is read. */
  readonly presentKey: V
  /** [B, G, C, D]. */
  readonly presentValue: V
}

/** Grouped-query attention (Ainslie et al. 2023): query head h reads key head h * G / H, causally. */
export const groupQueryAttention = (operands: CacheOperands, options: CacheOptions): Cached => {
  const { query, key, value, pastKey, pastValue, lengths, cos, sin } = operands
  const width = checked(operands, options)
  const { heads, keyValueHeads, stage, scale = 1 / Math.sqrt(width) } = options
  const angles = cos === undefined || sin === undefined ? [] : [cos, sin]
  const attention = Value.make(
    "GroupQueryAttention",
    [query, key, value, pastKey, pastValue, lengths, ...angles],
    { shape: query.shape },
    { heads, keyValueHeads, scale, stage }
  )
  const present = (which: "key" | "value", inputs: ReadonlyArray<V>): V =>
    Value.make("Present", [attention, ...inputs], { shape: pastKey.shape }, { which, stage })
  return {
    attention,
    presentKey: present("key", [key, pastKey, lengths, ...angles]),
    presentValue: present("value", [value, pastValue, lengths])
  }
}

/** The width of a head, if everything fits. */
const checked = (operands: CacheOperands, options: CacheOptions): number => {
  const { query, key, value, pastKey, pastValue, lengths, cos, sin } = operands
  const [rows = 0, count = 0, all = 0] = query.shape
  const { heads, keyValueHeads } = options
  const [, , capacity = 0] = pastKey.shape
  const width = all / heads
  const fresh = [rows, count, keyValueHeads * width]
  const past = [rows, keyValueHeads, capacity, width]
  const pairs = cos?.shape.at(-1) ?? 0
  const angles = [cos?.shape[0] ?? capacity, pairs]
  const fits =
    query.shape.length === 3 &&
    heads % keyValueHeads === 0 &&
    [key, value].every((one) => Shape.equals(one.shape, fresh)) &&
    [pastKey, pastValue].every((one) => Shape.equals(one.shape, past)) &&
    Shape.equals(lengths.shape, [rows]) &&
    lengths.type === "int32" &&
    [cos, sin].every((one) => one === undefined || Shape.equals(one.shape, angles)) &&
    (cos === undefined) === (sin === undefined) &&
    (angles[0] ?? 0) >= capacity &&
    2 * pairs <= width &&
    count <= capacity
  const given = [query, key, value, pastKey, pastValue, lengths, cos, sin]
  if (!fits)
    throw new Shape.ShapeError(
      "groupQueryAttention",
      given.flatMap((one) => (one === undefined ? [] : [one.shape])),
      "it needs query [B, S, H * D], key and value [B, S, G * D], both pasts [B, G, C, D], lengths " +
        "int32 [B], and cos and sin [P, R] or neither, with S <= C <= P, 2R <= D and H % G = 0"
    )
  if (options.stage === "continuation" && count > 1 && rows > 1)
    throw new Shape.ShapeError(
      "groupQueryAttention",
      [query.shape],
      "the kernel continues by several positions only in one row; run the rows one by one"
    )
  return width
}
