/**
 * The laws of finding what is alike, whatever embeds the texts; and exactly, where the embedder is the law's own.
 * They do not ask whether the cosine of an embedding means anything.
 */
import { Embedder, Seed, type ReplayBuffer, type Trajectory } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import * as Arbitraries from "./Arbitraries.ts"
import { always, plain, renamed, valuesOf, within, type Options } from "./BufferUnderTest.ts"
import { forAll, holds, law, same, type Law } from "./Law.ts"
import * as Model from "./ReplayBufferModel.ts"
import { distinct } from "./SamplingLaws.ts"
import { areSorted } from "./SimilarChecks.ts"

export const similarityLaws = (options: Options): ReadonlyArray<Law> => [
  findsTheNearest(options),
  findsTheRealFirst(options),
  answersSideBySide(options),
  ...(options.embedded === undefined ? [] : [misses(options.embedded, options.runs)])
]

const query = fc.record({
  state: Arbitraries.words,
  action: Arbitraries.words,
  k: fc.integer({ min: 0, max: 6 })
})

const findsTheNearest = (options: Options) =>
  always(
    "what is found is sorted by likeness, k at most, each once, and itself most alike",
    options,
    fc.tuple(distinct, query),
    ([list, asked], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const found = yield* buffer.similar(asked)
        const transitions = list.flatMap((one) => one.transitions)
        yield* same("how many", found.length, Math.min(asked.k, transitions.length))
        yield* same("the ids", new Set(found.map(({ id }) => id)).size, found.length)
        yield* areSorted(found)
        for (const { action, observation } of transitions) {
          const [self] = yield* buffer.similar({ state: observation, action: action.text, k: 1 })
          yield* holds((self?.similarity ?? 0) > 0.999, `"${observation}" is not like itself`)
        }
      })
  )

const findsTheRealFirst = (options: Options) =>
  always(
    "of equally similar ones the real come first",
    options,
    Arbitraries.trajectoryLike({
      provenance: Arbitraries.synthetic,
      verdict: Arbitraries.accepted,
      minTransitions: 1
    }),
    (dream, buffer) =>
      Effect.gen(function* () {
        const provenance = { _tag: "Real", environment: "law", version: "1" } as const
        const transitions = dream.transitions.map((one) => ({ ...one, provenance }))
        const real = { ...renamed(dream, "real"), transitions }
        yield* buffer.add([renamed(dream, "dream"), real, renamed(dream, "later-dream")])
        for (const { action, observation } of transitions) {
          const found = yield* buffer.similar({ state: observation, action: action.text, k: 1 })
          yield* same(
            "the first",
            found.map(({ task }) => task.id),
            ["real"]
          )
        }
      })
  )

/** Episodes of a wave ask at the same time, each with wishes of its own. */
const answersSideBySide = (options: Options) =>
  always(
    "questions asked side by side are answered as one after the other",
    options,
    fc.tuple(distinct, fc.array(query, { minLength: 1, maxLength: 5 })),
    ([list, queries], buffer) =>
      Effect.gen(function* () {
        yield* buffer.add(list)
        const wishes = queries.map((asked, i): ReplayBuffer.SimilarQuery => {
          const wished = list[i % list.length]
          if (wished === undefined) return asked
          return i % 2 === 0
            ? { ...asked, excludeTrajectory: wished.id }
            : { ...asked, task: wished.task.id, source: "Real" }
        })
        const answers = yield* Effect.forEach(wishes, buffer.similar, { concurrency: "unbounded" })
        for (const [i, wish] of wishes.entries()) {
          yield* same(`the answer to question ${i}`, answers[i], yield* buffer.similar(wish))
        }
      })
  )

/** Each word is a direction of chance; the last number keeps a text without words from being nothing. */
const dimension = 24
const vectorOf = (text: string): Float32Array => {
  const vector = new Float32Array(dimension)
  for (const word of text.split(/\s+/)) {
    const random = Seed.generator(Seed.key(7, word))
    for (let i = 0; i < dimension; i++) vector[i] = (vector[i] ?? 0) + random() - 0.5
  }
  vector[dimension - 1] = 0.1
  return vector
}

/** Of vectors of any length: a buffer may not rely on an embedder to make them of one. */
const embedder: Embedder.Embedder = {
  name: "words as directions of chance",
  dimension,
  embed: (texts) => Effect.sync(() => texts.map(vectorOf))
}

const productOf = (x: Float32Array, y: Float32Array): number =>
  x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0)

const cosineOf = (x: Float32Array, y: Float32Array): number =>
  productOf(x, y) / Math.sqrt(productOf(x, x) * productOf(y, y))

/** A smaller crowd would tell no more, so none is looked for. */
const crowd = fc.noShrink(
  fc
    .array(
      Arbitraries.trajectoryLike({
        ending: Arbitraries.terminated,
        verdict: Arbitraries.accepted
      }),
      { minLength: 10, maxLength: 30 }
    )
    .map((list) => list.map((one, i) => renamed(one, `task-${i % 7}-${i}`)))
)

const wishes = fc.record(
  {
    source: fc.constantFrom("Real", "Synthetic"),
    task: fc.constantFrom("task-0-0", "task-1-1"),
    leastVersion: fc.integer({ min: -1, max: 99 }),
    excludeTrajectory: fc.constantFrom("of-task-0-0", "of-task-1-1")
  },
  { requiredKeys: [] }
)

const nearest = 8
const rounding = 1e-5

/** Recall 1 of 8, under every wish: nothing that is nearer than what was found is passed over. */
const misses = (embedded: NonNullable<Options["embedded"]>, runs?: number): Law =>
  law(
    "with an embedder whose cosines are known, what is found is the nearest there is",
    forAll(
      fc.tuple(crowd, fc.array(fc.tuple(query, wishes), { minLength: 4, maxLength: 8 })),
      ([list, queries]) =>
        within(embedded(embedder), (buffer) =>
          Effect.gen(function* () {
            yield* buffer.add(list)
            const model = Model.make(plain)
            Model.add(model, list)
            for (const [asked, wish] of queries) {
              const question = { ...asked, ...wish, k: nearest }
              yield* areTheNearest(model, question, yield* buffer.similar(question))
            }
          })
        ),
      valuesOf(runs)
    )
  )

const areTheNearest = Effect.fnUntraced(function* (
  model: Model.Model,
  question: ReplayBuffer.SimilarQuery,
  found: ReadonlyArray<ReplayBuffer.Demonstration>
) {
  const wanted = vectorOf(Embedder.textOf(question))
  const likeness = ({ action, observation }: Trajectory.Transition) =>
    cosineOf(wanted, vectorOf(Embedder.textOf({ state: observation, action: action.text })))
  const best = Model.findable(model, question)
    .map(({ transition }) => likeness(transition))
    .toSorted((a, b) => b - a)
    .slice(0, question.k)
  yield* same("how many", found.length, best.length)
  for (const [i, { similarity, transition }] of found.entries()) {
    const truth = likeness(transition)
    yield* holds(
      Math.abs(similarity - truth) < rounding,
      `the cosine of "${transition.observation}" is ${truth}, and was said to be ${similarity}`
    )
    yield* holds(
      Math.abs(truth - (best[i] ?? 0)) < rounding,
      `place ${i} has one of cosine ${truth}, where there is one of ${best[i]}`
    )
  }
})
