/**
 * The words and ids that every vocabulary begins with.
 * How texts become ids is `Tokenizer`'s business; this is what a thread that generates needs to know of it.
 */

/** Words with a meaning of their own; `<pad>` is id 0, `<unk>` id 1. */
export const specialWords = [
  "<pad>",
  "<unk>",
  "<act>",
  "<think>",
  "<obs>",
  "<win>",
  "<task>",
  "<demo>"
] as const

export const padId = 0
export const unknownId = 1

/** Padding and the unknown word stand in prompts only: generation never gives them. */
export const neverSampled: ReadonlyArray<number> = [padId, unknownId]
