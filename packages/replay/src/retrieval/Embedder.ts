/**
 * The embedder that needs no model: hashed words and pairs of neighbouring words.
 * It learns nothing and keeps no vectors; a model that embeds better implements the domain's `Embedder` and takes its place.
 */
import { Embedder } from "@dreamgym/domain"
import * as Effect from "effect/Effect"

/**
 * A quarter of the dimensions holds the words of the last line behind `> ` (the action), the rest those of the text before it; each
 * part has length 1, so that a long state does not drown a short action. A feature that occurs n times counts 1 + ln n.
 */
export const hashed = (dimension = 384): Embedder.Embedder => ({
  name: `${hashedName}${dimension}`,
  dimension,
  embed: (texts) =>
    Effect.sync(() => texts.map((text) => hashedVector(Embedder.pairOf(text), dimension)))
})

/** Whether its vectors cost less to make than to read, so that nobody need keep them. */
export const isCheap = ({ name }: Embedder.Embedder): boolean => name.startsWith(hashedName)

const hashedName = "hashed-words-"

const hashedVector = ({ action, state }: Embedder.Pair, dimension: number): Float32Array => {
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
