/** The decoders of a run from its configuration: one shape of network, two sets of sizes. */
import type { Knowledge } from "@dreamgym/domain"
import * as Decoder from "@dreamgym/language/Decoder"
import type * as Tokenizer from "@dreamgym/language/Tokenizer"

export const networkOf = (
  sizes: { readonly dimension: number; readonly layers: number; readonly heads: number },
  knowledge: Knowledge.Knowledge,
  tokenizer: Tokenizer.Tokenizer,
  hasValue: boolean
): Decoder.Network => ({
  tokenizer,
  config: {
    ...Decoder.small(knowledge.features.length, hasValue),
    dimension: sizes.dimension,
    layers: sizes.layers,
    heads: sizes.heads
  }
})
