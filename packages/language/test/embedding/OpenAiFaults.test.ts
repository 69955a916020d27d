import { assert, describe } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Redacted, Semaphore } from "effect"
import { HttpClient } from "effect/http"
import * as Server from "../../src/embedding/Server.ts"
import { Embedding } from "../../src/index.ts"
import {
  check,
  embedderAt,
  key,
  type Options,
  refusalOf,
  texts,
  vectorsOf,
  world
} from "./asking.ts"
import { answerOf, type Reply, serverOf, vectorOf } from "./server.ts"

describe("a server's embedder gives up", () => {
  const whole = answerOf(["go"])
  const faults: Readonly<Record<string, readonly [Reply, RegExp]>> = {
    "where no answer comes in time": [
      { fault: "hangs" },
      /^Unavailable: .* no whole answer came within 150ms$/
    ],
    "where an answer stops in the middle": [
      { ...whole, fault: "stops" },
      /^Unavailable: .* no whole answer came within 150ms$/
    ],
    "where the connection breaks in the middle": [
      { ...whole, fault: "breaks" },
      /^Unavailable: .* no answer came: /
    ],
    "where the answer is too late": [
      { ...whole, after: 400 },
      /^Unavailable: .* no whole answer came within 150ms$/
    ]
  }
  for (const [name, [reply, expected]] of Object.entries(faults))
    check(name, () =>
      Effect.gen(function* () {
        const { asked, embed } = yield* world(() => reply, { timeout: 150 })
        assert.match(yield* refusalOf(embed(["go"])), expected)
        assert.strictEqual(asked.length, 1)
      })
    )

  check("where an answer does not end", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* serverOf(() => ({ body: `"${"x".repeat(5000)}"` }))
      const asked = Server.ask(
        {
          client: HttpClient.withScope(yield* HttpClient.HttpClient),
          url: new URL(baseUrl),
          turns: yield* Semaphore.make(1),
          timeout: Duration.seconds(5),
          retries: 0,
          firstWait: Duration.zero,
          longestWait: Duration.zero,
          longestAnswer: 4999
        },
        { model: "m", input: [], encoding_format: "float" }
      )
      const { message, reason } = yield* Effect.flip(asked)
      assert.strictEqual(reason, "Refused")
      assert.match(message, /: the answer is longer than /)
    })
  )

  check("where there is no server", () =>
    Effect.gen(function* () {
      const { baseUrl } = yield* Effect.scoped(serverOf())
      const { embed } = yield* embedderAt(baseUrl)
      assert.match(
        yield* refusalOf(embed(["go"])),
        /^Unavailable: .* no answer came: .*ECONNREFUSED/
      )
    })
  )

  check("when its caller does, and then closes what is open", () =>
    Effect.gen(function* () {
      const { asked, embed, open } = yield* world(() => ({ fault: "hangs" }))
      const fiber = yield* Effect.forkChild(embed(["go"]))
      while (asked.length === 0) yield* Effect.sleep(2)
      yield* Fiber.interrupt(fiber)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasInterrupts(exit))
      while (open.now > 0) yield* Effect.sleep(2)
      assert.strictEqual(open.closed, 1)
    })
  )

  check("on the other batches where one is refused", () =>
    Effect.gen(function* () {
      const { asked, embed } = yield* world(
        ({ body }, count) =>
          count === 1 ? { status: 400, body: "no" } : { ...answerOf(body.input), after: 50 },
        { batchSize: 1, concurrency: 1 }
      )
      assert.match(yield* refusalOf(embed(texts)), /^Refused: .* answered 400: no$/)
      assert.strictEqual(asked.length, 1)
    })
  )
})

describe("a server's embedder refuses", () => {
  const item = (index: number, embedding: unknown = [1, 2, 3, 4]) => ({ index, embedding })
  const faults: Readonly<Record<string, readonly [string, RegExp]>> = {
    "an answer that is not JSON": ["<html>", /the answer is not JSON: <html>$/],
    "an answer that is empty": ["", /the answer is not JSON: $/],
    "JSON of another kind": ['{"data": 7}', /the answer is no list of embeddings: .*\["data"\]/],
    "a vector that is not of numbers": [
      JSON.stringify({ data: [item(0), item(1, [1, null, 3, 4])] }),
      /the answer is no list of embeddings: .*\["data"\]/
    ],
    "too few vectors": [
      JSON.stringify({ data: [item(0)] }),
      /expected one embedding for each index from 0 to 1, found 0$/
    ],
    "too many vectors": [
      JSON.stringify({ data: [item(0), item(1), item(2)] }),
      /expected one embedding for each index from 0 to 1, found 0, 1, 2$/
    ],
    "an index twice": [JSON.stringify({ data: [item(1), item(1)] }), /from 0 to 1, found 1, 1$/],
    "a vector of another dimension": [
      JSON.stringify({ data: [item(0), item(1, [1, 2, 3])] }),
      /expected a vector of 4 numbers, found 3; the server answers another model; look at/
    ],
    "a number that is not finite": [
      JSON.stringify({ data: [item(0), item(1)] }).replace("[1,2,3,4]", "[1,1e999,3,4]"),
      /number 1 of a vector is Infinity/
    ],
    "a number too large for 32 bits": [
      JSON.stringify({ data: [item(0), item(1, [1, 2, 1e39, 4])] }),
      /number 2 of a vector is 1e\+39/
    ]
  }
  for (const [name, [body, expected]] of Object.entries(faults))
    check(name, () =>
      Effect.gen(function* () {
        const { asked, embed, name } = yield* world(() => ({ body }))
        const refusal = yield* refusalOf(embed(["go", "look"]))
        assert.match(refusal, expected)
        assert.include(refusal, `Refused: ${name}: `)
        assert.strictEqual(asked.length, 1)
      })
    )

  check("no answer for its order", () =>
    Effect.gen(function* () {
      const { embed } = yield* world(({ body }) => ({
        body: JSON.stringify({
          data: body.input.map((text, index) => item(index, vectorOf(text))).toReversed()
        })
      }))
      assert.deepStrictEqual(yield* embed(texts), vectorsOf(texts))
    })
  )

  check("options that are none, before it asks anything", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [Options, RegExp]> = [
        [{ baseUrl: "api.openai.com" }, /baseUrl is no http address/],
        [{ baseUrl: "file:///etc/passwd" }, /baseUrl is no http address/],
        [{ baseUrl: `http://me:${key}@a/v1` }, /baseUrl holds a name or a password/],
        [{ apiKey: Redacted.make(`${key}\n`) }, /apiKey is empty or holds blanks, line ends/],
        [{ apiKey: Redacted.make("") }, /apiKey is empty/],
        [{ dimension: 0 }, /dimension is 0; give a whole number above 0/],
        [{ batchSize: 1.5 }, /batchSize is 1.5/],
        [{ concurrency: -1 }, /concurrency is -1/],
        [{ maxCharacters: Number.NaN }, /maxCharacters is NaN/],
        [{ retries: -1 }, /retries is -1; give a whole number from 0 on/]
      ]
      for (const [options, expected] of wrong) {
        const refusal = yield* refusalOf(embedderAt("http://127.0.0.1:1/v1", options))
        assert.match(refusal, expected)
        assert.match(refusal, /^Refused: openai-m: /)
      }
      const blind = Embedding.OpenAi.make({
        baseUrl: "http://a",
        model: "m",
        asksForDimension: true
      })
      assert.match(yield* refusalOf(blind), /asksForDimension needs a dimension/)
    })
  )
})
