/**
 * Embedders that ask a server of ours, and what the tests of them have in common.
 */
import { assert, it } from "@effect/vitest"
import type { Embedder } from "@dreamgym/domain"
import { Cause, Effect, Redacted, type Scope } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { Embedding } from "../../src/index.ts"
import { type Asked, type Reply, serverOf, vectorOf } from "./server.ts"

export type Options = Partial<Embedding.OpenAi.Options>

export const key = "sk-very-secret-0123456789"

export const embedderAt = (baseUrl: string, options: Options = {}) =>
  Embedding.OpenAi.make({
    baseUrl,
    model: "m",
    dimension: 4,
    normalizes: false,
    firstWait: 4,
    apiKey: Redacted.make(key),
    ...options
  })

/** An embedder and the server that it asks, which go with the scope. */
export const world = Effect.fnUntraced(function* (
  reply?: (asked: Asked, count: number) => Reply,
  options: Options = {}
) {
  const server = yield* serverOf(reply)
  return { ...server, ...(yield* embedderAt(server.baseUrl, options)) }
})

/** A test with a server, in real time. */
export const check = <A, E>(
  name: string,
  body: () => Effect.Effect<A, E, Scope.Scope | HttpClient.HttpClient>
) => it.live(name, () => body().pipe(Effect.scoped, Effect.provide(FetchHttpClient.layer)))

export const texts = Array.from(
  { length: 23 },
  (_, at) => "take the mug ".repeat(1 + (at % 5)) + at
)

export const vectorsOf = (all: ReadonlyArray<string>) =>
  all.map((text) => Float32Array.from(vectorOf(text)))

export const refusalOf = <A, R>(asked: Effect.Effect<A, Embedder.EmbedderError, R>) =>
  Effect.map(Effect.flip(asked), (error) => {
    // Whatever becomes of an error, the key must not be in it.
    const everything = [
      JSON.stringify(error),
      String(error),
      error.stack,
      Cause.pretty(Cause.fail(error))
    ]
    for (const text of everything) assert.notInclude(text ?? "", key)
    return `${error.reason}: ${error.message}`
  })
