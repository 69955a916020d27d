/**
 * What a killed saver left in its folder, opened as a run opens it that goes on.
 * Whether it is right is judged in `kills.ts`.
 */
import { ReplayBuffer as Buffer } from "@dreamgym/domain"
import { ReplayBuffer } from "@dreamgym/replay"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Buffers from "../src/Buffers.ts"
import * as Checkpoint from "../src/Checkpoint.ts"
import { dreamsKept, offline } from "./world.ts"

type Replay = Buffer.ReplayBuffer["Service"]

export const opened = (directory: string) =>
  Effect.map(
    Layer.build(
      ReplayBuffer.layerSqlite({
        file: Buffers.fileOf(directory),
        quotas: { synthetic: dreamsKept }
      })
    ),
    (services) => Context.get(services, Buffer.ReplayBuffer)
  )

/** The newest checkpoint that can be used, and its buffer restored. */
export const restored = (directory: string, buffer: Replay) =>
  Checkpoint.loadUsable(directory, (whole) =>
    Buffers.restore({ buffer, offline }, whole, { _tag: "Sqlite", file: Buffers.fileOf(directory) })
  )
