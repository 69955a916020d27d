import { Embedder as Contract } from "@dreamgym/domain"
import { EmbedderLaws, Law } from "@dreamgym/laws"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { it as check } from "vitest"
import { Embedder } from "../../src/index.ts"

const lengthOf = (vector: Float32Array) => Math.hypot(...vector)

describe("the default embedder", () => {
  it.effect(
    "gives three quarters of a vector to the state, the rest to the action, each of length 1",
    () =>
      Effect.gen(function* () {
        const embedder = Embedder.hashed(64)
        const texts = [
          Contract.textOf({ state: "you see a mug\n> and a lamp", action: "take mug" }),
          Contract.textOf({ state: "you see a mug\n> and a lamp", action: "look" }),
          Contract.textOf({ state: "", action: "take mug" }),
          "a room"
        ]
        const [both, other, action, state] = yield* embedder.embed(texts)
        const parts = [both, other, action, state].map((vector = new Float32Array(0)) => [
          vector.slice(0, 48),
          vector.slice(48)
        ])
        assert.deepStrictEqual(parts[0]?.[0], parts[1]?.[0])
        assert.deepStrictEqual(parts[0]?.[1], parts[2]?.[1])
        assert.notDeepEqual(parts[0]?.[1], parts[1]?.[1])
        const lengths = parts.map((list) =>
          list.map((part) => Math.round(lengthOf(part) * 1e6) / 1e6)
        )
        assert.deepStrictEqual(lengths, [
          [1, 1],
          [1, 1],
          [0, 1],
          [1, 0]
        ])
        assert.deepStrictEqual([embedder.name, embedder.dimension], ["hashed-words-64", 64])
      })
  )
})

Law.describeLaws(
  { describe, it: check },
  EmbedderLaws.embedderLaws({
    name: "the default embedder",
    embedder: Effect.succeed(Embedder.hashed()),
    texts: ["", "a room", "a room\n> look", "take mug 1 from shelf 2", "\u{1f9e0} \ud800"]
  })
)
