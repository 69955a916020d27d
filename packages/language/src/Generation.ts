/**
 * What one row of a batch has generated so far: which token may come next, which came, and when it
 * ends.
 * It knows nothing of networks; `DecoderModel` brings the logits.
 */
import { Seed, type LanguageModel } from "@dreamgym/domain"
import { type Constraint, forcedTail, fromSequences } from "./Constraint.ts"
import { sample, type SamplingOptions } from "./Sampling.ts"
import { neverSampled, specialWords, type Tokenizer, unknownId } from "./Tokenizer.ts"

/**
 * `choices` holds the ids that each token was chosen from where decoding is `constrained`, else
 * nothing.
 */
export interface Generation {
  readonly prompt: LanguageModel.Prompt
  readonly promptIds: ReadonlyArray<number>
  readonly features: ReadonlyArray<number>
  readonly ids: Array<number>
  readonly logProbabilities: Array<number>
  readonly choices: Array<ReadonlyArray<number>>
  readonly isConstrained: boolean
  /** Of the allowed texts, those that the vocabulary and the ruled-out words leave. */
  readonly sayable: ReadonlyArray<Sayable>
  readonly random: () => number
  /** What may not be said now: `forbidden`, and what of `once` was said since the last special word. */
  readonly banned: Set<number>
  readonly forbidden: ReadonlySet<number>
  readonly once: ReadonlySet<number>
  readonly stop: ReadonlySet<number>
  constraint: Constraint | undefined
  finish: "Stop" | "Length" | "Broken" | undefined
  value: number | undefined
}

/** A row before its first token. Whether its prompt can be honoured, says `problemOf`. */
export const start = (
  tokenizer: Tokenizer,
  prompt: LanguageModel.Prompt,
  features: ReadonlyArray<number>
): Generation => {
  const { allowed, forbidden, minP = 0, once, stop } = prompt
  const idsOf = (words: ReadonlyArray<string> = []) =>
    words.flatMap((word) => tokenizer.idOf.get(word) ?? [])
  const ruledOut = new Set([...neverSampled, ...idsOf(forbidden)])
  const single = new Set(idsOf(once))
  const sayable = (allowed ?? [])
    .map((text) => ({ text, ids: tokenizer.encode(text) }))
    .filter(({ ids }) => ids.length > 0 && isSayable(ids, ruledOut, single))
  return {
    prompt,
    promptIds: tokenizer.encode(prompt.text),
    features,
    ids: [],
    logProbabilities: [],
    choices: [],
    isConstrained: [allowed, forbidden, once].some((list) => list !== undefined) || minP > 0,
    sayable,
    random: Seed.generator(prompt.key),
    banned: new Set(ruledOut),
    forbidden: ruledOut,
    once: single,
    // Allowed texts end where they end.
    stop: new Set(allowed === undefined ? idsOf(stop) : []),
    constraint:
      allowed &&
      fromSequences(
        sayable.map(({ ids }) => ids),
        endId(tokenizer)
      ),
    finish: undefined,
    value: undefined
  }
}

/** Why this prompt cannot be honoured, in words; undefined where it can. */
export const problemOf = (
  tokenizer: Tokenizer,
  featureNames: ReadonlyArray<string>,
  { prompt, promptIds, sayable }: Generation
): string | undefined => {
  const { allowed, forbidden = [], matches = {}, maxTokens, once = [], temperature } = prompt
  if (promptIds.length === 0) return "the prompt has no token"
  if (!(Number.isInteger(maxTokens) && maxTokens > 0)) return `maxTokens ${maxTokens} is no count`
  if (!(temperature >= 0)) return `temperature ${temperature} is negative or no number`
  const feature = Object.keys(matches).find((name) => !featureNames.includes(name))
  if (feature !== undefined)
    return `the network has no feature "${feature}", only ${featureNames.join(", ")}`
  const phrase = [...forbidden, ...once].find((word) => isPhrase(tokenizer, word))
  if (phrase !== undefined) return `"${phrase}" is several tokens, so it cannot be ruled out as one`
  if (allowed !== undefined && sayable.length === 0)
    return `none of the ${allowed.length} allowed texts can be said with the words that may be used`
  return undefined
}

