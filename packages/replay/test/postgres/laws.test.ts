/** The laws of a replay buffer, kept by PostgreSQL. */
import { Law, ReplayBufferLaws } from "@dreamgym/laws"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { afterAll, describe, it } from "vitest"
import { Postgres, type ReplayBuffer } from "../../src/index.ts"
import { emptySchema, startServer } from "./server.ts"

const server = await startServer(false)

if (typeof server === "string") {
  it.skip(server)
} else {
  afterAll(server.remove)
  const postgres = (options: ReplayBuffer.Options) =>
    Effect.map(emptySchema(server.url), (schema) =>
      Postgres.layerPostgres({ url: Redacted.make(server.url), schema, ...options })
    )
  const suite = ReplayBufferLaws.replayBufferLaws({
    name: "the buffer in PostgreSQL",
    runs: 6,
    buffer: (setting) => Layer.unwrap(postgres(setting)),
    durable: postgres,
    embedded: (embedder) => Layer.unwrap(postgres({ embedder }))
  })
  Law.describeLaws({ describe, it }, suite)
}
