import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Embedding } from "../../src/index.ts"
import * as Embedder from "../../src/retrieval/Embedder.ts"

describe("the default embedder", () => {
  it.effect("embeds a state and its action as the encoder of pairs does", () =>
    Effect.gen(function* () {
      const pairs = [
        { state: "you see a mug\n> and a lamp", action: "take mug" },
        { state: "", action: "look" },
        { state: "a room", action: "" }
      ]
      const embedder = Embedder.hashed(64)
      const expected = yield* Embedding.hashed(64).encode(pairs)
      assert.deepStrictEqual(yield* embedder.embed(pairs.map(Embedder.textOf)), expected)
      assert.deepStrictEqual(yield* embedder.embed(["a room"]), expected.slice(2))
      assert.deepStrictEqual([embedder.name, embedder.dimension], ["hashed-words-64", 64])
    })
  )
})
