/** Work of the size that the default run does, from drawn tokens: what is measured, not how fast it is. */
import { Seed } from "@dreamgym/domain"
import { Decoder, type Rows, Tokenizer, Trainable } from "@dreamgym/language"

/** As the household world: about 190 entries of which most are numbered entities, 14 features. */
export const tokenizer = Tokenizer.make([
  ...Array.from(
    { length: 60 },
    (_, i) => `word${String.fromCharCode(97 + (i % 26))}${Math.floor(i / 26)}x`
  ),
  ...Array.from({ length: 30 }, (_, kind) =>
    Array.from(
      { length: 4 },
      (_, number) =>
        `thing${String.fromCharCode(97 + (kind % 26))}${kind > 25 ? "y" : ""} ${number + 1}`
    )
  ).flat()
])

export const featureNames = Array.from({ length: 14 }, (_, i) => `feature ${i}`)

export const networkOf = (hasValue: boolean): Decoder.Network => ({
  tokenizer,
  config: Decoder.small(featureNames.length, hasValue)
})

export const trainableOf = (hasValue: boolean): Trainable.Trainable =>
  Trainable.make(networkOf(hasValue), 1)

export interface Lengths {
  readonly prompt: readonly [from: number, to: number]
  readonly read: readonly [from: number, to: number]
}

const draws = (key: number) => {
  const random = Seed.generator(key)
  const between = ([from, to]: readonly [number, number]) =>
    from + Seed.below(random, to - from + 1)
  const id = () => 2 + Seed.below(random, tokenizer.vocabulary.length - 2)
  return { between, id, ids: (length: number) => Array.from({ length }, id), random }
}

/** Drawn rows; `choices` of 8 ids where asked. */
export const rowsOf = (
  count: number,
  lengths: Lengths,
  options: { readonly choices: boolean; readonly key: number }
): ReadonlyArray<Rows.Row> => {
  const { between, ids, random } = draws(options.key)
  return Array.from({ length: count }, () => {
    const targetIds = ids(between(lengths.read))
    return {
      promptIds: ids(between(lengths.prompt)),
      targetIds,
      weights: targetIds.map(() => 1),
      features: Array.from({ length: 40 }, () =>
        Seed.below(random, tokenizer.vocabulary.length * featureNames.length)
      ),
      ...(options.choices ? { choices: targetIds.map((id) => [id, ...ids(7)]) } : {})
    }
  })
}

/** Prompt texts of drawn words. */
export const textsOf = (count: number, [from, to]: readonly [number, number], key: number) => {
  const { between, ids } = draws(key)
  return Array.from({ length: count }, () =>
    ids(between([from, to]))
      .map((id) => tokenizer.vocabulary[id] ?? "")
      .join(" ")
  )
}
