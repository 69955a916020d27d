/**
 * A process that begins, for `storing.ts`: it opens a database to read and says how many seconds the index of its vectors took.
 * Arguments: the database; `side-car` or `database`, from where. In a process of its own, because an index beside another one waits for memory.
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as KeptVectors from "../src/retrieval/KeptVectors.ts"
import * as Store from "../src/store/Store.ts"
import { disk } from "../test/disk.ts"
import { filesOf } from "../test/retrieval/files.ts"
import { dimension, took } from "./measure.ts"

const [, , file = "", from = ""] = process.argv
const space = { embedder: "bench", dimension }
const program = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const kept = yield* Store.open({ file, readOnly: true }, () => undefined)
  const entries = new Map(kept.entries().map((entry) => [entry.seq, entry]))
  const place = from === "side-car" ? { kept, space, files } : { kept, space }
  console.log((yield* took(KeptVectors.load(place, entries))) / 1000)
}).pipe(Effect.scoped, Effect.provide(filesOf(disk())))

await Effect.runPromise(program)
