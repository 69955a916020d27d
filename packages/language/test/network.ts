/**
 * A decoder of a few thousand numbers over a small world of words, for the tests.
 * Its parameters are noise: it has learnt nothing.
 */
import { type LanguageModel, Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import * as Effect from "effect/Effect"
import type { Rows } from "../src/index.ts"
import { type Decoder, DecoderModel, Tokenizer, Trainable } from "../src/index.ts"

export const featureNames = ["goal", "seen"]

export const tokenizer = Tokenizer.make([
  "go",
  "take",
  "put",
  "open",
  "look",
  "in",
  "on",
  "the",
  ".",
  "is",
  "mug",
  "mug 1",
  "mug 2",
  "shelf 1",
  "shelf 2",
  "drawer 1",
  "closed",
  "empty"
])

export const networkOf = (overrides: Partial<Decoder.DecoderConfig> = {}): Decoder.Network => ({
  tokenizer,
  config: {
    dimension: 16,
    layers: 2,
    heads: 2,
    mlpRatio: 2,
    features: featureNames.length,
    hasValue: true,
    ropeBase: 1000,
    ...overrides
  }
})

/** Noise on every parameter, so that none is at a value where a mistake would not show. */
export const trainableOf = (
  key: number,
  overrides: Partial<Decoder.DecoderConfig> = {}
): Trainable.Trainable => {
  const trainable = Trainable.make(networkOf(overrides), key)
  const random = Seed.generator(Seed.key(key, "noise"))
  for (const array of Object.values(trainable.parameters.arrays)) {
    for (let i = 0; i < array.length; i++) array[i] = (array[i] ?? 0) + (random() - 0.5) * 0.3
  }
  return trainable
}

export const modelOf = (
  trainable: Trainable.Trainable,
  options: Partial<DecoderModel.DecoderModelOptions> = {}
) =>
  DecoderModel.make({
    name: "small",
    network: trainable.network,
    parameters: trainable.parameters,
    featureNames,
    version: Effect.sync(() => trainable.version),
    ...options
  })

/** Runs in this thread; sessions end with the test. */
export const inline = Effect.provide(Session.layerInline)

const words = tokenizer.vocabulary.slice(Tokenizer.specialWords.length)

/** A text of `length` words. */
export const textOf = (random: () => number, length: number): string =>
  Array.from({ length }, () => words[Seed.below(random, words.length)] ?? "go").join(" ")

/**
 * Prompts of every kind: ragged, greedy and hot, constrained and free, with and without features.
 */
export const promptsOf = (count: number, key: number): ReadonlyArray<LanguageModel.Prompt> => {
  const random = Seed.generator(key)
  return Array.from({ length: count }, (_, i) => ({
    text: textOf(random, 1 + Seed.below(random, 21)),
    key: Seed.key(key, "prompt", i),
    maxTokens: 1 + Seed.below(random, 7),
    temperature: [1, 0.6, 1.7, 0][i % 4] ?? 1,
    ...(i % 3 === 0 ? { minP: 0.05 } : {}),
    ...(i % 2 === 0
      ? { allowed: Array.from({ length: 1 + Seed.below(random, 5) }, () => textOf(random, 3)) }
      : { forbidden: ["mug 1", "go"], once: ["take", "the"], stop: ["."] }),
    ...(i % 5 === 0 ? {} : { matches: { goal: ["mug"], seen: [textOf(random, 1), "shelf 2"] } })
  }))
}

/** The completion as a row of training, every token of weight 1. */
export const rowOf = (completion: LanguageModel.Completion): Rows.Row => ({
  promptIds: completion.promptIds,
  targetIds: completion.ids,
  weights: completion.ids.map(() => 1),
  features: completion.features ?? [],
  ...(completion.choices === undefined ? {} : { choices: completion.choices })
})
