/**
 * What one row of a batch is to say, and how, as plain data that can be sent to a thread; and whether a prompt can be
 * honoured at all.
 * It generates nothing: that is `Generation`.
 */
import type { LanguageModel } from "@dreamgym/domain"
import { neverSampled, unknownId } from "./SpecialWords.ts"
import type { Tokenizer } from "./Tokenizer.ts"

/** Ids in place of words. `forbidden` holds also what is never said. */
export interface Brief {
  readonly promptIds: ReadonlyArray<number>
  /** Sparse: `tokenId * F + feature`. */
  readonly features: ReadonlyArray<number>
  readonly key: number
  readonly maxTokens: number
  readonly temperature: number
  readonly minP: number
  readonly stop: ReadonlyArray<number>
  readonly forbidden: ReadonlyArray<number>
  /** May be said once between two special words. */
  readonly once: ReadonlyArray<number>
  /** If only some texts may be said: their ids. */
  readonly allowed?: ReadonlyArray<ReadonlyArray<number>>
  /** Ends a text that is the beginning of another. */
  readonly endId: number
  /** Whether anything narrows what may be said: only then is kept what each token was chosen from. */
  readonly isConstrained: boolean
}

/** An allowed text that the vocabulary and the ruled-out words leave. */
export interface Sayable {
  readonly text: string
  readonly ids: ReadonlyArray<number>
}

/** A prompt with its brief, and the texts that it allows. */
export interface Asked {
  readonly prompt: LanguageModel.Prompt
  readonly brief: Brief
  readonly sayable: ReadonlyArray<Sayable>
}

/** Whether it can be honoured, says `problemOf`. */
export const of = (
  tokenizer: Tokenizer,
  prompt: LanguageModel.Prompt,
  features: ReadonlyArray<number>
): Asked => {
  const { allowed, key, maxTokens, minP = 0, temperature } = prompt
  const idsOf = (words: ReadonlyArray<string> = []) =>
    words.flatMap((word) => tokenizer.idOf.get(word) ?? [])
  const forbidden = [...neverSampled, ...idsOf(prompt.forbidden)]
  const once = idsOf(prompt.once)
  const sayable = sayableOf(tokenizer, allowed ?? [], forbidden, once)
  const brief: Brief = {
    promptIds: tokenizer.encode(prompt.text),
    features,
    key,
    maxTokens,
    temperature,
    minP,
    // Allowed texts end where they end.
    stop: allowed === undefined ? idsOf(prompt.stop) : [],
    forbidden,
    once,
    ...(allowed && { allowed: sayable.map(({ ids }) => ids) }),
    endId: endId(tokenizer),
    isConstrained:
      [allowed, prompt.forbidden, prompt.once].some((list) => list !== undefined) || minP > 0
  }
  return { prompt, brief, sayable }
}

/** Why this prompt cannot be honoured, in words; undefined where it can. */
export const problemOf = (
  tokenizer: Tokenizer,
  featureNames: ReadonlyArray<string>,
  { brief, prompt, sayable }: Asked
): string | undefined => {
  const { allowed, forbidden = [], matches = {}, maxTokens, once = [], temperature } = prompt
  if (brief.promptIds.length === 0) return "the prompt has no token"
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
export const textOf = (
  tokenizer: Tokenizer,
  { brief, sayable }: Asked,
  { finish, ids }: { readonly finish: string; readonly ids: ReadonlyArray<number> }
): string => {
  const said = ids.at(-1) === brief.endId ? ids.slice(0, -1) : ids
  const chosen = sayable.find(
    (one) =>
      finish === "Stop" &&
      one.ids.length === said.length &&
      one.ids.every((id, place) => id === said[place])
  )
  return chosen?.text ?? tokenizer.decode(ids)
}

const sayableOf = (
  tokenizer: Tokenizer,
  texts: ReadonlyArray<string>,
  forbidden: ReadonlyArray<number>,
  once: ReadonlyArray<number>
): ReadonlyArray<Sayable> => {
  const [banned, single] = [new Set(forbidden), new Set(once)]
  return texts
    .map((text) => ({ text, ids: tokenizer.encode(text) }))
    .filter(({ ids }) => ids.length > 0 && isSayable(ids, banned, single))
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
