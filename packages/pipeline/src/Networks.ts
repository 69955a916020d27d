/**
 * The decoders of a run from its configuration: one shape of network, two sets of sizes, and the critic that the policy learns with.
 * It trains nothing.
 */
import { type Knowledge, Seed } from "@dreamgym/domain"
import * as Decoder from "@dreamgym/language/Decoder"
import type * as Tokenizer from "@dreamgym/language/Tokenizer"
import * as Trainable from "@dreamgym/language/Trainable"
import * as DecoderPolicy from "@dreamgym/learner/DecoderPolicy"
import * as SeparateCritic from "@dreamgym/learner/SeparateCritic"
import * as Algorithm from "./Algorithm.ts"
import type { Config } from "./Config.ts"

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

/** The policy that learns: a copy of the clone that it starts as, and beside it the network of its critic where that has its own. */
export const policyOf = (start: Trainable.Trainable, config: Config): Trainable.Trainable =>
  Algorithm.hasOwnCritic(config)
    ? SeparateCritic.begin(start, { key: Seed.key(config.seed, "critic") })
    : Trainable.copy(start)

/** What `policyOf` made, as a learner has it. */
export const modelOf = (policy: Trainable.Trainable, config: Config): DecoderPolicy.DecoderPolicy =>
  Algorithm.hasOwnCritic(config) ? SeparateCritic.modelOf(policy) : DecoderPolicy.make(policy)
