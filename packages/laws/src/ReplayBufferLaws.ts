/**
 * The laws of a replay buffer: what is kept, what is found, what is drawn.
 * They say nothing of speed, nor of which embedding is the better one.
 */
import type { ReplayBuffer } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as fc from "fast-check"
import * as Arbitraries from "./Arbitraries.ts"
import {
  always,
  plain,
  renamed,
  valuesOf,
  within,
  type Buffer,
  type Options as OptionsOfBuffer
} from "./BufferUnderTest.ts"
import { failsWith, forAll, law, same, type Law, type Suite } from "./Law.ts"
import * as NastyArbitraries from "./NastyArbitraries.ts"
import { storyLaw } from "./ReplayBufferStories.ts"
import { distinct, samplingLaws, strategies, type Trajectories } from "./SamplingLaws.ts"
import { similarityLaws } from "./SimilarityLaws.ts"

export type { Quotas, Setting } from "./ReplayBufferModel.ts"

/** See `BufferUnderTest.Options`. */
export interface Options extends OptionsOfBuffer {}

export const replayBufferLaws = (options: Options): Suite => ({
  name: `${options.name} obeys the replay buffer laws`,
  laws: [
    keeps(options),
    keepsAnything(options),
    keepsOnce(options),
    keepsAllThatComeTogether(options),
    refusesEvaluationData(options),
    ...samplingLaws(options),
    ...similarityLaws(options),
    isAsItWasAtTheSnapshot(options),
    storyLaw(options),
    ...isTheSameWhenReopened(options)
  ]
})

const kept = (buffer: Buffer) => Stream.runCollect(buffer.trajectories())

const keeps = (options: Options) =>
  always("what was added is read back, whole and in order", options, distinct, (list, buffer) =>
    Effect.gen(function* () {
      const half = Math.floor(list.length / 2)
      yield* same("the first answer", yield* buffer.add(list.slice(0, half)), half)
      yield* same("the second answer", yield* buffer.add(list.slice(half)), list.length - half)
      yield* same("what is kept", yield* kept(buffer), list)
    })
  )

/** NaN, lone surrogates and all; 0 and -0 count as the same. */
const keepsAnything = (options: Options) =>
  always(
    "whatever a trajectory holds comes back as it was",
    options,
    NastyArbitraries.trajectories,
    (list, buffer) =>
      Effect.gen(function* () {
        yield* same("how many were new", yield* buffer.add(list), list.length)
        yield* same("what is kept", yield* kept(buffer), list)
      })
  )

const keepsOnce = (options: Options) =>
  always(
    "the same content is kept once, whatever it is called",
    options,
    distinct,
    (list, buffer) =>
      Effect.gen(function* () {
        yield* buffer.add([...list, ...list])
        const twins = list.map((one) => ({ ...one, id: `${one.id}-again`, policyVersion: 7 }))
        yield* same("what is new in the same again", yield* buffer.add(twins), 0)
        yield* same("what is kept", yield* kept(buffer), list)
        yield* same("the duplicates", (yield* buffer.stats).duplicates, 2 * list.length)
      })
  )

const keepsAllThatComeTogether = (options: Options) =>
  always("additions side by side lose nothing", options, distinct, (list, buffer) =>
    Effect.gen(function* () {
      const additions = [...list, ...list].map((one) => buffer.add([one]))
      const answers = yield* Effect.all(additions, { concurrency: "unbounded" })
      yield* same(
        "what was new",
        answers.reduce((sum, n) => sum + n, 0),
        list.length
      )
      const ids = (yield* kept(buffer)).map(({ id }) => id)
      yield* same("what is kept", ids.toSorted(), list.map(({ id }) => id).toSorted())
    })
  )

const refusesEvaluationData = (options: Options) =>
  always(
    "evaluation data is refused, and all that comes with it",
    options,
    distinct,
    (list, buffer) =>
      Effect.gen(function* () {
        const [first] = list
        if (first === undefined) return
        const addition = buffer.add([...list, renamed(first, "held-out")])
        yield* failsWith("the addition", addition, "ReplayBufferError", "EvaluationData")
        yield* same("what is kept", yield* kept(buffer), [])
      }),
    { ...plain, evaluation: ({ id }) => id === "held-out" }
  )

const drawn = fc.tuple(distinct, Arbitraries.sampleRequest)

/** What came between must leave no trace: not in the order of what is drawn, nor in what is found. */
const isAsItWasAtTheSnapshot = (options: Options) =>
  always("restored, it is as it was at the snapshot", options, drawn, ([list, asked], buffer) =>
    Effect.gen(function* () {
      yield* buffer.add(list)
      const before = yield* look(buffer, asked)
      const snapshot = yield* buffer.snapshot
      yield* buffer.add(list.map((one) => renamed(one, `${one.task.id}-later`)))
      yield* look(buffer, asked)
      yield* buffer.restore(snapshot)
      yield* sameLook("restored", yield* look(buffer, asked), before)
    })
  )

const isTheSameWhenReopened = ({ durable, runs }: Options): ReadonlyArray<Law> =>
  durable === undefined
    ? []
    : [
        law(
          "reopened, it is the same buffer",
          forAll(
            drawn,
            ([list, asked]) =>
              Effect.gen(function* () {
                const layer = yield* durable(plain)
                const whole = yield* within(layer, (buffer) => fill(buffer, list, asked))
                const again = yield* within(layer, (buffer) => look(buffer, asked))
                yield* sameLook("reopened", again, whole)
                const twice = yield* within(layer, (buffer) => buffer.add(list))
                yield* same("what is new in the same", twice, 0)
              }),
            valuesOf(runs)
          )
        )
      ]

const fill = Effect.fnUntraced(function* (
  buffer: Buffer,
  list: Trajectories,
  asked: ReplayBuffer.SampleRequest
) {
  yield* buffer.add(list.slice(0, 1))
  yield* buffer.add(list.slice(1))
  yield* buffer.prioritise(list.map(({ id }, i) => ({ id, priority: (i * 7) % 5 })))
  return yield* look(buffer, asked)
})

const look = Effect.fnUntraced(function* (buffer: Buffer, asked: ReplayBuffer.SampleRequest) {
  return {
    kept: yield* kept(buffer),
    stats: yield* buffer.stats,
    asked: yield* buffer.draw(asked),
    draws: yield* Effect.forEach(strategies, (strategy) =>
      Effect.map(buffer.draw({ count: 3, key: asked.key, strategy }), idsAndChances)
    ),
    similar: yield* buffer.similar({ state: "open cabinet 1", action: "take mug", k: 5 })
  }
})

type Look = Effect.Success<ReturnType<typeof look>>

/** One after the other, so that a difference can be read. */
const sameLook = Effect.fnUntraced(function* (when: string, found: Look, expected: Look) {
  yield* same(`what is kept, ${when}`, found.kept, expected.kept)
  yield* same(`the statistics, ${when}`, found.stats, expected.stats)
  yield* same(`the draw, ${when}`, found.asked, expected.asked)
  yield* same(`the draws by each strategy, ${when}`, found.draws, expected.draws)
  yield* same(`what is found, ${when}`, found.similar, expected.similar)
})

const idsAndChances = (list: ReadonlyArray<ReplayBuffer.Drawn>) =>
  list.map(({ importance, probability, trajectory }) => [trajectory.id, probability, importance])
