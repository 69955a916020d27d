/**
 * What both parts about decoding share: a model that speaks, and prompts for it.
 * The models are those of `size.ts`, with room for longer texts.
 */
import { Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { type Config, Decoding } from "../../src/transformer/index.ts"
import { configOf, parametersOf, type Size } from "./size.ts"

/** A decoder with drawn parameters, which ends no text before it is asked to. */
export const speaking = Effect.fnUntraced(function* (size: Size) {
  const config: Config.Config = { ...configOf(size), maxPositions: 2048, specialIds: { eos: [] } }
  const parameters = parametersOf(size)
  return { config, parameters, decoding: yield* Decoding.make({ config, parameters }) }
})

/** The same prompts in every run: `count` of them, each of `length` tokens. */
export const promptsOf = (
  count: number,
  length: number,
  vocabulary: number
): ReadonlyArray<ReadonlyArray<number>> => {
  const random = Seed.generator(Seed.key(1, "prompts", count))
  return Array.from({ length: count }, () =>
    Array.from({ length }, () => Seed.below(random, vocabulary))
  )
}

/** What follows each prompt, all at once and greedily. */
export const sayAll = (
  decoding: Decoding.Decoding,
  prompts: ReadonlyArray<ReadonlyArray<number>>,
  maxTokens: number
) =>
  Effect.forEach(
    prompts,
    (prompt, key) => decoding.generate({ prompt, key, maxTokens, sampling: { temperature: 0 } }),
    { concurrency: "unbounded" }
  )