/** What was said; where only some texts were allowed, the very text that was chosen. */
export const textOf = (tokenizer: Tokenizer, { finish, ids, sayable }: Generation): string => {
  const said = ids.at(-1) === endId(tokenizer) ? ids.slice(0, -1) : ids
  const chosen = sayable.find(
    (one) =>
      finish === "Stop" &&
      one.ids.length === said.length &&
      one.ids.every((id, place) => id === said[place])
  )
  return chosen?.text ?? tokenizer.decode(ids)
}

/** Takes the next token from V logits at `offset`; `finish` tells whether more are wanted. */
export const advance = (
  generation: Generation,
  logits: Float32Array,
  offset: number,
  size: number
): void => {
  const { constraint, random } = generation
  const allowed = constraint && [...constraint.next.keys()]
  const [only, ...others] = allowed ?? []
  if (only !== undefined && others.length === 0) push(generation, only, 0, [only])
  else {
    const chosen = sample(logits, offset, size, optionsOf(generation, allowed), random)
    if (chosen === undefined) {
      generation.finish = "Broken"
      return
    }
    push(generation, chosen.id, chosen.logProbability, chosen.choices)
  }
  settle(generation)
}

export interface Sayable {
  readonly text: string
  readonly ids: ReadonlyArray<number>
}

/**
 * Only a constraint needs an end of its own, and only where one text begins another; no text of the
 * world has this word.
 */
const endId = (tokenizer: Tokenizer): number => tokenizer.idOf.get("<act>") ?? unknownId

const isSayable = (
  ids: ReadonlyArray<number>,
  banned: ReadonlySet<number>,
  once: ReadonlySet<number>
): boolean => !ids.some((id, place) => banned.has(id) || (once.has(id) && ids.indexOf(id) < place))

/** Whether it is made of several known tokens. What has an unknown one is never said anyway. */
const isPhrase = (tokenizer: Tokenizer, word: string): boolean => {
  if (tokenizer.idOf.has(word)) return false
  const ids = tokenizer.encode(word)
  return ids.length > 0 && !ids.includes(unknownId)
}

const optionsOf = (
  { banned, isConstrained, prompt }: Generation,
  allowed: ReadonlyArray<number> | undefined
): SamplingOptions => ({
  temperature: prompt.temperature,
  minP: prompt.minP ?? 0,
  // The tree holds only what may be said.
  banned: allowed === undefined ? banned : nothing,
  withChoices: isConstrained,
  ...(allowed && { allowed })
})

const nothing: ReadonlySet<number> = new Set()

const push = (
  generation: Generation,
  id: number,
  logProbability: number,
  choices: ReadonlyArray<number>
): void => {
  generation.ids.push(id)
  generation.logProbabilities.push(logProbability)
  generation.choices.push(choices)
  generation.constraint = generation.constraint?.next.get(id)
  if (generation.once.has(id)) generation.banned.add(id)
  if (id < specialWords.length) forget(generation)
}

/** Behind a special word another part begins: the observation may list what the reasoning has named. */
const forget = ({ banned, forbidden, once }: Generation): void => {
  for (const id of once) if (!forbidden.has(id)) banned.delete(id)
}

/**
 * Ends at a stop word, at the end of the tree (taking the forced rest without asking the network),
 * or at the limit.
 */
const settle = (generation: Generation): void => {
  const { ids, prompt, stop } = generation
  const tail = generation.constraint && forcedTail(generation.constraint)
  const room = prompt.maxTokens - ids.length
  for (const forced of (tail ?? []).slice(0, room)) push(generation, forced, 0, [forced])
  if (tail !== undefined && tail.length <= room) generation.finish = "Stop"
  else if (stop.has(ids.at(-1) ?? -1)) generation.finish = "Stop"
  else if (ids.length >= prompt.maxTokens) generation.finish = "Length"
}
