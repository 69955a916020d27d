import { Law, ReplayBufferLaws } from "@dreamgym/laws"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, it } from "vitest"
import { ReplayBuffer } from "../src/index.ts"
import { disk, temporaryDirectory } from "./disk.ts"
import { filesOf } from "./retrieval/files.ts"

const sqlite = (options: ReplayBuffer.Options) =>
  Effect.map(temporaryDirectory, (directory) =>
    ReplayBuffer.layerSqlite({ file: `${directory}/replay.sqlite`, ...options }).pipe(
      Layer.provide(filesOf(disk()))
    )
  )

for (const suite of [
  ReplayBufferLaws.replayBufferLaws({
    name: "the buffer in memory",
    buffer: ReplayBuffer.layerMemory,
    embedded: (embedder) => ReplayBuffer.layerMemory({ embedder })
  }),
  ReplayBufferLaws.replayBufferLaws({
    name: "the buffer in a database",
    buffer: (setting) => Layer.unwrap(sqlite(setting)),
    durable: sqlite,
    embedded: (embedder) => Layer.unwrap(sqlite({ embedder }))
  })
]) {
  Law.describeLaws({ describe, it }, suite)
}
