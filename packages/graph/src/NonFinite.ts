/**
 * The refusal of an update whose numbers are not finite, and the search for the first of them.
 * The search reads all arrays; it is made only when the loss or the gradient's norm is not finite.
 */
import * as Schema from "effect/Schema"

type Named<A> = { readonly [name: string]: A }

/** An update that was refused: parameters and optimizer state are as before. */
export class NonFiniteError extends Schema.TaggedError<NonFiniteError>()("NonFiniteError", {
  /** The first tensor that is not finite, such as "the gradient of lm_head.weight". */
  tensor: Schema.String,
  loss: Schema.Number,
  gradientNorm: Schema.Number,
  /** The number of updates made before. */
  step: Schema.Number,
  message: Schema.String
}) {}

/** What a step read and computed, in this order. */
export interface Evidence {
  readonly feeds: Named<ArrayLike<number | bigint>>
  readonly parameters: Named<Float32Array>
  readonly loss: number
  readonly gradientNorm: number
  /** The sum of squares of each parameter's gradient, in the order of `parameters`. */
  readonly squares: ArrayLike<number>
  readonly step: number
}

/** The error that names the first tensor that is not finite. */
export const refused = (evidence: Evidence): NonFiniteError => {
  const { loss, gradientNorm, step } = evidence
  const [tensor, remedy] = firstOf(evidence)
  const message =
    `update ${step + 1} was refused: ${tensor} is not finite ` +
    `(loss ${loss}, gradient norm ${gradientNorm}); parameters are as before; ${remedy}`
  return new NonFiniteError({ tensor, loss, gradientNorm, step, message })
}

const firstOf = (evidence: Evidence): readonly [string, string] => {
  const { feeds, parameters, squares, loss } = evidence
  const feed = Object.keys(feeds).find((name) => hasNonFinite(feeds[name] ?? []))
  if (feed !== undefined) return [`the input ${feed}`, "correct what is fed"]
  const names = Object.keys(parameters)
  const parameter = names.find((name) => hasNonFinite(parameters[name] ?? []))
  if (parameter !== undefined)
    return [`the parameter ${parameter}`, "go back to a checkpoint before it was"]
  if (!Number.isFinite(loss))
    return ["the loss", "look for a division by 0 or the logarithm of 0 in it"]
  const slope = names.find((_, index) => !Number.isFinite(squares[index]))
  return [
    slope === undefined ? "the gradient's norm" : `the gradient of ${slope}`,
    "look for a root or a division at 0 in the loss, or lower the learning rate"
  ]
}

const hasNonFinite = (array: ArrayLike<number | bigint>): boolean => {
  for (let index = 0; index < array.length; index++)
    if (!Number.isFinite(Number(array[index]))) return true
  return false
}
