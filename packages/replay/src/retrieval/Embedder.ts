/**
 * What makes a vector of a text, so that texts can be compared; by default hashed words and pairs of neighbouring words.
 * It keeps no vectors. A model that embeds better implements `Embedder` and takes its place.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { hashedVector, type Pair } from "../Embedding.ts"

/**
 * `embed` answers one vector of `dimension` finite numbers per text, in order; the same text gives the same vector for as
 * long as `name` is the same, which is why `name` tells everything that decides about the numbers.
 */
export interface Embedder {
  readonly name: string
  readonly dimension: number
  readonly embed: (
    texts: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<Float32Array>, EmbedderError>
}

/** `Unavailable`: no answer came; try again. `Refused`: this text, or this many, will never be answered. */
export class EmbedderError extends Schema.TaggedError<EmbedderError>()("EmbedderError", {
  reason: Schema.Literals(["Unavailable", "Refused"]),
  embedder: Schema.String,
  message: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {}

/** The text by which a transition is embedded: the action is the last line, behind `> `. */
export const textOf = ({ action, state }: Pair): string => `${state}${border}${action}`

const border = "\n> "

/**
 * No model (see `Embedding`): a quarter of the dimensions holds the words of the last line behind `> ` (the action), the rest those of the text
 * before it; each part has length 1, so that a long state does not drown a short action. A feature that occurs n times
 * counts 1 + ln n.
 */
export const hashed = (dimension = 384): Embedder => ({
  name: `hashed-words-${dimension}`,
  dimension,
  embed: (texts) => Effect.sync(() => texts.map((text) => hashedVector(pairOf(text), dimension)))
})

/** Without such a last line all is state. */
const pairOf = (text: string): Pair => {
  const at = text.lastIndexOf(border)
  return at < 0
    ? { state: text, action: "" }
    : { state: text.slice(0, at), action: text.slice(at + border.length) }
}
