/**
 * What every embedder does with the numbers that a model gives: makes them a vector of length 1, refuses what is none.
 * It does not know where they come from.
 */
import { Embedder } from "@dreamgym/domain"
import * as Result from "effect/Result"

/**
 * `numbers` as a vector, at length 1 if `normalizes` (zeros stay zeros). `Refused` where one is not finite or their count is
 * not `dimension`; `remedy` ends the sentence.
 */
export const of = (
  numbers: ArrayLike<number>,
  { dimension, embedder, normalizes, remedy }: Expected
): Result.Result<Float32Array, Embedder.EmbedderError> => {
  const refused = (problem: string) =>
    Result.fail(
      new Embedder.EmbedderError({
        reason: "Refused",
        embedder,
        message: `${embedder}: ${problem}; ${remedy}`
      })
    )
  if (numbers.length !== dimension)
    return refused(`expected a vector of ${dimension} numbers, found ${numbers.length}`)
  const vector = Float32Array.from(numbers)
  const bad = vector.findIndex((x) => !Number.isFinite(x))
  if (bad >= 0) return refused(`number ${bad} of a vector is ${numbers[bad]}`)
  return Result.succeed(normalizes ? unit(vector) : vector)
}

/** What a vector must be, and who is to blame where it is not. */
export interface Expected {
  readonly embedder: string
  readonly dimension: number
  readonly normalizes: boolean
  readonly remedy: string
}

/** In place: the sum of squares is 1, or 0 as before. Large numbers do not overflow. */
const unit = (vector: Float32Array): Float32Array => {
  const squares = vector.reduce((sum, x) => sum + x * x, 0)
  const length = Math.sqrt(squares)
  return length === 0 ? vector : vector.map((x) => x / length)
}
