/**
 * A word-level tokenizer: the longest entry of the vocabulary at each place, blanks skipped; kept
 * as a Hugging Face `tokenizer.json`.
 * It learns nothing: its entries are given (`Knowledge.lexicon`), and words seen in a corpus may be
 * added.
 */
import * as Schema from "effect/Schema"
import { neverSampled, padId, specialWords, unknownId } from "./SpecialWords.ts"

export { neverSampled, padId, specialWords, unknownId }

export class TokenizerError extends Schema.TaggedError<TokenizerError>()("TokenizerError", {
  reason: Schema.Literals(["BadFile", "Foreign"]),
  message: Schema.String
}) {}

/**
 * V entries. `kinds`[V] and `numbers`[V] split a numbered entity ("mug 2") into its kind and
 * number, so that networks can share what they learn of "mug": kind 0 and number 0 mean none; a
 * word that is a kind ("mug") has that kind and number 0.
 */
export interface Tokenizer {
  readonly vocabulary: ReadonlyArray<string>
  readonly idOf: ReadonlyMap<string, number>
  readonly kinds: ReadonlyArray<number>
  readonly numbers: ReadonlyArray<number>
  readonly kindCount: number
  readonly numberCount: number
  /**
   * Ids of a text; a word outside the vocabulary is `<unk>`. Remembered: the same text costs one
   * look-up.
   */
  readonly encode: (text: string) => ReadonlyArray<number>
  /**
   * Words joined by blanks, without the blank before `.` and `,`. The inverse of `encode` on texts
   * of this form.
   */
  readonly decode: (ids: ReadonlyArray<number>) => string
  /**
   * Ids of a word and, for a kind without number, of all its numbered entities. Unknown words have
   * none.
   */
  readonly idsOf: (word: string) => ReadonlyArray<number>
}

/** `lexicon`: entries in order of their ids after the special words; repeated ones count once. */
export const make = (lexicon: Iterable<string>): Tokenizer => {
  const vocabulary = [...new Set([...specialWords, ...lexicon])]
  const idOf = new Map(vocabulary.map((entry, id) => [entry, id]))
  const entities = entitiesOf(vocabulary)
  const root = trieOf(vocabulary)
  const remembered = new Map<string, ReadonlyArray<number>>()
  const encode = (text: string): ReadonlyArray<number> => {
    const known = remembered.get(text)
    if (known !== undefined) return known
    const ids = match(root, text)
    if (remembered.size >= rememberedTexts) remembered.clear()
    remembered.set(text, ids)
    return ids
  }
  return {
    vocabulary,
    idOf,
    ...entities,
    encode,
    decode: (ids) => join(ids.map((id) => vocabulary[id] ?? "<unk>")),
    idsOf: (word) => entities.members.get(word) ?? []
  }
}

/**
 * The words of texts that `lexicon` does not cover, most frequent first; adding them leaves no
 * `<unk>` in these texts.
 */
export const uncovered = (
  lexicon: Iterable<string>,
  texts: Iterable<string>
): ReadonlyArray<string> => {
  const root = trieOf([...new Set([...specialWords, ...lexicon])])
  const counts = new Map<string, number>()
  for (const text of texts) {
    match(root, text, (word) => counts.set(word, (counts.get(word) ?? 0) + 1))
  }
  return [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([word]) => word)
}

/**
 * The `tokenizer.json` that transformers.js and Hugging Face tokenizers read: WordLevel behind a
 * Split on the entries.
 */
export const toJson = (tokenizer: Tokenizer): string => {
  const entries = tokenizer.vocabulary.slice(specialWords.length)
  const longestFirst = entries.toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1))
  const pattern = [...longestFirst.map(entryPattern), "\\w+", "[^\\s\\w]"].join("|")
  return JSON.stringify({
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialWords.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true
    })),
    normalizer: null,
    pre_tokenizer: {
      type: "Split",
      pattern: { Regex: pattern },
      behavior: "Removed",
      invert: true
    },
    post_processor: null,
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordLevel",
      vocab: Object.fromEntries(tokenizer.idOf),
      unk_token: "<unk>"
    }
  })
}

const TokenizerFile = Schema.fromJsonString(
  Schema.Struct({
    model: Schema.Struct({ type: Schema.String, vocab: Schema.Record(Schema.String, Schema.Int) })
  })
)

