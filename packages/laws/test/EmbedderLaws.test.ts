import type { Embedder } from "@dreamgym/domain"
import * as Effect from "effect/Effect"
import { EmbedderLaws } from "../src/index.ts"
import { provenLaws } from "./mutations.ts"

const dimension = 4

/** Counts the letters of a text by their code. */
const vectorOf = (text: string): Float32Array => {
  const vector = new Float32Array(dimension)
  for (let i = 0; i < text.length; i++) {
    const place = text.charCodeAt(i) % dimension
    vector[place] = (vector[place] ?? 0) + 1
  }
  return vector
}

type Answer = (texts: ReadonlyArray<string>) => ReadonlyArray<Float32Array>

const suiteOf = (embedder: Effect.Effect<Embedder.Embedder>) =>
  EmbedderLaws.embedderLaws({
    name: "a count of letters",
    embedder,
    texts: ["take mug", "look", "go to the shelf", "put it down", "open"]
  })

const suite = (answer: Answer = (texts) => texts.map(vectorOf)) =>
  suiteOf(
    Effect.succeed({
      name: "letters",
      dimension,
      embed: (texts) => Effect.sync(() => answer(texts))
    })
  )

const scaled = (vector: Float32Array, factor: number) => vector.map((x) => x * factor)

let asked = 0
let made = 0
let atOnce = 0

const crowded: Embedder.Embedder = {
  name: "letters",
  dimension,
  embed: (texts) =>
    Effect.gen(function* () {
      atOnce += 1
      yield* Effect.yieldNow
      const others = atOnce
      yield* Effect.yieldNow
      atOnce -= 1
      return texts.map((text) => scaled(vectorOf(text), others))
    })
}

provenLaws(suite(), {
  "every text has one vector of the dimension, of finite numbers, and not all have the same": {
    broken: suite((texts) => texts.map(() => new Float32Array(dimension))),
    because: /all texts have the same vector/
  },
  "the same text has the same vector each time, twice in one question too": {
    broken: suite((texts) => texts.map((text) => scaled(vectorOf(text), ++asked))),
    because: /asked twice at once: vector 0 is .* apart/
  },
  "vectors stand in the order of their texts": {
    broken: suite((texts) => texts.toSorted().map(vectorOf)),
    because: /shuffled: vector/
  },
  "a vector does not depend on what is asked beside it": {
    broken: suite((texts) => texts.map((text) => scaled(vectorOf(text), texts.length > 1 ? 1 : 2))),
    because: /alone: vector 0 is/
  },
  "questions asked at the same time are answered as one after the other": {
    broken: suiteOf(Effect.succeed(crowded)),
    because: /at the same time: vector/
  },
  "it has a name, the same where it is made again, and a dimension": {
    broken: suiteOf(
      Effect.sync(() => ({
        name: `letters ${made++}`,
        dimension,
        embed: (texts) => Effect.succeed(texts.map(vectorOf))
      }))
    ),
    because: /the second name: expected/
  },
  "any text is answered with a vector or refused": {
    broken: suite((texts) =>
      texts.map((text) => scaled(vectorOf(text), text === "" ? Infinity : 1))
    ),
    because: /a vector holds NaN/
  }
})
