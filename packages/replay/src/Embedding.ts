/**
 * The embedding phi(state, action) by which transitions are alike: hashed words and pairs of neighbouring words.
 * It learns nothing; an encoder that does implements `Encoder` and takes its place.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"

/** What a transition is looked up by: the text of the state, and of the action taken there. */
export interface Pair {
  readonly state: string
  readonly action: string
}

/**
 * `encode` answers one vector of `dimension` numbers per pair, in order. With `InverseDocumentFrequency` the vectors hold
 * counts of features (never negative), and the search weighs each feature by how few transitions have it; with `None`
 * the vectors are compared as they are.
 */
export interface Encoder {
  readonly name: string
  readonly dimension: number
  readonly weighting: Weighting
  readonly encode: (
    pairs: ReadonlyArray<Pair>
  ) => Effect.Effect<ReadonlyArray<Float32Array>, ReplayBuffer.ReplayBufferError>
}

export type Weighting = "InverseDocumentFrequency" | "None"

/**
 * The default encoder. A quarter of the dimensions belongs to the action, the rest to the state; both parts have length 1, so
 * that a long state does not drown a short action. A feature that occurs n times counts 1 + ln n.
 */
export const hashed = (dimension = 512): Encoder => ({
  name: `hashed-${dimension}`,
  dimension,
  weighting: "InverseDocumentFrequency",
  encode: (pairs) => Effect.sync(() => pairs.map((pair) => hashedVector(pair, dimension)))
})

/** The vector of `hashed`, before any weighing. */
export const hashedVector = ({ action, state }: Pair, dimension: number): Float32Array => {
  const border = dimension - Math.floor(dimension / 4)
  const vector = new Float32Array(dimension)
  count(state, vector.subarray(0, border))
  count(action, vector.subarray(border))
  return vector
}

/** Fills `part` with the dampened counts of the words and word pairs of `text`, at length 1. */
const count = (text: string, part: Float32Array): void => {
  let previous = ""
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    increment(part, word)
    if (previous !== "") increment(part, `${previous} ${word}`)
    previous = word
  }
  let squares = 0
  for (const n of part) if (n > 0) squares += (1 + Math.log(n)) ** 2
  if (squares === 0) return
  const length = Math.sqrt(squares)
  part.forEach((n, i) => {
    if (n > 0) part[i] = (1 + Math.log(n)) / length
  })
}

const increment = (part: Float32Array, feature: string): void => {
  const bucket = hash(feature) % part.length
  part[bucket] = (part[bucket] ?? 0) + 1
}

/** FNV-1a, 32 bits. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h >>> 0
}
