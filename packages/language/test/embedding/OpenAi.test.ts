import { assert, describe } from "@effect/vitest"
import { EmbedderLaws, Law } from "@dreamgym/laws"
import { Effect, Redacted } from "effect"
import { FetchHttpClient } from "effect/http"
import * as vitest from "vitest"
import { Embedding } from "../../src/index.ts"
import { check, embedderAt, key, refusalOf, texts, vectorsOf, world } from "./asking.ts"
import { answerOf, type Asked, type Reply, serverOf } from "./server.ts"

Law.describeLaws(
  vitest,
  EmbedderLaws.embedderLaws({
    name: "a server's embedder",
    embedder: serverOf().pipe(
      Effect.flatMap(({ baseUrl }) =>
        embedderAt(baseUrl, { batchSize: 3, normalizes: true, name: "the server" })
      ),
      Effect.provide(FetchHttpClient.layer)
    ),
    texts,
    tolerance: 1e-7
  })
)

describe("a server's embedder asks", () => {
  check("for all texts in batches, a few at a time, with its key and the model", () =>
    Effect.gen(function* () {
      const { asked, embed, open } = yield* world(
        ({ body }) => ({ ...answerOf(body.input), after: 20 }),
        {
          batchSize: 4,
          concurrency: 2
        }
      )
      assert.deepStrictEqual(yield* embed(texts), vectorsOf(texts))
      assert.deepStrictEqual(
        asked.map(({ body }) => body.input.length),
        [4, 4, 4, 4, 4, 3]
      )
      assert.strictEqual(open.most, 2)
      const { authorization, body, url } = asked[0] ?? assert.fail("it was not asked")
      assert.deepStrictEqual([authorization, url], [`Bearer ${key}`, "/v1/embeddings"])
      assert.deepStrictEqual(body, {
        model: "m",
        input: texts.slice(0, 4),
        encoding_format: "float"
      })
    })
  )

  check("for few at a time, of all who ask", () =>
    Effect.gen(function* () {
      const { embed, open } = yield* world(({ body }) => ({ ...answerOf(body.input), after: 10 }), {
        concurrency: 2
      })
      yield* Effect.forEach(texts, (text) => embed([text]), { concurrency: "unbounded" })
      assert.strictEqual(open.most, 2)
    })
  )

  check(
    "without a key where there is none, and for the dimension where it is to be shortened",
    () =>
      Effect.gen(function* () {
        const server = yield* serverOf()
        const { embed } = yield* Embedding.OpenAi.make({
          baseUrl: `${server.baseUrl}/`,
          model: "m",
          dimension: 4,
          asksForDimension: true
        })
        const [vector] = yield* embed(["go"])
        assert.closeTo(Math.hypot(...(vector ?? [])), 1, 1e-6)
        const { authorization, body, url } = server.asked[0] ?? assert.fail("it was not asked")
        assert.deepStrictEqual(
          [authorization, url, body.dimensions],
          [undefined, "/v1/embeddings", 4]
        )
      })
  )

  check("once for the dimension where it was not told", () =>
    Effect.gen(function* () {
      const { baseUrl, port, asked } = yield* serverOf()
      const { dimension, name } = yield* Embedding.OpenAi.make({ baseUrl, model: "m" })
      assert.deepStrictEqual([dimension, asked.length], [4, 1])
      assert.strictEqual(name, `openai-127.0.0.1:${port}/v1-m-4-unit`)
    })
  )

  check("nothing for empty texts, and the end of long ones, never half a character", () =>
    Effect.gen(function* () {
      const { asked, embed } = yield* world(undefined, { maxCharacters: 5 })
      const vectors = yield* embed(["", "look and take", "\ud83d\ude00abcd", ""])
      assert.deepStrictEqual(
        asked.map(({ body }) => body.input),
        [[" take", "\ufffdabcd"]]
      )
      assert.deepStrictEqual(vectors, [
        new Float32Array(4),
        ...vectorsOf([" take", "\ufffdabcd"]),
        new Float32Array(4)
      ])
      assert.deepStrictEqual(yield* embed([]), [])
      assert.strictEqual(asked.length, 1)
    })
  )

  check("under a name that tells what decides about the numbers, and no secret", () =>
    Effect.gen(function* () {
      const names = yield* Effect.forEach(
        [
          {},
          { model: "n" },
          { dimension: 5 },
          { normalizes: true },
          { maxCharacters: 10 },
          { baseUrl: "http://127.0.0.1:2/v1" }
        ],
        (options) => Effect.map(embedderAt("http://127.0.0.1:1/v1", options), ({ name }) => name)
      )
      assert.strictEqual(new Set(names).size, names.length)
      const other = yield* embedderAt("https://a.example/b/v1?key=sesame", {
        apiKey: Redacted.make("x")
      })
      assert.strictEqual(other.name, "openai-a.example/b/v1-m-4")
      assert.strictEqual((yield* embedderAt("http://a", { name: "ours" })).name, "ours")
    })
  )
})

