/**
 * The contract of what makes a vector of a text, so that texts can be compared by cosine.
 * It keeps no vectors; whoever does must ask again when `name` changes.
 */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

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

/** What a transition is looked up by: the text of the state, and of the action taken there. */
export interface Pair {
  readonly state: string
  readonly action: string
}

/** The text by which a transition is embedded: the action is the last line, behind `> `. */
export const textOf = ({ action, state }: Pair): string => `${state}${border}${action}`

/** The pair of such a text; without such a last line all is state. */
export const pairOf = (text: string): Pair => {
  const at = text.lastIndexOf(border)
  return at < 0
    ? { state: text, action: "" }
    : { state: text.slice(0, at), action: text.slice(at + border.length) }
}

const border = "\n> "
