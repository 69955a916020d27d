/**
 * The laws of an embedder: what an index of vectors relies on.
 * They do not say whether like texts are near each other.
 */
import { type Embedder, Seed } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fc from "fast-check"
import { character } from "./Arbitraries.ts"
import { failsWith, forAll, holds, law, same, type Suite } from "./Law.ts"

/**
 * `texts` are ones that it must answer, at least two of them different. `tolerance` bounds the difference of a number between
 * one question and another (default 0): the order of floating-point sums may depend on what is asked together.
 */
export interface Options {
  readonly name: string
  readonly embedder: Effect.Effect<Embedder.Embedder, unknown, Scope.Scope>
  readonly texts: ReadonlyArray<string>
  readonly tolerance?: number
}

export const embedderLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the embedder laws`,
  laws: [
    isWhole(options),
    isRepeatable(options),
    keepsOrder(options),
    isIndependentOfTheBatch(options),
    isIndependentOfOthers(options),
    isNamed(options),
    answersOrRefuses(options)
  ]
})

const isWhole = ({ embedder, texts }: Options) =>
  law(
    "every text has one vector of the dimension, of finite numbers, and not all have the same",
    Effect.gen(function* () {
      const { dimension, embed } = yield* embedder
      const vectors = yield* embed(texts)
      yield* same("the number of vectors", vectors.length, texts.length)
      yield* same("vectors of no texts", yield* embed([]), [])
      for (const vector of vectors) yield* isVector(vector, dimension)
      const [first, ...rest] = vectors
      const differs = rest.some((other) => distance(first, other) > 0)
      yield* holds(differs, "all texts have the same vector")
    })
  )

const isRepeatable = ({ embedder, texts, tolerance = 0 }: Options) =>
  law(
    "the same text has the same vector each time, twice in one question too",
    Effect.gen(function* () {
      const { embed } = yield* embedder
      const once = yield* embed(texts)
      const twice = yield* embed([...texts, ...texts])
      yield* nearlySame("asked twice at once", twice, [...once, ...once], tolerance)
      yield* nearlySame("asked again", yield* embed(texts), once, tolerance)
    })
  )

const keepsOrder = ({ embedder, texts, tolerance = 0 }: Options) =>
  law(
    "vectors stand in the order of their texts",
    Effect.gen(function* () {
      const { embed } = yield* embedder
      const once = yield* embed(texts)
      const shuffled = Seed.shuffle(Seed.generator(1), [...texts.entries()])
      const found = yield* embed(shuffled.map(([, text]) => text))
      const expected = shuffled.flatMap(([place]) => once[place] ?? [])
      yield* nearlySame("shuffled", found, expected, tolerance)
    })
  )

const isIndependentOfTheBatch = ({ embedder, texts, tolerance = 0 }: Options) =>
  law(
    "a vector does not depend on what is asked beside it",
    Effect.gen(function* () {
      const { embed } = yield* embedder
      const together = yield* embed(texts)
      const alone = yield* Effect.forEach(texts, (text) => embed([text]))
      yield* nearlySame("alone", alone.flat(), together, tolerance)
    })
  )

const isIndependentOfOthers = ({ embedder, texts, tolerance = 0 }: Options) =>
  law(
    "questions asked at the same time are answered as one after the other",
    Effect.gen(function* () {
      const { embed } = yield* embedder
      const expected = yield* embed(texts)
      const asked = Effect.forEach(texts, (text) => embed([text]), { concurrency: "unbounded" })
      yield* nearlySame("at the same time", (yield* asked).flat(), expected, tolerance)
    })
  )

const isNamed = ({ embedder }: Options) =>
  law(
    "it has a name, the same where it is made again, and a dimension",
    Effect.gen(function* () {
      const [first, second] = [yield* embedder, yield* embedder]
      yield* holds(first.name.trim() !== "", "the name is empty")
      yield* same("the second name", second.name, first.name)
      yield* same("the second dimension", second.dimension, first.dimension)
      const isCount = Number.isSafeInteger(first.dimension) && first.dimension > 0
      yield* holds(isCount, `the dimension is ${first.dimension}`)
    })
  )

/** Blank, without words, of foreign scripts, with half a character, very long. */
const strange = fc.oneof(
  fc.constantFrom("", " ", "\n> ", "\u0000", "\ud800", "\ufeff", "a".repeat(5000)),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: character, maxLength: 60 })
)

const answersOrRefuses = ({ embedder }: Options) =>
  law(
    "any text is answered with a vector or refused",
    Effect.gen(function* () {
      const { dimension, embed } = yield* embedder
      yield* forAll(fc.array(strange, { minLength: 1, maxLength: 4 }), (texts) =>
        Effect.matchEffect(embed(texts), {
          onSuccess: (vectors) =>
            Effect.andThen(
              same("the number of vectors", vectors.length, texts.length),
              Effect.forEach(vectors, (vector) => isVector(vector, dimension), { discard: true })
            ),
          onFailure: (error) => failsWith("a text", Effect.fail(error), "EmbedderError", "Refused")
        })
      )
    })
  )

const isVector = (vector: Float32Array, dimension: number) =>
  Effect.andThen(
    same("the length of a vector", vector.length, dimension),
    holds(
      vector.every(Number.isFinite),
      `a vector holds ${vector.find((x) => !Number.isFinite(x))}`
    )
  )

const nearlySame = Effect.fnUntraced(function* (
  what: string,
  found: ReadonlyArray<Float32Array>,
  expected: ReadonlyArray<Float32Array>,
  tolerance: number
) {
  yield* same(`${what}: the number of vectors`, found.length, expected.length)
  for (const [place, vector] of found.entries()) {
    const apart = distance(vector, expected[place])
    yield* holds(apart <= tolerance, `${what}: vector ${place} is ${apart} apart, not ${tolerance}`)
  }
})

/** The largest difference of a number; infinite where there is no vector, or another length. */
const distance = (a: Float32Array | undefined, b: Float32Array | undefined): number =>
  a === undefined || b === undefined || a.length !== b.length
    ? Infinity
    : a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] ?? Infinity))), 0)