/** Reads what `toJson` wrote. `file` is named in errors. */
export const fromJson = (text: string, file: string): Tokenizer | TokenizerError => {
  const decoded = Schema.decodeUnknownResult(TokenizerFile)(text)
  if (decoded._tag === "Failure") {
    return new TokenizerError({
      reason: "BadFile",
      message: `${file} is no tokenizer.json: ${decoded.failure.message}; restore it from a checkpoint`
    })
  }
  const entries = Object.entries(decoded.success.model.vocab).toSorted(([, a], [, b]) => a - b)
  const words = entries.map(([word]) => word)
  const isOurs =
    decoded.success.model.type === "WordLevel" &&
    specialWords.every((word, id) => words[id] === word) &&
    entries.every(([, id], place) => id === place)
  return isOurs
    ? make(words.slice(specialWords.length))
    : new TokenizerError({
        reason: "Foreign",
        message: `${file} is not a word-level tokenizer of this project (ids must be dense and start with ${specialWords.join(" ")})`
      })
}

const rememberedTexts = 20_000

interface Trie {
  readonly next: Map<number, Trie>
  id: number
}

const trieOf = (entries: ReadonlyArray<string>): Trie => {
  const root: Trie = { next: new Map(), id: -1 }
  for (const [id, entry] of entries.entries()) {
    let at = root
    for (let i = 0; i < entry.length; i++) {
      const code = entry.charCodeAt(i)
      const next = at.next.get(code) ?? { next: new Map(), id: -1 }
      at.next.set(code, next)
      at = next
    }
    at.id = id
  }
  return root
}

const isWordCode = (code: number): boolean =>
  (code >= 48 && code <= 57) ||
  (code >= 65 && code <= 90) ||
  (code >= 97 && code <= 122) ||
  code === 95

const isBlank = (code: number): boolean => code === 32 || code === 10 || code === 9 || code === 13

/** A word may not go on where an entry ends in the middle of it. */
const isBoundary = (text: string, end: number): boolean =>
  end >= text.length || !isWordCode(text.charCodeAt(end - 1)) || !isWordCode(text.charCodeAt(end))

const match = (
  root: Trie,
  text: string,
  onUnknown?: (word: string) => void
): ReadonlyArray<number> => {
  const ids: Array<number> = []
  let at = 0
  while (at < text.length) {
    if (isBlank(text.charCodeAt(at))) {
      at++
      continue
    }
    let node: Trie | undefined = root
    let found = -1
    let end = at
    for (let i = at; i < text.length; i++) {
      node = node.next.get(text.charCodeAt(i))
      if (node === undefined) break
      if (node.id >= 0 && isBoundary(text, i + 1)) {
        found = node.id
        end = i + 1
      }
    }
    if (found < 0) {
      end = unknownEnd(text, at)
      onUnknown?.(text.slice(at, end))
    }
    ids.push(found < 0 ? unknownId : found)
    at = end
  }
  return ids
}

const unknownEnd = (text: string, start: number): number => {
  if (!isWordCode(text.charCodeAt(start))) return start + 1
  let end = start + 1
  while (end < text.length && isWordCode(text.charCodeAt(end))) end++
  return end
}

const join = (words: ReadonlyArray<string>): string =>
  words.reduce(
    (text, word) =>
      text === "" || word.startsWith(".") || word.startsWith(",") ? text + word : `${text} ${word}`,
    ""
  )

const entryPattern = (entry: string): string => {
  const escaped = entry.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  return isWordCode(entry.charCodeAt(entry.length - 1)) ? `${escaped}(?!\\w)` : escaped
}

const entityPattern = /^(.*\S) (\d+)$/

/** Kinds are the words before the numbers of numbered entries. */
const entitiesOf = (vocabulary: ReadonlyArray<string>) => {
  const parsed = vocabulary.map((entry) => entityPattern.exec(entry))
  const kindNames = [
    ...new Set(parsed.flatMap((found) => (found?.[1] === undefined ? [] : [found[1]])))
  ]
  const kindOf = new Map(kindNames.map((name, index) => [name, index + 1]))
  const kinds = vocabulary.map((entry, id) => kindOf.get(parsed[id]?.[1] ?? entry) ?? 0)
  const numbers = parsed.map((found) => (found === null ? 0 : Number(found[2])))
  const members = new Map<string, ReadonlyArray<number>>(
    vocabulary.map((entry, id) => [entry, [id]])
  )
  for (const [name, kind] of kindOf) {
    members.set(
      name,
      kinds.flatMap((of, id) => (of === kind ? [id] : []))
    )
  }
  const numberCount = numbers.reduce((most, number) => Math.max(most, number), 0) + 1
  return { kinds, numbers, kindCount: kindNames.length + 1, numberCount, members }
}