describe("a server's embedder asks again", () => {
  const busy = (times: number, reply: Reply) => (asked: Asked, count: number) =>
    count <= times ? reply : answerOf(asked.body.input)

  for (const status of [429, 500, 502, 503, 529])
    check(`after ${status}`, () =>
      Effect.gen(function* () {
        const { asked, embed } = yield* world(busy(3, { status, body: "busy" }))
        assert.deepStrictEqual(yield* embed(["go"]), vectorsOf(["go"]))
        assert.strictEqual(asked.length, 4)
      })
    )

  check("when the server says so, not before", () =>
    Effect.gen(function* () {
      const { asked, embed } = yield* world(
        busy(1, { status: 429, headers: { "retry-after": "1" } })
      )
      yield* embed(["go"])
      const [first, second] = asked.map(({ at }) => at)
      assert.isAtLeast((second ?? 0) - (first ?? 0), 990)
    })
  )

  check("after waits that grow", () =>
    Effect.gen(function* () {
      const { asked, embed } = yield* world(busy(4, { status: 503 }), { firstWait: 20 })
      yield* embed(["go"])
      const waits = asked.slice(1).map(({ at }, before) => at - (asked[before]?.at ?? 0))
      for (const [attempt, wait] of waits.entries()) assert.isAtLeast(wait, 10 * 2 ** attempt - 2)
      assert.isAbove(waits.at(-1) ?? 0, waits[0] ?? 0)
    })
  )

  check("not for ever", () =>
    Effect.gen(function* () {
      const { asked, baseUrl, embed, name } = yield* world(() => ({ status: 503 }), { retries: 2 })
      assert.strictEqual(
        yield* refusalOf(embed(["go"])),
        `Unavailable: ${name}: ${baseUrl}/embeddings: the server answered 503, asked 3 times`
      )
      assert.strictEqual(asked.length, 3)
    })
  )

  check("not where the server wants to be left alone for too long", () =>
    Effect.gen(function* () {
      const reply = { status: 429, headers: { "retry-after": "3600" } }
      const { asked, embed } = yield* world(() => reply)
      assert.match(
        yield* refusalOf(embed(["go"])),
        /^Unavailable: .* answered 429 and wants to be left alone for 1h, longer than 1m$/
      )
      assert.strictEqual(asked.length, 1)
    })
  )

  check("after nothing else", () =>
    Effect.gen(function* () {
      const faults: ReadonlyArray<readonly [Reply, RegExp]> = [
        [
          { status: 400, body: '{"error": "too long"}' },
          /^Refused: .* answered 400: {"error": "too long"}$/
        ],
        [
          { status: 404, body: "<h1>no\n such model</h1>" },
          /^Refused: .* 404: <h1>no such model<\/h1>$/
        ],
        [{ status: 401, body: `bad key ${key}` }, /^Refused: .* answered 401: look at the key$/],
        [{ status: 403 }, /^Refused: .* answered 403: look at the key$/],
        [{ status: 408, body: "slow" }, /^Unavailable: .* answered 408: slow$/],
        [{ status: 422, body: `your ${key} is odd` }, /^Refused: .* 422: your <the key> is odd$/],
        [{ status: 413, body: "x".repeat(9999) }, /^Refused: .* 413: x{300}\.\.\.$/]
      ]
      for (const [reply, expected] of faults) {
        const { asked, embed } = yield* world(() => reply)
        assert.match(yield* refusalOf(embed(["go"])), expected)
        assert.strictEqual(asked.length, 1)
      }
    })
  )
})
