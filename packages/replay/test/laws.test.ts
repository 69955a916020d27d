import { Law, ReplayBufferLaws } from "@dreamgym/laws"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, it } from "vitest"
import { ReplayBuffer } from "../src/index.ts"
import { disk, temporaryDirectory } from "./disk.ts"

const jsonl = Effect.map(temporaryDirectory, (directory) =>
  ReplayBuffer.layerJsonl({ directory }).pipe(Layer.provide(disk().layer))
)

const sqlite = (options: ReplayBuffer.Options = {}) =>
  Effect.map(temporaryDirectory, (directory) =>
    ReplayBuffer.layerSqlite({ file: `${directory}/replay.sqlite`, ...options }).pipe(
      Layer.provide(disk().layer)
    )
  )

for (const suite of [
  ReplayBufferLaws.replayBufferLaws({
    name: "the buffer in memory",
    buffer: (evaluation) => ReplayBuffer.layerMemory({ evaluation })
  }),
  ReplayBufferLaws.replayBufferLaws({
    name: "the buffer on disk",
    buffer: (evaluation) =>
      Layer.unwrap(
        Effect.map(temporaryDirectory, (directory) =>
          ReplayBuffer.layerJsonl({ directory, evaluation }).pipe(Layer.provide(disk().layer))
        )
      ),
    durable: jsonl
  }),
  ReplayBufferLaws.replayBufferLaws({
    name: "the buffer in a database",
    buffer: (evaluation) => Layer.unwrap(sqlite({ evaluation })),
    durable: sqlite()
  })
]) {
  Law.describeLaws({ describe, it }, suite)
}
