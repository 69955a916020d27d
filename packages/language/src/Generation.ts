/**
 * What one row of a batch has generated so far: which token may come next, which came, and when it ends.
 * It knows nothing of networks; `DecoderModel` brings the logits.
 */
import { Seed, type LanguageModel } from "@dreamgym/domain"
import { type Constraint, forcedTail, fromSequences } from "./Constraint.ts"
import { sample } from "./Sampling.ts"
import { padId, type Tokenizer, unknownId } from "./Tokenizer.ts"

export interface Generation {
  readonly prompt: LanguageModel.Prompt
  readonly promptIds: ReadonlyArray<number>
  readonly features: ReadonlyArray<number>
  readonly ids: Array<number>
  readonly logProbabilities: Array<number>
  readonly choices: Array<ReadonlyArray<number>>
  readonly random: () => number
  readonly banned: Set<number>
  readonly once: ReadonlySet<number>
  readonly stop: ReadonlySet<number>
  constraint: Constraint | undefined
  finish: "Stop" | "Length" | "Broken" | undefined
  value: number | undefined
}

export const start = (
  tokenizer: Tokenizer,
  prompt: LanguageModel.Prompt,
  features: ReadonlyArray<number>
): Generation => {
  const idsOf = (words: ReadonlyArray<string> | undefined) =>
    (words ?? []).flatMap((word) => tokenizer.idOf.get(word) ?? [])
  const allowed = prompt.allowed?.map(tokenizer.encode)
  return {
    prompt,
    promptIds: tokenizer.encode(prompt.text),
    features,
    ids: [],
    logProbabilities: [],
    choices: [],
    random: Seed.generator(prompt.key),
    banned: new Set([padId, unknownId, ...idsOf(prompt.forbidden)]),
    once: new Set(idsOf(prompt.once)),
    stop: new Set(idsOf(prompt.stop)),
    constraint: allowed && fromSequences(allowed, tokenizer.idOf.get("<act>") ?? unknownId),
    finish: undefined,
    value: undefined
  }
}

/** The most tokens that this row can still need. */
export const longest = (generation: Generation): number =>
  Math.min(
    generation.prompt.maxTokens,
    generation.constraint === undefined ? generation.prompt.maxTokens : depth(generation.constraint)
  )

/** Takes the next token from V logits at `offset`; `finish` tells whether more are wanted. */
export const advance = (
  generation: Generation,
  logits: Float32Array,
  offset: number,
  size: number
): void => {
  const { constraint, prompt } = generation
  const allowed = constraint && [...constraint.next.keys()]
  const chosen =
    allowed?.length === 1 && allowed[0] !== undefined
      ? { id: allowed[0], logProbability: 0 }
      : sample(
          logits,
          offset,
          size,
          {
            temperature: prompt.temperature,
            minP: prompt.minP ?? 0,
            banned: generation.banned,
            ...(allowed && { allowed })
          },
          generation.random
        )
  if (chosen === undefined) {
    generation.finish = "Broken"
    return
  }
  push(generation, chosen.id, chosen.logProbability, allowed ?? [])
  generation.constraint = constraint?.next.get(chosen.id)
  settle(generation, chosen.id)
}

const push = (
  generation: Generation,
  id: number,
  logProbability: number,
  choices: ReadonlyArray<number>
) => {
  generation.ids.push(id)
  generation.logProbabilities.push(logProbability)
  generation.choices.push(choices)
  if (generation.once.has(id)) generation.banned.add(id)
}

/** Ends at a stop word, at the end of the tree (taking the forced rest without asking the network), or at the limit. */
const settle = (generation: Generation, id: number): void => {
  const tail = generation.constraint && forcedTail(generation.constraint)
  if (tail !== undefined) {
    for (const forced of tail) push(generation, forced, 0, [forced])
    generation.finish = "Stop"
  } else if (generation.stop.has(id)) generation.finish = "Stop"
  else if (generation.ids.length >= generation.prompt.maxTokens) generation.finish = "Length"
}

const depth = (constraint: Constraint): number => {
  let most = 0
  for (const next of constraint.next.values()) most = Math.max(most, 1 + depth(next))
  return most
}
