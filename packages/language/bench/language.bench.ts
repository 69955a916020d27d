/**
 * Texts as vectors, and a wave of a dream's replies: `npm run bench -- language`.
 * The networks are drawn, not trained; a text is a state and an action of the household's length.
 */
import { Seed } from "@dreamgym/domain"
import { Session } from "@dreamgym/graph"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Bench } from "../../../scripts/figures.ts"
import { Decoder, Embedding, Tokenizer, Trainable } from "../src/index.ts"
import { configOf, million, parametersOf } from "./engine/size.ts"
import { sides, type Taken } from "./wave.ts"

const { HiddenState, Reader } = Embedding

const words = Array.from({ length: 900 }, (_, place) => `word${place}`)

/** Texts of 20 to 59 words. */
const textsOf = (count: number): ReadonlyArray<string> => {
  const random = Seed.generator(5)
  const word = () => words[Seed.below(random, words.length)] ?? ""
  return Array.from({ length: count }, () =>
    Array.from({ length: 20 + Seed.below(random, 40) }, word).join(" ")
  )
}

const householdDecoder = () =>
  Reader.ofDecoder(
    "household",
    Trainable.make({ tokenizer: Tokenizer.make(words), config: Decoder.small(4, true) }, 1)
  )

/** Each word is one token of its number. */
const transformer = () =>
  Reader.ofTransformer(
    million.name,
    { config: configOf(million), parameters: parametersOf(million) },
    {
      files: { tokenizer: {}, config: {} },
      encode: (text) => text.split(" ").map((word) => Number(word.slice("word".length)))
    }
  )

const networks = {
  "household decoder (0.13M)": { reader: householdDecoder, goal: 2000 },
  "transformer (1.05M)": { reader: transformer, goal: 500 }
}

/** The middle of seven times of an effect, in milliseconds. */
const median = Effect.fnUntraced(function* <E>(effect: Effect.Effect<unknown, E>) {
  yield* effect
  const times = yield* Effect.forEach(Array(7), () =>
    Effect.map(Effect.timed(effect), ([duration]) => Duration.toMillis(duration))
  )
  return times.toSorted((a, b) => a - b)[3] ?? Number.NaN
})

const figuresOf = Effect.fnUntraced(function* (name: string, { goal, reader }: Network) {
  const { embed } = yield* HiddenState.make({ reader: reader() })
  const texts = textsOf(256)
  const many = yield* median(embed(texts))
  const one = yield* median(embed(texts.slice(0, 1)))
  const question = { unit: "texts/s", goal, higherIsBetter: true }
  return [
    { ...question, name: `${name}: 256 texts as vectors`, value: (1000 * texts.length) / many },
    { name: `${name}: one text`, unit: "ms", goal: 5, higherIsBetter: false, value: one }
  ]
})

interface Network {
  readonly goal: number
  readonly reader: () => Embedding.Reader.Reader
}

const waved = {
  wall: "time that passed",
  processor: "of all processors",
  caller: "caller's thread busy"
} as const satisfies Record<keyof Taken, string>

const waves = Effect.map(sides, ({ beside, fromCaller }) =>
  (["wall", "processor", "caller"] as const).map((what) => ({
    name: `128 replies of the household decoder in two threads: ${waved[what]}`,
    unit: "ms",
    value: beside[what],
    goal: fromCaller[what],
    higherIsBetter: false,
    against: `a message per token: ${fromCaller[what].toFixed(0)} ms`
  }))
)

const texts = Effect.forEach(Object.entries(networks), ([name, network]) =>
  figuresOf(name, network)
).pipe(
  Effect.map((all) => all.flat()),
  Effect.scoped,
  Effect.provide(Session.layer())
)

const bench: Bench = () =>
  Effect.runPromise(Effect.map(Effect.all([texts, waves]), (all) => all.flat()))

export default bench
