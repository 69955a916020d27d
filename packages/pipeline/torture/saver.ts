/**
 * Adds dreams to a buffer and saves checkpoint after checkpoint in the folder of its argument, as a run does, saying each one that was
 * acknowledged, until it is killed.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Checkpoint from "../src/Checkpoint.ts"
import * as CheckpointManifest from "../src/CheckpointManifest.ts"
import * as Snapshots from "../src/Snapshots.ts"
import { opened, restored } from "./left.ts"
import { checkpointEvery, dreamsOf, filesAfter, keepLast, offline } from "./world.ts"

const [directory = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const buffer = yield* opened(directory)
  const isBegun = yield* Checkpoint.isAny(directory)
  const before = isBegun ? yield* restored(directory, buffer) : undefined
  const snapshots = yield* Snapshots.make(buffer, before?.value.held ?? [])
  yield* buffer.add(offline.train)
  process.stdout.write("ready\n")
  for (let iteration = (before?.checkpoint.iteration ?? 0) + 1; ; iteration++) {
    yield* buffer.add(dreamsOf(iteration))
    const state = { ...CheckpointManifest.atRest, buffer: yield* snapshots.take }
    if (iteration % checkpointEvery !== 0) continue
    yield* Checkpoint.save(directory, iteration, filesAfter(iteration), state, { keepLast })
    process.stdout.write(`${iteration}\n`)
    yield* snapshots.releaseExcept(Checkpoint.states(directory))
  }
})
Effect.runFork(program.pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
